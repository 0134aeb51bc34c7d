"""Registry and builder in the cluster: made once, repaired, waited for, and left alone when not ours."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import bcrypt
import pytest
import pytest_asyncio

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.errors import BuilderNotReady, RegistryNotReady
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.api.names import BUILDER, REGISTRY, REGISTRY_LOGIN, REGISTRY_PULL
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, NAMESPACES, PODS, SECRETS, Cluster, Object, Resource
from airunway.clients.registry.client import ResolvedReference
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.builder_objects import BUILDER_CERTIFICATES
from airunway.modelimage.cluster_options import ClusterOptions
from kube_emulator import EmulatedCluster

SERVICES = Resource("v1", "services")
CLAIMS = Resource("v1", "persistentvolumeclaims")
CONFIG_MAPS = Resource("v1", "configmaps")
POLICIES = Resource("networking.k8s.io/v1", "networkpolicies")
DIGEST = "sha256:" + "a" * 64


class Digests:
    """Knows every tag, or none."""

    def __init__(self) -> None:
        self.reachable = True

    async def resolve(self, reference: str) -> ResolvedReference:
        if not self.reachable:
            raise RegistryUnavailable(f"{reference}: away")
        return ResolvedReference(digest=DIGEST)


class Given:
    """A cluster, and what is wanted in it. The test plays the kubelet."""

    def __init__(self, cluster: Cluster, namespace: str, *, controllers: bool) -> None:
        self.cluster, self.namespace, self.digests = cluster, namespace, Digests()
        self.controllers = controllers
        self.now = datetime(2026, 5, 1, tzinfo=UTC)

    def keeper(self, **options: Any) -> BuildServices:
        wanted = ClusterOptions(**{"namespace": self.namespace, "node_port": 0, **options})
        login = ClusterRegistryLogin(
            self.cluster, namespace=self.namespace, lifetime=timedelta(days=30), clock=lambda: self.now
        )
        return BuildServices(self.cluster, wanted, digests=self.digests, login=login)

    async def begin_registry(self, **options: Any) -> None:
        """Make the registry, whose pod is not up yet."""
        with pytest.raises(RegistryNotReady):
            await self.keeper(**options).ensure_registry()

    async def begin_builder(self, **options: Any) -> None:
        """Make the builder, whose pod is not up yet."""
        with pytest.raises(BuilderNotReady):
            await self.keeper(**options).ensure_builder()

    async def get(self, kind: Resource, name: str) -> Object:
        return await self.cluster.get(kind, name, namespace=self.namespace)

    async def come_up(self, name: str) -> None:
        """Say that the Deployment's pod is ready, or of what controllers made of it that they are."""
        if not self.controllers:
            live = await self.get(APPS_DEPLOYMENTS, name)
            status = {"replicas": 1, "updatedReplicas": 1, "readyReplicas": 1}
            status["observedGeneration"] = live["metadata"]["generation"]
            await self._say(APPS_DEPLOYMENTS, name, status)
            return
        async with asyncio.timeout(60):
            while (await self.get(APPS_DEPLOYMENTS, name)).get("status", {}).get("readyReplicas") != 1:
                pods = await self.cluster.listing(
                    PODS, namespace=self.namespace, label_selector=f"app={name}"
                )
                ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
                for pod in pods.items:
                    await self._say(PODS, pod["metadata"]["name"], ready)
                await asyncio.sleep(0.1)

    async def _say(self, kind: Resource, name: str, status: Object) -> None:
        await self.cluster.patch(
            kind, name, {"status": status}, namespace=self.namespace, subresource="status"
        )

    async def container(self, name: str) -> Object:
        deployment = await self.get(APPS_DEPLOYMENTS, name)
        return dict(deployment["spec"]["template"]["spec"]["containers"][0])

    async def annotations(self, name: str) -> Object:
        """Of the Deployment's pod."""
        deployment = await self.get(APPS_DEPLOYMENTS, name)
        return dict(deployment["spec"]["template"]["metadata"]["annotations"])

    async def login(self) -> RegistryCredentials:
        """What the worker pushes with now."""
        return await ClusterRegistryLogin(
            self.cluster, namespace=self.namespace, lifetime=timedelta(days=30), clock=lambda: self.now
        ).current()

    async def knows(self, login: RegistryCredentials) -> bool:
        """Whether the registry's pod lets a login in, by what is mounted there."""
        secret = await self.get(SECRETS, REGISTRY_LOGIN)
        lines = base64.b64decode(secret["data"]["htpasswd"]).decode().splitlines()
        hashes = dict(line.split(":", 1) for line in lines)
        known = hashes.get(login.user, "")
        return bool(known) and bcrypt.checkpw(login.password.encode(), known.encode())


