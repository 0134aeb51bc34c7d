"""The pretend volume provisioner: every claim that may be provisioned is bound at once."""

from __future__ import annotations

from airunway.clients.kubernetes import Resource
from airunway.sandbox.operators.cache import KindCache
from airunway.sandbox.operators.controller import Controller
from airunway.sandbox.operators.objects import Key, key_of

CLAIMS = Resource("v1", "persistentvolumeclaims")


class Claims:
    """Binds claims; one that names the empty storage class asks not to be provisioned, and waits."""

    def __init__(self, claims: KindCache) -> None:
        self._claims = claims
        self.controller = Controller("claims", self._reconcile)
        claims.on_change(lambda claim: self.controller.enqueue(key_of(claim)))

    async def _reconcile(self, key: Key) -> float | None:
        claim = self._claims.get(key)
        if claim is None or "deletionTimestamp" in claim["metadata"]:
            return None
        if claim["spec"].get("storageClassName") == "" or (claim.get("status") or {}).get("phase") == "Bound":
            return None
        status = {
            "phase": "Bound",
            "accessModes": claim["spec"].get("accessModes"),
            "capacity": (claim["spec"].get("resources") or {}).get("requests"),
        }
        await self._claims.patch(claim, status, status=True)
        return None
