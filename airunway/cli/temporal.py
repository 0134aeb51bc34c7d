"""Temporal as commands use it: they do not wait for it, and say in one line when it is not there."""

from __future__ import annotations

import asyncio

from temporalio.client import Client

from airunway.cli.problems import CliError
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from airunway.workers.temporal.target import target_of

PATIENCE_SECONDS = 5.0
REFUSALS = ("Unauthenticated", "PermissionDenied", "CertificateRequired", "CertificateUnknown", "UnknownCA")
"""In errors of the SDK's core, which come as text only."""


async def temporal_client(settings: Settings) -> Client:
    """A client, or CliError when Temporal does not answer soon."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await connect(settings, patient=False)
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
