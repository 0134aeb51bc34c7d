"""Objects of a namespace are written in the name of its own account, by the real API server's rules."""

from __future__ import annotations

import asyncio
import json
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
from airunway.clients.errors import AlreadyExists, Forbidden, NotFound, TooManyRequests
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, NAMESPACES, Cluster, Resource
from airunway.messages.upstream import ApplyAnswer
from airunway.provider.registry import installed_providers
from tests.deploy.manifests import ROOT, objects
from tests.providers.rights import manifest
from tests.providers.worker_life import WorkerLife
from tests.servers.cluster import Cluster as RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

RBAC = "rbac.authorization.k8s.io/v1"
KINDS = {
    "ServiceAccount": Resource("v1", "serviceaccounts"),
    "ClusterRole": Resource(RBAC, "clusterroles"),
    "ClusterRoleBinding": Resource(RBAC, "clusterrolebindings"),
}
ROLES, ROLE_BINDINGS = Resource(RBAC, "roles"), Resource(RBAC, "rolebindings")
IMPERSONATION = ROOT / "deploy" / "impersonation"
ACCOUNT = "airunway-tenant"
PROVIDER, WORKER = installed_providers()["vllm"], "airunway-vllm-provider"
SPEC: dict[str, Any] = {
    "model": {"id": "acme/chat-9b", "source": "huggingface"},
    "engine": {"type": "vllm"},
    "resources": {"gpu": {"count": 1, "type": "nvidia.com/gpu"}},
}
READS_ONLY = {"get", "list", "watch"}


def without_writes_of_objects(role: dict[str, Any]) -> dict[str, Any]:
    """The worker's role, as somebody would cut it who lets it write as the tenants' accounts only."""
    rules = [
        rule
        if rule["apiGroups"] == ["airunway.ai"]
        else {**rule, "verbs": [verb for verb in rule["verbs"] if verb in READS_ONLY]}
        for rule in role["rules"]
    ]
    return {**role, "rules": [rule for rule in rules if rule["verbs"]]}


class Tenancy:
    """The worker with its own account, and a namespace with an account that nobody has given rights yet."""

    def __init__(self, admin: Cluster, worker: Cluster, namespace: str, account: str) -> None:
        self.admin, self.namespace = admin, namespace
        self.life = WorkerLife(worker, admin, PROVIDER, namespace=namespace, impersonate=account)

    async def allow(self, *verbs: str) -> None:
        """Give the tenant's account rights on what is written for it."""
        rules = [
            {"apiGroups": ["apps"], "resources": ["deployments"], "verbs": list(verbs)},
            {"apiGroups": [""], "resources": ["services"], "verbs": list(verbs)},
        ]
        subject = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.namespace}
        meta = {"name": ACCOUNT, "namespace": self.namespace}
        role = {"apiVersion": RBAC, "kind": "Role", "metadata": meta, "rules": rules}
        binding = {
            "apiVersion": RBAC,
            "kind": "RoleBinding",
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
            "subjects": [subject],
        }
        await self.admin.apply(ROLES, role, field_manager="test")
        await self.admin.apply(ROLE_BINDINGS, binding, field_manager="test")

    async def failure(self) -> str:
        """What the status is told of a reconcile."""
        answer = await self.life.reconcile()
        assert isinstance(answer, ApplyAnswer)
        assert answer.failure is not None
        assert not answer.failure.final
        return answer.failure.message

    async def until_written(self) -> None:
        """Reconcile until the API server knows of the rights that were given."""
        async with asyncio.timeout(60):
            while True:
                answer = await self.life.reconcile()
                if answer.failure is None:
                    return
                await asyncio.sleep(0.1)


async def until_rights_count(worker: Cluster, namespace: str) -> None:
    """Until the API server knows that the worker may read deployments and write as the tenant's account."""
    tenant = worker.acting_as(f"system:serviceaccount:{namespace}:{ACCOUNT}")
    async with asyncio.timeout(60):
        while True:
            try:
                await worker.find(DEPLOYMENTS, "any", namespace=namespace)
                await tenant.find(DEPLOYMENTS, "any", namespace=namespace)
            except Forbidden as err:
                if f":{ACCOUNT}" in str(err) and "impersonate" not in str(err):
                    return
            except TooManyRequests:
                pass  # the definition is so new that its storage is not there yet
            await asyncio.sleep(0.1)


