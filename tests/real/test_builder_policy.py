"""What may be made in the builder's namespace, which admits privileged pods, under a real API server."""

from __future__ import annotations

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.errors import BuilderNotReady
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.api.crd import provider_config_crd
from airunway.api.names import BUILDER, BUILDER_NAMESPACE, SYSTEM_NAMESPACE
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, Forbidden, NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, JSON_PATCH, NAMESPACES, PODS, Cluster, Resource
from airunway.modelimage.builder_objects import builder_objects
from airunway.modelimage.cluster_options import ClusterOptions
from tests.deploy.manifests import CORE, ROOT, objects
from tests.real.acting import acting_as, apply_all
from tests.real.test_least_rights import NoDigests
from tests.servers.cluster import Cluster as RealCluster

pytestmark = [pytest.mark.real, pytest.mark.timeout(180)]

JOBS = Resource("batch/v1", "jobs")
ONLY_THE_BUILDER = "only the builder runs here"
IMAGE = "docker.io/moby/buildkit:v0.34.2"
_POD = "/spec/template/spec"
_CONTAINER = f"{_POD}/containers/0"


@pytest_asyncio.fixture
async def admin(real_cluster: RealCluster) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_cluster.kubeconfig) as cluster:
        await apply_crd(cluster, provider_config_crd(), field_manager="test")
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": SYSTEM_NAMESPACE}})
        await apply_all(cluster, objects(CORE, "builder*.yaml"))
        await apply_all(cluster, objects(CORE, "worker-rbac.yaml"))
        await apply_all(cluster, objects(ROOT / "providers" / "vllm" / "deploy"), without=("Deployment",))
        yield cluster
        for kind, name in ((APPS_DEPLOYMENTS, BUILDER), (APPS_DEPLOYMENTS, "any")):
            with suppress(NotFound):
                await cluster.delete(kind, name, namespace=BUILDER_NAMESPACE)


@pytest_asyncio.fixture
async def worker(admin: Cluster, real_cluster: RealCluster, tmp_path: Path) -> AsyncIterator[Cluster]:
    """The core's worker, once policy and rights are in force."""
    async with acting_as(real_cluster, "airunway-worker", tmp_path, namespace=SYSTEM_NAMESPACE) as cluster:
        await until_in_force(cluster)
        yield cluster


async def until_in_force(cluster: Cluster) -> None:
    """Refused for the policy, and no longer let through, nor refused for want of a right."""
    async with asyncio.timeout(90):
        while True:
            try:
                await cluster.create(APPS_DEPLOYMENTS, builder() | {"metadata": {"name": "any"}}, **THERE)
            except Forbidden as err:
                if ONLY_THE_BUILDER in str(err):
                    return
            except AlreadyExists:
                pass
            await asyncio.sleep(0.2)


THERE = {"namespace": BUILDER_NAMESPACE}


def builder(*, rootless: bool = False, empty_dir: bool = False) -> dict[str, Any]:
    options = ClusterOptions(rootless=rootless, empty_dir=empty_dir)
    made = builder_objects(options, image=IMAGE, certificate="c")
    (deployment,) = [obj for obj in made if obj["kind"] == "Deployment"]
    return copy.deepcopy(deployment)


def changed(path: str, value: Any) -> dict[str, Any]:
    """The builder with a field of it set, or a list of it longer."""
    obj = builder()
    *steps, last = path.strip("/").split("/")
    owner: Any = obj
    for step in steps:
        owner = owner[int(step) if isinstance(owner, list) else step]
    if isinstance(owner, list):
        owner.append(value) if last == "-" else owner.__setitem__(int(last), value)
    else:
        owner[last] = value
    return obj


