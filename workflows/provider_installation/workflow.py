"""A provider's installation: its upstream operator installed, upgraded, mended or taken away.

One workflow for a provider, so that only one thing is done to it at a time, whoever asks: requests queue up,
and equal ones are answered together. Every step looks for itself at what is true, so beginning again after a
failure, a cancellation or a crash is always the whole operation, of which most is found done.

Nothing here undoes what runs: a failed upgrade is rolled back by Helm, a release left half-way is repaired,
and only the operation `uninstall` takes anything away.
"""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import suppress
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.exceptions import ApplicationError, FailureError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from airunway.messages.failures import cause_of, kind_of
    from airunway.messages.installation import (
        APPLY_CRDS,
        AWAIT_OPERATOR,
        FINISH_UNINSTALL,
        INSTALL_CHART,
        LOOK,
        REPAIR_RELEASE,
        UNINSTALL_CHART,
        ChartAction,
        ChartAnswer,
        ChartRequest,
        ChartView,
        InstallationRequest,
        InstallReport,
        JoinRequest,
        LookRequest,
        Operation,
        ReadyAnswer,
        StepRecord,
    )
    from airunway.messages.installation_workflow import (
        MAX_LINES,
        MAX_OUTCOMES,
        MAX_STEPS,
        InstallationInput,
        InstallationState,
        InstallationView,
        Outcome,
        Stage,
        details_of,
    )
    from airunway.messages.step import Answer, Request, Step
    from airunway.workflows.steps import call

WAIT_FOR_RETRY = timedelta(hours=1)
"""How long a failed operation stays open for a person's `retry`."""
LONG_HISTORY = 2_000

_BRINGS = (Operation.INSTALL, Operation.UPGRADE)
_LEFT_ALONE = (ChartAction.NONE, ChartAction.FOREIGN)


