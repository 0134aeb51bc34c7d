"""Files of CRDs that stand by themselves: looked at, fetched, applied. Source: install.md §A14.2.

Only CRDs are taken from them. Each is looked at once more before it is written, since a managed cluster or
another tool may have brought its own meanwhile.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.activities.installation.chart_digests import ChartDigests
from airunway.activities.installation.crds import apply_for, documents_of
from airunway.activities.installation.failures import refused
from airunway.activities.installation.heartbeats import StepLines
from airunway.activities.installation.rights import missing_rights
from airunway.api.chart_release import ChartRelease, DigestOrigin
from airunway.clients.downloads import Downloads
from airunway.clients.helm import BadChecksum
from airunway.clients.kubernetes import CRDS, Cluster, Object
from airunway.installation.crd_files import NothingThere, NotTouched, may_be_written, what_to_do
from airunway.installation.crds import CRD_KIND, crds_in, name_of
from airunway.installation.guards import listed
from airunway.messages.installation import ChartAnswer, StepRecord


@dataclass(frozen=True, kw_only=True)
class FetchedCrds:
    """What is in a file. `others`: what is not taken from it, in words."""

    digest: str
    crds: list[dict[str, Any]]
    others: list[str]


class CrdFiles:
    """Installs such files on one cluster."""

    def __init__(self, cluster: Cluster, downloads: Downloads, digests: ChartDigests) -> None:
        self._cluster, self._downloads, self._digests = cluster, downloads, digests

    async def due(self, file: ChartRelease, owner: str, *, is_upgrade: bool) -> ChartRelease:
        """The file with what is to be done; fetched if anything is. Raises failures. Writes nothing."""
        try:
            due = what_to_do(file, await self._live(file.crds), owner=owner, is_upgrade=is_upgrade)
        except NothingThere as err:
            raise refused("NotInstalled", f"{err}; run: airunway providers install {owner}") from err
        except NotTouched as err:
            raise refused("ForeignOperator", str(err)) from err
        if due.is_left_alone:
            return due
        found = await self._fetch(due)
        missing = await missing_rights(self._cluster, found.crds, namespace="")
        if missing:
            raise refused(
                "MissingRights",
                f"the installer may not write the CRDs of {file.title}: {listed(missing)}; apply "
                "deploy/installer, or run the commands by hand; nothing was written",
            )
        return due.archived_as(found.digest)

    async def apply(self, file: ChartRelease, owner: str, say: StepLines) -> ChartAnswer:
        """Apply what is missing or older, of what was applied here. Again: nothing changes."""
        found = await self._fetch(file)
        file = file.archived_as(found.digest)
        if file.digest_origin is not DigestOrigin.RECORDED:
            with self._digests.explained(file):
                await self._digests.remember(file)
        live = await self._live(name_of(crd) for crd in found.crds)
        applied: list[str] = []
        for crd in found.crds:
            name = name_of(crd)
            if not may_be_written(crd, live[name], annotation=file.version_annotation, owner=owner):
                say(f"CRD {name} is left as it is: it is newer, or somebody else's")
                continue
            say(f"applying CRD {name}")
            await apply_for(self._cluster, crd, owner)
            applied.append(name)
        if found.others:
            say(f"not taken from the file: {listed(found.others)}")
        output = f"{file.version}: applied {len(applied)} of {len(found.crds)} CRDs, file {file.digest}"
        return ChartAnswer(
            steps=[StepRecord(step=file.release, output=output)],
            chart=file.recorded(version=file.version, status="installed", revision=0),
            changed=bool(applied),
            lines=say.kept,
        )

    async def _fetch(self, file: ChartRelease) -> FetchedCrds:
        text = await self._downloads.text(file.fetched_from)
        digest = f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"
        with self._digests.explained(file):
            if file.digest and file.digest != digest:
                raise BadChecksum(f"{file.title} is {digest}, and should be {file.digest}")
        documents = await documents_of(text, file.chart)
        objects = [entry for entry in documents if isinstance(entry, dict)]
        crds = crds_in(objects)
        absent = set(file.crds) - set(map(name_of, crds))
        if absent:
            raise refused("BadInstallation", f"{file.chart} has no CRD {', '.join(sorted(absent))}")
        others = [f"{obj.get('kind')} {name_of(obj)}" for obj in objects if obj.get("kind") != CRD_KIND]
        return FetchedCrds(digest=digest, crds=crds, others=others)

    async def _live(self, names: Iterable[str]) -> Mapping[str, Object | None]:
        wanted = list(names)
        found = await asyncio.gather(*(self._cluster.find(CRDS, name) for name in wanted))
        return dict(zip(wanted, found, strict=True))
