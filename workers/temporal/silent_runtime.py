"""The SDK's core without its log, for who says by itself what went wrong.

Apart from `telemetry`, whose runtime logs and measures, and which a list of deployments need not load.
"""

from __future__ import annotations

from functools import cache

from temporalio.runtime import Runtime, TelemetryConfig


@cache
def silent_runtime() -> Runtime:
    """One for the process: each has threads, and one that is dropped by a thread of its own panics."""
    return Runtime(telemetry=TelemetryConfig(logging=None))