@pytest_asyncio.fixture(params=["emulated", pytest.param("real", marks=pytest.mark.real)])
async def given(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Given]:
    emulated = None
    if request.param == "real":
        kubeconfig = request.getfixturevalue("real_kubeconfig")
    else:
        emulated = EmulatedCluster()
        await emulated.start(0)
        kubeconfig = emulated.kubeconfig(tmp_path / "kubeconfig")
    namespace = f"images-{tmp_path.name[-20:].strip('_-').replace('_', '-').lower()}"
    async with await Cluster.connect(kubeconfig) as cluster:
        try:
            await cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
        except AlreadyExists:
            pytest.fail(f"namespace {namespace} is left over")
        for name in (BUILDER_CERTIFICATES, REGISTRY_LOGIN):
            await cluster.create(SECRETS, {"metadata": {"name": name}}, namespace=namespace)
        yield Given(cluster, namespace, controllers=emulated is None)
        if emulated is None:
            await cluster.delete(NAMESPACES, namespace)
    if emulated is not None:
        await emulated.stop()


async def test_the_registry_is_made_and_waited_for(given: Given) -> None:
    keeper = given.keeper()
    with pytest.raises(RegistryNotReady, match=REGISTRY):
        await keeper.ensure_registry()

    await given.come_up(REGISTRY)

    assert "is ready" in await keeper.ensure_registry()
    container = await given.container(REGISTRY)
    assert container["image"] == f"docker.io/library/registry:3@{DIGEST}"
    pushes, pulls = await given.get(SERVICES, REGISTRY), await given.get(SERVICES, REGISTRY_PULL)
    assert (pushes["spec"]["type"], pushes["spec"]["ports"][0]["targetPort"]) == ("ClusterIP", 5000)
    assert (pulls["spec"]["type"], pulls["spec"]["ports"][0]["targetPort"]) == ("NodePort", 5001)
    claim = await given.get(CLAIMS, f"{REGISTRY}-data")
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"


async def test_what_was_deleted_is_freed_before_the_registry_listens(given: Given) -> None:
    await given.begin_registry()

    pod = (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["template"]["spec"]

    (collector,), (registry, _) = pod["initContainers"], pod["containers"]
    assert "registry garbage-collect" in collector["command"][-1]
    for field in ("image", "securityContext", "volumeMounts"):
        assert collector[field] == registry[field]


async def test_making_it_again_changes_nothing(given: Given) -> None:
    keeper = given.keeper()
    await given.begin_registry()
    await given.come_up(REGISTRY)
    before = await given.get(APPS_DEPLOYMENTS, REGISTRY)
    given.digests.reachable = False

    await keeper.ensure_registry()

    after = await given.get(APPS_DEPLOYMENTS, REGISTRY)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_what_somebody_changed_is_repaired(given: Given) -> None:
    await given.begin_registry()
    patch = {"spec": {"replicas": 0}}
    await given.cluster.patch(APPS_DEPLOYMENTS, REGISTRY, patch, namespace=given.namespace)

    await given.begin_registry()

    assert (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["replicas"] == 1


async def test_somebody_elses_registry_is_used_as_it_is(given: Given) -> None:
    labels = {"app": REGISTRY}
    theirs = {
        "metadata": {"name": REGISTRY, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "containers": [{"name": "registry", "image": "registry:2"}],
                    "volumes": [{"name": "registry-data", "emptyDir": {}}],
                },
            },
        },
    }
    await given.cluster.create(APPS_DEPLOYMENTS, theirs, namespace=given.namespace)
    await given.come_up(REGISTRY)

    await given.keeper().ensure_registry()

    assert (await given.container(REGISTRY))["image"] == "registry:2"


async def test_without_volumes_nothing_is_claimed(given: Given) -> None:
    await given.begin_registry(empty_dir=True)

    assert (await given.cluster.listing(CLAIMS, namespace=given.namespace)).items == []


async def test_readers_are_let_in_and_nobody_else(given: Given) -> None:
    await given.begin_registry(registry_readers=["10.0.0.0/8"])

    pushes, pulls = (await given.get(POLICIES, REGISTRY))["spec"]["ingress"]
    assert {"ipBlock": {"cidr": "10.0.0.0/8"}} in pulls["from"]
    assert pushes["ports"] == [{"port": 5000, "protocol": "TCP"}]
    assert not [peer for peer in pushes["from"] if "ipBlock" in peer]


async def test_the_builder_takes_only_clients_with_a_certificate(given: Given) -> None:
    keeper = given.keeper()
    with pytest.raises(BuilderNotReady, match=BUILDER):
        await keeper.ensure_builder()
    await given.come_up(BUILDER)

    assert "is ready" in await keeper.ensure_builder()

    container = await given.container(BUILDER)
    assert "--tlscacert=/certs/ca.crt" in container["args"]
    assert container["securityContext"] == {"privileged": True}
    deployment = await given.get(APPS_DEPLOYMENTS, BUILDER)
    (secret,) = [v for v in deployment["spec"]["template"]["spec"]["volumes"] if v["name"] == "certs"]
    mounted = {item["key"] for item in secret["secret"]["items"]}
    assert mounted == {"ca.crt", "tls.crt", "tls.key"}, "no key of the authority or of the client"
    toml = (await given.get(CONFIG_MAPS, f"{BUILDER}-config"))["data"]["buildkitd.toml"]
    assert "gcpolicy" in toml and "http = true" in toml
    assert (await given.get(SERVICES, BUILDER))["spec"]["ports"][0]["port"] == 1234


