"""Registry and builder in the cluster: made once, repaired, waited for, and left alone when not ours."""

from __future__ import annotations

import asyncio

import pytest

from airunway.activities.model_image.errors import BuilderNotReady, PrivateModel, RegistryNotReady
from airunway.api.names import BUILDER, REGISTRY, REGISTRY_PULL
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIG_MAPS,
    SECRETS,
)
from airunway.modelimage.builder_objects import BUILDER_CERTIFICATES
from tests.activities.build_services_site import CLAIMS, DIGEST, POLICIES, SERVICES, BuildServicesSite


async def test_the_registry_is_made_and_waited_for(given: BuildServicesSite) -> None:
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


async def test_what_was_deleted_is_freed_before_the_registry_listens(given: BuildServicesSite) -> None:
    await given.begin_registry()

    pod = (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["template"]["spec"]

    (collector,) = pod["initContainers"]
    writers = [one for one in pod["containers"] if one["name"] in ("registry", "private")]
    assert collector["command"][-1].count("registry garbage-collect") == len(writers)
    for writer in writers:
        assert writer["command"][-1] in collector["command"][-1], "what is written to is collected"
        assert all(collector[field] == writer[field] for field in ("image", "securityContext"))
        assert all(mount in collector["volumeMounts"] for mount in writer["volumeMounts"])


async def test_making_it_again_changes_nothing(given: BuildServicesSite) -> None:
    keeper = given.keeper()
    await given.begin_registry()
    await given.come_up(REGISTRY)
    before = await given.get(APPS_DEPLOYMENTS, REGISTRY)
    given.digests.reachable = False

    await keeper.ensure_registry()

    after = await given.get(APPS_DEPLOYMENTS, REGISTRY)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]


async def test_what_somebody_changed_is_repaired(given: BuildServicesSite) -> None:
    await given.begin_registry()
    patch = {"spec": {"replicas": 0}}
    await given.cluster.patch(APPS_DEPLOYMENTS, REGISTRY, patch, namespace=given.namespace)

    await given.begin_registry()

    assert (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["replicas"] == 1


async def test_somebody_elses_registry_is_used_as_it_is(given: BuildServicesSite) -> None:
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


async def test_without_volumes_nothing_is_claimed(given: BuildServicesSite) -> None:
    await given.begin_registry(empty_dir=True)

    assert (await given.cluster.listing(CLAIMS, namespace=given.namespace)).items == []


async def test_readers_are_let_in_and_nobody_else(given: BuildServicesSite) -> None:
    await given.begin_registry(registry_readers=["10.0.0.0/8"])

    rules = (await given.get(POLICIES, REGISTRY))["spec"]["ingress"]
    by_port = {rule["ports"][0]["port"]: rule["from"] for rule in rules}
    assert by_port.keys() == {5000, 5001, 5002, 5003}
    assert {"ipBlock": {"cidr": "10.0.0.0/8"}} in by_port.pop(5001)
    assert not [peer for peers in by_port.values() for peer in peers if "ipBlock" in peer]


async def test_the_builder_takes_only_clients_with_a_certificate(given: BuildServicesSite) -> None:
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


async def test_the_rootless_builder_has_no_privileges(given: BuildServicesSite) -> None:
    await given.begin_builder(rootless=True)

    container = await given.container(BUILDER)
    assert container["image"].partition("@")[0].endswith("-rootless")
    assert "privileged" not in container["securityContext"]
    assert container["securityContext"]["runAsNonRoot"] is True


async def test_two_workers_agree_on_the_certificates(given: BuildServicesSite) -> None:
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


async def test_a_missing_secret_is_said(given: BuildServicesSite) -> None:
    await given.cluster.delete(SECRETS, BUILDER_CERTIFICATES, namespace=given.builder_namespace)

    with pytest.raises(BuilderNotReady, match="comes empty with the manifests"):
        await given.keeper().ensure_builder()


async def test_a_claim_that_is_there_is_never_changed(given: BuildServicesSite) -> None:
    await given.begin_registry()

    await given.begin_registry(registry_volume="200Gi", storage_class="fast")

    claim = await given.get(CLAIMS, f"{REGISTRY}-data")
    assert claim["spec"]["resources"]["requests"]["storage"] == "100Gi"


async def test_somebody_elses_registry_is_given_no_private_image(given: BuildServicesSite) -> None:
    """It has no side that tells namespaces apart."""
    keeper = given.keeper()
    await keeper.refuse_foreign_registry()
    await given.begin_registry()
    await keeper.refuse_foreign_registry()
    body = await given.get(APPS_DEPLOYMENTS, REGISTRY)
    await given.cluster.delete(APPS_DEPLOYMENTS, REGISTRY, namespace=given.namespace)
    made = {"metadata": {"name": REGISTRY}, "spec": body["spec"]}
    await given.cluster.create(APPS_DEPLOYMENTS, made, namespace=given.namespace, field_manager="somebody")

    with pytest.raises(PrivateModel, match="made by somebody else"):
        await keeper.refuse_foreign_registry()
