"""Behind a gate that wants keys or certificates and gives no operator's rights, deployments work."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from contextlib import AsyncExitStack

import pytest
from temporalio.client import Client

from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from airunway.workers.temporal.identity import person_identity
from airunway.workers.temporal.search_attributes import OURS, SearchAttributes
from tests.connection.conftest import Site
from tests.servers.certificates import make_certificates
from tests.servers.temporal_proxy import TemporalProxy


def settings(site: Site, address: str, **given: object) -> Settings:
    return Settings.model_validate(
        {
            "temporal_address": address,
            "temporal_namespace": site.namespace,
            "temporal_ca_file": site.certificates.ca,
            "temporal_environment": False,
            **given,
        }
    )


async def test_a_deployment_runs_with_a_key_and_without_an_operators_rights(site: Site) -> None:
    key = site.folder / "key"
    key.write_text("k1\n")

    async with (
        site.gate(keys={"k1"}) as gate,
        site.system(gate.address, temporal_api_key_file=key) as system,
    ):
        await system.running("chat")

    assert set(gate.refused) == {"AddSearchAttributes"}, "asked for once, refused, and gone on without"
    host = os.environ.get("POD_NAME") or socket.gethostname()
    assert {f"airunway-worker/{host}", f"airunway-watcher/{host}"} <= gate.identities


async def test_a_rotated_key_is_taken_over_before_the_old_one_ends(site: Site) -> None:
    key = site.folder / "key"
    key.write_text("old")
    async with (
        site.gate(keys={"old", "new"}) as gate,
        site.system(gate.address, temporal_api_key_file=key) as system,
    ):
        await system.running("before")

        key.write_text("new")
        await until(gate, ("new", "PollWorkflowTaskQueue"))
        gate.keys = {"new"}
        await system.running("after")
        await system.edit("before", {"spec": {"scaling": {"replicas": 2}}})
        await system.until(lambda: system.server("before")["spec"]["replicas"] == 2, "two replicas")

        assert gate.used["new", "RespondWorkflowTaskCompleted"]


async def until(gate: TemporalProxy, call: tuple[str, str]) -> None:
    async with asyncio.timeout(90):  # a poll that waits ends after a minute
        while not gate.used[call]:
            await asyncio.sleep(0.05)


async def test_a_key_that_ended_before_its_successor_came_costs_time_only(site: Site) -> None:
    key = site.folder / "key"
    key.write_text("old")
    async with (
        site.gate(keys={"old"}) as gate,
        site.system(gate.address, temporal_api_key_file=key) as system,
    ):
        await system.running("before")

        gate.keys = {"new"}
        await system.deploy("after")
        async with asyncio.timeout(90):
            while not gate.refused["SignalWithStartWorkflowExecution"]:
                await asyncio.sleep(0.05)
        key.write_text("new")

        await system.serve("after")
        await system.until_phase("after", "Running")


async def test_an_attribute_that_somebody_adds_is_found_at_the_next_look(site: Site) -> None:
    async with site.gate(keys={"k1"}) as gate:
        (site.folder / "key").write_text("k1")
        client = await connect(settings(site, gate.address, temporal_api_key_file=site.folder / "key"))
        attributes = SearchAttributes(client)
        assert await attributes.refresh(), "a refusal is an answer"
        assert attributes.known == frozenset()

        by_hand = SearchAttributes(site.operator)
        await by_hand.refresh()
        await attributes.refresh()

        assert attributes.known == set(OURS) == by_hand.known


async def test_a_wrong_key_is_refused(site: Site) -> None:
    async with site.gate(keys={"k1"}) as gate:
        (site.folder / "key").write_text("wrong-key")

        given = settings(site, gate.address, temporal_api_key_file=site.folder / "key")
        with pytest.raises(CliError, match="does not accept our API key") as caught:
            await temporal_client(given)

    assert "wrong-key" not in str(caught.value)


async def test_rotated_certificates_are_taken_over(site: Site) -> None:
    mine = make_certificates(site.folder)
    given = {
        "temporal_ca_file": mine.ca,
        "temporal_cert_file": mine.client_cert,
        "temporal_key_file": mine.client_key,
    }
    async with AsyncExitStack() as renewed_gate, AsyncExitStack() as first_gate:
        first = await first_gate.enter_async_context(site.gate(keys=None, certificates=mine))
        async with site.system(first.address, **given) as system:
            await system.running("before")

            # Another authority: whoever still shows the old certificate is refused.
            (site.folder / "renewed").mkdir()
            renewed = make_certificates(site.folder / "renewed")
            await first_gate.aclose()
            gate = site.gate(keys=None, certificates=renewed, port=first.port)
            await renewed_gate.enter_async_context(gate)
            for name in ("ca", "client_cert", "client_key"):
                shutil.copy(getattr(renewed, name), getattr(mine, name))
            await system.running("after")


async def test_without_a_certificate_nobody_comes_in(site: Site) -> None:
    async with site.gate(keys=None) as gate:
        with pytest.raises(RuntimeError):
            await connect(settings(site, gate.address, temporal_tls=True), patient=False)


@pytest.mark.parametrize("site", [pytest.param("real", marks=pytest.mark.real)], indirect=True)
async def test_a_deployment_runs_on_a_real_server_with_mutual_tls(site: Site) -> None:
    async with site.system(site.upstream, **site.past_the_gate) as system:
        await system.running("chat")

        client = await connect(system.settings)

    assert client.identity == person_identity()
    with pytest.raises(RuntimeError):
        await Client.connect(site.upstream, tls=False)
