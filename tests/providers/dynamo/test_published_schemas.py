"""Graphs are created with strict validation against the operator's published definitions."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.provider import Manifest, RenderContext
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import ALPHA, BETA
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS
from kube_emulator import EmulatedCluster
from tests.deploy.manifests import ROOT
from tests.providers.dynamo.rendered import MOCKER, disaggregated, engine, overridden

FOLDER = Path(os.environ.get("AIRUNWAY_UPSTREAM_CRDS", ROOT.parent / "shared" / "upstream-crds"))
FILE = "nvidia.com_dynamographdeployments.yaml"
VOLUMES = [
    {"name": "weights", "purpose": "modelCache", "size": "100Gi"},
    {"name": "comp", "claimName": "comp-pvc", "purpose": "compilationCache", "mountPath": "/cc"},
    {"name": "ro", "claimName": "data", "purpose": "custom", "mountPath": "/data", "readOnly": True},
]
WORKER = {
    "multinode": {"nodeCount": 2},
    "sharedMemory": {"size": "16Gi"},
    "envs": [{"name": "A", "value": "b"}],
    "readinessProbe": {"httpGet": {"path": "/health", "port": 9090}},
    "extraPodMetadata": {"labels": {"team": "x"}, "annotations": {"note": "y"}},
    "extraPodSpec": {"mainContainer": {"imagePullPolicy": "Always"}, "schedulerName": "kai"},
}
MODEL = {"id": "Qwen/Qwen3-0.6B", "servedName": "qwen", "storage": {"volumes": VOLUMES}}
GIVEN = {
    "vllm": deployment(),
    "sglang": engine("sglang", contextLength=4096),
    "trtllm": engine("trtllm"),
    "disaggregated": disaggregated(model=MODEL, secrets={"huggingFaceToken": "hf"}),
    "mocker": deployment(annotations=MOCKER),
    "everything": deployment(
        model=MODEL,
        gpus=2,
        image="registry.example.com/mine:nightly",
        secrets={"huggingFaceToken": "hf"},
        env=[{"name": "A", "value": "b"}],
        nodeSelector={"pool": "gpu"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}],
        resources={"gpu": {"count": 2}, "cpu": "8", "memory": "64Gi"},
        podTemplate={"metadata": {"labels": {"team": "x"}}},
        scaling={"replicas": 3},
    ),
    "other GPUs": deployment(image="r/x:1.4.2", resources={"gpu": {"count": 1, "type": "amd.com/gpu"}}),
    "overrides": overridden({"routerMode": "kv", "spec": {"services": {"VllmWorker": WORKER}}}),
    "one picker": overridden({"epp": {"replicas": 2}}),
}
VERSIONS = [("dynamo-1.1.0-rc3", ALPHA), ("dynamo-main", ALPHA), ("dynamo-main", BETA)]


def definition(folder: str) -> dict[str, Any]:
    """As published, but for the conversion, which needs the operator."""
    path = FOLDER / folder / FILE
    if not path.exists():
        pytest.skip(f"{path} is not there; set AIRUNWAY_UPSTREAM_CRDS to the folder of published definitions")
    found: dict[str, Any] = yaml.safe_load(path.read_text())
    found["spec"].pop("conversion", None)
    return found


def fields_in(crd: dict[str, Any], api_version: str) -> list[str]:
    text = yaml.safe_dump(crd)
    return [SERVED_FIELDS[api_version]] if "runtimeVersionOverride" in text else []


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as connected,
    ):
        team = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": deployment().namespace}}
        await connected.create(NAMESPACES, team)
        yield connected


def rendered(given: ModelDeployment, crd: dict[str, Any], api_version: str) -> Iterator[Manifest]:
    for routed in (True, False):
        context = RenderContext(
            api_version=api_version, routed_by_gateway=routed, served_fields=fields_in(crd, api_version)
        )
        yield PROVIDER.render(given, context)[0]


@pytest.mark.parametrize(("folder", "api_version"), VERSIONS)
async def test_the_api_server_takes_every_graph(cluster: Cluster, folder: str, api_version: str) -> None:
    crd = definition(folder)
    await apply_crd(cluster, crd, field_manager="test")
    kind = next(entry for entry in PROVIDER.kinds[0].versions if entry.api_version == api_version)

    for name, given in GIVEN.items():
        for number, graph in enumerate(rendered(given, crd, api_version)):
            metadata = {**graph["metadata"], "name": f"g{number}-{name.replace(' ', '-')}".lower()}
            body = {**graph, "metadata": metadata}
            made = await cluster.create(kind, body, namespace=metadata["namespace"], strict=True)

            assert made["spec"] == {**made["spec"], **kept(graph["spec"])}, name


def kept(spec: dict[str, Any]) -> dict[str, Any]:
    """What no default is laid over: everything but the parts, into which the schema writes some."""
    return {key: value for key, value in spec.items() if key not in ("services", "components", "pvcs")}


def test_every_served_version_of_the_newest_is_one_that_we_know() -> None:
    versions = [entry for entry in definition("dynamo-main")["spec"]["versions"] if entry["served"]]

    known = [kind.version for kind in PROVIDER.kinds[0].versions]
    assert [entry["name"] for entry in versions if entry.get("storage")] == known[:1]
    assert {entry["name"] for entry in versions} == set(known)
