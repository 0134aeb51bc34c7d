"""The preflight, before anything is written: what there is, what has to be done, and what must not be.

Every refusal that can be known in advance is made here: an operator that somebody else installed, objects
that belong to others, rights that are missing, deployments that would lose their provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from airunway.activities.installation.chart_checks import ChartChecks, diff_of
from airunway.activities.installation.crd_files import CrdFiles
from airunway.activities.installation.failures import refused
from airunway.activities.installation.operators import Operator
from airunway.activities.installation.plan import Plans, difference, with_record
from airunway.activities.installation.probe import InstallationProbe
from airunway.activities.installation.uninstall_checks import UninstallChecks, external_among
from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.clients.errors import ApiError
from airunway.clients.helm import Helm, ReleaseRecord, masked
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import NODES, Cluster
from airunway.installation.commands import commands_of
from airunway.installation.plan import InstallationPlan
from airunway.installation.probes import probes_of
from airunway.installation.state import Facts, InstallationStatus
from airunway.messages.installation import Operation, PreflightAnswer, PreflightRequest, StepRecord

GPU = "nvidia.com/gpu"
MAX_NODES = 500
"""Nodes that are read for a GPU."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """What there is of a provider; `records` in the order of the plan's charts."""

    plan: InstallationPlan
    facts: Facts
    status: InstallationStatus
    records: Sequence[ReleaseRecord | None]
    operators: Sequence[Operator]

    @property
    def external(self) -> list[Operator]:
        """The operators that somebody else installed."""
        return external_among(self.operators, self.plan.charts)

    @property
    def charts(self) -> list[tuple[ChartRelease, ReleaseRecord | None]]:
        """Each chart with its record."""
        return list(zip(self.plan.charts, self.records, strict=True))

    @property
    def operator_exists(self) -> bool:
        """Whether CRDs and operator exist, ready or not. What nobody can tell counts as there."""
        health = probes_of(self.plan.metadata)
        crds = all(self.facts.crds.get(crd.name, True) for crd in health.crds)
        seen = self.facts.ready_pod or self.facts.pod_error or self.operators
        return crds and bool(seen or not health.operator_pods)


class Preflight:
    """Inspects a provider for the installer."""

    def __init__(
        self, cluster: Cluster, helm: Helm, plans: Plans, probe: InstallationProbe, crd_files: CrdFiles
    ) -> None:
        self._cluster = cluster
        self._plans = plans
        self._probe = probe
        self._crd_files = crd_files
        self._chart_checks = ChartChecks(cluster, helm)
        self._uninstall_checks = UninstallChecks(cluster)

    async def __call__(self, request: PreflightRequest) -> PreflightAnswer:
        """The answer, or a failure that says why not."""
        found = await self._inspect(await self._plans.plan(request.request))
        plan, status = found.plan, found.status
        answer = PreflightAnswer(
            state=status.state.value,
            installed=status.installed,
            message=status.seen,
            warnings=list(plan.metadata.warnings),
            commands=commands_of(plan, mask=masked),
        )
        if plan.values_from:
            answer.commands.append(f"# and to each `helm upgrade`, by -f, {plan.values_from}")
        match request.request.operation:
            case Operation.INSTALL | Operation.UPGRADE:
                await self._for_install(request, found, answer)
            case Operation.UNINSTALL:
                answer.charts = [
                    _to_uninstall(chart, record) for chart, record in found.charts if not chart.is_crd_file
                ]
                await self._for_uninstall(request, found, answer)
            case Operation.REPAIR:
                answer.charts = [_to_repair(chart, record) for chart, record in found.charts]
        return answer

    async def _inspect(self, plan: InstallationPlan) -> Found:
        reads = map(self._record, plan.charts)
        (facts, status), records, operators = await asyncio.gather(
            self._probe.status(plan), asyncio.gather(*reads), self._probe.operators(plan.metadata)
        )
        return Found(plan=plan, facts=facts, status=status, records=records, operators=operators)

    async def _record(self, chart: ChartRelease) -> ReleaseRecord | None:
        if chart.is_crd_file:
            return None
        return await latest_record(self._cluster, chart.release, namespace=chart.namespace)

    # -- uninstall ---------------------------------------------------------------------------------------

    async def _for_uninstall(self, request: PreflightRequest, found: Found, answer: PreflightAnswer) -> None:
        checks, provider = self._uninstall_checks, found.plan.provider
        delete_crds = request.request.delete_crds
        answer.used = await checks.used(provider)
        answer.deleted_with_it = await checks.lost_with(found.plan, found.records, delete_crds=delete_crds)
        if request.with_diff:
            return  # what would be refused is said, not done
        if found.external and not any(found.records):
            raise refused(
                "ForeignOperator",
                f"the operator of {provider} was not installed by this system: "
                f"{'; '.join(map(str, found.external))}; whoever installed it takes it away",
            )
        checks.refuse_used(provider, answer.used)
        if delete_crds:
            checks.refuse_lost(answer.deleted_with_it)

    # -- install and upgrade -----------------------------------------------------------------------------

    async def _for_install(self, request: PreflightRequest, found: Found, answer: PreflightAnswer) -> None:
        upgrade, provider = request.request.operation is Operation.UPGRADE, found.plan.provider
        if found.external and not any(found.records):
            _use_external(found, answer, upgrade=upgrade)
            return
        if upgrade and found.plan.has_release and not any(found.records):
            raise refused(
                "NotInstalled",
                f"provider {provider} is not installed; run: airunway providers install {provider}",
            )
        if found.external:
            answer.warnings.append(_second_operator(found.external))
        elif not any(found.records) and (found.facts.crd_error or found.facts.pod_error):
            # Forbidden reads end here; what comes back by itself was raised as such before.
            answer.warnings.append(f"not everything could be looked at: {found.status.seen}")
        answer.charts = [
            await self._crd_files.due(chart, provider, is_upgrade=upgrade)
            if chart.is_crd_file
            else _to_install(chart, record, operator_exists=found.operator_exists)
            for chart, record in found.charts
        ]
        answer.steps += [
            StepRecord(step=chart.release, output=chart.reason)
            for chart in answer.charts
            if chart.is_crd_file and chart.is_left_alone
        ]
        if any(not chart.is_left_alone for chart in answer.charts):
            await self._check(request, found, answer)
            answer.warnings += await self._gpu_warning(found.plan)

    async def _check(self, request: PreflightRequest, found: Found, answer: PreflightAnswer) -> None:
        """Fetch and render every chart that is due; refuse what Helm would refuse half-way."""
        repositories = found.plan.metadata.repositories
        answer.steps += [
            StepRecord(step=f"repo-add-{entry.name}", output=entry.url) for entry in repositories
        ]
        for number, (due, (chart, record)) in enumerate(zip(answer.charts, found.charts, strict=True)):
            if not due.is_left_alone and not due.is_crd_file:
                with self._plans.digests.explained(chart):
                    rendered = await self._chart_checks.check(chart, is_upgrade=record is not None)
                # What was looked at is what is installed.
                answer.charts[number] = due.archived_as(rendered.info.digest)
                if request.with_diff:
                    answer.diff += await asyncio.to_thread(diff_of, chart, record, rendered)
        if repositories:
            answer.steps.append(StepRecord(step="repo-update", output="every chart was found"))

    async def _gpu_warning(self, plan: InstallationPlan) -> list[str]:
        engines = ((plan.config.get("spec") or {}).get("capabilities") or {}).get("engines") or []
        if not engines or any(engine.get("cpuSupport") for engine in engines):
            return []
        try:
            nodes = (await self._cluster.listing(NODES, limit=MAX_NODES)).items
        except ApiError:
            return []  # only a warning hangs on it
        if any(str((node.get("status") or {}).get("allocatable", {}).get(GPU, "0")) != "0" for node in nodes):
            return []
        return [
            f"no node offers {GPU}, which every engine of {plan.provider} needs; is the GPU operator "
            "or the device plugin installed?"
        ]


