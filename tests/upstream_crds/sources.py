"""Who writes objects that upstream projects judge: every provider. What else writes some joins `OTHERS`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Set
from dataclasses import dataclass

from airunway.clients.kubernetes import Cluster
from airunway.provider import Provider
from tests.upstream_crds.inputs import PROVIDERS
from tests.upstream_crds.renderings import Renderings, add, context_of


@dataclass(frozen=True, kw_only=True)
class Source:
    """`collect`: adds to the renderings what it writes, in that cluster, of these API groups.

    `by_pools`: what it writes depends on whether InferencePools are served.
    """

    groups: Set[str]
    collect: Callable[[Cluster, Renderings, Set[str]], Awaitable[None]]
    by_pools: bool = False


def _of(provider: Provider) -> Source:
    async def collect(cluster: Cluster, into: Renderings, groups: Set[str]) -> None:
        add(into, provider, await context_of(cluster, provider), groups=groups)

    groups = {kind.group for kind in provider.kinds}
    return Source(groups=groups, collect=collect, by_pools=provider.uses_inference_pools)


OTHERS: tuple[Source, ...] = ()


def sources_of(groups: Set[str]) -> list[Source]:
    """Those that write objects of some of these API groups."""
    everybody = [*map(_of, PROVIDERS.values()), *OTHERS]
    return [source for source in everybody if source.groups & groups]


BUILTIN_GROUPS = {kind.group for provider in PROVIDERS.values() for kind in provider.kinds if kind.builtin}
