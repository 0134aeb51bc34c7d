"""What people see of an installation: its progress in lines, its steps, its charts. All of it is bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from temporalio import workflow

from airunway.api.plain_text import beginning
from airunway.messages.installation import ChartAnswer, InstallationRequest, PreflightAnswer, StepRecord
from airunway.messages.installation_workflow import (
    MAX_LINE,
    MAX_LINES,
    MAX_STEPS,
    InstallationStage,
    InstallationView,
    details_of,
)


class InstallationJournal:
    """The view of one provider's installation, as it comes about."""

    def __init__(self, provider: str) -> None:
        self.view = InstallationView(provider=provider)
        self._lines: deque[str] = deque(maxlen=MAX_LINES)

    @property
    def lines(self) -> list[str]:
        """The last lines."""
        return list(self._lines)

    def begin(self, request: InstallationRequest) -> None:
        """A request is done from now on."""
        self._lines.clear()
        self.view.line_count = 0
        who = f", asked for by {request.requested_by}" if request.requested_by else ""
        self.say(f"{request.operation.value} {request.provider}{who}")

    def begin_attempt(self) -> None:
        """Whatever was done of it before, it begins with a preflight."""
        self.view.stage, self.view.charts, self.view.steps = InstallationStage.RUNNING, [], []

    def begin_step(self, summary: str, activity: str) -> None:
        """A step is called."""
        self.view.step, self.view.activity = summary, activity
        self.say(summary)
        self.show()

    def end_step(self) -> None:
        """It has ended, in whatever way."""
        self.view.activity = ""

    def took_preflight(self, answer: PreflightAnswer) -> None:
        """What there is, and what has to be done."""
        self.view.charts, self.view.commands = answer.charts, answer.commands
        self.view.message, self.view.warnings = answer.message, answer.warnings
        self._record(answer.steps)
        for warning in answer.warnings:
            self.say(f"warning: {warning}")

    def took(self, answer: ChartAnswer) -> None:
        """What a step did."""
        self._record(answer.steps)
        if answer.chart is not None:
            left = {answer.chart.key: answer.chart}
            self.view.charts = [left.get(chart.key, chart) for chart in self.view.charts]
        for line in answer.lines:
            self.say(f"  {line}")
        for entry in answer.steps:
            if entry.output:
                self.say(f"{entry.step}: {entry.output}")

    def failed(self, words: str) -> None:
        """It cannot go on by itself."""
        self.view.stage = InstallationStage.FAILED
        self.view.step, self.view.message = f"failed: {words}", words
        self.say(f"failed: {words}")

    def ended(self, message: str) -> None:
        """The request is over."""
        self.view.stage, self.view.step = InstallationStage.IDLE, message
        self.say(message)

    def say(self, line: str) -> None:
        """One more line."""
        self._lines.append(beginning(line, MAX_LINE))
        self.view.line_count += 1

    def show(self) -> None:
        """In the Temporal UI."""
        workflow.set_current_details(details_of(self.view))

    def _record(self, steps: Sequence[StepRecord]) -> None:
        self.view.steps = [*self.view.steps, *steps][-MAX_STEPS:]
