"""What the main upstream object says of a deployment, for a status that claims more than the last one did.

Only of providers that this process serves: another one's objects the core may not even read.
"""

from __future__ import annotations

from collections.abc import Mapping

from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status_claims import Known
from airunway.activities.upstream.main_object import find_main
from airunway.activities.upstream.ownership import is_owned_by
from airunway.api.status import DeploymentStatus, EndpointStatus, Phase, UnifiedStatus
from airunway.clients.kubernetes import Cluster
from airunway.messages.refs import DeploymentRef
from airunway.provider import Provider


class UpstreamEvidence:
    """What one cluster's upstream objects bear out. `cache`: what other steps of this process read."""

    def __init__(self, cluster: Cluster, providers: Mapping[str, Provider], cache: SnapshotCache) -> None:
        self._cluster, self._providers, self._cache = cluster, providers, cache

    async def problem(self, ref: DeploymentRef, status: DeploymentStatus, known: Known) -> str:
        """The first claim that the main upstream object does not bear out, in words; empty without one.

        Asks for nothing where the status says no more than the last one, or what was just read.
        Raises ApiError.
        """
        provider = self._providers.get((status.provider.name if status.provider else None) or "")
        if provider is None or not _claims_more(status, known):
            return ""
        read = self._cache.upstream(known.uid)
        if read is not None and not _contradicts(status, read):
            return ""
        live = await self._main_object(provider, ref, status, known)
        if live is None:
            return (
                f"it says {status.phase}, and there is no {provider.kinds[0].kind} that the deployment owns"
            )
        return _contradicts(status, live)

    async def _main_object(
        self, provider: Provider, ref: DeploymentRef, status: DeploymentStatus, known: Known
    ) -> UnifiedStatus | None:
        name = (status.provider.resource_name if status.provider else None) or ref.name
        obj = await find_main(self._cluster, provider, name, namespace=ref.namespace)
        if obj is None or not is_owned_by(obj, known.uid):
            return None
        try:
            return provider.read_status(obj)
        except ValueError:
            return None


def _claims_more(status: DeploymentStatus, known: Known) -> bool:
    became = status.phase is Phase.RUNNING and known.status.get("phase") != Phase.RUNNING
    endpoint = status.endpoint.dump() if status.endpoint is not None else None
    return became or endpoint not in (None, known.status.get("endpoint"))


def _contradicts(status: DeploymentStatus, read: UnifiedStatus) -> str:
    if status.phase is Phase.RUNNING and read.phase is not Phase.RUNNING:
        return f"it says Running, and {read.resource_kind} {read.resource_name} says {read.phase}"
    if status.endpoint is not None and read.endpoint is not None and status.endpoint != read.endpoint:
        return f"its endpoint is {_at(status.endpoint)}, and the upstream object's is {_at(read.endpoint)}"
    return ""


def _at(endpoint: EndpointStatus) -> str:
    return f"{endpoint.service}:{endpoint.port}"
