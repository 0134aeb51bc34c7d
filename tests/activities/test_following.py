"""What an operator made of the main object follows that: the fields that have to, and no other objects."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.upstream.activities import ProviderActivities
from airunway.api import names
from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object, Resource
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import ApplyAnswer, ReadinessRequest, RenderAnswer, RenderRequest, WriteAction
from airunway.providers.kuberay import PROVIDER
from airunway.sandbox.operators.objects import owner_reference
from kube_emulator import EmulatedCluster
from tests.activities.deployment_site import REF, Calls, Worker, asked
from tests.providers.worker_life import open_crd

SERVICES, CLUSTERS = Resource("ray.io/v1", "rayservices"), Resource("ray.io/v1", "rayclusters")
COUNTS = ("replicas", "minReplicas", "maxReplicas")


class RaySite:
    """A deployment on KubeRay, its RayService, and what the test says that the operator made."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster
        self.applied: list[AppliedObject] = []
        self.followed: list[AppliedObject] = []
        self.follows = False
        self.worker = Worker(cluster, providers=(PROVIDER,))

    async def deploy(self, replicas: int, **metadata: Any) -> None:
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {"name": REF.name, "namespace": REF.namespace, **metadata},
            "spec": {
                "model": {"id": "o/m"},
                "engine": {"type": "vllm"},
                "provider": {"name": "kuberay"},
                "resources": {"gpu": {"count": 1}},
                "scaling": {"replicas": replicas},
            },
        }
        await self.cluster.create(DEPLOYMENTS, body, namespace=REF.namespace)
        await self.apply()

    async def request(self) -> RenderRequest:
        meta = (await self.cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace))["metadata"]
        return RenderRequest(
            ref=REF,
            uid=meta["uid"],
            generation=meta["generation"],
            provider="kuberay",
            engine="vllm",
            applied=self.applied,
            followed=self.followed,
        )

    async def apply(self) -> tuple[RenderAnswer, ApplyAnswer | None]:
        request = await self.request()
        rendered = await self.worker.provider.render(request)
        self.follows = bool(rendered.follows)
        if not rendered.writes:
            self.followed = rendered.followed or self.followed
            return rendered, None
        done = await self.worker.provider.apply_upstream(asked(request, rendered))
        self.applied, self.followed = done.objects or self.applied, done.followed or self.followed
        return rendered, done

    async def read(self) -> list[str]:
        request = await self.request()
        answer = await self.worker.provider.read_readiness(
            ReadinessRequest(
                ref=REF,
                uid=request.uid,
                generation=request.generation,
                provider="kuberay",
                applied=self.applied,
                follows=self.follows,
            )
        )
        self.followed = answer.followed or self.followed
        return answer.drifted

    async def scale(self, replicas: int, **spec: Any) -> None:
        patch = {"spec": {"scaling": {"replicas": replicas}, **spec}}
        await self.cluster.patch(DEPLOYMENTS, REF.name, patch, namespace=REF.namespace)

    async def service(self) -> Object:
        return await self.cluster.get(SERVICES, REF.name, namespace=REF.namespace)

    async def made(self, name: str = "chat-a", **metadata: Any) -> Object:
        """The operator makes a cluster as the RayService describes one."""
        service = await self.service()
        owners = [owner_reference(service, "ray.io/v1", "RayService")]
        body = {
            "apiVersion": "ray.io/v1",
            "kind": "RayCluster",
            "metadata": {"name": name, "namespace": REF.namespace, "ownerReferences": owners, **metadata},
            "spec": copy.deepcopy(service["spec"]["rayClusterConfig"]),
        }
        body["spec"]["workerGroupSpecs"][0]["scaleStrategy"] = {"workersToDelete": ["chat-a-worker-x"]}
        return await self.cluster.create(
            CLUSTERS, body, namespace=REF.namespace, field_manager="kuberay-operator"
        )

    async def reports(self, *, active: str = "chat-a", pending: str = "", observed: bool = True) -> None:
        generation = (await self.service())["metadata"]["generation"]
        status = {
            "observedGeneration": generation if observed else generation - 1,
            "activeServiceStatus": {"rayClusterName": active},
            "pendingServiceStatus": {"rayClusterName": pending},
        }
        await self.cluster.patch(
            SERVICES, REF.name, {"status": status}, namespace=REF.namespace, subresource="status"
        )

    async def group(self, name: str = "chat-a") -> Object:
        made = await self.cluster.get(CLUSTERS, name, namespace=REF.namespace)
        group: Object = made["spec"]["workerGroupSpecs"][0]
        return group

    async def counts(self, name: str = "chat-a") -> list[int]:
        return [(await self.group(name))[field] for field in COUNTS]

    async def set(self, name: str = "chat-a", *, manager: str = "hand", **fields: Any) -> None:
        """Somebody changes the first group of a cluster."""
        changes = [
            {"op": "add", "path": f"/spec/workerGroupSpecs/0/{field}", "value": value}
            for field, value in fields.items()
        ]
        await self.cluster.patch(
            CLUSTERS,
            name,
            changes,
            namespace=REF.namespace,
            content_type="application/json-patch+json",
            field_manager=manager,
        )


