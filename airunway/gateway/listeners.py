"""Which namespaces a Gateway's listeners admit, and opening them for one more. Pure.

Source: gateway.md §6. Beyond it: a listener that admits a namespace is left alone, what admits all is never
narrowed, a selector that is somebody's own is not rewritten, and what was there before comes back with the
last deployment that needed it (gateway.md, weak spot 4).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from airunway.gateway.kinds import GATEWAY_GROUP, HTTP_ROUTE
from airunway.gateway.naming import ANNOTATION_OPENED

NAME_LABEL = "kubernetes.io/metadata.name"
_HTTP = frozenset({"HTTP", "HTTPS"})
Obj = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class ListenerChange:
    """A JSON patch of a Gateway; empty: nothing is to be changed. `refusal`: why it cannot be opened."""

    patch: Sequence[Mapping[str, Any]] = field(default_factory=list)
    refusal: str = ""


def admits(gateway: Obj, namespace: str, *, labels: Mapping[str, str], section: str = "") -> bool:
    """Whether an HTTPRoute of a namespace may attach. `labels`: its own; `section`: one listener."""
    own = gateway["metadata"]["namespace"]
    named = {NAME_LABEL: namespace, **labels}
    return any(
        _admits(listener, own, namespace, named)
        for listener in _listeners(gateway)
        if section in ("", listener.get("name"))
    )


def needs_labels(gateway: Obj) -> bool:
    """Whether it depends on a Namespace's further labels whom the Gateway admits."""
    return any(
        _from(listener) == "Selector" and _names_in(listener) is None for listener in _listeners(gateway)
    )


def to_open(gateway: Obj, namespace: str, *, labels: Mapping[str, str]) -> ListenerChange:
    """What lets the routes of a namespace attach.

    The Gateway's own is put into lists of names that lack it, as early versions of AI Runway wrote them.
    """
    own, opened = gateway["metadata"]["namespace"], _opened(gateway)
    is_admitted, steps = admits(gateway, namespace, labels=labels), []
    if namespace == own and is_admitted:
        return ListenerChange()
    for index, listener in enumerate(gateway["spec"].get("listeners") or []):
        names = _names_in(listener)
        lacks_own = names is not None and namespace in names and own not in names
        if not _takes_routes(listener) or (is_admitted and not lacks_own):
            continue
        if names is None and _from(listener) != "Same":
            continue
        name = str(listener.get("name"))
        now = (listener.get("allowedRoutes") or {}).get("namespaces")
        before = opened.get(name) or {"before": now, "for": []}
        opened[name] = {**before, "for": sorted({*before["for"], namespace})}
        steps.append(_replace(index, listener, _only({own, namespace, *(names or ())})))
    if not steps and not is_admitted and namespace != own:
        return ListenerChange(refusal=_refusal(gateway, namespace))
    return ListenerChange(patch=[*steps, *_record(gateway, opened)] if steps else [])


def to_close(gateway: Obj, namespace: str) -> ListenerChange:
    """What takes back that the routes of a namespace may attach, if that was given for deployments."""
    own, opened = gateway["metadata"]["namespace"], _opened(gateway)
    steps = []
    for index, listener in enumerate(gateway["spec"].get("listeners") or []):
        name, names = str(listener.get("name")), _names_in(listener)
        record = opened.get(name)
        if names is None or namespace not in names or (namespace == own and not record):
            continue
        if namespace not in record["for"] if record else not _is_of_reference(listener, own):
            continue
        before = (record["before"] if record else None) or {"from": "Same"}
        admitted_before = _names_of(before) or set()
        if record:
            record["for"] = [one for one in record["for"] if one != namespace]
            if not record["for"]:
                del opened[name]
        left = names - {own} - ({namespace} - admitted_before)
        is_needed = name in opened or bool(left - admitted_before)
        steps.append(_replace(index, listener, _only({own, *left}) if is_needed else before))
    return ListenerChange(patch=[*steps, *_record(gateway, opened)] if steps else [])


def opened_for(gateway: Obj, namespace: str) -> bool:
    """Whether a listener is open for a namespace because deployments needed it."""
    return bool(to_close(gateway, namespace).patch)


# -- one listener -------------------------------------------------------------------------------------------


def _listeners(gateway: Obj) -> list[Obj]:
    return [entry for entry in gateway["spec"].get("listeners") or [] if _takes_routes(entry)]


def _takes_routes(listener: Obj) -> bool:
    kinds = (listener.get("allowedRoutes") or {}).get("kinds") or []
    if kinds:
        return any(
            entry.get("kind") == HTTP_ROUTE and entry.get("group", GATEWAY_GROUP) == GATEWAY_GROUP
            for entry in kinds
        )
    return listener.get("protocol") in _HTTP


def _from(listener: Obj) -> str:
    namespaces = (listener.get("allowedRoutes") or {}).get("namespaces") or {}
    return str(namespaces.get("from") or "Same")


