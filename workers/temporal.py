"""Connection to Temporal: client, converter, search attributes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client, Interceptor
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from airunway.clients.backoff import Backoff, retry
from airunway.messages.deployment_workflow import SEARCH_ATTRIBUTES
from airunway.workers.settings import Settings
from airunway.workers.temporal_outage import ask_by, core_logging, temporal_outage

_log = structlog.get_logger(__name__)

FIRST_DELAY_SECONDS = 1.0
MAX_DELAY_SECONDS = 5.0


async def connect(
    settings: Settings, *, patient: bool = True, interceptors: Sequence[Interceptor] = ()
) -> Client:
    """A client for the settings. `patient`: say so in one line and try again until Temporal answers.

    Raises RuntimeError or OSError when it cannot be reached and `patient` is false.
    """

    outage = temporal_outage(settings.temporal_address)
    client = await retry(
        lambda: _connect_once(settings, interceptors),
        on=(RuntimeError, OSError) if patient else (),
        backoff=Backoff(first=FIRST_DELAY_SECONDS, maximum=MAX_DELAY_SECONDS),
        failed=lambda err, _: outage.begins(err),
    )
    outage.ends()
    if patient:
        ask_by(client, settings.temporal_address)
    return client


async def _connect_once(settings: Settings, interceptors: Sequence[Interceptor]) -> Client:
    return await Client.connect(
        settings.temporal_address,
        namespace=settings.temporal_namespace,
        tls=settings.temporal_tls,
        api_key=_api_key(settings),
        data_converter=pydantic_data_converter,
        runtime=_runtime(settings.metrics_port),
        interceptors=list(interceptors),
    )


async def ensure_search_attributes(client: Client) -> bool:
    """Add our search attributes to the namespace; false when the server will not have them.

    A workflow that sets an unknown search attribute is stuck, so the watcher passes the answer on to each.
    """
    wanted = {key.name: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD for key in SEARCH_ATTRIBUTES}
    try:
        there = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
        missing = {name: kind for name, kind in wanted.items() if name not in there.custom_attributes}
        if missing:
            await client.operator_service.add_search_attributes(
                AddSearchAttributesRequest(namespace=client.namespace, search_attributes=missing)
            )
    except RPCError as err:
        if err.status is RPCStatusCode.ALREADY_EXISTS:
            return True
        _log.warning(
            "search attributes are not available; deployments cannot be searched by phase",
            error=str(err),
        )
        return False
    return True


@cache
def _runtime(metrics_port: int) -> Runtime:
    """One runtime for the process, which serves the SDK's metrics (`/metrics`) when a port is set."""
    metrics = None
    if metrics_port:
        metrics = PrometheusConfig(bind_address=f"0.0.0.0:{metrics_port}", durations_as_seconds=True)
    return Runtime(telemetry=TelemetryConfig(logging=core_logging(), metrics=metrics))


def _api_key(settings: Settings) -> str | None:
    path = settings.temporal_api_key_file
    return path.read_text().strip() if path else None
