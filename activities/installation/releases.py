"""Changing one release: under a lock, repaired first if it was left half-way, idempotent.

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

from airunway.activities.installation.chart_digests import ChartDigests
from airunway.activities.installation.failures import busy
from airunway.activities.installation.heartbeats import StepLines
from airunway.activities.installation.plan import difference, with_record
from airunway.api.chart_release import ChartAction, ChartRelease, DigestOrigin
from airunway.clients.errors import ClientError
from airunway.clients.helm import Helm, ReleaseRecord
from airunway.clients.helm.records import has_deployed_revision, keep_on_uninstall, latest_record
from airunway.clients.kubernetes import Cluster
from airunway.clients.lease import Lock, locked
from airunway.installation.crds import CRD_KIND
from airunway.installation.plan import install_step
from airunway.messages.installation import ChartAnswer, StepRecord

ABANDONED_AFTER = timedelta(minutes=10)
"""Twice the time Helm gives an operation by default: a release pending for longer has nobody at it."""
LOCK_LASTS = timedelta(seconds=30)
"""Without its holder: a Helm whose worker was killed puts things in order for twenty seconds."""
UNINSTALLING = "uninstalling"


class Releases:
    """Changes releases. `namespace`: where the locks are."""

    def __init__(self, cluster: Cluster, helm: Helm, *, namespace: str, digests: ChartDigests) -> None:
        self._digests = digests
        self._cluster = cluster
        self._helm = helm
        self._namespace = namespace

    async def install(self, chart: ChartRelease, say: StepLines) -> ChartAnswer:
        """Upgrade or install; nothing when the release is as wanted."""
        async with self._lock(chart, "install") as lock:
            record = await self._repaired(chart, lock, say)
            if record and _is_as_wanted(record, chart):
                return _installed(chart, record, say, changed=False)
            # A failed upgrade goes back to what ran. A failed first installation stays, for its traces and
            # because taking it away could take CRDs along; the next attempt upgrades over it.
            atomic = await self._ran_before(chart)
            chart = await self._remembered(chart)
            with self._digests.explained(chart):
                await self._helm.upgrade_or_install(chart, atomic=atomic, on_line=say)
            after = await self._record(chart)
            assert after is not None
            return _installed(chart, after, say)

    async def uninstall(self, chart: ChartRelease, say: StepLines, *, delete_crds: bool) -> ChartAnswer:
        """Take a release away; its templated CRDs stay unless asked otherwise. No release: nothing."""
        step = f"uninstall-{chart.release}"
        async with self._lock(chart, "uninstall") as lock:
            record = await self._record(chart)
            if record is None:
                done = StepRecord(step=step, output=f"there is no release {chart.key}")
                return ChartAnswer(steps=[done], changed=False)
            _refuse_interference(chart, record, lock)
            await self._take_away(chart, say, delete_crds=delete_crds)
            done = StepRecord(step=step, output=f"release {chart.key} is gone")
            return ChartAnswer(steps=[done], lines=say.kept)

    async def repair(self, chart: ChartRelease, say: StepLines) -> ChartAnswer:
        """Repair a release that was left half-way."""
        step = f"repair-{chart.release}"
        async with self._lock(chart, "repair") as lock:
            record = await self._record(chart)
            if record is None or record.status == "deployed":
                what = f"release {chart.key} is deployed" if record else f"there is no release {chart.key}"
                return ChartAnswer(steps=[StepRecord(step=step, output=what)], changed=False)
            words = await self._repair(chart, record, lock, say)
            say(words)
            after = await self._record(chart)
            left = with_record(chart, after) if after else None
            return ChartAnswer(steps=[StepRecord(step=step, output=words)], chart=left, lines=say.kept)

    # -- parts -----------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _lock(self, chart: ChartRelease, doing: str) -> AsyncIterator[Lock]:
        info = activity.info()
        holder = f"{info.workflow_id}/{info.workflow_run_id}/{info.activity_id}/{info.attempt}"
        name = f"airunway-release-{chart.namespace}-{chart.release}"
        async with locked(
            self._cluster, name, namespace=self._namespace, holder=holder, doing=doing, lasts=LOCK_LASTS
        ) as lock:
            try:
                yield lock
            except (asyncio.CancelledError, ClientError) as err:
                # Helm may have been stopped in the middle: what it leaves is ours to repair.
                if not isinstance(err, ClientError) or err.retryable:
                    lock.begun = doing
                raise

    async def _take_away(self, chart: ChartRelease, say: StepLines, *, delete_crds: bool) -> None:
        if not delete_crds:
            kept = await keep_on_uninstall(
                self._cluster, chart.release, namespace=chart.namespace, kind=CRD_KIND
            )
            for name in kept:
                say(f"CRD {name} stays")
        await self._helm.uninstall(chart.release, chart.namespace, on_line=say)

    async def _remembered(self, chart: ChartRelease) -> ChartRelease:
        """The chart by its digest, which is recorded once an archive was seen that has it."""
        if chart.digest_origin is DigestOrigin.RECORDED:
            return chart
        with self._digests.explained(chart):
            seen = await self._helm.chart_metadata(chart)
        chart = chart.archived_as(seen.digest)
        if seen.digest:
            await self._digests.remember(chart)
        return chart

    async def _record(self, chart: ChartRelease) -> ReleaseRecord | None:
        return await latest_record(self._cluster, chart.release, namespace=chart.namespace)

    async def _ran_before(self, chart: ChartRelease) -> bool:
        return await has_deployed_revision(self._cluster, chart.release, namespace=chart.namespace)

    async def _repaired(self, chart: ChartRelease, lock: Lock, say: StepLines) -> ReleaseRecord | None:
        record = await self._record(chart)
        if record is not None and record.status == UNINSTALLING:
            say(f"release {chart.key} was being uninstalled: that is brought to its end first")
            await self._take_away(chart, say, delete_crds=False)
            return None
        if record is None or not record.pending:
            return record
        say(await self._repair(chart, record, lock, say))
        return await self._record(chart)

    async def _repair(self, chart: ChartRelease, record: ReleaseRecord, lock: Lock, say: StepLines) -> str:
        _refuse_interference(chart, record, lock)
        return await self._helm.repair(chart.release, chart.namespace, on_line=say)


def _is_as_wanted(record: ReleaseRecord, chart: ChartRelease) -> bool:
    # Installed again by an attempt whose answer was lost: that is done as well.
    done = chart.action is not ChartAction.REINSTALL or record.revision > chart.revision
    return done and record.status == "deployed" and not difference(record, chart)


def _refuse_interference(chart: ChartRelease, record: ReleaseRecord, lock: Lock) -> None:
    if record.pending and not lock.left_behind and not _is_abandoned(record):
        raise busy(
            f"release {chart.key} is {record.status}: another Helm is at work on it; waiting for its end"
        )


def _is_abandoned(record: ReleaseRecord) -> bool:
    return record.updated is None or datetime.now(UTC) - record.updated > ABANDONED_AFTER


def _installed(
    chart: ChartRelease, record: ReleaseRecord, say: StepLines, *, changed: bool = True
) -> ChartAnswer:
    what = "is as wanted" if not changed else "is deployed"
    output = f"release {chart.key} {what}: chart {record.chart_name} "
    output += f"{record.chart_version}, revision {record.revision}"
    output += f", archive {chart.digest}" if changed and chart.digest else ""
    return ChartAnswer(
        steps=[StepRecord(step=install_step(chart), output=output)],
        chart=with_record(chart, record),
        changed=changed,
        lines=say.kept,
    )
