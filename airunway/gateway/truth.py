"""Whether a published deployment can be reached, as the objects themselves say. Pure.

Each missing link is a reason of its own, in the order of a request's path; the reference says True as soon
as it has written (gateway.md §13, weak spot 1).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.api.gateway_reasons import (
    NO_ADDRESS,
    NO_ENDPOINTS,
    NOT_PROGRAMMED,
    PICKER_NOT_READY,
    POOL_NOT_ACCEPTED,
    REFS_NOT_RESOLVED,
    ROUTE_NOT_ACCEPTED,
    ROUTE_NOT_FOUND,
    ROUTE_PENDING,
    GatewayFinding,
)
from airunway.gateway.ports import pod_selector

Obj = Mapping[str, Any]
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class PublishedObjects:
    """What there is. `picker`: the picker's Deployment; with `picker_wanted` false the pool is made
    elsewhere, and of its picker there are `picker_service` and `picker_pods`.

    `pods`: those that the pool selects. `section`: the listener that the route is for; empty: any.
    """

    gateway: Obj
    section: str = ""
    route: Obj | None
    route_name: str
    pool: Obj | None
    picker: Obj | None = None
    picker_wanted: bool = True
    picker_service: Obj | None = None
    picker_pods: Sequence[Obj] = ()
    pods: Sequence[Obj] = ()


def missing_link(seen: PublishedObjects) -> GatewayFinding | None:
    """The first link that is missing; None: requests arrive."""
    return (
        _of_route(seen)
        or _of_pool(seen)
        or _of_picker(seen)
        or _of_endpoints(seen)
        or _of_gateway(seen.gateway)
    )


def address_of(gateway: Obj) -> str:
    """The first address that a Gateway has: a bare IP or host name; empty when it has none."""
    addresses = (gateway.get("status") or {}).get("addresses") or []
    return next((str(entry["value"]) for entry in addresses if entry.get("value")), "")


def url_of(gateway: Obj, section: str = "") -> str:
    """Where clients call it, e.g. `http://10.1.2.3`; empty without an address. HTTP comes before HTTPS."""
    address = address_of(gateway)
    if not address:
        return ""
    listeners = [
        entry
        for entry in gateway["spec"].get("listeners") or []
        if entry.get("protocol") in ("HTTP", "HTTPS") and section in ("", entry.get("name"))
    ]
    first = min(listeners, key=lambda entry: entry["protocol"] != "HTTP", default=None)
    scheme = "https" if first is not None and first["protocol"] == "HTTPS" else "http"
    port = int(first["port"]) if first is not None else 80
    host = f"[{address}]" if ":" in address else address
    return f"{scheme}://{host}" + ("" if port == _DEFAULT_PORTS[scheme] else f":{port}")


# -- the links ----------------------------------------------------------------------------------------------


def _of_route(seen: PublishedObjects) -> GatewayFinding | None:
    if seen.route is None:
        return GatewayFinding(
            reason=ROUTE_NOT_FOUND, message=f"HTTPRoute {seen.route_name} is not there; make it"
        )
    meta = seen.gateway["metadata"]
    place, own = (meta["namespace"], meta["name"]), seen.route["metadata"]["namespace"]
    parents = [
        entry
        for entry in (seen.route.get("status") or {}).get("parents") or []
        if (
            (entry.get("parentRef") or {}).get("namespace", own),
            (entry.get("parentRef") or {}).get("name"),
        )
        == place
    ]
    where = f"Gateway {place[0]}/{place[1]}"
    generation = int(seen.route["metadata"].get("generation") or 0)
    for kind, reason in (("Accepted", ROUTE_NOT_ACCEPTED), ("ResolvedRefs", REFS_NOT_RESOLVED)):
        of_any = [_condition(parent.get("conditions"), kind) for parent in parents]
        said = [one for one in of_any if int(one.get("observedGeneration") or generation) >= generation]
        if any(entry.get("status") == "True" for entry in said):
            continue
        verb = "accepted" if kind == "Accepted" else "resolved the references of"
        why = next((_words(entry) for entry in said if entry), "")
        message = f"{where} has not {verb} HTTPRoute {seen.route_name}"
        if not why:
            of_now = " of what it is now" if any(of_any) else ""
            words = f"{message}: its controller has not said anything{of_now} yet"
            return GatewayFinding(reason=ROUTE_PENDING, message=words)
        return GatewayFinding(reason=reason, message=f"{message}: {why}")
    return None


def _of_pool(seen: PublishedObjects) -> GatewayFinding | None:
    """Only what a controller says against it: not all of them report on pools."""
    meta, pool = seen.gateway["metadata"], seen.pool or {}
    for parent in (pool.get("status") or {}).get("parents") or []:
        of = parent.get("parentRef") or {}
        if (of.get("namespace", meta["namespace"]), of.get("name")) != (meta["namespace"], meta["name"]):
            continue
        for kind in ("Accepted", "ResolvedRefs"):
            said = _condition(parent.get("conditions"), kind)
            if said.get("status") == "False":
                words = f"InferencePool {pool['metadata']['name']} is not {kind}: {_words(said)}"
                return GatewayFinding(reason=POOL_NOT_ACCEPTED, message=words)
    return None


def _of_picker(seen: PublishedObjects) -> GatewayFinding | None:
    if not seen.picker_wanted:
        return _of_others_picker(seen)
    if ((seen.picker or {}).get("status") or {}).get("availableReplicas"):
        return None
    name = seen.picker["metadata"]["name"] if seen.picker else "of the endpoint picker"
    return GatewayFinding(
        reason=PICKER_NOT_READY, message=f"Deployment {name} has no pod that is ready to pick endpoints"
    )


def _of_others_picker(seen: PublishedObjects) -> GatewayFinding | None:
    """Of a pool that is made elsewhere; one that lets requests pass without its picker does not need it."""
    pool = seen.pool or {}
    reference = (pool.get("spec") or {}).get("endpointPickerRef") or {}
    is_needed = reference.get("failureMode", "FailClose") == "FailClose"
    if not reference.get("name") or reference.get("kind", "Service") != "Service" or not is_needed:
        return None
    meta = pool["metadata"]
    words = (
        f"InferencePool {meta['name']} refuses requests without its endpoint picker: Service "
        f"{meta['namespace']}/{reference['name']}"
    )
    if seen.picker_service is None:
        return GatewayFinding(reason=PICKER_NOT_READY, message=f"{words} is not there")
    if pod_selector(seen.picker_service) and not any(map(_is_ready, seen.picker_pods)):
        return GatewayFinding(reason=PICKER_NOT_READY, message=f"{words} has no pod that is ready")
    return None


def _of_endpoints(seen: PublishedObjects) -> GatewayFinding | None:
    if any(_is_ready(pod) for pod in seen.pods):
        return None
    name = seen.pool["metadata"]["name"] if seen.pool else ""
    labels = (((seen.pool or {}).get("spec") or {}).get("selector") or {}).get("matchLabels") or {}
    selected = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
    words = f"InferencePool {name} has no endpoint: no pod with {selected} is ready"
    return GatewayFinding(reason=NO_ENDPOINTS, message=words)


def _of_gateway(gateway: Obj) -> GatewayFinding | None:
    meta = gateway["metadata"]
    said = _condition((gateway.get("status") or {}).get("conditions"), "Programmed")
    if said.get("status") == "False":
        words = f"Gateway {meta['namespace']}/{meta['name']} is not programmed: {_words(said)}"
        return GatewayFinding(reason=NOT_PROGRAMMED, message=words)
    if address_of(gateway):
        return None
    words = f"Gateway {meta['namespace']}/{meta['name']} has no address yet"
    return GatewayFinding(reason=NO_ADDRESS, message=words)


def _condition(conditions: Any, kind: str) -> Obj:
    return next((entry for entry in conditions or [] if entry.get("type") == kind), {})


def _words(said: Obj) -> str:
    words = [str(said.get(key)) for key in ("reason", "message") if said.get(key)]
    return ": ".join(words)[:500] or f"{said.get('type')} is {said.get('status')}"


def _is_ready(pod: Obj) -> bool:
    if pod["metadata"].get("deletionTimestamp"):
        return False
    return bool(_condition((pod.get("status") or {}).get("conditions"), "Ready").get("status") == "True")