@workflow.defn(name="ProviderInstallationWorkflow")
class ProviderInstallationWorkflow:
    """Id: `provider/<name>`. It ends when there is nothing left to do."""

    @workflow.init
    def __init__(self, start: InstallationInput) -> None:
        self.view = InstallationView(provider=start.provider)
        self._queue = deque(start.state.queue)
        self._waiters = dict.fromkeys(start.state.waiters)
        self._outcomes = dict(start.state.outcomes)
        self._current: InstallationRequest | None = None
        self._asking: list[str] = []
        self._asked_since = False
        self._lines: deque[str] = deque(maxlen=MAX_LINES)
        self._retry = False
        self._cancel = False
        self._untold = False
        self._leaving = False
        self._touched: dict[str, ChartRequest] = {}

    # -- signals and queries -------------------------------------------------------------------------

    @workflow.signal
    def request(self, request: InstallationRequest) -> None:
        """Do something; after what is under way."""
        known = {*self._outcomes, *self._asking, *(entry.id for entry in self._queue)} - {""}
        if request.id in known:
            return  # delivered twice
        if self._current is not None and self._is_under_way() and _same(self._current, request):
            self._asking.append(request.id)
            self._asked_since = True
        else:
            self._queue.append(request)

    @workflow.signal
    def join(self, request: JoinRequest) -> None:
        """A deployment waits for the provider: install it, and report."""
        self._waiters[request.waiter] = None
        if not self._brings():
            if not self._will_bring():
                self._queue.append(request.request)
        elif self.view.stage is Stage.FAILED:
            self._retry = self._retry or request.again
            self._untold = True

    @workflow.signal
    def retry(self) -> None:
        """Leave what is being tried or has failed, and begin the operation again."""
        self._retry = True

    @workflow.signal
    def cancel(self) -> None:
        """Stop. What Helm leaves half-way is repaired; what was done stays."""
        self._cancel = True

    @workflow.query(name="state")
    def state(self) -> InstallationView:
        """Where the installation stands."""
        return self.view.model_copy(
            update={
                "request": self._current,
                "lines": list(self._lines),
                "waiters": list(self._waiters),
                "queued": len(self._queue),
                "outcomes": self._outcomes,
            }
        )

    # -- the story -------------------------------------------------------------------------------------

    @workflow.run
    async def run(self, start: InstallationInput) -> InstallationView:
        """Do what is asked, in order, until nothing is."""
        outcome = Outcome(succeeded=True)
        await workflow.wait_condition(lambda: bool(self._queue) or self._cancel)
        # A cancel that came with the first request is meant for it.
        while self._queue:
            outcome = await self._perform(self._queue.popleft())
            self._cancel = False
            if self._queue and workflow.info().get_current_history_length() > LONG_HISTORY:
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(InstallationInput(provider=start.provider, state=self._carried()))
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not outcome.succeeded and not outcome.cancelled:
            raise ApplicationError(outcome.message, type=outcome.kind, non_retryable=True)
        return self.state()

    async def _perform(self, request: InstallationRequest) -> Outcome:
        self._begin(request)
        changed = False
        while True:
            self._retry = False
            work = asyncio.create_task(self._carry_out(request))
            try:
                await self._until_over(work)
            except asyncio.CancelledError:
                # The whole workflow is cancelled: the same as the signal, and then it ends as cancelled.
                await self._stop(work)
                await self._settle("the workflow was cancelled")
                raise
            if not work.done():
                await self._stop(work)
                if self._cancel:
                    return await self._settle("cancelled")
                self._say("begun again by a person")
                continue
            try:
                changed |= work.result()
            except FailureError as err:
                if not await self._after_failure(err):
                    return self._outcomes[request.id]
                continue
            if self._asked_since:
                # The config may have changed before they asked; if not, this is one look.
                self._say("looked at again for those who asked meanwhile")
                continue
            return await self._end(Outcome(succeeded=True, changed=changed, message=self.view.message))

    async def _until_over(self, work: asyncio.Task[Any], *, retry: bool = True) -> None:
        await workflow.wait_condition(lambda: work.done() or self._cancel or (retry and self._retry))

    async def _carry_out(self, request: InstallationRequest) -> bool:
        """The operation, from the first look; answers whether anything was changed."""
        self.view.stage, self.view.charts, self.view.steps = Stage.RUNNING, [], []
        self._asked_since = False
        look = await self._step(LOOK, LookRequest(request=request), "looking at what is there")
        self.view.charts, self.view.commands = look.charts, look.commands
        self.view.message, self.view.warnings = look.message, look.warnings
        self._record(look.steps)
        for warning in look.warnings:
            self._say(f"warning: {warning}")
        if request.operation is Operation.UNINSTALL:
            return await self._uninstall(request, look.charts)
        changed = False
        for chart in look.charts:
            if chart.action in _LEFT_ALONE:
                continue
            if request.operation is Operation.REPAIR:
                changed |= (await self._repair(_chart_request(request, chart))).changed
            else:
                changed |= await self._install(request, chart)
        if request.operation is not Operation.REPAIR and (changed or not look.installed):
            self.view.message = (await self._await_operator(request)).message
        return changed

    async def _install(self, request: InstallationRequest, chart: ChartView) -> bool:
        wanted = _chart_request(request, chart)
        title = f"{chart.chart} {chart.version}".rstrip()
        self._say(f"{chart.action.value} {title} as {chart.namespace}/{chart.release}: {chart.reason}")
        crds = await self._step(APPLY_CRDS, wanted, f"CRDs of {title}")
        self._take(crds)
        self._touched[f"{chart.namespace}/{chart.release}"] = wanted
        answer = await self._step(INSTALL_CHART, wanted, f"{chart.action.value} {title}")
        self._take(answer)
        chart.status, chart.revision = answer.status, answer.revision
        chart.installed_version = answer.chart_version
        return answer.changed

    async def _await_operator(self, request: InstallationRequest) -> ReadyAnswer:
        return await self._step(AWAIT_OPERATOR, request, "waiting for the operator")

    async def _uninstall(self, request: InstallationRequest, charts: list[ChartView]) -> bool:
        changed = False
        for chart in reversed(charts):
            wanted = _chart_request(request, chart)
            answer = await self._step(UNINSTALL_CHART, wanted, f"uninstall {chart.namespace}/{chart.release}")
            self._take(answer)
            changed |= answer.changed
        self._take(await self._step(FINISH_UNINSTALL, request, "clearing up"))
        self.view.message = f"the operator of {request.provider} is uninstalled"
        return changed

    async def _repair(self, request: ChartRequest) -> ChartAnswer:
        answer = await self._step(REPAIR_RELEASE, request, f"repair {request.namespace}/{request.release}")
        self._take(answer)
        return answer

    # -- ends ------------------------------------------------------------------------------------------

    async def _stop(self, work: asyncio.Task[Any]) -> None:
        """Leave what runs, and wait until it is over: Helm is told to stop, and does."""
        self.view.stage, self._leaving = Stage.CANCELLING, True
        work.cancel()
        try:
            await work
        except (asyncio.CancelledError, FailureError) as err:
            if not is_cancelled_exception(err):
                self._say(f"while stopping: {cause_of(err) if isinstance(err, FailureError) else err}")
        finally:
            self._leaving = False

    async def _settle(self, why: str) -> Outcome:
        """After a cancellation: no release is left half-way, unless it is cancelled once more."""
        self._cancel = False
        message = why
        for key, request in self._touched.items():
            mending = asyncio.create_task(self._repair(request))
            try:
                await self._until_over(mending, retry=False)
            except asyncio.CancelledError:
                self._cancel = True
            if not mending.done():
                await self._stop(mending)
                message = f"{why}; mending was cancelled as well: release {key} may be left half-way"
                break
            try:
                mending.result()
            except FailureError as err:
                message = f"{why}; release {key} is not mended: {cause_of(err)}"
        self._cancel = False
        return await self._end(Outcome(succeeded=False, cancelled=True, message=message, kind="Cancelled"))

    async def _after_failure(self, err: FailureError) -> bool:
        """Tell of a failure and wait; true: try again. False: the request has ended."""
        words, kind = cause_of(err), kind_of(err)
        self.view.stage, self.view.step, self.view.message = Stage.FAILED, f"failed: {words}", words
        self._say(f"failed: {words}")
        outcome = Outcome(
            succeeded=False, message=words, kind=kind, ended=workflow.now(), waits_for_retry=True
        )
        self._note(outcome)
        if self._brings():
            await self._report(outcome)
        self._show()
        if await self._wants_a_retry():
            self._say("tried again")
            return True
        if self._brings() and not self._will_bring():
            self._waiters.clear()  # they were told
        await self._end(outcome.model_copy(update={"waits_for_retry": False}), told=True)
        return False

    async def _wants_a_retry(self) -> bool:
        while True:
            self._untold = False
            with suppress(TimeoutError):
                await workflow.wait_condition(
                    lambda: self._retry or self._cancel or self._untold or bool(self._queue),
                    timeout=WAIT_FOR_RETRY,
                    timeout_summary="for a retry",
                )
            if self._retry or not self._untold:
                return self._retry
            await self._report(next(reversed(self._outcomes.values())))  # to who has joined since

    async def _end(self, outcome: Outcome, *, told: bool = False) -> Outcome:
        outcome.ended = workflow.now()
        self._note(outcome)
        brought = self._brings()
        self._current, self.view.stage, self.view.step = None, Stage.IDLE, outcome.message
        self._say(outcome.message)
        if brought and not told:  # of anything else those who wait for the provider need no news
            for waiter in await self._report(outcome):
                # Not who joined meanwhile: an installation of their own is in the queue.
                if outcome.succeeded or not self._will_bring():
                    self._waiters.pop(waiter, None)
        self._show()
        return outcome

    async def _report(self, outcome: Outcome) -> list[str]:
        """Tell those who wait; answers who was told. One that is gone needs no telling."""
        report = InstallReport(
            provider=self.view.provider, succeeded=outcome.succeeded, message=outcome.message
        )
        told = list(self._waiters)
        for waiter in told:
            with suppress(FailureError):
                await workflow.get_external_workflow_handle(waiter).signal("install_report", report)
        return told

    # -- small things -----------------------------------------------------------------------------------

    def _begin(self, request: InstallationRequest) -> None:
        self._current, self._asking, self._touched = request, [request.id], {}
        self.view.lines, self.view.line_count = [], 0
        self._lines.clear()
        who = f", asked for by {request.requested_by}" if request.requested_by else ""
        self._say(f"{request.operation.value} {request.provider}{who}")

    def _brings(self) -> bool:
        """Whether what is done is what those who wait for the provider wait for."""
        return self._current is not None and self._current.operation in _BRINGS

    def _will_bring(self) -> bool:
        return any(entry.operation in _BRINGS for entry in self._queue)

    def _is_under_way(self) -> bool:
        return self.view.stage is Stage.RUNNING

    async def _step(self, step: Step[Request, Answer], request: Request, summary: str) -> Answer:
        self.view.step, self.view.activity = summary, step.name
        self._say(summary)
        self._show()
        try:
            outcome = await call(step, request, summary=summary)
        finally:
            self.view.activity = ""
        if self._leaving:
            # It was done before it heard that it should stop: nothing comes after it all the same.
            raise asyncio.CancelledError
        return outcome

    def _take(self, answer: ChartAnswer) -> None:
        self._record(answer.steps)
        for line in answer.lines:
            self._say(f"  {line}")
        for entry in answer.steps:
            if entry.output:
                self._say(f"{entry.step}: {entry.output}")

    def _record(self, steps: list[StepRecord]) -> None:
        self.view.steps = [*self.view.steps, *steps][-MAX_STEPS:]

    def _say(self, line: str) -> None:
        self._lines.append(line)
        self.view.line_count += 1

    def _note(self, outcome: Outcome) -> None:
        for identity in self._asking:
            self._outcomes.pop(identity, None)
            self._outcomes[identity] = outcome
        while len(self._outcomes) > MAX_OUTCOMES:
            self._outcomes.pop(next(iter(self._outcomes)))

    def _carried(self) -> InstallationState:
        return InstallationState(
            queue=list(self._queue), waiters=list(self._waiters), outcomes=self._outcomes
        )

    def _show(self) -> None:
        workflow.set_current_details(details_of(self.view))


def _chart_request(request: InstallationRequest, chart: ChartView) -> ChartRequest:
    return ChartRequest(
        request=request,
        release=chart.release,
        namespace=chart.namespace,
        revision=chart.revision,
        anew=chart.action is ChartAction.REINSTALL,
    )


def _same(one: InstallationRequest, other: InstallationRequest) -> bool:
    """Whether two requests ask for the same, whoever asks."""
    ours = {"id": "", "requested_by": ""}
    return one.model_copy(update=ours) == other.model_copy(update=ours)
