"""A provider's installation: its upstream operator installed, upgraded, repaired or taken away.

One workflow for a provider, so that only one thing is done to it at a time, whoever asks: requests queue up,
and equal ones are answered together. What an operation consists of is in `operation`.

Nothing here undoes what runs: a failed upgrade is rolled back by Helm, a release left half-way is repaired,
and only the operation `uninstall` takes anything away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from airunway.messages.commands import Asked, CommandAnswer
    from airunway.messages.deployment_workflow import INSTALL_REPORT
    from airunway.messages.failures import cause_of, kind_of
    from airunway.messages.installation import InstallationRequest, InstallReport, JoinRequest
    from airunway.messages.installation_workflow import (
        CANCEL,
        JOIN_INSTALLATION_SIGNAL,
        PROVIDER_INSTALLATION_WORKFLOW,
        REQUEST_INSTALLATION,
        RETRY,
        InstallationInput,
        InstallationOutcome,
        InstallationStage,
        InstallationState,
        InstallationView,
    )
    from airunway.messages.payloads import WrongPayload, read_payload
    from airunway.workflows.provider_installation.journal import Journal
    from airunway.workflows.provider_installation.operation import OperationRun
    from airunway.workflows.provider_installation.requests import RequestQueue
    from airunway.workflows.run_length import continue_as_new, should_continue_as_new
    from airunway.workflows.waiters import Waiters

WAIT_FOR_RETRY = timedelta(hours=1)
"""How long a failed operation stays open for a person's `retry`."""
MAX_HISTORY_EVENTS = 250
"""A new run begins between two requests once there are so many: what is replayed after a restart is short."""

Shape = TypeVar("Shape", bound=BaseModel)


