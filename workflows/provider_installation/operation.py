"""One operation from its preflight to its end: which steps, in which order, for which charts.

Every step reads for itself what is true, so beginning again after a failure, a cancellation or a crash is
always the whole operation, of which most is found done.
"""

from __future__ import annotations

import asyncio

from airunway.api.chart_release import ChartRelease
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    REPAIR_RELEASE,
    UNINSTALL_CHART,
    ChartRequest,
    InstallationRequest,
    Operation,
    PreflightRequest,
)
from airunway.messages.step import Answer, Request, Step
from airunway.workflows.provider_installation.journal import InstallationJournal
from airunway.workflows.steps import call


class OperationRun:
    """The steps of one request; they may be gone through several times."""

    def __init__(self, request: InstallationRequest, journal: InstallationJournal) -> None:
        self._request = request
        self._journal = journal
        self.touched: dict[str, ChartRelease] = {}
        """Releases that Helm was sent to: left half-way, perhaps."""
        self.stopping = False
        """Nothing comes after the step that runs."""

    async def carry_out(self) -> bool:
        """The whole operation; answers whether anything was changed. Raises FailureError."""
        self._journal.begin_attempt()
        seen = await self._step(
            PREFLIGHT, PreflightRequest(request=self._request), "looking at what is there"
        )
        self._journal.took_preflight(seen)
        due = [chart for chart in seen.charts if not chart.is_left_alone]
        match self._request.operation:
            case Operation.UNINSTALL:
                return await self._uninstall(seen.charts)
            case Operation.REPAIR:
                return any([await self.repair(chart) for chart in due])
            case Operation.INSTALL | Operation.UPGRADE:
                changed = any([await self._install(chart) for chart in due])
                if changed or not seen.installed:
                    await self._await_operator()
                return changed

    async def repair(self, chart: ChartRelease) -> bool:
        """Repair a release; answers whether there was anything to repair."""
        answer = await self._step(REPAIR_RELEASE, self._about(chart), f"repair {chart.key}")
        self._journal.took(answer)
        return answer.changed

    async def _install(self, chart: ChartRelease) -> bool:
        title = f"{chart.action.value} {chart.title}"
        self._journal.say(f"{title} as {chart.key}: {chart.reason}")
        applied = await self._step(APPLY_CRDS, self._about(chart), f"CRDs of {chart.title}")
        self._journal.took(applied)
        if chart.is_crd_file:
            return applied.changed  # there is no release that Helm would be sent to
        self.touched[chart.key] = chart
        answer = await self._step(INSTALL_CHART, self._about(chart), title)
        self._journal.took(answer)
        return answer.changed

    async def _await_operator(self) -> None:
        answer = await self._step(AWAIT_OPERATOR, self._request, "waiting for the operator")
        self._journal.view.message = answer.message

    async def _uninstall(self, charts: list[ChartRelease]) -> bool:
        changed = False
        for chart in reversed(charts):
            answer = await self._step(UNINSTALL_CHART, self._about(chart), f"uninstall {chart.key}")
            self._journal.took(answer)
            changed |= answer.changed
        self._journal.took(await self._step(FINISH_UNINSTALL, self._request, "clearing up"))
        self._journal.view.message = f"the operator of {self._request.provider} is uninstalled"
        return changed

    def _about(self, chart: ChartRelease) -> ChartRequest:
        return ChartRequest(request=self._request, chart=chart)

    async def _step(self, step: Step[Request, Answer], request: Request, summary: str) -> Answer:
        self._journal.begin_step(summary, step.name)
        try:
            answer = await call(step, request, summary=summary)
        finally:
            self._journal.end_step()
        if self.stopping:
            # It was done before it learned that it should stop: nothing comes after it all the same.
            raise asyncio.CancelledError
        return answer
