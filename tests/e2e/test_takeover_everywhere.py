"""What AI Runway's controllers serve with each shipped provider is taken over, untouched, and given back."""

from __future__ import annotations

import asyncio
import contextlib
import copy
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.clients.crds import apply_crd
from airunway.clients.errors import Forbidden
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    DEPLOYMENTS,
    NAMESPACES,
    PODS,
    Cluster,
    Object,
)
from airunway.provider import UpstreamKind
from airunway.provider.registry import installed_providers
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import PretendNode
from airunway.sandbox.operators.timing import Timing
from tests.activities.reference_objects import WRITTEN, served
from tests.activities.test_cluster_features import ANYTHING, definition
from tests.activities.test_pods_of_every_provider import SERVING
from tests.conformance.loader import Vector
from tests.e2e.places import lonely_places
from tests.e2e.system import PATIENCE_SECONDS, System
from tests.e2e.test_takeover import entry

RECORDED = {
    "dynamo": "dynamo-vllm-no-gateway",
    "kaito": "kaito-vllm-preset-one-gpu",
    "kuberay": "kuberay-vllm-one-gpu",
    "llmd": "llmd-pinned",
    "vllm": "vllm-pinned",
}
FREE = ("kuberay", "kaito", "dynamo")
"""Providers whose main kind is served by a definition of the test's."""
OPERATORS = {
    "kaito": ("kaito-workspace", {"app.kubernetes.io/name": "workspace"}),
    "kuberay": ("ray-system", {"app.kubernetes.io/name": "kuberay-operator"}),
    "dynamo": ("dynamo-system", {"app.kubernetes.io/name": "dynamo-operator"}),
}
NAME = "chat"


def recorded(provider: str) -> Vector:
    return next(vector for vector in served(provider) if vector.name == RECORDED[provider])


class TakenOver(System):
    """The control plane with one shipped provider; operators and pods are as the test writes them."""

    def __init__(self, kubeconfig: Path, temporal_address: str, provider: str, operation: str) -> None:
        super().__init__(kubeconfig, temporal_address)
        self.operation = operation
        """By which the reference writes objects."""
        self.provider = installed_providers()[provider]
        self.providers = {provider: self.provider}

    async def __aenter__(self) -> Self:
        async with await Cluster.connect(self.kubeconfig) as cluster:
            for crd in self._definitions():
                await apply_crd(cluster, crd, field_manager="operator")
        return await super().__aenter__()

    def _definitions(self) -> list[Object]:
        if self.provider.name not in FREE:
            return []
        kind = self.provider.kinds[0].versions[-1]  # the reference writes the oldest
        crd = definition(kind.group, kind.version, kind.kind, ANYTHING)
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        schema["properties"] |= {"resource": ANYTHING, "inference": ANYTHING}
        return [crd]

    def config(self) -> Object:
        return self._objects.get((CONFIGS.plural, self.provider.name), {})

    def kind_of(self, obj: Object) -> UpstreamKind:
        found = self.provider.kind_of(obj)
        assert found is not None
        return found


