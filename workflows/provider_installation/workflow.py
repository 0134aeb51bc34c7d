"""A provider's installation: its upstream operator installed, upgraded, repaired or taken away.

One workflow for a provider, so that only one thing is done to it at a time, whoever asks: requests queue up,
and equal ones are answered together. What an operation consists of is in `operation`.

Nothing here undoes what runs: a failed upgrade is rolled back by Helm, a release left half-way is repaired,
and only the operation `uninstall` takes anything away.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from airunway.messages.deployment_workflow import INSTALL_REPORT
    from airunway.messages.failures import cause_of, kind_of
    from airunway.messages.installation import InstallationRequest, InstallReport, JoinRequest
    from airunway.messages.installation_workflow import (
        PROVIDER_INSTALLATION_WORKFLOW,
        InstallationInput,
        InstallationOutcome,
        InstallationStage,
        InstallationState,
        InstallationView,
    )
    from airunway.workflows import measures
    from airunway.workflows.provider_installation.handlers import InstallationHandlers
    from airunway.workflows.provider_installation.journal import InstallationJournal
    from airunway.workflows.provider_installation.operation import OperationRun
    from airunway.workflows.provider_installation.requests import RequestQueue
    from airunway.workflows.run_length import continue_as_new, should_continue_as_new
    from airunway.workflows.waiters import Waiters

WAIT_FOR_RETRY = timedelta(hours=1)
"""How long a failed operation stays open for a person's `retry`."""
MAX_HISTORY_EVENTS = 250
"""A new run begins between two requests once there are so many: what is replayed after a restart is short."""


@workflow.defn(name=PROVIDER_INSTALLATION_WORKFLOW)
class ProviderInstallationWorkflow(InstallationHandlers):
    """Id: `provider/<cluster>/<name>`. It ends when there is nothing left to do."""

    @workflow.init
    def __init__(self, start: InstallationInput) -> None:
        self._provider = start.provider
        self._requests = RequestQueue(start.state.queue, start.state.outcomes)
        self._requests.last_install = start.state.last_install
        self._waiters: Waiters[JoinRequest | None] = Waiters(
            INSTALL_REPORT, dict.fromkeys(start.state.waiters)
        )
        self._journal = InstallationJournal(start.provider)
        self._retry = False
        self._cancel = False
        self._began = workflow.now()
        """When the attempt that runs began."""

    # -- queries -----------------------------------------------------------------------------------------

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
                "last_install": self._requests.last_install,
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
            self._began = workflow.now()
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
        self._measure("failed")
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
        self._measure("cancelled" if outcome.cancelled else "succeeded")
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

    def _measure(self, outcome: str) -> None:
        if request := self._requests.current:
            measures.installation_ended(self._provider, request.operation.value, outcome, began=self._began)

    def _report(self, outcome: InstallationOutcome) -> InstallReport:
        return InstallReport(provider=self._provider, succeeded=outcome.succeeded, message=outcome.message)

    def _carried(self) -> InstallationState:
        return InstallationState(
            queue=list(self._requests.waiting),
            waiters=self._waiters.ids,
            outcomes=self._requests.outcomes,
            last_install=self._requests.last_install,
        )
