"""What an operator made of the main object follows that: the fields that have to, and no other objects."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.upstream.activities import ProviderActivities
from airunway.api import names
from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster, Resource
from airunway.messages.upstream import WriteAction
from airunway.providers.kuberay import PROVIDER
from airunway.sandbox.operators.objects import owner_reference
from kube_emulator import EmulatedCluster
from tests.activities.deployment_site import REF, Calls, Worker, asked
from tests.activities.ray_site import CLUSTERS, COUNTS, SERVICES, RaySite
from tests.providers.worker_life import open_crd


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


@pytest.mark.parametrize(
    "name",
    [
        "../../../../../api/v1/namespaces/kube-system/secrets/token",
        "../rayservices/chat",
        "chat-a/status",
        "..",
        "chat-a?watch=true",
        "chat-a%2Fstatus",
        pytest.param("a" * 300_000, id="of 300 kB"),
    ],
)
async def test_a_status_cannot_have_anything_else_read(ray: RaySite, name: str) -> None:
    await deployed(ray)
    await ray.reports(active=name)
    calls = Calls(ray.emulated)

    assert await ray.read() == []
    assert not (await ray.apply())[0].writes

    others = [call for call in calls.take() if "/rayservices/chat" not in call]
    odd = (name[:100], "secrets", "rayclusters")
    assert not [call for call in others if any(part in call for part in odd)]


async def test_what_goes_into_a_history_is_bounded(ray: RaySite) -> None:
    await deployed(ray)
    group = await ray.group()
    many = [{"op": "replace", "path": "/spec/workerGroupSpecs", "value": [{**group, "replicas": 5}] * 500}]
    await ray.cluster.patch(
        CLUSTERS, "chat-a", many, namespace=REF.namespace, content_type="application/json-patch+json"
    )

    rendered, done = await ray.apply()

    assert len(rendered.planned[0].changed) == 50
    assert done is not None and done.followed is not None
    assert len(done.followed[0].changed) == 50
    assert await ray.read() == [], "all of them follow"


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


def refuse(ray: RaySite, verb: str, *, method: str, count: int = 1) -> None:
    message = (
        f'rayclusters.ray.io "chat-a" is forbidden: User "{WORKER}" cannot {verb} resource "rayclusters" in'
        f' API group "ray.io" in the namespace "{REF.namespace}"'
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
    await allow_tenant(ray.cluster, "rayservices")
    await ray.scale(3)

    _, done = await ray.apply()

    assert done is not None and done.failure is not None
    assert done.failure.message.startswith(
        "RayCluster chat-a: ServiceAccount default/airunway-tenant may not patch rayclusters.ray.io"
    )
    assert not done.failure.final
    await allow_tenant(ray.cluster, "rayservices", "rayclusters")
    await ray.reports()
    await ray.apply()
    assert await ray.counts() == [3, 3, 3]


async def allow_tenant(cluster: Cluster, *resources: str) -> None:
    """Let the tenant's account do everything with these kinds of Ray's, and nothing else."""
    group = "rbac.authorization.k8s.io"
    role = {"rules": [{"apiGroups": ["ray.io"], "resources": list(resources), "verbs": ["*"]}]}
    binding = {
        "roleRef": {"apiGroup": group, "kind": "Role", "name": "ray"},
        "subjects": [{"kind": "ServiceAccount", "name": "airunway-tenant", "namespace": REF.namespace}],
    }
    for kind, plural, body in (("Role", "roles", role), ("RoleBinding", "rolebindings", binding)):
        meta = {"name": "ray", "namespace": REF.namespace}
        obj = {"apiVersion": f"{group}/v1", "kind": kind, "metadata": meta, **body}
        await cluster.apply(Resource(f"{group}/v1", plural), obj, field_manager="administrator")


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


@pytest.mark.parametrize("autoscaled", [False, True], ids=["by nobody", "by Ray's autoscaler"])
async def test_at_a_take_over_other_numbers_of_workers_are_ours_unless_an_autoscaler_has_them(
    ray: RaySite, autoscaled: bool
) -> None:
    await deployed(ray)
    await ray.set(replicas=5, maxReplicas=5)
    if autoscaled:
        spec = {"spec": {"enableInTreeAutoscaling": True}}
        await ray.cluster.patch(CLUSTERS, "chat-a", spec, namespace=REF.namespace, field_manager="hand")
    service = await ray.service()
    ray.applied, ray.followed = [], []  # this system has never seen it
    request = (await ray.request()).model_copy(update={"adoption": 0})

    rendered = await ray.worker.provider.render(request)
    if rendered.writes:
        done = await ray.worker.provider.apply_upstream(asked(request, rendered))
        assert done.failure is None

    assert await ray.counts() == ([5, 1, 5] if autoscaled else [1, 1, 1])
    assert (await ray.service())["spec"] == service["spec"], "it serves, and no second cluster comes up"