async def test_the_rootless_builder_has_no_privileges(given: Given) -> None:
    await given.begin_builder(rootless=True)

    container = await given.container(BUILDER)
    assert container["image"].partition("@")[0].endswith("-rootless")
    assert "privileged" not in container["securityContext"]
    assert container["securityContext"]["runAsNonRoot"] is True


async def test_two_workers_agree_on_the_certificates(given: Given) -> None:
    keepers = [given.keeper() for _ in range(4)]

    results = await asyncio.gather(*(keeper.ensure_builder() for keeper in keepers), return_exceptions=True)

    assert all(isinstance(result, Exception) for result in results)
    with pytest.raises(BuilderNotReady):
        await keepers[0].ensure_builder()
    secret = await given.get(SECRETS, BUILDER_CERTIFICATES)
    async with keepers[1].client_files() as files:
        assert {name: path.exists() for name, path in files.items()} == {
            "ca": True,
            "cert": True,
            "key": True,
        }
        kept = files["key"]
    assert not kept.exists(), "keys are on the disk no longer than they are needed"
    assert secret["data"].keys() == {"ca.crt", "ca.key", "tls.crt", "tls.key", "client.crt", "client.key"}


async def test_a_missing_secret_is_said(given: Given) -> None:
    await given.cluster.delete(SECRETS, BUILDER_CERTIFICATES, namespace=given.namespace)

    with pytest.raises(BuilderNotReady, match="comes empty with the manifests"):
        await given.keeper().ensure_builder()


async def test_a_claim_that_is_there_is_never_changed(given: Given) -> None:
    await given.begin_registry()

    await given.begin_registry(registry_volume="200Gi", storage_class="fast")

    claim = await given.get(CLAIMS, f"{REGISTRY}-data")
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"


# -- the login -----------------------------------------------------------------------------------------------


async def test_what_nodes_reach_mounts_the_images_read_only_and_knows_no_login(given: Given) -> None:
    await given.begin_registry()

    pod = (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["template"]["spec"]

    _, pulls = pod["containers"]
    assert {mount["name"]: mount["readOnly"] for mount in pulls["volumeMounts"]} == {
        "registry-data": True,
        "config": True,
    }
    config = json.loads((await given.get(CONFIG_MAPS, f"{REGISTRY}-config"))["data"]["reader.yml"])
    assert config["storage"]["maintenance"] == {"readonly": {"enabled": True}}
    assert config["http"]["addr"] == ":5001"
    (login,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "login"]
    assert [item["key"] for item in login["items"]] == ["htpasswd"], "hashes only"


async def test_a_login_is_made_and_kept(given: Given) -> None:
    await given.begin_registry()
    first = await given.login()
    assert await given.knows(first)

    given.now += timedelta(days=29)
    await given.begin_registry()

    assert await given.login() == first
    assert first.password not in repr(first)


async def test_a_renewed_login_is_used_only_when_the_pod_knows_it_and_the_old_one_stays_good(
    given: Given,
) -> None:
    await given.begin_registry()
    first, pod = await given.login(), await given.annotations(REGISTRY)

    given.now += timedelta(days=30)
    await given.begin_registry()
    assert await given.login() == first, "kubelets have yet to bring the new one"
    given.now += timedelta(minutes=10)
    second = await given.login()

    assert second != first
    assert await given.knows(first) and await given.knows(second), (
        "a build that began with the old one goes on"
    )
    assert await given.annotations(REGISTRY) == pod, "nothing that is being pushed is cut off"
    given.now += timedelta(days=30)
    await given.begin_registry()
    assert not await given.knows(first)


async def test_an_emptied_secret_is_a_new_login_that_the_pod_is_started_again_for(given: Given) -> None:
    await given.begin_registry()
    first, pod = await given.login(), await given.annotations(REGISTRY)
    await given.cluster.patch(SECRETS, REGISTRY_LOGIN, {"data": None}, namespace=given.namespace)

    await given.begin_registry()

    assert await given.login() != first
    assert not await given.knows(first)
    assert (await given.annotations(REGISTRY))["airunway.ai/login"] != pod["airunway.ai/login"]


async def test_without_the_secret_of_the_manifests_nothing_listens(given: Given) -> None:
    await given.cluster.delete(SECRETS, REGISTRY_LOGIN, namespace=given.namespace)

    with pytest.raises(RegistryUnavailable, match="comes empty with the manifests"):
        await given.keeper().ensure_registry()

    assert await given.cluster.find(APPS_DEPLOYMENTS, REGISTRY, namespace=given.namespace) is None


async def test_room_is_freed_by_a_start_and_only_by_one(given: Given) -> None:
    await given.begin_registry()
    with pytest.raises(RegistryNotReady):
        await given.keeper().ensure_registry(freed_at="2026-05-01")
    freed = await given.annotations(REGISTRY)

    await given.begin_registry()

    assert freed["airunway.ai/freed-at"] == "2026-05-01"
    assert await given.annotations(REGISTRY) == freed
