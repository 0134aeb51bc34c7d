"""Which cluster this is: the name that tells it apart from others on the same Temporal.

It is part of workflow ids, task queues and search attributes. `AIRUNWAY_CLUSTER` says it; without that it is
taken from the uid of the namespace `kube-system`, which a cluster keeps for life.
"""

from __future__ import annotations

from typing import TypeVar

import structlog

from airunway.api.names import UID_NAMESPACE, cluster_name_from
from airunway.clients.backoff import Backoff, retry
from airunway.clients.errors import ApiError, ClientError, Forbidden
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.workers.command_settings import CommandSettings

SomeSettings = TypeVar("SomeSettings", bound=CommandSettings)
_log = structlog.get_logger(__name__)


class ClusterNameUnknown(ClientError):
    """Nothing says which cluster this is."""

    retryable = False


async def with_cluster_name(
    settings: SomeSettings, cluster: Cluster, *, patient: bool = False
) -> SomeSettings:
    """The settings with `cluster` filled in.

    `patient`: try again until the API server answers. Raises ClusterNameUnknown, ApiError.
    """
    if settings.cluster:
        return settings
    uid = await retry(
        lambda: _uid(cluster),
        on=(ApiError,) if patient else (),
        backoff=Backoff(first=1, maximum=30),
        failed=lambda err, _: _report(cluster, err),
    )
    return settings.model_copy(update={"cluster": cluster_name_from(uid)})


def _report(cluster: Cluster, err: Exception) -> None:
    log = _log.bind(namespace=UID_NAMESPACE, error=str(err)[:200])
    cluster.outage.suspect(lambda: log.warning("this cluster has no name yet; trying again"))


async def _uid(cluster: Cluster) -> str:
    try:
        namespace = await cluster.find(NAMESPACES, UID_NAMESPACE)
    except Forbidden as err:
        raise ClusterNameUnknown(
            f"the namespace {UID_NAMESPACE} may not be read, whose uid names this cluster: allow it, or set "
            f"AIRUNWAY_CLUSTER to the name that the workers of this cluster log ({err})"
        ) from err
    if namespace is None:
        raise ClusterNameUnknown(
            f"there is no namespace {UID_NAMESPACE} to name this cluster: set AIRUNWAY_CLUSTER"
        )
    return str(namespace["metadata"]["uid"])
