"""A provider's worker may do all that it does, on its own kinds, and nothing with those of others."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import yaml

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, Forbidden, NotFound
from airunway.clients.kubernetes import CONFIGS, NAMESPACES, PODS, Cluster, Resource
from airunway.provider.contract import Provider
from airunway.provider.registry import installed_providers
from kube_emulator import EmulatedCluster
from tests.examples.processes import EXAMPLE
from tests.providers.rights import RecordingCluster, Right, granted, manifest
from tests.providers.worker_life import CACHE, WorkerLife, open_crd

PROVIDERS = installed_providers()
RBAC = "rbac.authorization.k8s.io/v1"
ACCESS = {
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "ClusterRole": Resource(RBAC, "clusterroles"),
    "ClusterRoleBinding": Resource(RBAC, "clusterrolebindings"),
}

GPU = {"gpu": {"count": 1, "type": "nvidia.com/gpu"}}
ON_GPU: dict[str, Any] = {
    "model": {"id": "acme/chat-9b", "source": "huggingface"},
    "engine": {"type": "vllm"},
    "resources": GPU,
}
ON_CPU: dict[str, Any] = {
    "model": {"id": "acme/chat-9b-gguf", "source": "huggingface"},
    "engine": {"type": "llamacpp"},
    "image": "registry.example.com/server:1",
}
SPECS = {"kaito": ON_CPU}

# What the worker of a provider without kinds of its own would use; the rest follows from its kinds.
COMMON: set[Right] = {
    ("airunway.ai", "modeldeployments", "get"),
    ("airunway.ai", "modeldeployments", "patch"),
    ("airunway.ai", "modeldeployments/finalizers", "update"),
    ("airunway.ai", "inferenceproviderconfigs", "get"),
    ("airunway.ai", "inferenceproviderconfigs", "create"),
    ("airunway.ai", "inferenceproviderconfigs", "patch"),
    ("airunway.ai", "inferenceproviderconfigs/status", "patch"),
    ("", "pods", "list"),
    ("", "events", "list"),
    ("apps", "deployments", "list"),
    ("apps", "replicasets", "list"),
    ("apps", "statefulsets", "list"),
}


@dataclass
class Workplace:
    """A worker with its client, and a user's."""

    cluster: RecordingCluster
    admin: Cluster
    namespace: str


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def kubeconfig(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Path]:
    if request.param == "real":
        yield request.getfixturevalue("real_kubeconfig")
        return
    async with EmulatedCluster() as emulated:
        yield emulated.kubeconfig(tmp_path / "config")


@pytest_asyncio.fixture
async def workplace(kubeconfig: Path, provider: Provider) -> AsyncIterator[Workplace]:
    """A cluster that has the provider's kinds. The worker acts as its ServiceAccount, with its manifest's
    rights and no others; the emulated cluster does not look at that.
    """
    namespace = f"rights-{uuid.uuid4().hex[:8]}"
    async with (
        await Cluster.connect(kubeconfig) as admin,
        await RecordingCluster.connect(kubeconfig) as cluster,
    ):
        for name in (namespace, SYSTEM_NAMESPACE):
            with contextlib.suppress(AlreadyExists):
                await admin.create(NAMESPACES, {"metadata": {"name": name}})
        made = [provider.operator_objects.kind] if provider.operator_objects is not None else []
        upstream = [open_crd(kind) for kind in (*provider.kinds, *made) if not kind.builtin]
        for crd in (model_deployment_crd(), provider_config_crd(), *upstream):
            await apply_crd(admin, crd, field_manager="rights")
        with contextlib.suppress(NotFound):  # another test's; here the registration is to be seen creating it
            await admin.delete(CONFIGS, provider.name)
        for obj in manifest(provider.name):
            if obj["kind"] in ACCESS:
                await admin.apply(ACCESS[obj["kind"]], obj, field_manager="rights")
        cluster.act_as(f"system:serviceaccount:{SYSTEM_NAMESPACE}:airunway-{provider.name}-provider")
        await rights_are_known(cluster, provider, namespace)
        yield Workplace(cluster, admin, namespace)
        await admin.delete(NAMESPACES, namespace)


BY_NAME = pytest.mark.parametrize("provider", PROVIDERS.values(), ids=PROVIDERS)


async def rights_are_known(cluster: RecordingCluster, provider: Provider, namespace: str) -> None:
    """A real server learns of roles and bindings by watching them, a moment after they were applied."""
    async with asyncio.timeout(90):
        while True:
            with contextlib.suppress(Forbidden):
                await cluster.find(CONFIGS, provider.name)
                await cluster.find(provider.kinds[0], "any", namespace=namespace)
                break
            await asyncio.sleep(0.05)
    cluster.used = set()


@BY_NAME
async def test_every_call_of_a_worker_is_granted(workplace: Workplace, provider: Provider) -> None:
    life = WorkerLife(workplace.cluster, workplace.admin, provider, namespace=workplace.namespace)
    spec = SPECS.get(provider.name, ON_GPU)

    await life.register()
    await life.deploy(spec)
    assert (await life.reconcile()).failure is None
    assert (await life.read()).status is not None
    await life.tamper()
    assert (await life.reconcile()).failure is None
    await life.edit({"model": {**spec["model"], "storage": {"volumes": [CACHE]}}})
    assert (await life.reconcile()).failure is None
    await life.bind_claims()
    await life.edit({"nodeSelector": {"disk": "fast"}})
    assert (await life.reconcile()).failure is None
    await life.edit({"model": {"storage": None}})
    await life.reconcile()
    if provider.operator_objects is not None:
        await life.reconcile()
        await life.operator_makes()
        assert (await life.reconcile()).failure is None
    await life.release()
    await life.let_go()

    used = workplace.cluster.used
    main = provider.kinds[0]
    assert used >= {(main.group, main.plural, verb) for verb in ("get", "list", "create", "patch", "delete")}
    assert {("", "persistentvolumeclaims", "create"), *COMMON} <= used, "less was done than meant"
    if made := provider.operator_objects:
        assert used >= {(made.kind.group, made.kind.plural, verb) for verb in ("get", "patch")}
    assert used - granted(manifest(provider.name)) == set()


def test_a_third_party_worker_has_just_what_it_uses() -> None:
    objects = list(yaml.safe_load_all((EXAMPLE / "deploy" / "rbac.yaml").read_text()))
    worker, watcher = (obj for obj in objects if obj["kind"] == "ClusterRole")
    servers = {("acme.dev", "servers", verb) for verb in ("get", "list", "create", "patch", "delete")}
    register = {("airunway.ai", "inferenceproviderconfigs", "register")}  # what admission.yaml asks for

    assert granted([worker]) == COMMON | servers | register
    assert watcher["metadata"]["labels"] == {"airunway.ai/aggregate-to-watcher": "true"}
    assert granted([watcher]) == {("acme.dev", "servers", "list"), ("acme.dev", "servers", "watch")}


@pytest.mark.parametrize("provider", [PROVIDERS["llmd"]], ids=["llmd"])
@pytest.mark.parametrize("kubeconfig", [pytest.param("real", marks=pytest.mark.real)], indirect=True)
async def test_what_is_not_granted_is_refused(workplace: Workplace, provider: Provider) -> None:
    """So that the test above says something: the real server does look."""
    with pytest.raises(Forbidden):
        await workplace.cluster.delete(PODS, "any", namespace=workplace.namespace)