@workflow.defn(name=PROVIDER_INSTALLATION_WORKFLOW)
class ProviderInstallationWorkflow:
    """Id: `provider/<cluster>/<name>`. It ends when there is nothing left to do."""

    @workflow.init
    def __init__(self, start: InstallationInput) -> None:
        self._provider = start.provider
        self._requests = RequestQueue(start.state.queue, start.state.outcomes)
        self._waiters: Waiters[JoinRequest | None] = Waiters(
            INSTALL_REPORT, dict.fromkeys(start.state.waiters)
        )
        self._journal = Journal(start.provider)
        self._retry = False
        self._cancel = False

    # -- what is asked for --------------------------------------------------------------------------------

    @workflow.signal(
        name=REQUEST_INSTALLATION, description="One more operation (sent by `airunway providers`)."
    )
    def on_request(self, *payloads: Any) -> None:
        """Do something; after what is under way."""
        request = self._read(REQUEST_INSTALLATION, payloads, InstallationRequest)
        if request is not None and self._is_ours(request.provider):
            self._requests.add(request, can_share=self._stage is InstallationStage.RUNNING)

    @workflow.signal(
        name=JOIN_INSTALLATION_SIGNAL, description="A deployment waits too (sent by its workflow)."
    )
    def on_join(self, *payloads: Any) -> None:
        """A deployment waits for the provider: install it, and report."""
        request = self._read(JOIN_INSTALLATION_SIGNAL, payloads, JoinRequest)
        if request is None or not self._is_ours(request.request.provider):
            return
        self._waiters.join(request.waiter, request)
        if not self._requests.installs:
            if not self._requests.will_install:
                self._requests.waiting.append(request.request)
        elif self._stage is InstallationStage.FAILED:
            self._retry = self._retry or request.again
            self._waiters.mark_pending(request.waiter)

    @workflow.signal(dynamic=True)
    def on_unknown(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Nobody here sends it."""
        self._journal.say(f"unknown signal {name[:100]} ignored")

    # -- commands of people: an update answers, a signal is for the form of Temporal's UI --------------------

    @workflow.update(name=RETRY, description="Begin the operation again: what is tried, or has failed.")
    def retry(self, asked: Asked) -> CommandAnswer:
        """Leave what is being tried or has failed, and begin the operation again."""
        return self._begin_again(asked)

    def _begin_again(self, asked: Asked) -> CommandAnswer:
        self._retry = True
        self._journal.say(f"retry asked for by {asked.words}")
        return CommandAnswer(message=f"beginning {self._what_is_done} again")

    @workflow.update(
        name=CANCEL, description="Stop what is being done; what Helm leaves half-way is repaired."
    )
    def cancel(self, asked: Asked) -> CommandAnswer:
        """Stop. What Helm leaves half-way is repaired; what was done stays."""
        return self._stop_it(asked)

    def _stop_it(self, asked: Asked) -> CommandAnswer:
        self._cancel = True
        self._journal.say(f"cancelled by {asked.words}")
        return CommandAnswer(message=f"stopping {self._what_is_done}")

    @retry.validator
    def _may_be_retried(self, asked: Asked) -> None:
        self._refuse_if_idle()

    @cancel.validator
    def _may_be_cancelled(self, asked: Asked) -> None:
        self._refuse_if_idle()

    def _refuse_if_idle(self) -> None:
        if self._requests.current is None and not self._requests.waiting:
            raise ApplicationError(f"nothing is being done to provider {self._provider}", type="Refused")

    @workflow.signal(name=RETRY, description="Begin the operation again. Optional: {by, reason}.")
    def on_retry(self, *payloads: Any) -> None:
        """The same as the update, without an answer."""
        asked = self._read(RETRY, payloads, Asked)
        if asked is not None:
            self._begin_again(asked)

    @workflow.signal(name=CANCEL, description="Stop what is being done. Optional: {by, reason}.")
    def on_cancel(self, *payloads: Any) -> None:
        """The same as the update, without an answer."""
        asked = self._read(CANCEL, payloads, Asked)
        if asked is not None:
            self._stop_it(asked)

    def _read(self, signal: str, payloads: Sequence[Any], shape: type[Shape]) -> Shape | None:
        """What came with a signal; None, and said, when it is of no use."""
        try:
            return read_payload(payloads, shape)
        except WrongPayload as err:
            self._journal.say(f"signal {signal} ignored: {err}")
            return None

    def _is_ours(self, provider: str) -> bool:
        if provider != self._provider:
            self._journal.say(f"a request for provider {provider[:100]} ignored: this is {self._provider}'s")
        return provider == self._provider

    @property
    def _what_is_done(self) -> str:
        current = self._requests.current
        return (
            f"{current.operation.value} of {self._provider}"
            if current
            else f"what waits for {self._provider}"
        )

    @workflow.query(name="state")
    def state(self) -> InstallationView:
        """Where the installation stands."""
        return self._journal.view.model_copy(
            update={
                "request": self._requests.current,
                "lines": self._journal.lines,
                "waiters": self._waiters.ids,
                "queued": len(self._requests.waiting),
                "outcomes": self._requests.outcomes,
            }
        )

    # -- the story -------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: InstallationInput) -> InstallationView:
        """Do what is asked, in order, until nothing is."""
        outcome = InstallationOutcome(succeeded=True)
        await workflow.wait_condition(lambda: bool(self._requests.waiting) or self._cancel)
        # A cancel that came with the first request is meant for it.
        while self._requests.waiting:
            outcome = await self._perform(self._requests.begin_next())
            self._cancel = False
            if self._requests.waiting and should_continue_as_new(MAX_HISTORY_EVENTS):
                await workflow.wait_condition(workflow.all_handlers_finished)
                continue_as_new(InstallationInput(provider=self._provider, state=self._carried()))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not outcome.succeeded and not outcome.cancelled:
            raise ApplicationError(outcome.message, type=outcome.kind, non_retryable=True)
        return self.state()

    async def _perform(self, request: InstallationRequest) -> InstallationOutcome:
        self._journal.begin(request)
        operation, changed = OperationRun(request, self._journal), False
        while True:
            self._retry, self._requests.asked_again = False, False
            work = asyncio.create_task(operation.carry_out())
            try:
                await self._until_over(work)
            except asyncio.CancelledError:
                # The whole workflow is cancelled: the same as the signal, and then it ends as cancelled.
                await self._stop(operation, work)
                await self._settle(operation, "the workflow was cancelled")
                raise
            if not work.done():
                await self._stop(operation, work)
                if self._cancel:
                    return await self._settle(operation, "cancelled")
                self._journal.say("begun again by a person")
                continue
            try:
                changed |= work.result()
            except FailureError as err:
                failed = await self._after_failure(err)
                if failed is not None:
                    return failed
                continue
            if self._requests.asked_again:
                # The config may have changed before they asked; if not, this is one preflight.
                self._journal.say("looked at again for those who asked meanwhile")
                continue
            message = self._journal.view.message
            return await self._end(InstallationOutcome(succeeded=True, changed=changed, message=message))

    async def _until_over(self, work: asyncio.Task[Any], *, retry: bool = True) -> None:
        await workflow.wait_condition(lambda: work.done() or self._cancel or (retry and self._retry))

    # -- stopping ----------------------------------------------------------------------------------------

    async def _stop(self, operation: OperationRun, work: asyncio.Task[Any]) -> None:
        """Leave what runs, and wait until it is over: Helm is told to stop, and does."""
        self._journal.view.stage, operation.stopping = InstallationStage.CANCELLING, True
        work.cancel()
        try:
            await work
        except (asyncio.CancelledError, FailureError) as err:
            if not is_cancelled_exception(err):
                self._journal.say(
                    f"while stopping: {cause_of(err) if isinstance(err, FailureError) else err}"
                )
        finally:
            operation.stopping = False

    async def _settle(self, operation: OperationRun, why: str) -> InstallationOutcome:
        """After a cancellation: no release is left half-way, unless it is cancelled once more."""
        self._cancel = False
        message = why
        for key, chart in operation.touched.items():
            repair = asyncio.create_task(operation.repair(chart))
            try:
                await self._until_over(repair, retry=False)
            except asyncio.CancelledError:
                self._cancel = True
            if not repair.done():
                await self._stop(operation, repair)
                message = f"{why}; mending was cancelled as well: release {key} may be left half-way"
                break
            try:
                repair.result()
            except FailureError as err:
                message = f"{why}; release {key} is not mended: {cause_of(err)}"
        self._cancel = False
        return await self._end(
            InstallationOutcome(succeeded=False, cancelled=True, message=message, kind="Cancelled")
        )

    # -- ends ------------------------------------------------------------------------------------------

    async def _after_failure(self, err: FailureError) -> InstallationOutcome | None:
        """Report a failure and wait; None: try again. Else the request has ended so."""
        words = cause_of(err)
        self._journal.failed(words)
        outcome = InstallationOutcome(
            succeeded=False, message=words, kind=kind_of(err), ended=workflow.now(), waits_for_retry=True
        )
        self._requests.note(outcome)
        report = self._report(outcome)
        if self._requests.installs:
            self._waiters.mark_all_pending()
            await self._waiters.notify_pending(report)
        self._journal.show()
        if await self._wants_a_retry(report):
            self._journal.say("tried again")
            return None
        if self._requests.installs and not self._requests.will_install:
            self._waiters.clear()  # they were notified
        return self._close(outcome.model_copy(update={"waits_for_retry": False}))

    async def _wants_a_retry(self, report: InstallReport) -> bool:
        while True:
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: (
                        self._retry
                        or self._cancel
                        or self._waiters.has_pending
                        or bool(self._requests.waiting)
                    ),
                    timeout=WAIT_FOR_RETRY,
                    timeout_summary="for a retry",
                )
            if self._retry or not self._waiters.has_pending:
                return self._retry
            await self._waiters.notify_pending(report)  # who has joined since

    async def _end(self, outcome: InstallationOutcome) -> InstallationOutcome:
        """Close the request, and notify those who wait for the provider, if it was about that."""
        installs = self._requests.installs
        self._close(outcome)
        if installs:
            self._waiters.mark_all_pending()
            notified = await self._waiters.notify_pending(self._report(outcome))
            # Who joined meanwhile waits on: an installation of their own is in the queue.
            if outcome.succeeded or not self._requests.will_install:
                self._waiters.dismiss(notified)
        return outcome

    def _close(self, outcome: InstallationOutcome) -> InstallationOutcome:
        outcome.ended = workflow.now()
        self._requests.end(outcome)
        self._journal.ended(outcome.message)
        self._journal.show()
        return outcome

    # -- small things -----------------------------------------------------------------------------------

    def _report(self, outcome: InstallationOutcome) -> InstallReport:
        return InstallReport(provider=self._provider, succeeded=outcome.succeeded, message=outcome.message)

    def _carried(self) -> InstallationState:
        return InstallationState(
            queue=list(self._requests.waiting), waiters=self._waiters.ids, outcomes=self._requests.outcomes
        )

    @property
    def _stage(self) -> InstallationStage:
        return self._journal.view.stage