class Reference:
    """AI Runway's controllers, by their manager names (core.md §9, crds.md §8.1)."""

    def __init__(self, system: TakenOver) -> None:
        self._system, self._provider = system, system.provider
        self._cluster, self._namespace = system.cluster, system.namespace
        self._vector = recorded(self._provider.name)
        self.objects: list[Object] = []

    async def serve(self) -> None:
        """A deployment that is up, with its objects and pods."""
        given = copy.deepcopy(self._vector.input["model_deployment"])
        spec = {**given["spec"], "provider": {"name": self._provider.name}}
        body: Object = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {
                "name": NAME,
                "namespace": self._namespace,
                "finalizers": [self._provider.finalizer],
            },
            "spec": spec,
        }
        made = await self._cluster.create(DEPLOYMENTS, body, namespace=self._namespace)
        self.objects = [self._own(obj, made) for obj in self._vector.expect["objects"]]
        for obj in self.objects:
            await self._write(obj)
        await self._start_pods()
        core = [entry("Validated", "ValidationPassed"), entry("ProviderSelected", "ExplicitSelection")]
        await self._say({"observedGeneration": 1, "conditions": core, **self._chosen()}, "manager")
        shim = [*core, entry("ResourceCreated", "ResourceCreated"), entry("Ready", "DeploymentReady")]
        await self.report(conditions=shim)

    async def _write(self, obj: Object) -> None:
        """As its provider's controller writes objects (crds.md §8.1)."""
        kind, namespace = self._system.kind_of(obj), self._namespace
        if self._system.operation == "Apply":
            await self._cluster.apply(kind, obj, field_manager=self._provider.field_manager)
        else:
            await self._cluster.create(kind, obj, namespace=namespace, field_manager="provider")

    def _own(self, obj: Object, owner: Object) -> Object:
        """A recorded object under the test's name and namespace."""
        before = self._vector.input["model_deployment"]["metadata"]
        made: Object = _renamed(obj, before["name"], NAME)
        made["metadata"] |= {"namespace": self._namespace}
        for reference in made["metadata"]["ownerReferences"]:
            reference["uid"] = owner["metadata"]["uid"]
        return made

    async def _start_pods(self) -> None:
        main = self.objects[0]
        status = SERVING[self._provider.name]["status"]
        if self._provider.name == "dynamo":
            parts = {part: {"replicas": 1, "readyReplicas": 1} for part in main["spec"]["services"]}
            status = {**status, "services": parts}
        await self._patch_status(self._system.kind_of(main), NAME, status)
        for number, role in enumerate(self._roles(main)):
            labels = {self._provider.pod_label: NAME, **self._provider.replica_labels, **role}
            pod = {
                "metadata": {"name": f"{NAME}-{number}", "labels": labels},
                "spec": {"containers": [{"name": "model", "image": "i"}]},
            }
            await self._create_pod(pod)
            ready = [{"type": "Ready", "status": "True"}]
            await self._patch_status(PODS, f"{NAME}-{number}", {"phase": "Running", "conditions": ready})

    async def _create_pod(self, pod: Object) -> None:
        """As soon as the namespace has its account, which pods run as."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                try:
                    await self._cluster.create(PODS, pod, namespace=self._namespace)
                    return
                except Forbidden:
                    await asyncio.sleep(0.1)

    def _roles(self, main: Object) -> list[dict[str, str]]:
        label = self._provider.role_label
        if self._provider.name == "dynamo":
            return [{label: part} for part in main["spec"]["services"]]
        if self._provider.name == "kuberay":
            head = {"ray.io/node-type": "head", label: "headgroup"}
            groups = main["spec"]["rayClusterConfig"]["workerGroupSpecs"]
            return [{label: group["groupName"]} for group in groups] + [head]
        return [{}]

    async def _patch_status(self, kind: Any, name: str, status: Object) -> None:
        await self._cluster.patch(
            kind,
            name,
            {"status": status},
            namespace=self._namespace,
            subresource="status",
            field_manager="operator",
        )

    def _chosen(self) -> Object:
        reasons = {"selectedReason": "explicit provider selection"}
        return {"engine": {"type": "vllm"}, "provider": {"name": self._provider.name, **reasons}}

    async def report(self, **more: object) -> None:
        """What the provider's controller says at the end of each pass."""
        status: Object = {
            "phase": "Running",
            "message": "all replicas are serving",
            "replicas": {"desired": 1, "ready": 1, "available": 1},
            "provider": {"resourceName": NAME, "resourceKind": self.objects[0]["kind"]},
            **more,
        }
        await self._say(status, "provider")

    async def _say(self, status: Object, manager: str) -> None:
        await self._cluster.patch(
            DEPLOYMENTS,
            NAME,
            {"status": status},
            namespace=self._namespace,
            subresource="status",
            field_manager=manager,
        )

    async def pass_again(self) -> None:
        """It writes its objects once more, as each of its passes does."""
        for obj in self.objects:
            if self._system.operation == "Apply":
                await self._write(obj)
                continue
            content = {
                key: value for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata")
            }
            meta = {"labels": obj["metadata"].get("labels") or {}}
            await self._cluster.patch(
                self._system.kind_of(obj),
                obj["metadata"]["name"],
                {**content, "metadata": meta},
                namespace=self._namespace,
                field_manager="provider",
            )
        await self.report()

    async def state(self) -> dict[str, tuple[str, int]]:
        """Which objects and pods there are: the uid and the generation of each."""
        found = {}
        for obj in self.objects:
            name = obj["metadata"]["name"]
            live = await self._cluster.get(self._system.kind_of(obj), name, namespace=self._namespace)
            found[f"{obj['kind']} {name}"] = (live["metadata"]["uid"], live["metadata"].get("generation", 0))
        pods = await self._cluster.listing(PODS, namespace=self._namespace)
        assert pods.items
        return found | {f"Pod {pod['metadata']['name']}": (pod["metadata"]["uid"], 0) for pod in pods.items}


