"""Temporal, as a part that may be away (`clients.outages`): how it is asked, and who misses it."""

from __future__ import annotations

import logging
from datetime import timedelta

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.runtime import LogForwardingConfig, LoggingConfig, TelemetryFilter
from temporalio.service import RPCError, RPCStatusCode

from airunway.clients.outages import OUTAGES, PROBE_SECONDS, TEMPORAL, Outage
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of

CORE_LOGGER = "temporalio.core"
"""What the SDK's core logs of its own, which it would print by itself otherwise, past our format."""

NO_ANSWER = {
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    RPCStatusCode.UNKNOWN,
    RPCStatusCode.INTERNAL,
}


def core_logging() -> LoggingConfig:
    """The core's lines, as records of CORE_LOGGER: each poller writes one when it misses the server."""
    logger = logging.getLogger(CORE_LOGGER)
    forwarding = LogForwardingConfig(logger, prepend_target_on_message=False)
    return LoggingConfig(TelemetryFilter(core_level="WARN", other_level="ERROR"), forwarding=forwarding)


def temporal_outage(address: str) -> Outage:
    """Where errors go that may be an outage of Temporal."""
    return OUTAGES.part(TEMPORAL, address)


ASK_EVERY_SECONDS = 15.0
"""Pollers wait for a minute and more: without asking, a Temporal that stands still would not be noticed."""


def ask_by(client: Client, address: str) -> None:
    """Have this client ask for signs of life, from now on."""

    async def probe() -> None:
        request = DescribeNamespaceRequest(namespace=client.namespace)
        try:
            await client.workflow_service.describe_namespace(
                request, timeout=timedelta(seconds=PROBE_SECONDS)
            )
        except RPCError as err:
            if err.status in NO_ANSWER:
                raise

    temporal_outage(address).add(probe)


async def keep_asking(settings: Settings) -> None:
    """Ask every now and then, until cancelled. Once a process, after it connected."""
    await temporal_outage(target_of(settings).address).keep_asking(ASK_EVERY_SECONDS)
