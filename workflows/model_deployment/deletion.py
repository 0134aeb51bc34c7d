"""The end of a deployment: its upstream objects are deleted, then it is let go.

Each change is an ordinary activity, so that it stays in the history whatever becomes of the task that ends
the run. Whether the run may end is for the workflow to see: only when the object is known to be gone.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from temporalio import workflow

from airunway.api.conditions import find_condition
from airunway.api.names import is_provider_finalizer, providers_of
from airunway.api.status import Phase
from airunway.messages.decision import Observation
from airunway.messages.deployment import REMOVE_FINALIZERS, EventSpec, FinalizerRequest
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import ReleaseAnswer
from airunway.workflows.model_deployment.gateway import LEFT_BEHIND, DeploymentGateway
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.pacing import Pacing, doubled
from airunway.workflows.model_deployment.status_updates import set_condition
from airunway.workflows.model_deployment.status_writer import StatusWriter
from airunway.workflows.model_deployment.upstream import Upstream
from airunway.workflows.steps import call

FIRST_POLL_DELAY = timedelta(seconds=5)
MAX_POLL_DELAY = timedelta(seconds=30)
"""Deletions of upstream objects are signalled; polling makes up for kinds that nobody follows."""
_BEING_DELETED = "being deleted: its upstream objects go first"
_REFUSED = "its upstream objects cannot be deleted: "


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
        gateway: DeploymentGateway,
        writer: StatusWriter,
        journal: JournalWriter,
    ) -> None:
        self._ref, self._state, self._inbox, self._pacing = ref, state, inbox, pacing
        self._upstream, self._gateway = upstream, gateway
        self._writer, self._journal = writer, journal
        self._polls = 0
        self._remaining: list[str] = []
        self._released = ""
        """Uid of the object whose upstream objects are gone."""
        self.let_go = ""
        """Uid of the object whose finalizers were taken off in this run."""

    async def proceed(self, seen: Observation, deleted_at: datetime) -> None:
        """Go on with it as far as that is possible now; in the end the finalizer is taken off."""
        if not any(is_provider_finalizer(entry) for entry in seen.finalizers):
            others = ", ".join(seen.finalizers) or "nobody; it is gone in a moment"
            self._pacing.rest(f"let go; still held by: {others}")
            return
        if seen.holder is not None and seen.holder.externally_managed:
            self._pacing.rest(f"the controller of provider {seen.holder.name} deletes its objects")
            return
        await self._show_terminating()
        left = timedelta(seconds=self._pacing.limits.finalizer_timeout) - (workflow.now() - deleted_at)
        is_unpublished = await self._gateway.remove(seen.uid, within=left)  # first: no route leads to nothing
        answer = await self._release(seen, left)
        if answer is None and self._inbox.is_stale(seen):
            self._inbox.ask()
            return
        if answer is not None and answer.remaining:
            self._wait_for(answer.remaining, left)
            await self._tell_what_refuses(answer.remaining)
            return
        self._released = seen.uid if answer is not None else ""
        if not is_unpublished:
            if left > timedelta(0):
                cause = self._gateway.kept_by
                remaining = ["what publishes it behind the Gateway" + (f" ({cause})" if cause else "")]
                self._wait_for(remaining, left)
                await self._tell_what_refuses(remaining)
                return
            self._warn(LEFT_BEHIND)
        if answer is None:
            self._warn_of_orphans()
        if answer is None or not is_unpublished:
            await self._writer.write_events(seen.uid)
        await self._let_go(seen)

    async def _show_terminating(self) -> None:
        self._pacing.step = "deleting the upstream objects"
        if self._state.status.phase is not Phase.TERMINATING:
            self._state.status.phase = Phase.TERMINATING
            self._state.status.replicas = None  # nobody counts what goes; autoscalers read none
            self._polls, self._remaining = 0, []
            await self._say(_BEING_DELETED)

    async def _say(self, words: str) -> None:
        """What a person should know; that it served is not so any more."""
        state = self._state
        state.finding, state.failure, state.status.message = "", None, words
        if find_condition(state.conditions, "Ready") is not None:
            set_condition(state, "Ready", "False", "Terminating", words, now=workflow.now())
        await self._writer.write()

    async def _release(self, seen: Observation, left: timedelta) -> ReleaseAnswer | None:
        """None: not done within the time that is left."""
        if left <= timedelta(0):
            return ReleaseAnswer() if self._released == seen.uid else None
        provider = self._state.provider or providers_of(seen.finalizers)[0]
        answer = await self._upstream.release(seen, provider, within=left)
        if answer is not None and answer.deleted:
            self._journal.record("Deleted", ", ".join(answer.deleted), why="the deployment is being deleted")
        return answer

    def _wait_for(self, remaining: list[str], left: timedelta) -> None:
        self._polls += 1
        words = f"waiting until gone: {', '.join(remaining)}"
        if remaining != self._remaining:
            self._journal.record("Releasing", words)
        self._remaining = remaining
        delay = min(doubled(FIRST_POLL_DELAY, self._polls, MAX_POLL_DELAY), left)
        self._pacing.wait(words, delay, "looks whether they are gone")

    async def _tell_what_refuses(self, remaining: list[str]) -> None:
        """A webhook that lets an upstream object not be deleted, for as long as it does."""
        refusals = "; ".join(entry for entry in remaining if 'webhook "' in entry)
        said = self._state.status.message or ""
        words = f"{_REFUSED}{refusals}" if refusals else _BEING_DELETED
        if words == said or not (refusals or said.startswith(_REFUSED)):
            return
        if refusals:
            self._writer.add_events([EventSpec(reason="WebhookRefused", message=words, warning=True)])
        await self._say(words)

    async def _let_go(self, seen: Observation) -> None:
        answer = await call(
            REMOVE_FINALIZERS,
            FinalizerRequest(ref=self._ref, uid=seen.uid),
            summary=f"remove {', '.join(filter(is_provider_finalizer, seen.finalizers))}",
        )
        if answer.refusal:
            return await self._wait_for_webhook(answer.refusal)
        if answer.removed:
            self._journal.record("FinalizersRemoved", ", ".join(answer.removed))
        self.let_go = seen.uid
        self._inbox.ask()  # the run ends when a look shows that the object is gone

    async def _wait_for_webhook(self, refusal: str) -> None:
        """A webhook of somebody, often one whose server is gone, is in the way of the last change."""
        self._polls += 1
        words = f"its upstream objects are gone, but it cannot be let go: {refusal}"
        if words != self._state.status.message:
            self._journal.record("Refused", words)
            self._writer.add_events([EventSpec(reason="WebhookRefused", message=words, warning=True)])
            await self._say(words)
        delay = doubled(FIRST_POLL_DELAY, self._polls, MAX_POLL_DELAY)
        self._pacing.wait(words, delay, "tries again")

    def _warn_of_orphans(self) -> None:
        orphans = ", ".join(f"{entry.kind} {entry.name}" for entry in self._state.applied)
        words = (
            f"upstream objects not gone after {self._pacing.limits.finalizer_timeout:.0f} s; the finalizer is"
            f" removed all the same, which leaves behind: {orphans or 'nothing known'}"
        )
        self._warn(words)

    def _warn(self, words: str) -> None:
        self._journal.record("FinalizerTimeout", words)
        self._writer.add_events([EventSpec(reason="FinalizerTimeout", message=words, warning=True)])
