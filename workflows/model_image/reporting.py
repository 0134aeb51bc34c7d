"""What is reported to the deployments that wait for a model image, and how often."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow

from airunway.api.model_image import ModelImageRef
from airunway.api.names import cluster_of
from airunway.messages.deployment_workflow import IMAGE_REPORT
from airunway.messages.model_image import (
    MAX_NEXT_WITHIN,
    PROGRESS_SHARE,
    BuildProgress,
    ModelImagePhase,
    ModelImageReport,
    ModelImageWaiter,
)
from airunway.messages.model_image_workflow import BuildStepBegun, ImageWorkflowState
from airunway.modelimage.plan import ModelImagePlan
from airunway.workflows.model_image.carried import carried, waiter_of
from airunway.workflows.model_image.details import details_of_model_image
from airunway.workflows.waiters import Waiters

MIN_PROGRESS_INTERVAL, MAX_PROGRESS_INTERVAL = timedelta(seconds=1), timedelta(minutes=5)
"""How often mere progress is reported to a deployment, at first and of a long build; each time costs it a
write of its status, and each costs this history some events: an hour's build some sixty in all. Who wants to
know more often reads the heartbeats of the build, as `airunway status --watch` does."""
MIN_ASKED_AGAIN, MAX_ASKED_AGAIN = timedelta(minutes=2), timedelta(minutes=15)
"""How long who has no place is to expect nothing: it asks after twice as long, of a long build later."""
MAX_NOTES = 10
BETWEEN_REPORTS = timedelta(seconds=1)


class ModelImageReporting:
    """The latest report of one image, and who has yet to be notified of it."""

    def __init__(self, plan: ModelImagePlan, state: ImageWorkflowState) -> None:
        self._plan = plan
        cluster = cluster_of(workflow.info().workflow_id)
        waiters = [(waiter_of(entry, cluster), entry[3]) for entry in state.waiters]
        self.waiters: Waiters[ModelImageWaiter] = Waiters(
            IMAGE_REPORT, {waiter.workflow_id: waiter for waiter, _ in waiters}
        )
        for waiter, is_pending in waiters:
            if is_pending:
                self.waiters.mark_pending(waiter.workflow_id)
        self.begin()
        if state.report is not None:
            self.report = state.report
        self._building_since, self._notified_at = state.building_since, state.notified_at
        self._sent_at: datetime | None = None
        self._notes = state.notes[-MAX_NOTES:]
        self.more_wait = state.more_wait
        """More than there are places for."""
        self._held = False
        self._is_sending = False

    def carried(self) -> ImageWorkflowState:
        """What the next run has to know of it."""
        return ImageWorkflowState(
            waiters=carried(self.waiters.entries, self.waiters.pending),
            more_wait=self.more_wait,
            report=self.report,
            building_since=self._building_since,
            notified_at=self._notified_at,
            notes=self._notes,
        )

    # -- what is reported --------------------------------------------------------------------------------

    def begin(self) -> None:
        """Nothing has been done yet, or again: somebody wants another attempt."""
        self.report = self._report(ModelImagePhase.WAITING, "starting")

    def step_begins(self, step: BuildStepBegun) -> None:
        """A step of the build begins. How long it builds decides how often progress is reported."""
        was_building = self.report.phase is ModelImagePhase.BUILDING
        self.report.phase = ModelImagePhase.BUILDING if step.is_building else ModelImagePhase.WAITING
        self.report.progress = BuildProgress(step=step.words, total_bytes=self._plan.total_bytes)
        if step.is_building and not was_building:
            self._building_since = workflow.now()
        self.notify_all()

    def progress(self, progress: BuildProgress) -> None:
        """A step got on, or has trouble: reported at once if that is new, else now and then."""
        shown, self.report.progress = self.report.progress, progress
        is_new = (progress.step, progress.trouble) != (shown.step, shown.trouble)
        since = workflow.now() - self._notified_at if self._notified_at else None
        if is_new or since is None or since >= self._progress_interval():
            self.notify_all()

    def ready(self, image: ModelImageRef, *, was_there: bool) -> None:
        """The image is in the registry."""
        self.report = self._report(ModelImagePhase.READY, "ready")
        self.report.image, self.report.was_there = image, was_there

    def failed(self, phase: ModelImagePhase, *, reason: str, message: str) -> None:
        """There is no image: it could not be built, or is not wanted."""
        self.report = self._report(phase, str(phase))
        self.report.reason, self.report.message = reason, message

    def _report(self, phase: ModelImagePhase, step: str) -> ModelImageReport:
        progress = BuildProgress(step=step, total_bytes=self._plan.total_bytes)
        return ModelImageReport(
            identity=self._plan.identity,
            workflow_id=workflow.info().workflow_id,
            phase=phase,
            progress=progress,
        )

    def _next_within(self) -> timedelta:
        """When mere progress is reported again: not before the build itself says something."""
        return min(max(self._progress_interval(), self._building_for * PROGRESS_SHARE), MAX_NEXT_WITHIN)

    @property
    def _building_for(self) -> timedelta:
        return workflow.now() - self._building_since if self._building_since else timedelta(0)

    def _progress_interval(self) -> timedelta:
        interval = min(max(self._building_for / 5, MIN_PROGRESS_INTERVAL), MAX_PROGRESS_INTERVAL)
        # The more deployments wait, the less often: each of them costs this history some events.
        return interval * max(1, len(self.waiters) / 4)

    # -- who is notified ---------------------------------------------------------------------------------

    def join(self, waiter: ModelImageWaiter) -> None:
        """One more waits, and is notified of the latest; who has no place is told that."""
        kept = waiter.model_copy(update={"waits_already": False})
        if not self.waiters.join(waiter.workflow_id, kept):
            self.more_wait = True
            self.waiters.turn_away(waiter.workflow_id)
        self.waiters.mark_pending(waiter.workflow_id)

    def notify_all(self) -> None:
        """Have everybody notified of the latest, and show it."""
        self.waiters.mark_all_pending()
        self._notified_at = workflow.now()
        self.show()

    async def notify_loop(self) -> None:
        """Notify whoever is pending, for ever. With the outcome they have what they waited for."""
        while True:
            await workflow.wait_condition(self._has_to_notify)
            self.show()
            await self._throttle()
            if not self._has_to_notify():
                continue
            report = self.report.model_copy(deep=True, update={"next_within": self._next_within()})
            self._is_sending = True
            if self.waiters.has_turned_away:
                await self.waiters.tell_turned_away(self._without_a_place(report))
            notified = await self.waiters.notify_some(report)
            if report.phase.is_final:
                self.waiters.dismiss(notified)
            self._is_sending = False

    def _has_to_notify(self) -> bool:
        return (self.waiters.has_pending or self.waiters.has_turned_away) and not self._held

    def _without_a_place(self, report: ModelImageReport) -> ModelImageReport:
        """The same for who has no place here, and so asks again."""
        if report.phase.is_final:
            return report
        step = "too many wait for it to be notified of each step; asked again every few minutes"
        within = min(max(self._building_for / 8, MIN_ASKED_AGAIN), MAX_ASKED_AGAIN)
        return report.model_copy(update={"progress": BuildProgress(step=step), "next_within": within})

    async def hold(self) -> None:
        """Notify nobody any more; over when who is being notified is: the next run knows who is left."""
        self._held = True
        await workflow.wait_condition(lambda: not self._is_sending)

    async def _throttle(self) -> None:
        """Short steps follow each other faster than a status can be read; the outcome does not wait."""
        if self._sent_at is not None:
            delay = BETWEEN_REPORTS - (workflow.now() - self._sent_at)
            if delay > timedelta(0) and not self.report.phase.is_final:
                with contextlib.suppress(TimeoutError):
                    await workflow.wait_condition(lambda: self.report.phase.is_final, timeout=delay)
        self._sent_at = workflow.now()

    def note(self, line: str) -> None:
        """One more line for whoever opens the workflow: what was asked, what made no sense."""
        self._notes = [*self._notes, f"{workflow.now():%Y-%m-%d %H:%M:%S} {line}"][-MAX_NOTES:]
        self.show()

    def show(self) -> None:
        """In the Temporal UI."""
        details = details_of_model_image(self._plan, self.report, self.waiters.ids, self._notes)
        workflow.set_current_details(details)
