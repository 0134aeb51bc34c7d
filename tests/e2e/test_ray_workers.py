"""Workers and status follow `scaling.replicas` on KubeRay, whose operator leaves running clusters alone."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

import pytest
import pytest_asyncio
import yaml

from airunway.clients.crds import apply_crd
from airunway.clients.errors import Conflict, NotFound
from airunway.clients.kubernetes import CONFIGS, CRDS, PODS, Cluster, Object
from airunway.clients.reflector import Reflector
from airunway.providers.kuberay import PROVIDER
from tests.deploy.manifests import ROOT
from tests.e2e.places import places
from tests.e2e.pretend_kuberay import CLUSTERS, SERVICES, PretendKubeRay
from tests.e2e.system import System

pytestmark = pytest.mark.timeout(600)

FOLDER = Path(os.environ.get("AIRUNWAY_UPSTREAM_CRDS", ROOT.parent / "shared" / "upstream-crds"))
GPU = {"gpu": {"count": 1}}
KUBERAY = {"provider": {"name": "kuberay"}}
KUBERNETES_TYPES = {"template", "headService", "serveService", "autoscalerOptions", "networkPolicy"}
SURGE = {"metadata": {"annotations": {"airunway.ai/rollout": "Surge"}}}


@cache
def definitions(version: str) -> list[Object]:
    folder = FOLDER / f"kuberay-{version}"
    if not folder.is_dir():
        pytest.skip(
            f"{folder} is not there; set AIRUNWAY_UPSTREAM_CRDS to the folder of KubeRay's definitions"
        )
    read = (yaml.load(file.read_text(), yaml.CSafeLoader) for file in sorted(folder.glob("*.yaml")))
    return [_shortened(definition) for definition in read]


def _shortened(definition: Object) -> Object:
    """Without what Kubernetes' own types fill in it, most of a megabyte and nothing to these tests."""
    spec = definition["spec"]
    versions = [{**version, "schema": _open(version["schema"])} for version in spec["versions"]]
    served = [version for version in versions if version["storage"]]
    return {**definition, "status": None, "spec": {**spec, "versions": served}}


