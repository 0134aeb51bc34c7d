"""The registry in the cluster is looked after though nothing is built."""

from __future__ import annotations

import base64
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.model_image.pull_secrets import PullSecrets
from airunway.activities.model_image.records import ModelImageRecords
from airunway.activities.model_image.room import RegistryRoom
from airunway.activities.model_image.upkeep import RegistryUpkeep
from airunway.api.crd import model_deployment_crd
from airunway.api.names import (
    API_VERSION,
    DEPLOYMENT_KIND,
    PRIVATE_PULLS,
    PULL_SECRET,
    REGISTRY,
    REGISTRY_LOGIN,
)
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, DEPLOYMENTS, SECRETS, Object
from airunway.clients.registry.storage import ModelImageStorage
from airunway.modelimage.records import ImageRecord, RecordState
from airunway.modelimage.retention import RoomLimits
from tests.activities.build_services_site import BuildServicesSite

DIGEST = "sha256:" + "d" * 64
LIMITS = RoomLimits(
    unused_for=timedelta(days=1000), registry_bytes=10**9, namespace_share=0.5, builds_per_namespace=2
)


class Kept:
    """A registry that was made, and its upkeep."""

    def __init__(self, site: BuildServicesSite) -> None:
        self.site = site
        self.records = ModelImageRecords(site.cluster, namespace=site.namespace, clock=lambda: site.now)
        self.pull_secrets = PullSecrets(site.cluster, site.logins_of(PRIVATE_PULLS), "localhost:30501")
        self.upkeep = RegistryUpkeep(
            cluster=site.cluster,
            keeper=site.keeper(),
            room=RegistryRoom(
                cluster=site.cluster,
                records=self.records,
                storage=ModelImageStorage("127.0.0.1:1"),
                limits=LIMITS,
                owned=True,
            ),
            records=self.records,
            pull_secrets=self.pull_secrets,
        )

    async def run_private(self, name: str, digest: str = DIGEST) -> Object:
        """A deployment that runs a private image of the namespace."""
        space = self.site.namespace
        record = ImageRecord(
            state=RecordState.BUILT,
            name=f"private/{space}/aikit-x",
            bytes=1,
            digest=digest,
            since=self.site.now,
            used=self.site.now,
        )
        await self.records.change(lambda _: {digest[7:]: record})
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": name},
            "spec": {"model": {"id": "acme/x"}},
        }
        made = await self.site.cluster.create(DEPLOYMENTS, body, namespace=space)
        image = f"localhost:30501/{record.name}@{digest}"
        status = {"status": {"image": {"requested": image, "resolved": image, "source": "custom"}}}
        await self.site.cluster.patch(DEPLOYMENTS, name, status, namespace=space, subresource="status")
        return made

    async def secret(self, name: str) -> Any:
        return await self.site.cluster.find(SECRETS, name, namespace=self.site.namespace)


@pytest_asyncio.fixture
async def kept(given: BuildServicesSite) -> Kept:
    await apply_crd(given.cluster, model_deployment_crd(), field_manager="test")
    await given.begin_registry()
    await given.come_up(REGISTRY)
    return Kept(given)


async def test_both_logins_are_renewed_in_their_turn_and_the_pod_goes_on(kept: Kept) -> None:
    before = {name: await kept.secret(name) for name in (REGISTRY_LOGIN, PRIVATE_PULLS)}
    pod = await kept.site.annotations(REGISTRY)
    await kept.upkeep.once()
    assert {name: await kept.secret(name) for name in before} == before, "nothing is due yet"

    kept.site.now += timedelta(days=30)
    await kept.upkeep.once()

    for name, old in before.items():
        lines, had = (
            base64.b64decode(each["data"]["htpasswd"]).decode().splitlines()
            for each in (await kept.secret(name), old)
        )
        assert (len(lines), lines[1]) == (2, had[0]), "the one before is good still"
    assert await kept.site.annotations(REGISTRY) == pod


@pytest.mark.parametrize("name", [REGISTRY_LOGIN, PRIVATE_PULLS])
async def test_what_was_withdrawn_is_made_again_and_the_pod_started_with_it(kept: Kept, name: str) -> None:
    pod = await kept.site.annotations(REGISTRY)
    await kept.site.cluster.patch(SECRETS, name, {"data": None}, namespace=kept.site.namespace)

    await kept.upkeep.once()

    assert (await kept.secret(name))["data"]
    assert (await kept.site.annotations(REGISTRY))["airunway.ai/login"] != pod["airunway.ai/login"]


async def test_where_no_registry_was_made_none_is(given: BuildServicesSite) -> None:
    await apply_crd(given.cluster, model_deployment_crd(), field_manager="test")
    kept = Kept(given)

    await kept.upkeep.once()

    assert await given.cluster.find(APPS_DEPLOYMENTS, REGISTRY, namespace=given.namespace) is None
    assert "data" not in await kept.secret(REGISTRY_LOGIN)


async def test_a_namespaces_secret_gets_the_login_of_the_new_key_once_that_is_used(kept: Kept) -> None:
    made = await kept.run_private("chat")
    await kept.pull_secrets.ensure(kept.site.namespace, [made])
    before = await kept.secret(PULL_SECRET)

    kept.site.now += timedelta(days=30)
    await kept.upkeep.once()
    assert (await kept.secret(PULL_SECRET))["data"] == before["data"], "kubelets have yet to bring the key"
    kept.site.now += timedelta(hours=1)
    await kept.upkeep.once()

    after = await kept.secret(PULL_SECRET)
    assert after["data"] != before["data"]
    assert [owner["uid"] for owner in after["metadata"]["ownerReferences"]] == [made["metadata"]["uid"]]


async def test_a_secret_that_somebody_took_away_comes_back_while_a_deployment_runs_the_image(
    kept: Kept,
) -> None:
    made = await kept.run_private("chat")

    await kept.upkeep.once()

    secret = await kept.secret(PULL_SECRET)
    assert [owner["uid"] for owner in secret["metadata"]["ownerReferences"]] == [made["metadata"]["uid"]]


async def test_a_namespace_that_runs_none_of_its_images_is_given_no_secret(kept: Kept) -> None:
    await kept.run_private("chat")
    await kept.site.cluster.patch(
        DEPLOYMENTS,
        "chat",
        {"status": {"image": None}},
        namespace=kept.site.namespace,
        subresource="status",
    )

    await kept.upkeep.once()

    assert await kept.secret(PULL_SECRET) is None


async def test_what_a_tenant_put_in_its_place_does_not_keep_other_things_from_being_done(
    kept: Kept,
) -> None:
    """A Secret of another type, which cannot be changed."""
    await kept.run_private("chat")
    body = {"metadata": {"name": PULL_SECRET}, "type": "Opaque", "immutable": True}
    await kept.site.cluster.create(SECRETS, body, namespace=kept.site.namespace)
    kept.site.now += timedelta(days=30)

    await kept.upkeep.once()

    lines = base64.b64decode((await kept.secret(REGISTRY_LOGIN))["data"]["htpasswd"]).splitlines()
    assert len(lines) == 2
