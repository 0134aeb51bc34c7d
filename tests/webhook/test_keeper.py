"""The certificate in the Secret, in the configurations and in the server, whatever happens to any of them."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import pytest

from airunway.api import names
from airunway.clients.certificates import CERTIFICATE_LIFETIME
from airunway.clients.errors import ClientError, Conflict, Forbidden
from airunway.clients.kubernetes import SECRETS
from airunway.webhook.certificates import CertificateMaterial
from airunway.webhook.keeper import MUTATING, VALIDATING
from tests.webhook.replica import Replica
from tests.webhook.store import FakeStore, installed


@pytest.fixture
def store() -> FakeStore:
    return installed()


@pytest.fixture
def replica(store: FakeStore) -> Replica:
    return Replica(store)


def in_secret(store: FakeStore) -> CertificateMaterial:
    return CertificateMaterial.from_secret(store.read(SECRETS, names.WEBHOOK_SECRET).get("data"))


def bundles(store: FakeStore) -> set[bytes]:
    found = [
        *store.read(MUTATING, names.MUTATING_CONFIGURATION)["webhooks"],
        *store.read(VALIDATING, names.VALIDATING_CONFIGURATION)["webhooks"],
    ]
    return {base64.b64decode(webhook["clientConfig"].get("caBundle", "")) for webhook in found}


async def test_the_first_reconcile_makes_injects_and_serves(store: FakeStore, replica: Replica) -> None:
    assert not replica.keeper.trusted

    material = await replica.reconcile()

    assert in_secret(store) == material
    assert bundles(store) == {material.authorities}
    assert replica.keeper.trusted
    assert set(store.read(SECRETS, names.WEBHOOK_SECRET)["data"]) == {
        "ca.crt",
        "ca.key",
        "tls.crt",
        "tls.key",
    }


async def test_nothing_is_written_while_nothing_is_due(store: FakeStore, replica: Replica) -> None:
    await replica.reconcile()
    store.writes.clear()

    await replica.reconcile(after=timedelta(days=30))

    assert store.writes == []


async def test_the_certificate_is_renewed_well_before_it_expires(replica: Replica) -> None:
    first = await replica.reconcile()

    second = await replica.reconcile(after=CERTIFICATE_LIFETIME * 2 / 3)

    assert second.certificate != first.certificate
    assert second.authorities == first.authorities
    assert replica.keeper.trusted


async def test_another_replica_takes_over_what_one_has_renewed(store: FakeStore) -> None:
    one, other = Replica(store), Replica(store)
    await one.reconcile()
    await other.reconcile()
    renewed = await one.reconcile(after=CERTIFICATE_LIFETIME * 2 / 3)

    await other.reconcile(after=CERTIFICATE_LIFETIME * 2 / 3)

    assert other.served.material == renewed
    assert other.keeper.trusted


async def test_of_two_that_start_at_once_one_makes_the_certificate(store: FakeStore) -> None:
    slow, fast = Replica(store), Replica(store)

    async def be_faster(_: str) -> None:
        await fast.reconcile()

    store.before_write = be_faster
    await slow.reconcile()

    assert slow.served.material == fast.served.material == in_secret(store)
    assert store.writes.count("secrets") == 2  # the fast one's, and the slow one's that was refused
    assert slow.keeper.trusted and fast.keeper.trusted


async def test_many_at_once_agree(store: FakeStore) -> None:
    replicas = [Replica(store) for _ in range(4)]

    await asyncio.gather(*(replica.reconcile() for replica in replicas))

    assert {replica.served.material.certificate for replica in replicas} == {in_secret(store).certificate}
    assert all(replica.keeper.trusted for replica in replicas)


async def test_a_late_replica_does_not_put_an_old_authority_back(store: FakeStore) -> None:
    slow, fast = Replica(store), Replica(store)
    await slow.reconcile()
    await fast.reconcile()

    async def be_faster(_: str) -> None:
        store.put(SECRETS, names.WEBHOOK_SECRET, {"data": {}})
        await fast.reconcile()

    store.before_write = be_faster
    store.put(MUTATING, names.MUTATING_CONFIGURATION, {"webhooks": [{"name": "w", "clientConfig": {}}]})
    await slow.reconcile()  # wants to inject the authority it read

    assert bundles(store) == {in_secret(store).authorities} == {fast.served.material.authorities}
    assert slow.served.material == fast.served.material


@pytest.mark.parametrize("kept", [{}, {"ca.crt", "ca.key"}, {"tls.crt", "tls.key"}, {"ca.crt", "tls.crt"}])
@pytest.mark.parametrize("broken", ["", "bm90aGluZw==", "%%%"], ids=["empty", "no PEM", "no base64"])
async def test_broken_content_is_replaced(
    store: FakeStore, replica: Replica, kept: set[str], broken: str
) -> None:
    await replica.reconcile()
    data = store.read(SECRETS, names.WEBHOOK_SECRET)["data"]
    store.put(
        SECRETS, names.WEBHOOK_SECRET, {"data": {key: data[key] if key in kept else broken for key in data}}
    )

    material = await replica.reconcile()

    assert in_secret(store) == material
    assert replica.keeper.trusted


async def test_a_key_of_another_certificate_is_replaced() -> None:
    store, other = installed(), installed()
    replica = Replica(store)
    await replica.reconcile()
    await Replica(other).reconcile()
    data = store.read(SECRETS, names.WEBHOOK_SECRET)["data"]
    data["tls.key"] = other.read(SECRETS, names.WEBHOOK_SECRET)["data"]["tls.key"]
    store.put(SECRETS, names.WEBHOOK_SECRET, {"data": data})

    await replica.reconcile()

    assert in_secret(store).key != base64.b64decode(data["tls.key"])


async def test_a_new_authority_leaves_the_old_one_trusted_for_a_day(store: FakeStore) -> None:
    one, other = Replica(store), Replica(store)
    before = await one.reconcile()
    await other.reconcile()
    store.put(SECRETS, names.WEBHOOK_SECRET, {"data": {}})

    after = await one.reconcile()

    assert after.authorities.endswith(before.authorities)  # `other` still serves that one's certificate
    assert other.keeper.trusted
    await other.reconcile()
    last = await one.reconcile(after=timedelta(days=2))
    assert after.authorities == last.authorities + before.authorities
    assert bundles(store) == {last.authorities}
    assert one.keeper.trusted


async def test_an_authority_is_replaced_in_time(replica: Replica) -> None:
    first = await replica.reconcile()

    second = await replica.reconcile(after=timedelta(days=3500))

    assert not second.authorities.startswith(first.authorities)
    assert replica.keeper.trusted


async def test_a_removed_bundle_is_put_back(store: FakeStore, replica: Replica) -> None:
    material = await replica.reconcile()
    store.put(VALIDATING, names.VALIDATING_CONFIGURATION, {"webhooks": [{"name": "w", "clientConfig": {}}]})

    await replica.reconcile()

    assert bundles(store) == {material.authorities}


async def test_without_a_configuration_there_is_no_trust(store: FakeStore) -> None:
    configuration = store.read(MUTATING, names.MUTATING_CONFIGURATION)
    store.remove(MUTATING, names.MUTATING_CONFIGURATION)
    replica = Replica(store)

    await replica.reconcile()

    assert not replica.keeper.trusted
    store.put(MUTATING, names.MUTATING_CONFIGURATION, configuration)
    await replica.reconcile()
    assert replica.keeper.trusted


async def test_a_missing_secret_is_made(store: FakeStore) -> None:
    store.remove(SECRETS, names.WEBHOOK_SECRET)
    replica = Replica(store)

    assert await replica.reconcile() == in_secret(store)


async def test_an_expired_certificate_is_not_trusted(replica: Replica) -> None:
    await replica.reconcile()

    replica.now += CERTIFICATE_LIFETIME

    assert not replica.keeper.trusted


async def test_a_certificate_is_served_only_when_it_is_trusted(store: FakeStore, replica: Replica) -> None:
    before = await replica.reconcile()
    store.put(SECRETS, names.WEBHOOK_SECRET, {"data": {}})

    async def not_allowed(plural: str) -> None:
        async def refuse(_: str) -> None:
            raise Forbidden("no right to patch", status=403)

        store.before_write = refuse

    store.before_write = not_allowed  # the Secret is written, the configuration is not
    with pytest.raises(Forbidden):
        await replica.reconcile()

    assert replica.served.material == before
    assert replica.keeper.trusted
    await replica.reconcile()
    assert replica.served.material == in_secret(store) != before


async def test_endless_conflicts_are_an_error_not_a_loop(store: FakeStore) -> None:
    async def conflict(_: str) -> None:
        store.before_write = conflict
        raise Conflict("changed", status=409)

    store.before_write = conflict
    with pytest.raises(ClientError, match="all the time"):
        await Replica(store).reconcile()