def _open(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    any_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    return {
        key: any_object if key in KUBERNETES_TYPES and isinstance(value, dict) else _open(value)
        for key, value in schema.items()
    }


class RaySystem(System):
    """The control plane with KubeRay's provider, beside a pretend operator."""

    operator: PretendKubeRay

    def __init__(self, kubeconfig: Path, temporal_address: str, version: str) -> None:
        super().__init__(kubeconfig, temporal_address)
        self.providers = {PROVIDER.name: PROVIDER}
        self.version = version

    async def __aenter__(self) -> Self:
        async with await Cluster.connect(self.kubeconfig) as cluster:
            for definition in definitions(self.version):
                await apply_crd(cluster, definition, field_manager="kuberay")
        await super().__aenter__()
        for kind in (SERVICES, CLUSTERS, PODS):
            self._start(
                f"follow {kind.plural}", Reflector(self.cluster, kind, self._follow(kind.plural)).run()
            )
        self.operator = PretendKubeRay(self.cluster, self.namespace, blind=self.version != "1.3.0")
        self._start("operator", self.operator.run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        async with await Cluster.connect(self.kubeconfig) as cluster:
            with suppress(NotFound):
                await cluster.delete(CONFIGS, PROVIDER.name)
            for definition in definitions(self.version):
                name = definition["metadata"]["name"]
                with suppress(NotFound):
                    await cluster.delete(CRDS, name)
                while await cluster.find(CRDS, name):  # with what there was of it
                    await asyncio.sleep(0.1)

    def config(self) -> Object:
        return self._objects.get((CONFIGS.plural, PROVIDER.name), {})

    def all(self, plural: str) -> list[Object]:
        return [obj for (kind, _), obj in self._objects.items() if kind == plural]

    def workers(self) -> int:
        """Running ones, of all clusters."""
        return sum(
            pod["metadata"]["labels"].get("ray.io/node-type") == "worker"
            and (pod.get("status") or {}).get("phase") == "Running"
            for pod in self.all("pods")
        )

    def says(self, phase: str, ready: int, desired: int) -> bool:
        """Whether the status of the present generation says that."""
        status, meta = self.status("chat"), self.deployment("chat").get("metadata", {})
        counts = status.get("replicas") or {}
        return (
            status.get("observedGeneration") == meta.get("generation")
            and status.get("phase") == phase
            and (counts.get("ready"), counts.get("available"), counts.get("desired"))
            == (ready, ready, desired)
        )

    async def scale(self, replicas: int) -> None:
        await self.edit("chat", {"spec": {"scaling": {"replicas": replicas}}})

    async def serves(self, replicas: int) -> None:
        await self.until(
            lambda: self.workers() == replicas and self.says("Running", replicas, replicas),
            f"{replicas} workers that serve",
        )


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def ray(
    request: pytest.FixtureRequest, version: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[RaySystem]:
    async with (
        places(request, tmp_path_factory.mktemp("ray")) as place,
        RaySystem(place.kubeconfig, place.temporal_address, version) as running,
    ):
        yield running


VERSIONS = pytest.mark.parametrize("version", ["1.3.0", "1.7.0"])
NEWEST = pytest.mark.parametrize("version", ["1.7.0"])


def groups(ray: RaySystem) -> list[dict[str, Any]]:
    return [
        {key: group[key] for key in ("replicas", "minReplicas", "maxReplicas")}
        for made in ray.all("rayclusters")
        for group in made["spec"]["workerGroupSpecs"]
    ]


@VERSIONS
async def test_workers_and_status_follow_each_number(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 1}, resources=GPU)
    await ray.serves(1)
    (first,) = ray.all("rayclusters")

    for replicas in (3, 0, 2):
        await ray.scale(replicas)

        await ray.serves(replicas)
        assert groups(ray) == [dict.fromkeys(("replicas", "minReplicas", "maxReplicas"), replicas)]
    (last,) = ray.all("rayclusters")
    assert last["metadata"]["uid"] == first["metadata"]["uid"], "no second cluster was needed"
    assert "DriftRepaired" not in await ray.events("chat")


@NEWEST
async def test_what_somebody_else_sets_in_the_cluster_is_put_right(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 2}, resources=GPU)
    await ray.serves(2)
    (made,) = ray.all("rayclusters")
    change = [
        {"op": "replace", "path": f"/spec/workerGroupSpecs/0/{field}", "value": 1}
        for field in ("replicas", "minReplicas")
    ]

    await ray.cluster.patch(
        CLUSTERS,
        made["metadata"]["name"],
        change,
        namespace=ray.namespace,
        content_type="application/json-patch+json",
        field_manager="hand",
    )

    await ray.until_events("chat", {"DriftRepaired"})
    await ray.serves(2)


async def insist(ray: RaySystem, replicas: int, rewrites: list[int]) -> None:
    """A scaler of its own, which nobody told the deployment of."""
    path = "/spec/workerGroupSpecs/0"
    counts = [
        {"op": "replace", "path": f"{path}/{field}", "value": replicas}
        for field in ("replicas", "maxReplicas")
    ]
    while True:
        for made in ray.all("rayclusters"):
            group, meta = made["spec"]["workerGroupSpecs"][0], made["metadata"]
            if group["replicas"] == replicas:
                continue
            seen = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
            with suppress(Conflict):
                await ray.cluster.patch(
                    CLUSTERS,
                    meta["name"],
                    [seen, *counts],
                    namespace=ray.namespace,
                    content_type="application/json-patch+json",
                    field_manager="keda",
                )
                rewrites.append(group["replicas"])
        await asyncio.sleep(0.05)


@NEWEST
async def test_a_scaler_that_fights_is_named_and_may_have_the_replicas(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 1}, resources=GPU)
    await ray.serves(1)
    rewrites: list[int] = []

    scaler = asyncio.create_task(insist(ray, 2, rewrites))
    try:
        await ray.until(lambda: bool(ray.condition("chat", "FieldsContested")), "said who fights")
        said = ray.condition("chat", "FieldsContested")["message"]
        assert "RayCluster chat" in said and "by keda" in said and "external-replicas" in said
        await ray.edit("chat", {"metadata": {"annotations": {"airunway.ai/external-replicas": "true"}}})
        await ray.until(lambda: ray.workers() == 2 and ray.says("Running", 2, 2), "the scaler's number")
        assert len(rewrites) <= 4  # what was there, and three repairs
    finally:
        scaler.cancel()


@NEWEST
async def test_while_a_change_is_blocked_the_counters_are_those_of_what_serves(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 2}, resources=GPU)
    await ray.edit("chat", SURGE)
    await ray.serves(2)
    ray.operator.gpus = 3

    await ray.edit("chat", {"spec": {"scaling": {"replicas": 3}, "env": [{"name": "A", "value": "b"}]}})

    await ray.until(lambda: len(ray.all("rayclusters")) == 2, "a second cluster")
    await ray.until(lambda: ray.workers() == 3 and ray.says("Deploying", 2, 2), "two of the old one serve")
    assert sorted(entry["replicas"] for entry in groups(ray)) == [2, 3], "the old one is not made larger"
    await ray.scale(1)
    await ray.serves(1)
    assert len(ray.all("rayclusters")) == 1


@NEWEST
async def test_changed_tolerations_reach_the_pods(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 1}, resources=GPU)
    await ray.edit("chat", SURGE)
    await ray.serves(1)
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists"}]

    await ray.edit("chat", {"spec": {"tolerations": tolerations}})

    await ray.until(
        lambda: (
            bool(ray.all("pods"))
            and all(pod["spec"]["tolerations"][0]["key"] == "nvidia.com/gpu" for pod in ray.all("pods"))
        ),
        "pods with the tolerations, and no others",
    )
    await ray.serves(1)


@NEWEST
async def test_a_failure_goes_with_its_cause(ray: RaySystem) -> None:
    await ray.deploy("chat", **KUBERAY, scaling={"replicas": 1}, resources=GPU)
    await ray.edit("chat", SURGE)
    await ray.serves(1)

    await ray.edit("chat", {"spec": {"engine": {"image": "bad/image:1"}}})
    await ray.until(lambda: "no module named" in (ray.status("chat").get("message") or ""), "it says why")
    assert ray.says("Failed", 1, 1)
    await ray.edit("chat", {"spec": {"engine": {"image": "good/image:1"}}})

    await ray.serves(1)
    assert "no module named" not in str(ray.status("chat"))