def _renamed(value: Any, before: str, after: str) -> Any:
    if isinstance(value, dict):
        return {key: _renamed(item, before, after) for key, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, before, after) for item in value]
    return value.replace(before, after) if isinstance(value, str) else value


PLACES = [
    *(pytest.param((written, "sandbox"), id=" by ".join(written)) for written in WRITTEN),
    *(
        pytest.param((written, "real"), id=" by ".join((*written, "real")), marks=pytest.mark.real)
        for written in WRITTEN
        if written[0] in FREE
    ),
]
"""On the real server those whose pods are an operator's: it has no containers for those of a Deployment."""


@pytest_asyncio.fixture(params=PLACES)
async def system(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[TakenOver]:
    (provider, operation), request.param = request.param
    async with (
        lonely_places(request, tmp_path_factory.mktemp("e2e")) as place,
        await Cluster.connect(place.kubeconfig) as cluster,
    ):
        await _operator(cluster, provider, is_ready=place.emulated is not None)
        async with (
            contextlib.nullcontext() if place.emulated else _kubelet(cluster),
            TakenOver(place.kubeconfig, place.temporal_address, provider, operation) as running,
        ):
            yield running


def _kubelet(cluster: Cluster) -> PretendOperators:
    """Pods of the real controller manager become ready."""
    return PretendOperators(
        cluster, timing=Timing.instant(), nodes=[PretendNode(name="n")], workloads=False, upstream=False
    )


async def _operator(cluster: Cluster, provider: str, *, is_ready: bool) -> None:
    """The operator's own Deployment, where the provider looks for one; not ready: its pods make it so."""
    if provider not in OPERATORS:
        return
    namespace, labels = OPERATORS[provider]
    await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "o", "image": "o"}]}}
    body = {
        "metadata": {"name": "operator", "labels": labels},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    await cluster.create(APPS_DEPLOYMENTS, body, namespace=namespace)
    if not is_ready:
        return
    status = {"status": {"readyReplicas": 1, "availableReplicas": 1, "replicas": 1}}
    await cluster.patch(APPS_DEPLOYMENTS, "operator", status, namespace=namespace, subresource="status")


def test_every_shipped_provider_is_here() -> None:
    assert RECORDED.keys() == installed_providers().keys() == dict(WRITTEN).keys()


async def test_it_is_taken_over_and_given_back_untouched(system: TakenOver) -> None:
    await system.stop("worker")
    await system.stop("watcher")
    reference = Reference(system)
    await reference.serve()
    await system.until(lambda: bool(system.condition(NAME, "Ready")), "served by the reference")
    before = await reference.state()
    system.states.clear()

    system.start_worker()
    system.start_watcher()
    await system.until(lambda: bool(system.condition(NAME, "Adopted")), "taken over")
    await system.until(
        lambda: system.condition(NAME, "Adopted").get("reason") == "LeftAsFound", "left as found"
    )
    taken_over = await reference.state()
    await system.stop("watcher")
    await system.stop("worker")
    await reference.pass_again()
    given_back = await reference.state()

    assert taken_over == before
    assert given_back == before
    assert {state["status"]["phase"] for state in system.states} == {"Running"}
    system.start_worker()  # who deletes it in the end
    system.start_watcher()
