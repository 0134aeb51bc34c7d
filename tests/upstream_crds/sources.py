"""Who writes objects that upstream projects judge: every provider. What else writes some joins `OTHERS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Set
from dataclasses import dataclass, replace

from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider, RenderContext
from tests.upstream_crds import gateway_objects
from tests.upstream_crds.folders import Version
from tests.upstream_crds.inputs import PROVIDERS
from tests.upstream_crds.renderings import Renderings, add, context_of
from tests.upstream_crds.servers import BUILTIN_PATHS


@dataclass(frozen=True, kw_only=True)
class Source:
    """`collect`: adds what it writes, in a cluster that has the definitions of that version."""

    groups: Set[str]
    collect: Callable[[Cluster, Renderings, Version], Awaitable[None]]


def _of(provider: Provider) -> Source:
    async def collect(cluster: Cluster, into: Renderings, version: Version) -> None:
        found = await context_of(cluster, provider)
        for context in _contexts(provider, found, version):
            add(into, provider, context, groups=version.groups)

    return Source(groups={kind.group for kind in provider.kinds}, collect=collect)


def _contexts(provider: Provider, found: RenderContext, version: Version) -> Iterator[RenderContext]:
    """What the cluster says, and all that may be recorded of it for an object which stands for long."""
    main = provider.kinds[0]
    older = [
        replace(found, api_version=entry.api_version, served_fields=())
        for entry in main.versions
        if (entry.api_version, main.kind) in version.paths and entry.api_version != found.api_version
    ]
    for context in (found, *older):
        for routed in {False, provider.depends_on_gateway}:
            for learned in ((), *((word,) for word in provider.learnable)):
                yield replace(context, routed_by_gateway=routed, learned=learned)


OTHERS = (Source(groups=gateway_objects.GROUPS, collect=gateway_objects.collect),)


def sources_of(groups: Set[str]) -> list[Source]:
    """Those that write objects of some of these API groups."""
    everybody = [*map(_of, PROVIDERS.values()), *OTHERS]
    return [source for source in everybody if source.groups & groups]


BUILTIN_GROUPS = {api_version.rpartition("/")[0] for api_version, _kind in BUILTIN_PATHS}
