"""The login of the registry in the cluster: made, renewed, withdrawn; and who is not given it."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from airunway.activities.model_image.errors import RegistryNotReady
from airunway.api.names import REGISTRY, REGISTRY_LOGIN
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIG_MAPS,
    SECRETS,
)
from airunway.clients.registry.errors import RegistryUnavailable
from tests.activities.build_services_site import BuildServicesSite


async def test_what_nodes_reach_mounts_the_images_read_only_and_knows_no_login(
    given: BuildServicesSite,
) -> None:
    await given.begin_registry()

    pod = (await given.get(APPS_DEPLOYMENTS, REGISTRY))["spec"]["template"]["spec"]

    (pulls,) = [container for container in pod["containers"] if container["name"] == "pulls"]
    assert {mount["name"]: (mount["readOnly"], mount.get("subPath")) for mount in pulls["volumeMounts"]} == {
        "registry-data": (True, "public"),
        "config": (True, None),
    }
    config = json.loads((await given.get(CONFIG_MAPS, f"{REGISTRY}-config"))["data"]["reader.yml"])
    assert config["storage"]["maintenance"] == {"readonly": {"enabled": True}}
    assert config["http"]["addr"] == ":5001"
    (login,) = [volume["secret"] for volume in pod["volumes"] if volume["name"] == "login"]
    assert [item["key"] for item in login["items"]] == ["htpasswd"], "hashes only"


async def test_a_login_is_made_and_kept(given: BuildServicesSite) -> None:
    await given.begin_registry()
    first = await given.login()
    assert await given.knows(first)

    given.now += timedelta(days=29)
    await given.begin_registry()

    assert await given.login() == first
    assert first.password not in repr(first)


async def test_a_renewed_login_is_used_only_when_the_pod_knows_it_and_the_old_one_stays_good(
    given: BuildServicesSite,
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


async def test_an_emptied_secret_is_a_new_login_that_the_pod_is_started_again_for(
    given: BuildServicesSite,
) -> None:
    await given.begin_registry()
    first, pod = await given.login(), await given.annotations(REGISTRY)
    await given.cluster.patch(SECRETS, REGISTRY_LOGIN, {"data": None}, namespace=given.namespace)

    await given.begin_registry()

    assert await given.login() != first
    assert not await given.knows(first)
    assert (await given.annotations(REGISTRY))["airunway.ai/login"] != pod["airunway.ai/login"]


async def test_without_the_secret_of_the_manifests_nothing_listens(given: BuildServicesSite) -> None:
    await given.cluster.delete(SECRETS, REGISTRY_LOGIN, namespace=given.namespace)

    with pytest.raises(RegistryUnavailable, match="comes empty with the manifests"):
        await given.keeper().ensure_registry()

    assert await given.cluster.find(APPS_DEPLOYMENTS, REGISTRY, namespace=given.namespace) is None


async def test_room_is_freed_by_a_start_and_only_by_one(given: BuildServicesSite) -> None:
    await given.begin_registry()
    with pytest.raises(RegistryNotReady):
        await given.keeper().ensure_registry(freed_at="2026-05-01")
    freed = await given.annotations(REGISTRY)

    await given.begin_registry()

    assert freed["airunway.ai/freed-at"] == "2026-05-01"
    assert await given.annotations(REGISTRY) == freed