# -- judging what was seen -------------------------------------------------------------------------------


def _use_external(found: Found, answer: PreflightAnswer, *, upgrade: bool) -> None:
    external, provider = found.external, found.plan.provider
    who = "; ".join(map(str, external))
    if upgrade:
        raise refused(
            "ForeignOperator",
            f"the operator of {provider} was not installed by this system: {who}; "
            "whoever installed it upgrades it",
        )
    if not found.status.installed:
        raise refused(
            "ForeignOperator",
            f"there is an operator of {provider} already, and it cannot be used: {who}: "
            f"{found.status.seen}; mend or remove it; nothing is installed over it",
        )
    answer.message = f"uses the operator that is there: {who}"
    for operator in external:
        if operator.scope:
            answer.warnings.append(
                f"{operator} looks at namespaces {operator.scope} only; deployments elsewhere would wait"
            )
    reason = f"operator of {external[0].owner or 'an unknown owner'}"
    answer.charts = [chart.to_do(ChartAction.EXTERNALLY_MANAGED, reason) for chart in found.plan.charts]


def _second_operator(external: Sequence[Operator]) -> str:
    scopes = [operator.scope or "all namespaces" for operator in external]
    return (
        f"there is a second operator: {'; '.join(map(str, external))}, for {', '.join(scopes)}; "
        "two operators for one namespace work against each other"
    )


def _to_install(chart: ChartRelease, record: ReleaseRecord | None, *, operator_exists: bool) -> ChartRelease:
    if record is None:
        return chart.to_do(ChartAction.INSTALL, "there is no release")
    seen = with_record(chart, record)
    if record.status != "deployed":
        return seen.to_do(ChartAction.REPAIR, f"the release is {record.status}")
    if reason := difference(record, chart):
        return seen.to_do(ChartAction.UPGRADE, reason)
    if not operator_exists:
        gone = "the release is deployed, but its CRDs or its operator are gone"
        return seen.to_do(ChartAction.REINSTALL, gone)
    return seen


def _to_uninstall(chart: ChartRelease, record: ReleaseRecord | None) -> ChartRelease:
    return with_record(chart, record).to_do(ChartAction.UNINSTALL) if record else chart


def _to_repair(chart: ChartRelease, record: ReleaseRecord | None) -> ChartRelease:
    if record is None or record.status == "deployed":
        return with_record(chart, record)
    return with_record(chart, record).to_do(ChartAction.REPAIR)
