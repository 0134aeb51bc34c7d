"""Looking before anything is written: what there is, what has to be done, and what must not be.

Every refusal that can be known in advance is made here: an operator that somebody else installed, objects
that belong to others, rights that are missing, deployments that would lose their provider.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from airunway.activities.installation.failures import refused
from airunway.activities.installation.plan import Plans, Wanted, difference, spec_of
from airunway.activities.installation.rights import missing_rights
from airunway.activities.installation.uninstall_checks import Leaving, foreign_among
from airunway.activities.upstream.probe import Operator, Probe
from airunway.api.heartbeat import oldest_alive
from airunway.clients.errors import ApiError
from airunway.clients.helm import Helm, Rendered, masked
from airunway.clients.helm.records import ReleaseRecord, latest_record
from airunway.clients.kubernetes import CRDS, NODES, Cluster
from airunway.installation.commands import commands_of
from airunway.installation.crds import Clash, clashes, crds_in, name_of
from airunway.installation.diff import manifest_diff, values_diff
from airunway.installation.guards import listed
from airunway.installation.metadata import ProviderMetadata
from airunway.installation.plan import ChartPlan
from airunway.installation.probes import probes_of
from airunway.installation.state import Facts, ProviderStatus, status_of
from airunway.messages.installation import (
    ChartAction,
    ChartView,
    LookAnswer,
    LookRequest,
    Operation,
    StepRecord,
)

GPU = "nvidia.com/gpu"
MAX_RESOURCES = 500
"""Custom resources of one kind that are listed at a time."""


class Look:
    """Looks at a provider for the installer."""

    def __init__(self, cluster: Cluster, helm: Helm, plans: Plans, *, heartbeat_limit: timedelta) -> None:
        self._cluster = cluster
        self._helm = helm
        self._plans = plans
        self._heartbeat_limit = heartbeat_limit
        self._probe = Probe(cluster)
        self._leaving = Leaving(cluster)

    async def __call__(self, request: LookRequest) -> LookAnswer:
        """The answer, or a failure that says why not."""
        operation = request.request.operation
        wanted = await self._plans.wanted(request.request)
        facts, records, operators = await asyncio.gather(
            self._probe.facts(wanted.metadata),
            self._records(wanted.plan.charts),
            self._probe.operators(wanted.metadata),
        )
        alive = oldest_alive(datetime.now(UTC), limit=self._heartbeat_limit)
        status = status_of(wanted.metadata, wanted.config, facts, alive_since=alive)
        answer = LookAnswer(
            state=status.state.value,
            installed=status.installed,
            message=status.seen,
            warnings=list(wanted.metadata.warnings),
            commands=commands_of(wanted.plan, mask=masked),
        )
        if wanted.values_from:
            answer.commands.append(f"# and to each `helm upgrade`, by -f, {wanted.values_from}")
        if operation in (Operation.INSTALL, Operation.UPGRADE):
            await self._for_install(request, wanted, answer, status, facts, records, operators)
        else:
            answer.charts = [
                _view(chart, record, _leaving(operation, record))
                for chart, record in zip(wanted.plan.charts, records, strict=True)
            ]
            if operation is Operation.UNINSTALL:
                await self._for_uninstall(request, wanted, answer, records, operators)
        return answer

    async def _for_uninstall(
        self,
        request: LookRequest,
        wanted: Wanted,
        answer: LookAnswer,
        records: Sequence[ReleaseRecord | None],
        operators: Sequence[Operator],
    ) -> None:
        await self._leaving.describe(request.request, wanted, records, answer)
        if request.with_diff:
            return  # what would be refused is said, not done
        foreign = foreign_among(operators, wanted.plan.charts)
        if foreign and not any(records):
            raise refused(
                "ForeignOperator",
                f"the operator of {wanted.plan.provider} was not installed by this system: "
                f"{'; '.join(map(str, foreign))}; whoever installed it takes it away",
            )
        self._leaving.refuse(request.request, answer)

    async def _records(self, charts: Sequence[ChartPlan]) -> list[ReleaseRecord | None]:
        reads = (latest_record(self._cluster, chart.release, namespace=chart.namespace) for chart in charts)
        return list(await asyncio.gather(*reads))

    # -- install and upgrade -----------------------------------------------------------------------------

    async def _for_install(
        self,
        request: LookRequest,
        wanted: Wanted,
        answer: LookAnswer,
        status: ProviderStatus,
        facts: Facts,
        records: Sequence[ReleaseRecord | None],
        operators: Sequence[Operator],
    ) -> None:
        foreign = foreign_among(operators, wanted.plan.charts)
        if not any(records):
            if foreign:
                self._use_foreign(request, wanted, answer, status, foreign)
                return
            if request.request.operation is Operation.UPGRADE:
                raise refused(
                    "NotInstalled",
                    f"provider {wanted.plan.provider} is not installed; run: airunway providers install "
                    f"{wanted.plan.provider}",
                )
            if facts.crd_error or facts.pod_error:
                # Forbidden reads end here; what comes back by itself was raised as such before.
                answer.warnings.append(f"not everything could be looked at: {status.seen}")
        elif foreign:
            answer.warnings.append(_second_operator(foreign))
        there = _is_there(wanted.metadata, facts, operators)
        for chart, record in zip(wanted.plan.charts, records, strict=True):
            answer.charts.append(_to_do(chart, record, operator_is_there=there))
        due = [view for view in answer.charts if view.action is not ChartAction.NONE]
        if due:
            await self._check(request, wanted, answer, records)
            answer.warnings += await self._gpu_warning(wanted)

    def _use_foreign(
        self,
        request: LookRequest,
        wanted: Wanted,
        answer: LookAnswer,
        status: ProviderStatus,
        foreign: Sequence[Operator],
    ) -> None:
        who = "; ".join(map(str, foreign))
        if request.request.operation is Operation.UPGRADE:
            raise refused(
                "ForeignOperator",
                f"the operator of {wanted.plan.provider} was not installed by this system: {who}; "
                "whoever installed it upgrades it",
            )
        if not status.installed:
            raise refused(
                "ForeignOperator",
                f"there is an operator of {wanted.plan.provider} already, and it cannot be used: {who}: "
                f"{status.seen}; mend or remove it; nothing is installed over it",
            )
        answer.message = f"uses the operator that is there: {who}"
        for operator in foreign:
            if operator.scope:
                answer.warnings.append(
                    f"{operator} looks at namespaces {operator.scope} only; deployments elsewhere would wait"
                )
        reason = f"operator of {foreign[0].owner or 'an unknown owner'}"
        answer.charts = [_view(chart, None, ChartAction.FOREIGN, reason) for chart in wanted.plan.charts]

    async def _check(
        self,
        request: LookRequest,
        wanted: Wanted,
        answer: LookAnswer,
        records: Sequence[ReleaseRecord | None],
    ) -> None:
        """Fetch and render every chart that is due; refuse what Helm would refuse half-way."""
        answer.steps += [
            StepRecord(step=f"repo-add-{entry.name}", output=entry.url) for entry in wanted.plan.repositories
        ]
        for view, chart, record in zip(answer.charts, wanted.plan.charts, records, strict=True):
            if view.action is ChartAction.NONE:
                continue
            rendered = await self._helm.render(spec_of(chart, atomic=False), is_upgrade=record is not None)
            objects = [entry.object for entry in rendered.manifests]
            await self._refuse_clashes(chart, objects)
            await self._refuse_missing_rights(chart, [*objects, *rendered.crds])
            if request.with_diff:
                answer.diff += _diff(chart, record, rendered)
        if wanted.plan.repositories:
            answer.steps.append(StepRecord(step="repo-update", output="every chart was found"))

    async def _refuse_clashes(self, chart: ChartPlan, objects: Sequence[Mapping[str, Any]]) -> None:
        names = [name_of(crd) for crd in crds_in(objects)]
        live = await asyncio.gather(*(self._cluster.find(CRDS, name) for name in names))
        there = {name: obj for name, obj in zip(names, live, strict=True) if obj is not None}
        found: list[Clash] = clashes(objects, there, release=(chart.namespace, chart.release))
        if found:
            raise refused(
                "OwnershipClash",
                f"chart {chart.declared} would write what belongs to others: "
                f"{listed(list(map(str, found)))}; remove the other installation, or use it as it is; "
                "nothing was written",
            )

    async def _refuse_missing_rights(self, chart: ChartPlan, objects: Sequence[Mapping[str, Any]]) -> None:
        missing = await missing_rights(self._cluster, objects, namespace=chart.namespace)
        if missing:
            raise refused(
                "MissingRights",
                f"the installer may not do what chart {chart.declared} needs: {listed(missing)}; apply "
                "deploy/installer, or run the commands by hand; nothing was written",
            )

    async def _gpu_warning(self, wanted: Wanted) -> list[str]:
        engines = ((wanted.config.get("spec") or {}).get("capabilities") or {}).get("engines") or []
        if not engines or any(engine.get("cpuSupport") for engine in engines):
            return []
        try:
            nodes = (await self._cluster.listing(NODES, limit=MAX_RESOURCES)).items
        except ApiError:
            return []  # only a warning hangs on it
        if any(str((node.get("status") or {}).get("allocatable", {}).get(GPU, "0")) != "0" for node in nodes):
            return []
        return [
            f"no node offers {GPU}, which every engine of {wanted.plan.provider} needs; is the GPU operator "
            "or the device plugin installed?"
        ]


# -- judging what was seen -------------------------------------------------------------------------------


def _second_operator(foreign: Sequence[Operator]) -> str:
    scopes = [operator.scope or "all namespaces" for operator in foreign]
    return (
        f"there is a second operator: {'; '.join(map(str, foreign))}, for {', '.join(scopes)}; "
        "two operators for one namespace work against each other"
    )


def _is_there(metadata: ProviderMetadata, facts: Facts, operators: Sequence[Operator]) -> bool:
    """Whether CRDs and operator exist, ready or not. What nobody can tell counts as there."""
    health = probes_of(metadata)
    crds = all(facts.crds.get(crd.name, True) for crd in health.crds)
    seen = facts.ready_pod or facts.pod_error or operators
    return crds and bool(seen or not health.operator_pods)


def _to_do(chart: ChartPlan, record: ReleaseRecord | None, *, operator_is_there: bool) -> ChartView:
    if record is None:
        return _view(chart, record, ChartAction.INSTALL, "there is no release")
    if record.status != "deployed":
        return _view(chart, record, ChartAction.REPAIR, f"the release is {record.status}")
    reason = difference(record, chart)
    if reason:
        return _view(chart, record, ChartAction.UPGRADE, reason)
    if not operator_is_there:
        gone = "the release is deployed, but its CRDs or its operator are gone"
        return _view(chart, record, ChartAction.REINSTALL, gone)
    return _view(chart, record, ChartAction.NONE)


def _leaving(operation: Operation, record: ReleaseRecord | None) -> ChartAction:
    if record is None:
        return ChartAction.NONE
    if operation is Operation.UNINSTALL:
        return ChartAction.UNINSTALL
    return ChartAction.NONE if record.status == "deployed" else ChartAction.REPAIR


def _view(chart: ChartPlan, record: ReleaseRecord | None, action: ChartAction, reason: str = "") -> ChartView:
    view = ChartView(
        release=chart.release,
        namespace=chart.namespace,
        chart=chart.declared,
        version=chart.version,
        action=action,
        reason=reason,
    )
    if record is not None:
        view.installed_version = record.chart_version
        view.status, view.revision = record.status, record.revision
    return view


def _diff(chart: ChartPlan, record: ReleaseRecord | None, rendered: Rendered) -> list[str]:
    before: Iterable[Mapping[str, Any]] = record.documents if record else ()
    objects = [entry.object for entry in rendered.manifests if not entry.hooks]
    lines = [f"release {chart.key}:"]
    lines += values_diff(record.values if record else {}, chart.values, mask=masked)
    return lines + manifest_diff(before, objects, mask=masked)
