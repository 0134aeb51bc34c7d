"""Waiting until an operator that was just installed works: CRDs served, pods ready."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from time import monotonic

from airunway.activities.installation.failures import refused
from airunway.activities.installation.heartbeats import StepLines
from airunway.activities.installation.probe import InstallationProbe
from airunway.clients.backoff import Backoff
from airunway.installation.plan import InstallationPlan
from airunway.messages.installation import ReadyAnswer


async def await_operator(
    probe: InstallationProbe, plan: InstallationPlan, *, patience: timedelta, say: StepLines
) -> ReadyAnswer:
    """The operator once it counts as installed. Raises a failure when `patience` is at its end."""
    begun, backoff, before = monotonic(), Backoff(first=0.1, maximum=3.0), ""
    while True:
        _, status = await probe.status(plan)
        seen = status.seen
        if status.installed:
            waiting = await probe.not_served(plan.metadata)
            if not waiting:
                return ReadyAnswer(state=status.state.value, installed=True, message=seen)
            seen = f"CRD {', '.join(waiting)} is not established"
        if seen != before:
            before = seen
            say(before)
        if monotonic() - begun > patience.total_seconds():
            raise refused(
                "OperatorNotReady",
                f"the operator of {plan.provider} is not ready after "
                f"{patience.total_seconds():.0f} s: {seen}",
            )
        await asyncio.sleep(backoff.next_delay())
