"""A provider's worker whose rights on objects reach into chosen namespaces only (deploy/namespaces)."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import SYSTEM_NAMESPACE
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, Forbidden, NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, NAMESPACES, Cluster, Resource
from airunway.provider.registry import installed_providers
from tests.providers.rights import manifest
from tests.providers.worker_life import WorkerLife
from tests.real.acting import apply_all, kubeconfig_of
from tests.servers.cluster import Cluster as RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

RBAC = "rbac.authorization.k8s.io/v1"
BINDINGS, ROLE_BINDINGS = Resource(RBAC, "clusterrolebindings"), Resource(RBAC, "rolebindings")
PROVIDER, ACCOUNT = installed_providers()["vllm"], "airunway-vllm-provider"
OBJECTS = f"{ACCOUNT}-objects"
SPEC: dict[str, Any] = {
    "model": {"id": "acme/chat-9b", "source": "huggingface"},
    "engine": {"type": "vllm"},
    "resources": {"gpu": {"count": 1, "type": "nvidia.com/gpu"}},
}
LACKS = (
    f"system:serviceaccount:{SYSTEM_NAMESPACE}:{ACCOUNT} may not {{verb}} {{kind}} in the namespace"
    " {namespace}; bind its provider's role for objects there"
    ' (docs/security.md, "In chosen namespaces only")'
)


class Site:
    """The worker, and a namespace in which nobody has bound its role for objects yet."""

    def __init__(self, admin: Cluster, worker: Cluster, namespace: str) -> None:
        self.admin, self.worker, self.namespace = admin, worker, namespace
        self.life = WorkerLife(worker, admin, PROVIDER, namespace=namespace)

    async def bind(self) -> None:
        """As `kubectl create rolebinding` does it."""
        binding = {
            "metadata": {"name": OBJECTS},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": OBJECTS},
            "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": SYSTEM_NAMESPACE}],
        }
        await self.admin.create(ROLE_BINDINGS, binding, namespace=self.namespace)

    async def until(self, *, allowed: bool) -> None:
        """Until the API server goes by what was bound."""
        async with asyncio.timeout(60):
            while await self._may_list() is not allowed:
                await asyncio.sleep(0.1)

    async def _may_list(self) -> bool:
        try:
            await self.worker.listing(APPS_DEPLOYMENTS, namespace=self.namespace)
        except Forbidden:
            return False
        return True

    def lacks(self, verb: str, kind: str = "deployments.apps") -> str:
        return LACKS.format(verb=verb, kind=kind, namespace=self.namespace)


@pytest_asyncio.fixture
async def site(real_cluster: RealCluster, tmp_path: Path) -> AsyncIterator[Site]:
    namespace = f"chosen-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(await Cluster.connect(real_cluster.kubeconfig))
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(admin, definition, field_manager="test")
        for name in (SYSTEM_NAMESPACE, namespace):
            with suppress(AlreadyExists):
                await admin.create(NAMESPACES, {"metadata": {"name": name}})
        await apply_all(admin, manifest("vllm"), without=("Deployment",))
        await admin.delete(BINDINGS, OBJECTS)  # what deploy/namespaces leaves out
        kubeconfig = kubeconfig_of(real_cluster, ACCOUNT, tmp_path, namespace=SYSTEM_NAMESPACE)
        worker = await stack.enter_async_context(await Cluster.connect(kubeconfig))
        built = Site(admin, worker, namespace)
        await built.until(allowed=False)
        await built.life.deploy(SPEC)
        yield built
        with suppress(NotFound):
            await admin.patch(DEPLOYMENTS, "chat", {"metadata": {"finalizers": None}}, namespace=namespace)
        await admin.delete(NAMESPACES, namespace)
        await apply_all(admin, manifest("vllm"), without=("Deployment",))


async def test_a_namespace_that_is_not_bound_is_told_what_is_missing_and_goes_on_once_it_is(
    site: Site,
) -> None:
    await site.life.register()  # what it does for itself it may

    refused = await site.life.reconcile()

    assert refused.failure is not None
    assert refused.failure.message.endswith(site.lacks("get"))
    assert not refused.failure.final
    assert await site.admin.find(APPS_DEPLOYMENTS, "chat", namespace=site.namespace) is None

    await site.bind()
    await site.until(allowed=True)

    assert (await site.life.reconcile()).failure is None
    assert await site.admin.find(APPS_DEPLOYMENTS, "chat", namespace=site.namespace) is not None
    assert (await site.life.read()).status is not None


async def test_the_other_namespaces_are_closed_to_it(site: Site) -> None:
    await site.bind()
    await site.until(allowed=True)

    with pytest.raises(Forbidden):
        await site.worker.listing(APPS_DEPLOYMENTS, namespace="default")
    body = {"metadata": {"name": "x"}, "spec": {}}
    with pytest.raises(Forbidden):
        await site.worker.create(APPS_DEPLOYMENTS, body, namespace="default")


async def test_rights_that_were_withdrawn_are_what_a_deletion_waits_for(site: Site) -> None:
    await site.bind()
    await site.until(allowed=True)
    await site.life.reconcile()
    await site.admin.delete(ROLE_BINDINGS, OBJECTS, namespace=site.namespace)
    await site.until(allowed=False)

    (waiting,) = await site.life.release()
    # Its kinds are asked for together; which answer comes first is chance.
    assert waiting in [
        f"what cannot be looked at ({site.lacks('list', kind)})" for kind in ("deployments.apps", "services")
    ]