@pytest_asyncio.fixture
async def ray(tmp_path: Path) -> AsyncIterator[RaySite]:
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        assert PROVIDER.operator_objects is not None
        kinds = (PROVIDER.kinds[0], PROVIDER.operator_objects.kind)
        for definition in (model_deployment_crd(), provider_config_crd(), *map(open_crd, kinds)):
            await apply_crd(cluster, definition, field_manager="test")
        yield RaySite(emulated, cluster)


async def deployed(ray: RaySite, replicas: int = 1, **metadata: Any) -> None:
    await ray.deploy(replicas, **metadata)
    await ray.made()
    await ray.reports()
    await ray.read()


async def test_a_change_of_replicas_reaches_the_cluster_with_the_same_step(ray: RaySite) -> None:
    await deployed(ray)
    before = await ray.group()
    for replicas in (3, 0, 2):
        await ray.scale(replicas)

        rendered, done = await ray.apply()

        assert [str(entry) for entry in rendered.planned] == [
            "apply RayService chat",
            "patch RayCluster chat-a",
        ]
        assert rendered.planned[1].changed == [
            f"spec.workerGroupSpecs[groupName=gpu-workers].{field}" for field in COUNTS
        ]
        assert done is not None
        assert [(entry.name, entry.action) for entry in done.followed or ()] == [("chat-a", "configured")]
        assert await ray.group() == {**before, **dict.fromkeys(COUNTS, replicas)}, "the rest is as it was"
        await ray.reports()
        assert await ray.read() == []
        assert not (await ray.apply())[0].writes


async def test_it_is_found_out_when_reading_and_repaired(ray: RaySite) -> None:
    await deployed(ray, 2)
    await ray.set(replicas=1)

    assert await ray.read() == ["RayCluster chat-a does not follow RayService chat"]
    rendered, done = await ray.apply()

    assert [(entry.action, entry.name) for entry in rendered.planned] == [(WriteAction.PATCH, "chat-a")]
    assert done is not None and done.followed is not None
    assert (done.followed[0].action, done.followed[0].changed_by) == ("repaired", ["hand"])
    assert await ray.counts() == [2, 2, 2]


async def test_repeated_after_a_lost_answer_it_finds_its_work_done(ray: RaySite) -> None:
    await deployed(ray)
    await ray.scale(3)
    request = await ray.request()
    rendered = await ray.worker.provider.render(request)
    await ray.worker.provider.apply_upstream(asked(request, rendered))
    version = (await ray.cluster.get(CLUSTERS, "chat-a", namespace=REF.namespace))["metadata"][
        "resourceVersion"
    ]
    another = Worker(ray.cluster, providers=(PROVIDER,))

    done = await another.provider.apply_upstream(asked(request, rendered))

    assert not done.superseded
    made = await ray.cluster.get(CLUSTERS, "chat-a", namespace=REF.namespace)
    assert made["metadata"]["resourceVersion"] == version


async def test_a_cluster_that_was_written_in_between_is_looked_at_again(ray: RaySite) -> None:
    await deployed(ray)
    await ray.set(replicas=7)
    request = await ray.request()
    rendered = await ray.worker.provider.render(request)
    await ray.set(idleTimeoutSeconds=60)

    done = await ray.worker.provider.apply_upstream(asked(request, rendered))

    assert not done.superseded
    assert await ray.counts() == [1, 1, 1]
    assert (await ray.group())["idleTimeoutSeconds"] == 60


async def test_an_autoscaler_is_left_alone(ray: RaySite) -> None:
    await deployed(ray)
    change = [{"op": "add", "path": "/spec/enableInTreeAutoscaling", "value": True}]
    await ray.cluster.patch(
        CLUSTERS, "chat-a", change, namespace=REF.namespace, content_type="application/json-patch+json"
    )
    await ray.set(replicas=5, maxReplicas=9)

    assert await ray.read() == []
    await ray.scale(3)
    await ray.apply()

    assert await ray.counts() == [5, 1, 9]