def _admits(listener: Obj, own: str, namespace: str, labels: Mapping[str, str]) -> bool:
    kind = _from(listener)
    if kind == "Selector":
        selector = listener["allowedRoutes"]["namespaces"].get("selector") or {}
        return _selects(selector, labels)
    return kind == "All" or (kind == "Same" and namespace == own)


def _selects(selector: Obj, labels: Mapping[str, str]) -> bool:
    wanted = (selector.get("matchLabels") or {}).items()
    return all(labels.get(key) == value for key, value in wanted) and all(
        _matches(entry, labels) for entry in selector.get("matchExpressions") or []
    )


def _matches(entry: Obj, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(entry["key"]), entry.get("values") or []
    return {
        "In": value in values,
        "NotIn": value not in values,
        "Exists": value is not None,
        "DoesNotExist": value is None,
    }.get(entry.get("operator", ""), False)


def _names_in(listener: Obj) -> set[str] | None:
    return _names_of((listener.get("allowedRoutes") or {}).get("namespaces") or {})


def _names_of(namespaces: Obj) -> set[str] | None:
    """The namespaces that are admitted by name; None where nothing, or something else, admits them."""
    if namespaces.get("from") != "Selector":
        return None
    selector = namespaces.get("selector") or {}
    labels, expressions = selector.get("matchLabels") or {}, selector.get("matchExpressions") or []
    if set(labels) == {NAME_LABEL} and not expressions:
        return {labels[NAME_LABEL]}
    if labels or len(expressions) != 1:
        return None
    entry = expressions[0]
    is_list = entry.get("key") == NAME_LABEL and entry.get("operator") == "In"
    return set(entry.get("values") or []) if is_list else None


def _is_of_reference(listener: Obj, own: str) -> bool:
    """Whether it is as AI Runway's own controller writes it, which keeps no record."""
    selector = listener["allowedRoutes"]["namespaces"].get("selector") or {}
    values = [value for entry in selector.get("matchExpressions") or [] for value in entry["values"]]
    return own in values and values == sorted(values)


def _only(names: set[str]) -> dict[str, Any]:
    entry = {"key": NAME_LABEL, "operator": "In", "values": sorted(names)}
    return {"from": "Selector", "selector": {"matchExpressions": [entry]}}


def _replace(index: int, listener: Obj, namespaces: Obj) -> dict[str, Any]:
    path = f"/spec/listeners/{index}/allowedRoutes"
    if listener.get("allowedRoutes") is None:
        return {"op": "add", "path": path, "value": {"namespaces": namespaces}}
    return {"op": "add", "path": f"{path}/namespaces", "value": namespaces}


def _refusal(gateway: Obj, namespace: str) -> str:
    meta = gateway["metadata"]
    return (
        f"no listener of Gateway {meta['namespace']}/{meta['name']} can be opened for HTTPRoutes of namespace"
        f" {namespace}: each takes other routes, or chooses namespaces by a selector of its own; let one of"
        f" them admit {namespace} (spec.listeners[].allowedRoutes)"
    )


# -- what is remembered -------------------------------------------------------------------------------------


def _opened(gateway: Obj) -> dict[str, dict[str, Any]]:
    """By listener: what it admitted `before`, and `for` which namespaces it was opened."""
    text = (gateway["metadata"].get("annotations") or {}).get(ANNOTATION_OPENED, "")
    try:
        entries = json.loads(text) if text else []
    except (ValueError, RecursionError):
        entries = []
    return {
        str(name): {"before": entry.get("before"), "for": list(map(str, entry["for"]))}
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict)
        and isinstance(entry.get("for"), list)
        and isinstance(entry.get("listeners"), list)
        and isinstance(entry.get("before"), dict | None)
        for name in entry["listeners"]
    }


def _grouped(opened: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Listeners of one history together: a Gateway can have 64, and annotations are limited to 256 KiB."""
    groups: dict[str, dict[str, Any]] = {}
    for name, entry in sorted(opened.items()):
        history = {"before": entry["before"], "for": entry["for"]}
        key = json.dumps(history, sort_keys=True)
        groups.setdefault(key, {**history, "listeners": []})["listeners"].append(name)
    return list(groups.values())


def _record(gateway: Obj, opened: Mapping[str, Any]) -> list[dict[str, Any]]:
    annotations = gateway["metadata"].get("annotations")
    path = "/metadata/annotations"
    key = f"{path}/{ANNOTATION_OPENED.replace('/', '~1')}"
    if not opened:
        has_one = ANNOTATION_OPENED in (annotations or {})
        return [{"op": "remove", "path": key}] if has_one else []
    text = json.dumps(_grouped(opened), sort_keys=True, separators=(",", ":"))
    if annotations is None:
        return [{"op": "add", "path": path, "value": {ANNOTATION_OPENED: text}}]
    return [{"op": "add", "path": key, "value": text}]
