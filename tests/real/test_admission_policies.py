"""The manifests' policies under a real API server: the installer's namespace, and configs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api.crd import provider_config_crd
from airunway.api.names import CHART_DIGESTS, INSTALLER_NAMESPACE, SYSTEM_NAMESPACE
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, ApiError, Forbidden
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIG_MAPS,
    CONFIGS,
    LEASES,
    NAMESPACES,
    PODS,
    SECRETS,
    Cluster,
    Resource,
)
from airunway.clients.kubernetes.kinds import path_of
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.workers.registration import Registrar
from tests.deploy.manifests import CORE, INSTALLER, ROOT, objects
from tests.real.acting import acting_as, apply_all
from tests.servers.cluster import Cluster as RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

_MINUTE = timedelta(minutes=1)
ACCOUNTS = Resource("v1", "serviceaccounts")
BINDINGS = Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings")
ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "rolebindings")
JOBS = Resource("batch/v1", "jobs")
CONTAINER = {
    "name": "c",
    "image": "example.com/c:1",
    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
}
POD = {
    "serviceAccountName": "airunway-installer",
    "containers": [CONTAINER],
    "securityContext": {"runAsNonRoot": True, "runAsUser": 1, "seccompProfile": {"type": "RuntimeDefault"}},
}
TEMPLATE = {"metadata": {"labels": {"app": "t"}}, "spec": POD}


@pytest_asyncio.fixture
async def admin(real_cluster: RealCluster) -> AsyncIterator[Cluster]:
    """An administrator's client of a cluster with the policies and the accounts of the manifests."""
    async with await Cluster.connect(real_cluster.kubeconfig) as cluster:
        await apply_crd(cluster, provider_config_crd(), field_manager="test")
        await _ensure_namespace(cluster, SYSTEM_NAMESPACE)
        await apply_all(cluster, objects(INSTALLER))
        policies = [obj for obj in objects(CORE) if obj["kind"].startswith("ValidatingAdmissionPolicy")]
        await apply_all(cluster, policies)
        for name in ("kaito", "vllm"):
            await apply_all(cluster, objects(ROOT / "providers" / name / "deploy"), without=("Deployment",))
        yield cluster


async def _ensure_namespace(cluster: Cluster, name: str) -> None:
    with suppress(AlreadyExists):
        await cluster.create(NAMESPACES, {"metadata": {"name": name}})


async def somebody(admin: Cluster, role: str) -> str:
    """A ServiceAccount with a ClusterRole everywhere."""
    name = f"some-{uuid.uuid4().hex[:6]}"
    await admin.create(ACCOUNTS, {"metadata": {"name": name}}, namespace="default")
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
    await admin.create(BINDINGS, {"metadata": {"name": name}, "roleRef": ref, "subjects": [subject]})
    return name


def deployment(name: str = "") -> dict[str, Any]:
    return {
        "metadata": {"name": name or f"d-{uuid.uuid4().hex[:6]}"},
        "spec": {"selector": {"matchLabels": {"app": "t"}}, "replicas": 0, "template": TEMPLATE},
    }


async def until_refused(call: Callable[[], Coroutine[Any, Any, Any]], words: str) -> None:
    """Until policies and bindings that were just written are in force: it is refused in these words."""
    while True:
        try:
            await call()
        except Forbidden as err:
            if words in str(err):
                return
        except ApiError as err:
            raise AssertionError(err) from err
        await asyncio.sleep(0.2)


async def refusal(call: Coroutine[Any, Any, Any]) -> str:
    with pytest.raises(Forbidden) as caught:
        await call
    return str(caught.value)


ALONE = "is the installer's alone"