async def test_replicas_that_are_somebody_elses_are_left_alone(ray: RaySite) -> None:
    await deployed(ray, annotations={names.ANNOTATION_EXTERNAL_REPLICAS: "true"})
    await ray.set(replicas=5, maxReplicas=9)

    rendered, _ = await ray.apply()

    assert rendered.follows is False
    assert await ray.read() == []
    assert await ray.counts() == [5, 1, 9]


async def test_a_cluster_of_another_is_not_touched_whatever_the_status_says(ray: RaySite) -> None:
    await deployed(ray)
    body = {**await ray.service(), "metadata": {"name": "other", "namespace": REF.namespace}}
    other = await ray.cluster.create(SERVICES, body, namespace=REF.namespace)
    await ray.made("others", ownerReferences=[owner_reference(other, "ray.io/v1", "RayService")])
    await ray.set("others", replicas=9)
    await ray.reports(active="others")

    assert await ray.read() == []
    assert not (await ray.apply())[0].writes
    assert await ray.counts("others") == [9, 1, 1]


async def test_the_cluster_that_gives_way_is_only_made_smaller(ray: RaySite) -> None:
    await deployed(ray, 2, annotations={"airunway.ai/rollout": "Surge"})
    await ray.scale(4, env=[{"name": "A", "value": "b"}])

    rendered, _ = await ray.apply()

    assert [str(entry) for entry in rendered.planned] == ["apply RayService chat"]
    assert await ray.read() == [], "KubeRay has yet to say whether another one comes"
    await ray.made("chat-b")
    await ray.set("chat-b", replicas=2)
    await ray.reports(pending="chat-b")
    assert await ray.read() == ["RayCluster chat-b does not follow RayService chat"]
    await ray.apply()
    assert (await ray.counts("chat-a"), await ray.counts("chat-b")) == ([2, 2, 2], [4, 4, 4])
    await ray.scale(1)
    await ray.apply()
    assert (await ray.counts("chat-a"), await ray.counts("chat-b")) == ([1, 1, 1], [1, 1, 1])


WORKER = "system:serviceaccount:airunway-system:airunway-kuberay-provider"


def refuse(ray: RaySite, verb: str, *, method: str, user: str = WORKER, count: int = 1) -> None:
    message = (
        f'rayclusters.ray.io "chat-a" is forbidden: User "{user}" cannot {verb} resource "rayclusters" in API'
        f' group "ray.io" in the namespace "{REF.namespace}"'
    )
    ray.emulated.faults.fail_next(
        count,
        code=403,
        reason="Forbidden",
        message=message,
        when=lambda asked, path: asked == method and "/rayclusters" in path,
    )


async def test_what_may_not_be_looked_at_is_said(ray: RaySite) -> None:
    await deployed(ray)
    refuse(ray, "get", method="GET", count=2)

    assert await ray.read() == ["what was made of RayService chat cannot be seen"]
    rendered, _ = await ray.apply()

    assert rendered.failure is not None
    assert f"{WORKER} may not get rayclusters.ray.io in the namespace" in rendered.failure.message
    assert not rendered.failure.final


async def test_an_account_without_the_right_on_what_the_operator_made_is_named(ray: RaySite) -> None:
    await deployed(ray)
    ray.worker.provider = ProviderActivities(
        ray.cluster, {PROVIDER.name: PROVIDER}, env={}, impersonate="airunway-tenant"
    )
    tenant = f"system:serviceaccount:{REF.namespace}:airunway-tenant"
    await ray.scale(3)
    refuse(ray, "patch", method="PATCH", user=tenant)

    _, done = await ray.apply()

    assert done is not None and done.failure is not None
    assert done.failure.message.startswith(
        "RayCluster chat-a: ServiceAccount default/airunway-tenant may not patch rayclusters.ray.io"
    )
    assert not done.failure.final
    await ray.reports()
    await ray.apply()
    assert await ray.counts() == [3, 3, 3]


@pytest.mark.parametrize("status", [None, {"activeServiceStatus": "?"}, {"activeServiceStatus": {}}])
async def test_without_a_cluster_nothing_is_read(ray: RaySite, status: Any) -> None:
    await ray.deploy(1)
    if status is not None:
        await ray.cluster.patch(
            SERVICES, REF.name, {"status": status}, namespace=REF.namespace, subresource="status"
        )
    calls = Calls(ray.emulated)

    await ray.read()

    assert not [call for call in calls.take() if "rayclusters" in call]


async def test_a_named_cluster_that_is_not_there_yet_is_waited_for(ray: RaySite) -> None:
    await ray.deploy(1)
    await ray.reports(active="", pending="chat-a")

    assert await ray.read() == []
    assert not (await ray.apply())[0].writes
