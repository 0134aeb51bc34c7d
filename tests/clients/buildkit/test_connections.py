"""A daemon is reached by TCP, by TLS that both sides check, and by a unix socket."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from airunway.clients.buildkit import BuilderUnreachable, BuildKit, BuildKitEndpoint
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from tests.clients.buildkit.world import SECRETS, TOKEN, World
from tests.servers import buildkitd
from tests.servers.buildkitd import Buildkitd
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.fixtures import require
from tests.servers.hub import Hub


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="module")
def closed_daemon(certificates: Certificates) -> Iterator[Buildkitd]:
    require(buildkitd.why_missing())
    with Buildkitd(tls=certificates) as daemon:
        yield daemon


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub() as running:
        yield running


def trusted(daemon: Buildkitd, certificates: Certificates) -> BuildKitEndpoint:
    return BuildKitEndpoint(
        address=daemon.address,
        ca_file=certificates.ca,
        cert_file=certificates.client_cert,
        key_file=certificates.client_key,
        server_name="localhost",
    )


@pytest.mark.real
async def test_a_build_works_over_tls_that_both_sides_check(
    hub: Hub, closed_daemon: Buildkitd, certificates: Certificates
) -> None:
    async with PretendRegistry() as registry, BuildKit(trusted(closed_daemon, certificates)) as builder:
        world = World(hub, closed_daemon, registry.host)
        image = world.image(world.model({"a.gguf": os.urandom(300_000)}, token=TOKEN), auth_secret="HF")

        built = await builder.build(
            image, push_to=f"{registry.host}/x:1", ref="tls", insecure=True, secrets=SECRETS
        )

        assert built.digest == registry.digest("x", "1")


@pytest.mark.real
async def test_without_a_certificate_of_ours_the_daemon_does_not_listen(
    closed_daemon: Buildkitd, certificates: Certificates
) -> None:
    nameless = replace(trusted(closed_daemon, certificates), cert_file=None, key_file=None)

    async with BuildKit(nameless) as builder:
        with pytest.raises(BuilderUnreachable):
            await builder.info()


@pytest.mark.real
async def test_a_daemon_that_another_authority_vouches_for_is_not_trusted(
    closed_daemon: Buildkitd, certificates: Certificates, tmp_path: Path
) -> None:
    other = replace(trusted(closed_daemon, certificates), ca_file=make_certificates(tmp_path).ca)

    async with BuildKit(other) as builder:
        with pytest.raises(BuilderUnreachable, match="does not answer"):
            await builder.info()


@pytest.mark.real
async def test_a_daemon_of_another_name_is_not_trusted(
    closed_daemon: Buildkitd, certificates: Certificates
) -> None:
    other = replace(trusted(closed_daemon, certificates), server_name="somebody.else")

    async with BuildKit(other) as builder:
        with pytest.raises(BuilderUnreachable):
            await builder.info()


@pytest.mark.real
async def test_the_real_daemon_answers_on_its_unix_socket(real_buildkitd: Buildkitd) -> None:
    async with BuildKit(BuildKitEndpoint(address=real_buildkitd.unix_address)) as builder:
        assert (await builder.info()).workers


async def test_the_pretend_daemon_answers_on_its_unix_socket(tmp_path: Path) -> None:
    async with PretendBuildKit(socket=tmp_path / "s") as daemon:
        assert daemon.address
        async with BuildKit(BuildKitEndpoint(address=f"unix://{tmp_path / 's'}")) as builder:
            assert (await builder.info()).workers


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    missing = BuildKitEndpoint(address="tcp://127.0.0.1:1", ca_file=tmp_path / "no-such.pem")

    with pytest.raises(BuilderUnreachable, match=r"no-such\.pem"):
        async with BuildKit(missing):
            pass
