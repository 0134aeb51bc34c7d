"""Which archive a chart was when it was first used here: trust on first use.

What a repository serves under a version may be another archive tomorrow, and its own index agrees with it.
The record lies in the namespace of the installer, where nobody else may write (deploy/installer). What an
administrator or a package pins counts more, and is recorded when it is used.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from airunway.activities.installation.failures import refused
from airunway.api import names
from airunway.api.chart_release import ChartRelease, DigestOrigin
from airunway.clients.bounded_json import BadDocument, read_json
from airunway.clients.errors import AlreadyExists, Conflict
from airunway.clients.helm import BadChecksum
from airunway.clients.helm.fetching import without_login
from airunway.clients.kubernetes import CONFIG_MAPS, Cluster, Object

KEY = "digests.json"
"""Of the ConfigMap: the chart's address with its version (`_address`) to the digest of its archive."""
MAX_RECORDED = 1000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class ChartDigests:
    """The record of one cluster. `namespace`: the installer's."""

    def __init__(self, cluster: Cluster, *, namespace: str) -> None:
        self._cluster, self._namespace = cluster, namespace

    def __str__(self) -> str:
        return f"ConfigMap {self._namespace}/{names.CHART_DIGESTS}"

    async def applied_to(self, charts: tuple[ChartRelease, ...]) -> tuple[ChartRelease, ...]:
        """The charts, those without a pinned digest with the recorded one. Raises failures, ApiError."""
        if all(chart.digest for chart in charts):
            return charts
        known = self._read(await self._find())
        return tuple(
            chart
            if chart.digest or _address(chart) not in known
            else _recorded(chart, known[_address(chart)])
            for chart in charts
        )

    async def remember(self, chart: ChartRelease) -> None:
        """Record the digest of a chart that was seen to have it. Raises failures, ApiError."""
        while True:
            live = await self._find()
            known = self._read(live)
            before = known.get(_address(chart))
            if before == chart.digest:
                return
            if before and chart.digest_origin is not DigestOrigin.PINNED:
                # Of two first installations one was first.
                raise refused("ChartChanged", f"{chart.title} is {chart.digest}{self._before(before)}")
            if len(known) >= MAX_RECORDED:
                raise refused("BadInstallation", f"{self} has {len(known)} entries; take out old ones")
            try:
                await self._write(live, {**known, _address(chart): chart.digest})
            except (AlreadyExists, Conflict):
                continue  # somebody else wrote: once more from what is there now
            return

    @contextmanager
    def explained(self, chart: ChartRelease) -> Iterator[None]:
        """Say of an archive with another digest where the expected one comes from, and what to do."""
        try:
            yield
        except BadChecksum as err:
            if chart.digest_origin is DigestOrigin.RECORDED:
                raise BadChecksum(f"{err}{self._before(chart.digest)}", detail=err.detail) from err
            if chart.digest_origin is DigestOrigin.SEEN:
                words = "it changed after it was looked at; plan the installation anew"
                raise BadChecksum(f"{err}: {words}", detail=err.detail) from err
            raise

    def _before(self, digest: str) -> str:
        return (
            f": when it was first used here it was {digest} ({self}). Ask its publisher why it changed; if it"
            " is to be trusted, set AIRUNWAY_CHART_DIGESTS to the new digest, or take the entry out"
        )

    async def _find(self) -> Object | None:
        return await self._cluster.find(CONFIG_MAPS, names.CHART_DIGESTS, namespace=self._namespace)

    def _read(self, live: Object | None) -> dict[str, str]:
        text = ((live or {}).get("data") or {}).get(KEY, "{}")
        try:
            found = read_json(text.encode())
        except BadDocument:
            found = None
        if not isinstance(found, Mapping) or not all(
            isinstance(digest, str) and _DIGEST.fullmatch(digest) for digest in found.values()
        ):
            # Not taken for empty: whoever spoils it must not get what they want accepted as new.
            raise refused("BadInstallation", f"{self} cannot be read; restore it, or delete it to begin anew")
        return dict(found)

    async def _write(self, live: Object | None, digests: Mapping[str, str]) -> None:
        data = {KEY: json.dumps(digests, indent=1, sort_keys=True)}
        if live is None:
            body = {"metadata": {"name": names.CHART_DIGESTS}, "data": data}
            await self._cluster.create(CONFIG_MAPS, body, namespace=self._namespace)
            return
        patch = {"metadata": {"resourceVersion": live["metadata"]["resourceVersion"]}, "data": data}
        await self._cluster.patch(CONFIG_MAPS, names.CHART_DIGESTS, patch, namespace=self._namespace)


def _address(chart: ChartRelease) -> str:
    """Where a chart comes from and its version; without a login.

    Not the name of its repository, which each provider chooses: two may call different ones alike.
    """
    reference = chart.fetched_from
    if chart.repository_url and "://" not in reference:
        reference = f"{chart.repository_url.rstrip('/')}/{reference.split('/', 1)[-1]}"
    return f"{without_login(reference)} {chart.version}".rstrip()


def _recorded(chart: ChartRelease, digest: str) -> ChartRelease:
    return chart.model_copy(update={"digest": digest, "digest_origin": DigestOrigin.RECORDED})
