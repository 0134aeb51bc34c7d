"""Temporal as commands use it: they do not wait for it, and say in one line when it is not there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from temporalio.service import WorkflowService

from airunway.cli.problems import CliError
from airunway.workers.command_settings import CommandSettings
from airunway.workers.temporal.identity import person_identity
from airunway.workers.temporal.service import open_connection
from airunway.workers.temporal.silent_runtime import silent_runtime
from airunway.workers.temporal.target import read_credentials, target_of

if TYPE_CHECKING:
    from temporalio.client import Client

    from airunway.workers.settings import Settings

PATIENCE_SECONDS = 5.0
REFUSALS = ("Unauthenticated", "PermissionDenied", "CertificateRequired", "CertificateUnknown", "UnknownCA")
"""In errors of the SDK's core, which come as text only."""


@dataclass(frozen=True)
class Visibility:
    """A Temporal namespace that is only looked at."""

    namespace: str
    workflow_service: WorkflowService


async def temporal_client(settings: Settings) -> Client:
    """A client, or CliError when Temporal does not answer soon."""
    from airunway.workers.temporal.connection import connect  # with the SDK's whole client

    async with _patience(settings):
        return await connect(settings, patient=False)


async def visibility(settings: CommandSettings) -> Visibility:
    """A connection for questions alone, which loads a third of what the client loads. Raises as that does."""
    target = target_of(settings)
    async with _patience(settings):
        connection = await open_connection(
            target, read_credentials(target), identity=person_identity(), runtime=silent_runtime()
        )
    return Visibility(target.namespace, connection.workflow_service)


@asynccontextmanager
async def _patience(settings: CommandSettings) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield
    except (RuntimeError, OSError, TimeoutError) as err:
        if any(word in str(err) for word in REFUSALS):
            raise CliError(
                f"Temporal at {target_of(settings).address} does not accept our API key, certificate or "
                f"namespace: {str(err).splitlines()[0]}"
            ) from err
        raise CliError(
            f"Temporal does not answer at {target_of(settings).address}; start it, "
            "or set AIRUNWAY_TEMPORAL_ADDRESS"
        ) from err
