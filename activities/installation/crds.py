"""CRDs that have to be there before a chart is installed. Source: install.md §A4.3, §A5.

Those that exist are left alone, whoever brought them; each that is missing is applied by itself, and waited
for until its kind is served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.activities.installation.failures import refused
from airunway.activities.installation.heartbeats import StepLines
from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.clients.bounded_yaml import BadYaml, read_yaml_off_loop
from airunway.clients.crds import apply_crd
from airunway.clients.downloads import Downloads
from airunway.clients.kubernetes import CRDS, Cluster
from airunway.installation.crds import INSTALLED_FOR, crds_in, is_established, name_of, step_name
from airunway.installation.mirrors import mirror_of
from airunway.installation.plan import crd_url_step
from airunway.messages.installation import StepRecord


class CrdInstaller:
    """Applies CRDs."""

    def __init__(self, cluster: Cluster, downloads: Downloads, mirrors: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._downloads = downloads
        self._mirrors = mirrors

    async def from_urls(self, chart: ChartRelease, provider: str, say: StepLines) -> list[StepRecord]:
        """The manifests that the config names by URL; only CRDs are taken from them."""
        steps = []
        for url in chart.pre_crd_urls:
            say(f"applying the CRDs of {url}")
            crds = await _crds_of(await self._downloads.text(mirror_of(url, self._mirrors) or url), url)
            for crd in crds:
                await apply_for(self._cluster, crd, provider)
            names = ", ".join(map(name_of, crds))
            steps.append(StepRecord(step=crd_url_step(url), output=f"applied: {names}"))
        return steps

    async def missing(
        self, crds: Sequence[Mapping[str, Any]], provider: str, say: StepLines
    ) -> list[StepRecord]:
        """A chart's own CRDs, as far as they are not there."""
        wanted = crds_in(crds)
        live = await asyncio.gather(*(self._cluster.find(CRDS, name_of(crd)) for crd in wanted))
        steps = []
        for crd, there in zip(wanted, live, strict=True):
            name = name_of(crd)
            if there is not None and is_established(there):
                steps.append(StepRecord(step=f"skip-crd-{step_name(name)}", output=f"{name} exists"))
                continue
            say(f"applying CRD {name}")
            await apply_for(self._cluster, crd, provider)
            steps.append(StepRecord(step=f"apply-crd-{step_name(name)}", output=f"{name} is established"))
        return steps


async def apply_for(cluster: Cluster, crd: Mapping[str, Any], owner: str) -> None:
    """Apply a CRD, with a label that says for whom."""
    meta = crd["metadata"]
    labelled = {**meta, "labels": {**(meta.get("labels") or {}), INSTALLED_FOR: owner}}
    await apply_crd(cluster, {**crd, "metadata": labelled}, field_manager=names.INSTALLER_FIELD_MANAGER)


async def documents_of(text: str, url: str) -> list[Any]:
    """The documents of a file. Raises a failure."""
    try:
        return [entry for entry in await read_yaml_off_loop(text) if entry]
    except BadYaml as err:
        raise refused("BadInstallation", f"{url}: {err}") from err


async def _crds_of(text: str, url: str) -> list[dict[str, Any]]:
    documents = await documents_of(text, url)
    crds = crds_in(entry for entry in documents if isinstance(entry, dict))
    if not crds or len(crds) < len(documents):
        # The config may be edited by people who may not install just anything.
        raise refused("BadInstallation", f"{url} holds something else than CustomResourceDefinitions")
    return crds