async def test_a_providers_worker_gets_no_pod_into_the_installers_namespace(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    """Its role grants Deployments in every namespace."""
    async with acting_as(
        real_cluster, "airunway-vllm-provider", tmp_path, namespace=SYSTEM_NAMESPACE
    ) as worker:
        made = await worker.create(APPS_DEPLOYMENTS, deployment(), namespace="default")
        await until_refused(
            lambda: worker.create(APPS_DEPLOYMENTS, deployment(), namespace=INSTALLER_NAMESPACE), ALONE
        )
        body = {"spec": {"template": {"spec": {"containers": [CONTAINER | {"name": "installer"}]}}}}
        said = await refusal(
            worker.patch(APPS_DEPLOYMENTS, "airunway-installer", body, namespace=INSTALLER_NAMESPACE)
        )

    await admin.delete(APPS_DEPLOYMENTS, made["metadata"]["name"], namespace="default")
    assert ALONE in said


async def test_nobody_with_rights_everywhere_creates_anything_there(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    """The built-in role `admin`, everywhere: pods, Secrets, Jobs, bindings and tokens."""
    name = await somebody(admin, "admin")
    subject = {"kind": "ServiceAccount", "name": name, "namespace": "default"}
    ref = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"}
    wanted = [
        (PODS, {"metadata": {"name": "p"}, "spec": POD}),
        (SECRETS, {"metadata": {"name": "airunway-values-kaito"}, "stringData": {"values.yaml": "a: 1"}}),
        (CONFIG_MAPS, {"metadata": {"name": "c"}, "data": {}}),
        (JOBS, {"metadata": {"name": "j"}, "spec": {"template": {"spec": POD | {"restartPolicy": "Never"}}}}),
        (ROLE_BINDINGS, {"metadata": {"name": "r"}, "roleRef": ref, "subjects": [subject]}),
    ]
    async with acting_as(real_cluster, name, tmp_path, namespace="default") as anybody:
        await until_refused(
            lambda: anybody.create(
                PODS, {"metadata": {"name": "p"}, "spec": POD}, namespace=INSTALLER_NAMESPACE
            ),
            ALONE,
        )
        for kind, body in wanted:
            assert ALONE in await refusal(anybody.create(kind, body, namespace=INSTALLER_NAMESPACE))
        token = Resource("v1", "serviceaccounts/airunway-installer/token")
        ask = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
        assert ALONE in await refusal(anybody.create(token, ask, namespace=INSTALLER_NAMESPACE))

    await admin.delete(BINDINGS, name)


async def test_nobody_with_rights_everywhere_deletes_anything_there(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    """What trust hangs on: the record of charts' digests, values, locks, the account and its bindings."""
    there = {"namespace": INSTALLER_NAMESPACE}
    for kind, name in ((CONFIG_MAPS, CHART_DIGESTS), (SECRETS, "airunway-values-kaito"), (LEASES, "a-lock")):
        with suppress(AlreadyExists):
            await admin.create(kind, {"metadata": {"name": name}}, **there)
    groups = ["", "apps", "coordination.k8s.io", "rbac.authorization.k8s.io"]
    rule = {"apiGroups": groups, "resources": ["*"], "verbs": ["get", "delete", "deletecollection"]}
    with suppress(AlreadyExists):
        await admin.create(ROLES, {"metadata": {"name": "deletes-anything"}, "rules": [rule]})
    name = await somebody(admin, "deletes-anything")
    kept = [
        (CONFIG_MAPS, CHART_DIGESTS),
        (SECRETS, "airunway-values-kaito"),
        (LEASES, "a-lock"),
        (ACCOUNTS, "airunway-installer"),
        (APPS_DEPLOYMENTS, "airunway-installer"),
        (ROLE_BINDINGS, "airunway-installer-locks"),
    ]

    async with acting_as(real_cluster, name, tmp_path, namespace="default") as anybody:
        await until_refused(lambda: anybody.delete(CONFIG_MAPS, CHART_DIGESTS, **there), ALONE)
        for kind, one in kept:
            assert ALONE in await refusal(anybody.delete(kind, one, **there))
            collection = path_of(kind, namespace=INSTALLER_NAMESPACE)
            assert ALONE in await refusal(anybody.request("DELETE", collection))
        assert ALONE in await refusal(anybody.delete(NAMESPACES, INSTALLER_NAMESPACE))

    for kind, one in kept:
        assert not (await admin.get(kind, one, **there))["metadata"].get("deletionTimestamp")
    await admin.delete(BINDINGS, name)


async def test_the_installer_and_administrators_delete_there_what_is_theirs(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    there = {"namespace": INSTALLER_NAMESPACE}
    for name in ("one", "another"):
        await admin.create(CONFIG_MAPS, {"metadata": {"name": name}}, **there)

    async with acting_as(real_cluster, "airunway-installer", tmp_path, **there) as installer:
        await installer.delete(CONFIG_MAPS, "one", **there)
    await admin.delete(CONFIG_MAPS, "another", **there)

    left = {obj["metadata"]["name"] for obj in (await admin.listing(CONFIG_MAPS, **there)).items}
    assert not left & {"one", "another"}


async def test_the_control_plane_and_administrators_do_their_work_there(admin: Cluster) -> None:
    found: list[Any] = []
    while not found:  # the controllers make the Deployment's pod
        found = list((await admin.listing(PODS, namespace=INSTALLER_NAMESPACE)).items)
        await asyncio.sleep(0.2)

    assert found[0]["spec"]["serviceAccountName"] == "airunway-installer"


async def test_annotations_of_a_config_are_its_workers_and_administrators(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    editor_role = "airunway-inferenceproviderconfig-editor-role"
    await apply_all(admin, [obj for obj in objects(CORE) if obj["metadata"]["name"] == editor_role])
    editor_name = await somebody(admin, editor_role)
    evil = {"metadata": {"annotations": {"airunway.ai/installation": "{}"}}}
    rules = {"spec": {"selectionRules": [{"condition": "true", "priority": 1}]}}

    async with acting_as(
        real_cluster, "airunway-kaito-provider", tmp_path, namespace=SYSTEM_NAMESPACE
    ) as worker:
        registrar = Registrar(worker, KAITO, task_queue="q", heartbeat=_MINUTE)
        await registrar.register()
        before = await admin.get(CONFIGS, "kaito")
        async with acting_as(real_cluster, editor_name, tmp_path, namespace="default") as editor:
            await until_refused(
                lambda: editor.patch(CONFIGS, "kaito", evil), "written by its provider's worker"
            )
            gone = {"metadata": {"annotations": {"airunway.ai/task-queue": None}}}
            await refusal(editor.patch(CONFIGS, "kaito", gone))
            another = {"apiVersion": "airunway.ai/v1alpha1", "kind": "InferenceProviderConfig"}
            another |= {"metadata": {"name": "mine", **evil["metadata"]}, "spec": before["spec"]}
            await refusal(editor.create(CONFIGS, another))
            await editor.patch(CONFIGS, "kaito", {"metadata": {"annotations": {"example.com/a": "b"}}})
            await editor.patch(CONFIGS, "kaito", rules)
        await admin.patch(CONFIGS, "kaito", evil)

        await registrar._repair_annotations(await worker.get(CONFIGS, "kaito"))

    after = await admin.get(CONFIGS, "kaito")
    expected = before["metadata"]["annotations"] | {"example.com/a": "b"}
    assert after["metadata"]["annotations"] == expected
    assert after["spec"]["selectionRules"] == rules["spec"]["selectionRules"]
    await admin.delete(CONFIGS, "kaito")
    await admin.delete(BINDINGS, editor_name)


async def test_a_providers_worker_has_its_own_config_only(
    admin: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    await admin.apply(
        CONFIGS,
        {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": "kaito"},
            "spec": {"capabilities": {"engines": [{"name": "vllm"}]}},
        },
        field_manager="test",
    )
    async with acting_as(
        real_cluster, "airunway-vllm-provider", tmp_path, namespace=SYSTEM_NAMESPACE
    ) as worker:
        for name in ("kaito", "another"):
            body = {
                "apiVersion": "airunway.ai/v1alpha1",
                "kind": "InferenceProviderConfig",
                "metadata": {"name": name},
                "spec": {},
            }
            await refusal(worker.apply(CONFIGS, body, field_manager="x"))
            await refusal(
                worker.apply(
                    CONFIGS, body | {"status": {"ready": True}}, field_manager="x", subresource="status"
                )
            )
        await refusal(worker.patch(CONFIGS, "kaito", {"metadata": {"annotations": {"a": "b"}}}))

    await admin.delete(CONFIGS, "kaito")
