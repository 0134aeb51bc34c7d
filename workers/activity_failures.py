"""Counts attempts of activities that failed, by their kind of error; inline ones as well."""

from __future__ import annotations

import asyncio
from typing import Any

import temporalio.client
from temporalio import activity
from temporalio.exceptions import ApplicationError, CancelledError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

from airunway.messages.failures import NOT_SERVED_HERE
from airunway.metrics.families import ACTIVITY_FAILURES
from airunway.metrics.labels import FewValues

_ACTIVITIES, _ERRORS = FewValues(), FewValues()
"""Errors have their names from providers, too, which other people may write."""


class ActivityFailures(temporalio.client.Interceptor, Interceptor):
    """Every activity of a worker passes here first. Workers take it from their client."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the counter before an activity."""
        return _Counted(next)


class _Counted(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        """Do it, and count what it raises. Being cancelled, or sent to another queue, is no failure."""
        try:
            return await super().execute_activity(input)
        except (CancelledError, asyncio.CancelledError):
            raise
        except Exception as err:
            kind = (err.type if isinstance(err, ApplicationError) else None) or type(err).__name__
            if kind != NOT_SERVED_HERE:
                name = _ACTIVITIES.take(activity.info().activity_type)
                ACTIVITY_FAILURES.labels(name, _ERRORS.take(kind)).inc()
            raise
