"""Installing CustomResourceDefinitions: applied, and awaited until their kinds are served."""

from __future__ import annotations

import asyncio
from typing import Any

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import FIELD_MANAGER
from airunway.clients.backoff import Backoff
from airunway.clients.errors import ServerError
from airunway.clients.kubernetes import CRDS, Cluster, Object

MAX_WAIT_SECONDS = 30.0


async def apply_crd(cluster: Cluster, crd: dict[str, Any], *, field_manager: str) -> None:
    """Server-side apply a CRD and wait until the API server serves its kind. Again: no change.

    Raises ServerError when it does not get there, with the server's own reason.
    """
    applied = await cluster.apply(CRDS, crd, field_manager=field_manager)
    backoff, waited = Backoff(first=0.02, maximum=1.0), 0.0
    while not _is(applied, "Established"):
        if waited > MAX_WAIT_SECONDS or _is(applied, "NamesAccepted", "False"):
            raise ServerError(f"{crd['metadata']['name']} is not served: {_why(applied)}")
        delay = backoff.next_delay()
        await asyncio.sleep(delay)
        waited += delay
        applied = await cluster.get(CRDS, crd["metadata"]["name"])


async def apply_own_crds(cluster: Cluster, *, field_manager: str = FIELD_MANAGER) -> list[str]:
    """Apply the CRDs of this system, as `apply_crd` does; answers their names."""
    crds = await asyncio.to_thread(lambda: (model_deployment_crd(), provider_config_crd()))
    for crd in crds:
        await apply_crd(cluster, crd, field_manager=field_manager)
    return [crd["metadata"]["name"] for crd in crds]


def _is(crd: Object, condition: str, status: str = "True") -> bool:
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(entry["type"] == condition and entry["status"] == status for entry in conditions)


def _why(crd: Object) -> str:
    conditions = (crd.get("status") or {}).get("conditions") or []
    reasons = [entry.get("message", "") for entry in conditions if entry["status"] != "True"]
    return "; ".join(filter(None, reasons)) or "the API server did not establish it in time"