HOSTILE = {
    "another image": (f"{_CONTAINER}/image", "docker.io/evil/buildkit:v1"),
    "an image that is called alike": (f"{_CONTAINER}/image", "docker.io/moby/buildkit-evil:v1"),
    "a command": (f"{_CONTAINER}/command", ["sh", "-c", "id"]),
    "an argument": (f"{_CONTAINER}/args/-", "--oci-worker-binary=/x"),
    "a variable": (f"{_CONTAINER}/env", [{"name": "LD_PRELOAD", "value": "/certs/x"}]),
    "variables of a Secret": (f"{_CONTAINER}/envFrom", [{"secretRef": {"name": "x"}}]),
    "a hook": (f"{_CONTAINER}/lifecycle", {"postStart": {"exec": {"command": ["id"]}}}),
    "a probe": (f"{_CONTAINER}/readinessProbe/exec/command", ["sh", "-c", "id"]),
    "a startup probe": (f"{_CONTAINER}/startupProbe", {"exec": {"command": ["id"]}}),
    "a host port": (f"{_CONTAINER}/ports/0/hostPort", 1234),
    "a mount": (f"{_CONTAINER}/volumeMounts/-", {"name": "certs", "mountPath": "/x"}),
    "capabilities": (f"{_CONTAINER}/securityContext/capabilities", {"add": ["SYS_ADMIN"]}),
    "another container": (f"{_POD}/containers/-", {"name": "x", "image": IMAGE}),
    "an init container": (f"{_POD}/initContainers", [{"name": "x", "image": IMAGE}]),
    "an account": (f"{_POD}/serviceAccountName", "airunway-worker"),
    "a token": (f"{_POD}/automountServiceAccountToken", True),
    "the node's network": (f"{_POD}/hostNetwork", True),
    "the node's processes": (f"{_POD}/hostPID", True),
    "a node": (f"{_POD}/nodeName", "control-plane"),
    "the node's files": (f"{_POD}/volumes/0", {"name": "cache", "hostPath": {"path": "/"}}),
    "another volume": (f"{_POD}/volumes/-", {"name": "x", "hostPath": {"path": "/"}}),
    "another claim": (
        f"{_POD}/volumes/0",
        {"name": "cache", "persistentVolumeClaim": {"claimName": "other"}},
    ),
    "another Secret": (f"{_POD}/volumes/2/secret/secretName", "other"),
    "a projected token": (
        f"{_POD}/volumes/2",
        {"name": "certs", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
    ),
}


@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=list(HOSTILE))
async def test_the_worker_makes_nothing_there_but_the_builder(
    worker: Cluster, hostile: tuple[str, Any]
) -> None:
    with pytest.raises(Forbidden, match="the builder's"):
        await worker.apply(APPS_DEPLOYMENTS, changed(*hostile), field_manager="test")


@pytest.mark.parametrize("empty_dir", [False, True], ids=["claim", "space of the node"])
@pytest.mark.parametrize("rootless", [False, True], ids=["privileged", "rootless"])
async def test_the_builder_itself_is_let_in_in_every_flavour(
    worker: Cluster, rootless: bool, empty_dir: bool
) -> None:
    made = builder(rootless=rootless, empty_dir=empty_dir)

    await worker.apply(APPS_DEPLOYMENTS, made, field_manager="test")


async def test_the_worker_makes_it_and_keeps_what_an_administrator_added(
    worker: Cluster, admin: Cluster
) -> None:
    login = ClusterRegistryLogin(worker, namespace=SYSTEM_NAMESPACE, lifetime=timedelta(days=30))
    services = BuildServices(worker, ClusterOptions(), digests=NoDigests(), logins=[login])
    with pytest.raises(BuilderNotReady):
        await services.ensure_builder()
    added: list[dict[str, Any]] = [
        {"op": "add", "path": f"{_POD}/nodeSelector", "value": {"disk": "fast"}},
        {"op": "add", "path": f"{_CONTAINER}/env", "value": [{"name": "HTTPS_PROXY", "value": "http://p:1"}]},
    ]
    await admin.patch(APPS_DEPLOYMENTS, BUILDER, added, content_type=JSON_PATCH, **THERE)  # type: ignore[arg-type]

    with pytest.raises(BuilderNotReady):
        await services.ensure_builder()

    live = await admin.get(APPS_DEPLOYMENTS, BUILDER, **THERE)
    pod = live["spec"]["template"]["spec"]
    assert (pod["nodeSelector"], pod["containers"][0]["env"][0]["name"]) == ({"disk": "fast"}, "HTTPS_PROXY")
    with pytest.raises(Forbidden):
        other = [{"op": "replace", "path": f"{_CONTAINER}/env/0/value", "value": "http://evil:1"}]
        await worker.patch(APPS_DEPLOYMENTS, BUILDER, other, content_type=JSON_PATCH, **THERE)  # type: ignore[arg-type]


async def test_a_providers_worker_makes_nothing_there(
    admin: Cluster, worker: Cluster, real_cluster: RealCluster, tmp_path: Path
) -> None:
    """Its role grants Deployments in every namespace, and this one admits privileged pods."""
    async with acting_as(
        real_cluster, "airunway-vllm-provider", tmp_path, namespace=SYSTEM_NAMESPACE
    ) as provider:
        await until_in_force(provider)
        with pytest.raises(Forbidden, match=ONLY_THE_BUILDER):
            await provider.apply(APPS_DEPLOYMENTS, builder(), field_manager="test")


async def test_the_control_plane_and_administrators_do_their_work_there(
    admin: Cluster, worker: Cluster
) -> None:
    await worker.apply(APPS_DEPLOYMENTS, builder(), field_manager="test")
    async with asyncio.timeout(90):
        while not (await admin.listing(PODS, **THERE)).items:  # the controllers make the Deployment's pod
            await asyncio.sleep(0.2)

    job = {"metadata": {"name": "any"}, "spec": {"template": builder()["spec"]["template"]}}
    job["spec"]["template"]["spec"]["restartPolicy"] = "Never"
    await admin.create(JOBS, job, **THERE)
    await admin.delete(JOBS, "any", **THERE)
