"""The end of a deployment: its upstream objects are deleted, then it is let go."""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

from airunway.api.names import is_provider_finalizer, providers_of
from airunway.api.status import Phase
from airunway.messages.deployment import (
    REMOVE_FINALIZERS,
    WRITE_STATUS,
    EventSpec,
    FinalizerRequest,
    Observation,
    StatusRequest,
)
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.pacing import Pacing
from airunway.workflows.model_deployment.status_writer import StatusWriter
from airunway.workflows.model_deployment.upstream import Upstream
from airunway.workflows.steps import call

TERMINATING_POLL = timedelta(seconds=5)


class Deletion:
    """What a deployment that is being deleted waits for."""

    def __init__(
        self,
        ref: DeploymentRef,
        state: DeploymentState,
        inbox: Inbox,
        pacing: Pacing,
        *,
        upstream: Upstream,
        writer: StatusWriter,
    ) -> None:
        self._ref, self._state, self._inbox, self._pacing = ref, state, inbox, pacing
        self._upstream, self._writer = upstream, writer

    async def proceed(self, seen: Observation, deleted_at: datetime) -> bool:
        """Go on with it; whether the deployment was let go: after the time limit in any case."""
        if not any(is_provider_finalizer(entry) for entry in seen.finalizers):
            return True
        if seen.provider is not None and seen.provider.externally_managed:
            words = f"the controller of provider {seen.provider.name} deletes its objects"
            self._pacing.wait(words, self._pacing.resync)
            return False
        self._pacing.wait("deleting the upstream objects", TERMINATING_POLL)
        if self._state.status.phase is not Phase.TERMINATING:
            self._state.status.phase = Phase.TERMINATING
            await self._writer.write()
        left = timedelta(seconds=self._pacing.limits.finalizer_timeout) - (workflow.now() - deleted_at)
        remaining: list[str] | None = None
        if left > timedelta(0):
            provider = self._state.provider or providers_of(seen.finalizers)[0]
            answer = await self._upstream.release(seen, provider, within=left)
            if answer is None and self._inbox.is_stale(seen):
                self._inbox.ask()
                return False
            remaining = answer.remaining if answer is not None else None
        if remaining:
            self._pacing.wait(f"waiting until gone: {', '.join(remaining)}", min(TERMINATING_POLL, left))
            return False
        if remaining is None:
            await self._warn_of_orphans(seen)
        await call(
            REMOVE_FINALIZERS,
            FinalizerRequest(ref=self._ref, uid=seen.uid),
            summary="remove the finalizer",
        )
        return True

    async def _warn_of_orphans(self, seen: Observation) -> None:
        orphans = ", ".join(f"{entry.kind} {entry.name}" for entry in self._state.applied)
        words = (
            f"upstream objects not gone after {self._pacing.limits.finalizer_timeout:.0f} s; the finalizer is"
            f" removed all the same, which leaves behind: {orphans or 'nothing known'}"
        )
        warning = EventSpec(reason="FinalizerTimeout", message=words, warning=True)
        await call(
            WRITE_STATUS,
            StatusRequest(ref=self._ref, uid=seen.uid, status=None, events=[warning]),
            summary="finalizer time limit passed",
        )
