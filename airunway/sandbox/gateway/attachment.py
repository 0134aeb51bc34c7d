"""What the pretend gateway's controller says of routes and pools, and which route a request takes. Pure.

Source: the specification of Gateway API v1: attachment, ReferenceGrant, and the order among routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from airunway.sandbox.operators.objects import Key, Object, with_condition

GROUP, POOL_GROUP = "gateway.networking.k8s.io", "inference.networking.k8s.io"
CONTROLLER = "airunway.ai/pretend-gateway"
_NAME_LABEL = "kubernetes.io/metadata.name"
Obj = Mapping[str, Any]
Verdict = tuple[bool, str, str]
"""Whether something holds, the reason in one word, and the message."""
Exists = Callable[[str, Key], bool]
"""(kind, key): whether there is a Service or an InferencePool."""


def parents_of(route: Obj) -> list[tuple[Obj, Key]]:
    """The Gateways that a route is for: each reference, with namespace and name."""
    own = route["metadata"]["namespace"]
    return [
        (entry, (entry.get("namespace") or own, entry["name"]))
        for entry in route["spec"].get("parentRefs") or []
        if entry.get("kind", "Gateway") == "Gateway" and entry.get("group", GROUP) == GROUP
    ]


def backends_of(route: Obj) -> list[tuple[Obj, Key]]:
    """What a route leads to, in all of its rules."""
    return [pair for rule in route["spec"].get("rules") or [] for pair in backends_of_rule(route, rule)]


def backends_of_rule(route: Obj, rule: Obj) -> list[tuple[Obj, Key]]:
    """What one rule leads to: each reference, with namespace and name."""
    own = route["metadata"]["namespace"]
    return [(ref, (ref.get("namespace") or own, ref["name"])) for ref in rule.get("backendRefs") or []]


def conditions(generation: int, old: Sequence[Obj], said: Mapping[str, Verdict]) -> list[Object]:
    """Conditions of some types, each with whether, reason and message; times are kept."""
    result = [dict(entry) for entry in old]
    for kind, (holds, reason, message) in said.items():
        new = {"type": kind, "status": str(holds), "reason": reason, "message": message}
        result = with_condition(result, {**new, "observedGeneration": generation})
    return result


def acceptance(gateway: Obj, ref: Obj, namespace: str, labels: Obj) -> Verdict:
    """Whether a Gateway takes a route of a namespace, with its labels."""
    listeners = [one for one in gateway["spec"]["listeners"] if _is_meant(one, ref)]
    if not listeners:
        return False, "NoMatchingParent", "the Gateway has no such listener"
    if any(attaches_to(gateway, one, ref, namespace, labels) for one in listeners):
        return True, "Accepted", "the route is accepted"
    return False, "NotAllowedByListeners", f"no listener admits routes of namespace {namespace}"


def attaches_to(gateway: Obj, listener: Obj, ref: Obj, namespace: str, labels: Obj) -> bool:
    """Whether one listener of a Gateway takes a route of a namespace that refers to the Gateway."""
    own = gateway["metadata"]["namespace"]
    return (
        _is_meant(listener, ref) and bool(route_kinds(listener)) and _admits(listener, own, namespace, labels)
    )


def _is_meant(listener: Obj, ref: Obj) -> bool:
    return ref.get("sectionName") in (None, "", listener["name"]) and ref.get("port") in (
        None,
        listener["port"],
    )


def route_kinds(listener: Obj) -> list[Object]:
    """The kinds of routes that a listener takes: HTTPRoutes or none, as this gateway knows no others."""
    wanted = (listener.get("allowedRoutes") or {}).get("kinds") or [{"kind": "HTTPRoute"}]
    known = any(one["kind"] == "HTTPRoute" and one.get("group", GROUP) == GROUP for one in wanted)
    return [{"group": GROUP, "kind": "HTTPRoute"}] if known and listener["protocol"] == "HTTP" else []


def listener_verdicts(listener: Obj, port: int) -> dict[str, Verdict]:
    """How a listener stands where HTTP is served at one port only."""
    reason, words = "", "it is served"
    if listener["protocol"] != "HTTP":
        reason, words = "UnsupportedProtocol", "the sandbox's gateway serves HTTP only"
    elif listener["port"] != port:
        reason, words = "PortUnavailable", f"the sandbox's gateway listens at port {port} only"
    wanted = (listener.get("allowedRoutes") or {}).get("kinds") or []
    resolved = (True, "ResolvedRefs", "all references are resolved")
    if wanted and len(route_kinds(listener)) < len(wanted):
        resolved = (False, "InvalidRouteKinds", "it names kinds of routes other than HTTPRoute")
    return {
        "Accepted": (not reason, reason or "Accepted", words),
        "Programmed": (not reason, "Invalid" if reason else "Programmed", words),
        "Conflicted": (False, "NoConflicts", "no other listener is in its way"),
        "ResolvedRefs": resolved,
    }


def _admits(listener: Obj, own: str, namespace: str, labels: Obj) -> bool:
    allowed = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    match allowed.get("from", "Same"):
        case "All":
            return True
        case "Selector":
            return _selects(allowed.get("selector") or {}, {**labels, _NAME_LABEL: namespace})
    return namespace == own


def _selects(selector: Obj, labels: Obj) -> bool:
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for entry in selector.get("matchExpressions") or []:
        value, values = labels.get(entry["key"]), entry.get("values") or []
        holds = {
            "In": value in values,
            "NotIn": value not in values,
            "Exists": value is not None,
            "DoesNotExist": value is None,
        }
        if not holds.get(entry["operator"], False):
            return False
    return True


def resolution(route: Obj, exists: Exists, grants: Iterable[Obj]) -> Verdict:
    """Whether everything that a route leads to is there, and may be led to."""
    known = list(grants)
    for ref, key in backends_of(route):
        kind, place = ref.get("kind", "Service"), f"{ref.get('kind', 'Service')} {key[0]}/{key[1]}"
        if (ref.get("group", ""), kind) not in (("", "Service"), (POOL_GROUP, "InferencePool")):
            return False, "InvalidKind", f"{kind} is nothing that a route can lead to here"
        if not is_permitted(route, ref, key, known):
            return False, "RefNotPermitted", f"no ReferenceGrant permits {place}"
        if not exists(kind, key):
            return False, "BackendNotFound", f"{place} is not there"
    return True, "ResolvedRefs", "all references are resolved"


def is_permitted(route: Obj, ref: Obj, key: Key, grants: Iterable[Obj]) -> bool:
    """Whether a route may lead to a backend: beside it, or by a ReferenceGrant."""
    own = route["metadata"]["namespace"]
    if key[0] == own:
        return True
    source = (GROUP, "HTTPRoute", own)
    target = (ref.get("group", ""), ref.get("kind", "Service"))
    return any(
        grant["metadata"]["namespace"] == key[0]
        and any((one["group"], one["kind"], one.get("namespace")) == source for one in grant["spec"]["from"])
        and any(
            (one["group"], one["kind"]) == target and one.get("name") in (None, "", key[1])
            for one in grant["spec"]["to"]
        )
        for grant in grants
    )


# -- the way of a request ----------------------------------------------------------------------------------


def rule_for(
    routes: Iterable[Obj], *, method: str, path: str, headers: Mapping[str, str]
) -> tuple[Obj, Obj] | None:
    """The route and its rule that a request takes; None: none is for it.

    The longest path first, then a method, then the most headers, then the oldest route.
    """
    found = [
        (_precedence(match, route), route, rule)
        for route in routes
        for rule in route["spec"].get("rules") or []
        for match in rule.get("matches") or [{}]
        if _matches(match, method=method, path=path, headers=headers)
    ]
    return min(found, key=lambda entry: entry[0])[1:] if found else None


def _precedence(match: Obj, route: Obj) -> tuple[Any, ...]:
    path, meta = match.get("path") or {}, route["metadata"]
    return (
        path.get("type", "PathPrefix") != "Exact",
        -len(path.get("value", "/")),
        not match.get("method"),
        -len(match.get("headers") or []),
        meta.get("creationTimestamp", ""),
        meta["namespace"],
        meta["name"],
    )


def _matches(match: Obj, *, method: str, path: str, headers: Mapping[str, str]) -> bool:
    wanted = match.get("path") or {}
    value, kind = wanted.get("value", "/"), wanted.get("type", "PathPrefix")
    prefix = value.rstrip("/")
    if kind == "Exact" and path != value:
        return False
    if kind == "PathPrefix" and not (path == prefix or path.startswith(f"{prefix}/")):
        return False
    if kind not in ("Exact", "PathPrefix") or match.get("method", method) != method:
        return False
    return all(
        entry.get("type", "Exact") == "Exact" and headers.get(entry["name"]) == entry["value"]
        for entry in match.get("headers") or []
    )
