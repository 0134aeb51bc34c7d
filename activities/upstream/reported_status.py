"""What the live objects of a deployment say of it, held against its pods. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from airunway.activities.upstream.diagnostics import pods_of
from airunway.api.status import UnifiedStatus
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.provider import Provider
from airunway.provider.evidence import needs_pods, with_pods


def status_of(provider: Provider, live: list[Object], made: Sequence[Object] = ()) -> UnifiedStatus | None:
    """What the live objects say, main object first; None without any. Pure.

    `made`: what its operator made of the main one, as `read_made` found it.
    """
    if not live:
        return None
    objects = provider.operator_objects
    main = objects.with_states(live[0], made) if objects is not None and made else live[0]
    return provider.with_companions(provider.read_status(main), live[1:])


class PodsSeen(Protocol):
    """What a request says of the pods as they were."""

    @property
    def pods_seen(self) -> bool:
        """Some were seen before."""

    @property
    def pod_label(self) -> str:
        """By which; empty: by that of today."""


async def reported_status(
    cluster: Cluster,
    provider: Provider,
    ref: DeploymentRef,
    status: UnifiedStatus | None,
    *,
    seen: PodsSeen,
) -> UnifiedStatus | None:
    """That, as far as the pods agree. Raises ApiError.

    Pods are read where the objects say that the model is served, or do not count what serves it.
    `seen`: what was before. Pods that were found by another label than today's say nothing by being away.
    """
    if status is None:
        return None
    were_there = seen.pods_seen and seen.pod_label in ("", provider.pod_label)
    pods = await pods_of(cluster, provider, ref) if needs_pods(status) else None
    return with_pods(status, pods, were_there=were_there)
