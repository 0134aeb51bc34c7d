"""What the server shows, and certificates that somebody else looks after."""

from __future__ import annotations

import asyncio
import ssl
from datetime import UTC, datetime, timedelta

import pytest

from airunway.api import names
from airunway.clients.certificates import CERTIFICATE_LIFETIME
from airunway.clients.kubernetes import SECRETS
from airunway.webhook.certificates import CertificateMaterial
from airunway.webhook.tls import CertificateUnusable
from tests.webhook.replica import HOST, Replica
from tests.webhook.store import installed


async def test_without_rotation_nothing_is_written() -> None:
    store = installed()
    made = await Replica(store).reconcile()
    store.writes.clear()
    replica = Replica(store, rotation=False)

    await replica.reconcile(after=CERTIFICATE_LIFETIME - timedelta(days=1))

    assert replica.served.material == made
    assert replica.keeper.trusted
    assert store.writes == []


async def test_without_rotation_a_missing_or_broken_secret_is_said() -> None:
    store = installed()
    replica = Replica(store, rotation=False)
    store.put(SECRETS, names.WEBHOOK_SECRET, {"data": {"tls.crt": "bm8=", "tls.key": "bm8="}})
    with pytest.raises(CertificateUnusable, match="cannot be served"):
        await replica.reconcile()

    store.remove(SECRETS, names.WEBHOOK_SECRET)
    with pytest.raises(CertificateUnusable, match="is missing"):
        await replica.reconcile()


async def test_a_running_server_shows_the_new_certificate_to_new_connections() -> None:
    replica = Replica(installed())
    replica.now = datetime.now(UTC) - CERTIFICATE_LIFETIME * 2 / 3  # the client's clock is the real one
    first = await replica.reconcile()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0, ssl=replica.served.context)
    async with server:
        port = server.sockets[0].getsockname()[1]
        assert await shown(port, first) == der(first)
        second = await replica.reconcile(after=CERTIFICATE_LIFETIME * 2 / 3)
        assert await shown(port, second) == der(second) != der(first)


async def test_a_certificate_that_cannot_be_served_changes_nothing() -> None:
    replica = Replica(installed())
    good = await replica.reconcile()

    with pytest.raises(CertificateUnusable):
        replica.served.load(CertificateMaterial(certificate=good.certificate, key=b"no key"))

    assert replica.served.material == good


async def shown(port: int, trusted: CertificateMaterial) -> bytes:
    """The certificate that a client gets that trusts an authority; it checks the name, not the dates."""
    context = ssl.create_default_context(cadata=trusted.authorities.decode())
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname=HOST)
    certificate: bytes = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    await writer.wait_closed()
    return certificate


def der(material: CertificateMaterial) -> bytes:
    return ssl.PEM_cert_to_DER_cert(material.certificate.decode())
