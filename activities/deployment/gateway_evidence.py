"""What Gateways say, for a status that names where a deployment is published.

Clients send requests there, with what they hold secret: so it is the address of a Gateway that is there.
"""

from __future__ import annotations

from airunway.activities.deployment.snapshots import SnapshotCache
from airunway.activities.deployment.status_claims import Known
from airunway.activities.gateway.served_kinds import ServedGatewayKinds
from airunway.api.status import DeploymentStatus, GatewayStatus
from airunway.clients.kubernetes import Cluster, Object
from airunway.gateway.kinds import GATEWAY
from airunway.gateway.truth import address_of, url_of


class GatewayEvidence:
    """What one cluster's Gateways bear out. `cache`: what other steps of this process read."""

    def __init__(self, cluster: Cluster, kinds: ServedGatewayKinds, cache: SnapshotCache) -> None:
        self._cluster, self._kinds, self._cache = cluster, kinds, cache

    async def problem(self, status: DeploymentStatus, known: Known) -> str:
        """Why no Gateway bears a claim out, in words; empty when one does, or when there is no claim.

        Asks for nothing where the status says the same as before, or what was just read. Raises ApiError.
        """
        said = status.gateway
        if (
            said is None
            or said.dump() == known.status.get("gateway")
            or said == self._cache.gateway(known.uid)
        ):
            return ""
        served, namespace = await self._kinds.now(), said.gateway_namespace or ""
        gateways: list[Object] = []
        if namespace and GATEWAY in served.kinds:
            gateways = (await self._cluster.listing(served[GATEWAY], namespace=namespace)).items
        if any(_is_of(said, gateway) for gateway in gateways):
            return ""
        where = f"in {namespace}" if namespace else "of no namespace"
        return f"it says {said.endpoint or 'no address'} of a Gateway {where}, and there is none with that"


def _is_of(said: GatewayStatus, gateway: Object) -> bool:
    sections = ["", *(str(entry.get("name")) for entry in gateway["spec"].get("listeners") or [])]
    urls = {url_of(gateway, section) for section in sections}
    return (said.endpoint or "") == address_of(gateway) and (said.url or "") in {"", *urls}
