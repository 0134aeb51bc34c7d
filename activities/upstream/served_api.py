"""In which version a provider's main kind is served here, and which of its optional fields.

Operators may be older or newer than ours, and may be renewed while what they run goes on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider

_ANY = "metadata"
"""A field that every published schema has: without it, that of a kind is not published yet."""
PATIENCE_SECONDS = 60.0
"""How long a schema may take to be published. After that the kind has none that names its fields."""
MEMORY_SECONDS = 300.0
"""An operator is seldom replaced, and who waits for a field of a new one can wait that long."""


@dataclass(frozen=True, kw_only=True)
class ServedApi:
    """`versions`: API versions of the main kind that are served, newest first. `fields`: of the newest."""

    versions: Sequence[str] = ()
    fields: Collection[str] = ()
    fields_of: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Those of each version that is served."""
    is_settled: bool = True
    """Whether that is all of it: an API server publishes a kind's schema seconds after it serves that."""

    def features(self, provider: Provider) -> list[str]:
        """What of it is recorded: the fields, and the version unless it is the oldest that we know."""
        oldest = provider.kinds[0].versions[-1].api_version
        newest = [version for version in self.versions[:1] if version != oldest]
        return [*newest, *sorted(self.fields)]


def newest_of(provider: Provider) -> ServedApi:
    """As the newest version of its operator that is supported serves it, which an installation brings."""
    return ServedApi(versions=[provider.kinds[0].api_version], fields=tuple(provider.optional_fields))


def version_among(features: Collection[str], provider: Provider) -> str:
    """The version of the main kind that recorded features stand for."""
    versions = [kind.api_version for kind in provider.kinds[0].versions]
    return next((version for version in versions if version in features), versions[-1])


class ServedApis:
    """Asks the API server once in a while, and only for providers for which something depends on it."""

    def __init__(self, cluster: Cluster, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._cluster, self._clock = cluster, clock
        self._known: dict[str, tuple[float, ServedApi]] = {}
        self._unsettled_since: dict[str, float] = {}

    async def of(self, provider: Provider) -> ServedApi:
        """What is served of the provider's main kind. Raises ApiError."""
        kind = provider.kinds[0]
        if not (provider.optional_fields or kind.older):
            return ServedApi(versions=[kind.api_version])
        asked, found = self._known.get(provider.name, (float("-inf"), ServedApi()))
        if self._clock() - asked > MEMORY_SECONDS:
            found, is_known = await self._ask(provider)
            if is_known:
                self._known[provider.name] = (self._clock(), found)
                self._unsettled_since.pop(provider.name, None)
            elif found.versions:
                since = self._unsettled_since.setdefault(provider.name, self._clock())
                found = replace(found, is_settled=self._clock() - since > PATIENCE_SECONDS)
        return found

    async def _ask(self, provider: Provider) -> tuple[ServedApi, bool]:
        """What is served; and whether that is all of it, not an operator that is just being installed."""
        kind, discovery = provider.kinds[0], self._cluster.discovery
        versions = [kind.api_version]
        if kind.older:
            asked = [entry.api_version for entry in kind.versions]
            versions = [entry for entry in asked if kind.kind in await discovery.served_kinds(entry)]
        if not versions or not provider.optional_fields:
            return ServedApi(versions=versions), bool(versions)
        wanted = [_ANY, *provider.optional_fields]
        found = {entry: await discovery.served_fields(entry, kind.kind, wanted) for entry in versions}
        fields_of = {entry: fields - {_ANY} for entry, fields in found.items()}
        newest = versions[0]
        if _ANY not in found[newest] and kind.kind not in await discovery.served_kinds(newest):
            return ServedApi(), False  # not served at all, so nothing is about to be published
        served = ServedApi(versions=versions, fields=fields_of[newest], fields_of=fields_of)
        return served, _ANY in found[newest]
