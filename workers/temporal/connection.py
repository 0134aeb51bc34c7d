"""A client for the settings, and its credentials kept as fresh as the files they come from."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog
from temporalio.client import Client, Interceptor

from airunway.clients.backoff import Backoff, retry
from airunway.clients.errors import error_text
from airunway.workers.settings import Settings
from airunway.workers.temporal.converter import data_converter
from airunway.workers.temporal.identity import person_identity
from airunway.workers.temporal.service import RenewableService, open_connection
from airunway.workers.temporal.target import Credentials, InvalidConnection, read_credentials, target_of
from airunway.workers.temporal.telemetry import runtime_for, tracing
from airunway.workers.temporal_outage import ask_by, temporal_outage

if TYPE_CHECKING:
    from temporalio.worker import Worker  # which the command line never loads

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 5.0


async def connect(
    settings: Settings,
    *,
    identity: str | None = None,
    patient: bool = True,
    interceptors: Sequence[Interceptor] = (),
) -> Client:
    """A client for the settings. `patient`: say so in one line and try again until Temporal answers.

    `identity`: who we are in histories; absent: the person who runs this.

    Raises RuntimeError or OSError when it cannot be reached and `patient` is false, InvalidConnection when
    the settings cannot work.
    """

    address = target_of(settings).address
    outage = temporal_outage(address)
    client = await retry(
        lambda: _connect_once(settings, identity or person_identity(), interceptors),
        on=(RuntimeError, OSError) if patient else (),
        backoff=Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS),
        failed=lambda err, _: outage.begins(err),
    )
    outage.ends()
    if patient:
        ask_by(client, address)
    return client


async def _connect_once(settings: Settings, identity: str, interceptors: Sequence[Interceptor]) -> Client:
    target = target_of(settings)
    credentials = read_credentials(target)
    connection = await open_connection(target, credentials, identity=identity, runtime=runtime_for(settings))
    return Client(
        RenewableService(connection, credentials),
        namespace=target.namespace,
        data_converter=data_converter(settings),
        interceptors=[*interceptors, *tracing(settings)],
    )


async def follow_credentials(client: Client, settings: Settings, *, workers: Sequence[Worker] = ()) -> None:
    """Take over what changes in the files of key and certificates, until cancelled.

    `client` comes from `connect`. What cannot be read or is not accepted is said once, and the connection of
    now stays until it can.
    """
    said = ""
    while True:
        await asyncio.sleep(settings.temporal_credentials_check.total_seconds())
        try:
            fresh = await asyncio.to_thread(lambda: read_credentials(target_of(settings)))
            await _renew(client, settings, fresh, workers)
            said = ""
        except (InvalidConnection, RuntimeError, OSError) as err:
            problem = _first_line(err)
            if problem != said:
                _log.warning("new credentials for Temporal cannot be used; the old ones stay", error=problem)
            said = problem


async def _renew(client: Client, settings: Settings, fresh: Credentials, workers: Sequence[Worker]) -> None:
    service = client.service_client
    if not isinstance(service, RenewableService):
        raise TypeError("the client does not come from connect()")
    before = service.credentials
    if fresh == before:
        return
    if fresh.tls != before.tls:
        identity, runtime = service.config.identity, service.config.runtime
        target = target_of(settings)
        service.replace(await open_connection(target, fresh, identity=identity, runtime=runtime), fresh)
        for worker in workers:
            worker.client = worker.client  # the same client; the worker asks it for its connection
        _log.info("connected to Temporal anew, with the certificates of now")
        return
    client.api_key, client.rpc_metadata = fresh.api_key, fresh.metadata
    service.credentials = fresh
    _log.info("the API key for Temporal was renewed")


def _first_line(err: Exception) -> str:
    return error_text(err).splitlines()[0][:200]
