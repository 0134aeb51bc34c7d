"""Changing one release: under a lock, mended first if it was left half-way, idempotent.

The lock is a Lease in the cluster: two providers that need the same release wait for each other, and an
attempt that was given up while it still runs is waited for. What a holder was about to do stays on the Lease
until it comes to an end, which tells a release that this system left pending from one that somebody else is
at work on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity

from airunway.activities.heartbeats import Lines
from airunway.activities.installation.failures import busy
from airunway.activities.installation.plan import difference, spec_of
from airunway.clients.errors import ClientError
from airunway.clients.helm import Helm
from airunway.clients.helm.records import (
    ReleaseRecord,
    has_deployed_revision,
    keep_on_uninstall,
    latest_record,
)
from airunway.clients.kubernetes import Cluster
from airunway.clients.lease import Lock, locked
from airunway.installation.crds import CRD_KIND
from airunway.installation.plan import ChartPlan
from airunway.messages.installation import ChartAnswer, ChartRequest, StepRecord

ABANDONED_AFTER = timedelta(minutes=10)
"""Twice the time Helm gives an operation by default: a release pending for longer has nobody at it."""
LOCK_LASTS = timedelta(seconds=30)
"""Without its holder: a Helm whose worker was killed puts things in order for twenty seconds."""
UNINSTALLING = "uninstalling"


class Releases:
    """Changes releases. `namespace`: where the locks are. `timeout`: see `ReleaseSpec`."""

    def __init__(self, cluster: Cluster, helm: Helm, *, namespace: str, timeout: timedelta) -> None:
        self._timeout = timeout
        self._cluster = cluster
        self._helm = helm
        self._namespace = namespace

    async def install(self, chart: ChartPlan, request: ChartRequest, say: Lines) -> ChartAnswer:
        """Upgrade or install; nothing when the release is as wanted."""
        async with self._lock(chart, "install") as lock:
            record = await self._mended(chart, lock, say)
            if record and _is_as_wanted(record, chart, request):
                return _answer(chart.step, record, say, changed=False)
            # A failed upgrade goes back to what ran. A failed first installation stays, for its traces and
            # because taking it away could take CRDs along; the next attempt upgrades over it.
            spec = spec_of(chart, atomic=await self._ran_before(chart), timeout=self._timeout)
            await self._helm.upgrade_or_install(spec, on_line=say)
            after = await self._record(chart)
            assert after is not None
            return _answer(chart.step, after, say)

    async def uninstall(self, chart: ChartPlan, say: Lines, *, delete_crds: bool) -> ChartAnswer:
        """Take a release away; its templated CRDs stay unless asked otherwise. No release: nothing."""
        step = f"uninstall-{chart.release}"
        async with self._lock(chart, "uninstall") as lock:
            record = await self._record(chart)
            if record is None:
                done = StepRecord(step=step, output=f"there is no release {chart.key}")
                return ChartAnswer(steps=[done], changed=False)
            _refuse_interference(chart, record, lock)
            await self._take_away(chart, say, delete_crds=delete_crds)
            return ChartAnswer(
                steps=[StepRecord(step=step, output=f"release {chart.key} is gone")], lines=say.kept
            )

    async def repair(self, chart: ChartPlan, say: Lines) -> ChartAnswer:
        """Mend a release that was left half-way."""
        step = f"repair-{chart.release}"
        async with self._lock(chart, "repair") as lock:
            record = await self._record(chart)
            if record is None or record.status == "deployed":
                what = f"release {chart.key} is deployed" if record else f"there is no release {chart.key}"
                return ChartAnswer(steps=[StepRecord(step=step, output=what)], changed=False)
            words = await self._repair(chart, record, lock, say)
            say(words)
            after = await self._record(chart)
            answer = ChartAnswer(steps=[StepRecord(step=step, output=words)], lines=say.kept)
            if after is not None:
                answer.status, answer.revision = after.status, after.revision
                answer.chart_version = after.chart_version
            return answer

    # -- parts -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _lock(self, chart: ChartPlan, doing: str) -> AsyncIterator[Lock]:
        info = activity.info()
        holder = f"{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        name = f"airunway-release-{chart.namespace}-{chart.release}"
        async with locked(
            self._cluster, name, namespace=self._namespace, holder=holder, doing=doing, lasts=LOCK_LASTS
        ) as lock:
            try:
                yield lock
            except (asyncio.CancelledError, ClientError) as err:
                # Helm may have been stopped in the middle: what it leaves is ours to mend.
                if not isinstance(err, ClientError) or err.retryable:
                    lock.begun = doing
                raise

    async def _take_away(self, chart: ChartPlan, say: Lines, *, delete_crds: bool) -> None:
        if not delete_crds:
            kept = await keep_on_uninstall(
                self._cluster, chart.release, namespace=chart.namespace, kind=CRD_KIND
            )
            for name in kept:
                say(f"CRD {name} stays")
        await self._helm.uninstall(chart.release, chart.namespace, timeout=self._timeout, on_line=say)

    async def _record(self, chart: ChartPlan) -> ReleaseRecord | None:
        return await latest_record(self._cluster, chart.release, namespace=chart.namespace)

    async def _ran_before(self, chart: ChartPlan) -> bool:
        return await has_deployed_revision(self._cluster, chart.release, namespace=chart.namespace)

    async def _mended(self, chart: ChartPlan, lock: Lock, say: Lines) -> ReleaseRecord | None:
        record = await self._record(chart)
        if record is not None and record.status == UNINSTALLING:
            say(f"release {chart.key} was being uninstalled: that is brought to its end first")
            await self._take_away(chart, say, delete_crds=False)
            return None
        if record is None or not record.pending:
            return record
        say(await self._repair(chart, record, lock, say))
        return await self._record(chart)

    async def _repair(self, chart: ChartPlan, record: ReleaseRecord, lock: Lock, say: Lines) -> str:
        _refuse_interference(chart, record, lock)
        return await self._helm.repair(chart.release, chart.namespace, on_line=say)


def _is_as_wanted(record: ReleaseRecord, chart: ChartPlan, request: ChartRequest) -> bool:
    # Installed anew, by an attempt whose answer was lost, is done as well.
    done = not request.anew or record.revision > request.revision
    return done and record.status == "deployed" and not difference(record, chart)


def _refuse_interference(chart: ChartPlan, record: ReleaseRecord, lock: Lock) -> None:
    if record.pending and not lock.left_behind and not _is_abandoned(record):
        raise busy(
            f"release {chart.key} is {record.status}: another Helm is at work on it; waiting for its end"
        )


def _is_abandoned(record: ReleaseRecord) -> bool:
    return record.updated is None or datetime.now(UTC) - record.updated > ABANDONED_AFTER


def _answer(step: str, record: ReleaseRecord, say: Lines, *, changed: bool = True) -> ChartAnswer:
    what = "is as wanted" if not changed else "is deployed"
    output = f"release {record.namespace}/{record.name} {what}: chart {record.chart_name} "
    output += f"{record.chart_version}, revision {record.revision}"
    return ChartAnswer(
        steps=[StepRecord(step=step, output=output)],
        chart_version=record.chart_version,
        revision=record.revision,
        status=record.status,
        changed=changed,
        lines=say.kept,
    )
