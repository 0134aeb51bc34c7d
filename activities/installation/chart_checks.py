"""What Helm would refuse half-way, found by rendering a chart beforehand: clashes, missing rights."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from airunway.activities.installation.failures import refused
from airunway.activities.installation.rights import missing_rights
from airunway.api.chart_release import ChartRelease
from airunway.clients.helm import Helm, ReleaseRecord, Rendered, masked
from airunway.clients.kubernetes import CRDS, Cluster
from airunway.installation.crds import clashes, crds_in, name_of
from airunway.installation.diff import manifest_diff, values_diff
from airunway.installation.guards import listed

Objects = Sequence[Mapping[str, Any]]


class ChartChecks:
    """Checks charts on one cluster. Writes nothing."""

    def __init__(self, cluster: Cluster, helm: Helm) -> None:
        self._cluster = cluster
        self._helm = helm

    async def check(self, chart: ChartRelease, *, is_upgrade: bool) -> Rendered:
        """The chart rendered, once nothing speaks against it. Raises failures."""
        rendered = await self._helm.render(chart, is_upgrade=is_upgrade)
        objects = [entry.object for entry in rendered.manifests]
        await self._refuse_clashes(chart, objects)
        await self._refuse_missing_rights(chart, [*objects, *rendered.crds])
        return rendered

    async def _refuse_clashes(self, chart: ChartRelease, objects: Objects) -> None:
        names = [name_of(crd) for crd in crds_in(objects)]
        live = await asyncio.gather(*(self._cluster.find(CRDS, name) for name in names))
        there = {name: obj for name, obj in zip(names, live, strict=True) if obj is not None}
        found = clashes(objects, there, release=(chart.namespace, chart.release))
        if found:
            raise refused(
                "OwnershipClash",
                f"chart {chart.chart} would write what belongs to others: "
                f"{listed(list(map(str, found)))}; remove the other installation, or use it as it is; "
                "nothing was written",
            )

    async def _refuse_missing_rights(self, chart: ChartRelease, objects: Objects) -> None:
        missing = await missing_rights(self._cluster, objects, namespace=chart.namespace)
        if missing:
            raise refused(
                "MissingRights",
                f"the installer may not do what chart {chart.chart} needs: {listed(missing)}; apply "
                "deploy/installer, or run the commands by hand; nothing was written",
            )


def diff_of(chart: ChartRelease, record: ReleaseRecord | None, rendered: Rendered) -> list[str]:
    """The lines of what would change; `record`: the release that is there."""
    before: Iterable[Mapping[str, Any]] = record.read_documents() if record else ()
    objects = [entry.object for entry in rendered.manifests if not entry.hooks]
    lines = [f"release {chart.key}:"]
    lines += values_diff(record.values if record else {}, chart.values, mask=masked)
    return lines + manifest_diff(before, objects, mask=masked)