async def worker_kubeconfig(real: RealCluster, admin: Cluster, folder: Path) -> Path:
    """Of the provider's account with its shipped role, cut down to reads, and the right to impersonate."""
    for obj in manifest("vllm"):
        if obj["kind"] == "ClusterRole":
            await admin.apply(KINDS["ClusterRole"], without_writes_of_objects(obj), field_manager="test")
        elif obj["kind"] in KINDS:
            await admin.apply(KINDS[obj["kind"]], obj, field_manager="test")
    role, binding = objects(IMPERSONATION)
    subjects = [{"kind": "ServiceAccount", "name": WORKER, "namespace": SYSTEM_NAMESPACE}]
    await admin.apply(KINDS["ClusterRole"], role, field_manager="test")
    await admin.apply(KINDS["ClusterRoleBinding"], {**binding, "subjects": subjects}, field_manager="test")
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/{WORKER}/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = real.request("POST", path, body)
    assert status == 201, answer
    config = json.loads(real.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    target = folder / "worker-kubeconfig"
    target.write_text(json.dumps(config))
    return target


@pytest_asyncio.fixture
async def tenancy(
    real_cluster: RealCluster, tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Tenancy]:
    account = getattr(request, "param", ACCOUNT)
    namespace = f"tenant-{uuid.uuid4().hex[:8]}"
    async with AsyncExitStack() as stack:
        admin = await stack.enter_async_context(await Cluster.connect(real_cluster.kubeconfig))
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(admin, definition, field_manager="test")
        for name in (SYSTEM_NAMESPACE, namespace):
            with suppress(AlreadyExists):
                await admin.create(NAMESPACES, {"metadata": {"name": name}})
        await admin.create(KINDS["ServiceAccount"], {"metadata": {"name": ACCOUNT}}, namespace=namespace)
        kubeconfig = await worker_kubeconfig(real_cluster, admin, tmp_path)
        worker = await stack.enter_async_context(await Cluster.connect(kubeconfig))
        await until_rights_count(worker, namespace)
        built = Tenancy(admin, worker, namespace, account)
        await built.life.deploy(SPEC)
        yield built
        with suppress(NotFound):
            body = {"metadata": {"finalizers": None}}
            await admin.patch(DEPLOYMENTS, "chat", body, namespace=namespace)
        await admin.delete(NAMESPACES, namespace)


async def test_a_namespace_without_the_rights_is_told_which_account_lacks_which(tenancy: Tenancy) -> None:
    message = await tenancy.failure()

    assert message.startswith(
        f"Deployment chat: ServiceAccount {tenancy.namespace}/{ACCOUNT} may not create deployments.apps"
        f" in the namespace {tenancy.namespace}; "
    )
    assert await tenancy.admin.find(APPS_DEPLOYMENTS, "chat", namespace=tenancy.namespace) is None


async def test_what_is_written_is_written_as_the_account_and_needs_no_right_of_the_worker(
    tenancy: Tenancy,
) -> None:
    await tenancy.allow("create", "patch", "delete")

    await tenancy.until_written()
    await tenancy.life.edit({"scaling": {"replicas": 2}})
    await tenancy.until_written()

    live = await tenancy.admin.get(APPS_DEPLOYMENTS, "chat", namespace=tenancy.namespace)
    assert live["spec"]["replicas"] == 2


async def test_an_account_that_lost_its_rights_keeps_nothing_from_being_deleted(tenancy: Tenancy) -> None:
    await tenancy.allow("create", "patch")
    await tenancy.until_written()

    await tenancy.admin.delete(DEPLOYMENTS, "chat", namespace=tenancy.namespace)
    remaining = await tenancy.life.release()

    assert remaining == [
        f"{what} (ServiceAccount {tenancy.namespace}/{ACCOUNT} may not delete {plural} in the namespace"
        f" {tenancy.namespace}; bind a Role with that right to it there)"
        for what, plural in (("Deployment chat", "deployments.apps"), ("Service chat", "services"))
    ]
    body = {"metadata": {"finalizers": None}}
    await tenancy.admin.patch(DEPLOYMENTS, "chat", body, namespace=tenancy.namespace)
    async with asyncio.timeout(120):
        while await tenancy.admin.find(APPS_DEPLOYMENTS, "chat", namespace=tenancy.namespace):
            await asyncio.sleep(0.2)


@pytest.mark.parametrize("tenancy", ["default"], indirect=True)
async def test_a_worker_may_write_as_accounts_of_one_name_and_says_so(tenancy: Tenancy) -> None:
    assert f"system:serviceaccount:{SYSTEM_NAMESPACE}:{WORKER} may not write as ServiceAccount" in (
        await tenancy.failure()
    )
