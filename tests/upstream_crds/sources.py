"""Who writes objects that upstream projects judge: every provider. What else writes some joins `OTHERS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass, replace

from airunway.activities.upstream.served_api import ServedApis
from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider, RenderContext
from tests.upstream_crds.inputs import PROVIDERS
from tests.upstream_crds.renderings import Renderings, add, context_of


@dataclass(frozen=True, kw_only=True)
class Source:
    """`collect`: adds to the renderings what it writes, in that cluster, of these API groups."""

    groups: Set[str]
    collect: Callable[[Cluster, Renderings, Set[str]], Awaitable[None]]


def _of(provider: Provider) -> Source:
    async def collect(cluster: Cluster, into: Renderings, groups: Set[str]) -> None:
        found = await context_of(cluster, provider)
        for routed in (False, True) if provider.depends_on_gateway else (False,):
            for context in [found, *await _of_older_graphs(cluster, provider, found)]:
                add(into, provider, replace(context, routed_by_gateway=routed), groups=groups)

    return Source(groups={kind.group for kind in provider.kinds}, collect=collect)


async def _of_older_graphs(cluster: Cluster, provider: Provider, found: RenderContext) -> list[RenderContext]:
    """What was made in an older version goes on in that while it is served."""
    served = (await ServedApis(cluster).of(provider)).versions
    return [replace(found, api_version=older, served_fields=()) for older in served[1:]]


OTHERS: tuple[Source, ...] = ()


def sources_of(groups: Set[str]) -> list[Source]:
    """Those that write objects of some of these API groups."""
    everybody = [*map(_of, PROVIDERS.values()), *OTHERS]
    return [source for source in everybody if source.groups & groups]


BUILTIN_GROUPS = {kind.group for provider in PROVIDERS.values() for kind in provider.kinds if kind.builtin}
