"""What the main upstream object says of a deployment, for a status that claims more than the last one did.

Only of providers that this process serves: another one's objects the core may not even read.
"""

from __future__ import annotations

from collections.abc import Mapping

from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status_claims import Known, providers_meant
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
        if not _claims_more(status, known):
            return ""
        meant = providers_meant(status, known)
        if not meant:
            return f"it says {_claim(status)}, and no provider acts on the deployment"
        problems = [await self._problem_of(name, ref, status, known) for name in sorted(meant)]
        return "" if "" in problems else problems[0]

    async def _problem_of(self, name: str, ref: DeploymentRef, status: DeploymentStatus, known: Known) -> str:
        provider, read = self._providers.get(name), self._cache.upstream(known.uid)
        if provider is None or (read is not None and not _contradicts(status, read)):
            return ""
        live = await self._main_object(provider, ref, status, known)
        if live is not None:
            return _contradicts(status, live)
        if status.phase is Phase.TERMINATING:
            return ""  # it went first, and where it served is from before
        kind = provider.kinds[0].kind
        return f"it says {_claim(status)}, and there is no {kind} that the deployment owns"

    async def _main_object(
        self, provider: Provider, ref: DeploymentRef, status: DeploymentStatus, known: Known
    ) -> UnifiedStatus | None:
        recorded = (known.status.get("provider") or {}).get("resourceName")
        name = (status.provider.resource_name if status.provider else recorded) or ref.name
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
    if status.endpoint is None or status.endpoint == read.endpoint:
        return ""
    if read.endpoint is not None:
        return f"its endpoint is {_at(status.endpoint)}, and the upstream object's is {_at(read.endpoint)}"
    if status.phase is Phase.TERMINATING:
        return ""  # the object goes by parts, and where it served is from before
    return f"its endpoint is {_at(status.endpoint)}, and {read.resource_kind} {read.resource_name} names none"


def _claim(status: DeploymentStatus) -> str:
    return f"{status.phase}" if status.endpoint is None else f"{status.phase} at {_at(status.endpoint)}"


def _at(endpoint: EndpointStatus) -> str:
    return f"{endpoint.service}:{endpoint.port}"
