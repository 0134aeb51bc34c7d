"""Label and field selectors, as lists and watches take them.

Grammar: k8s.io/apimachinery/pkg/labels and .../fields.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from .errors import bad_request
from .kinds import Kind

Predicate = Callable[[Mapping[str, Any]], bool]
_SET_BASED = re.compile(r"^\s*([^\s!=<>(),]+)\s+(in|notin)\s*\(([^()]*)\)\s*$")
_COMPARED = re.compile(r"^\s*([^\s!=<>(),]+)\s*(==|=|!=|>|<)\s*([^\s!=<>(),]*)\s*$")
_EXISTS = re.compile(r"^\s*(!?)\s*([^\s!=<>(),]+)\s*$")

_EVENT_FIELDS = {
    "reason": "reason",
    "reportingComponent": "reportingComponent",
    "source": "source.component",
    "type": "type",
    **{
        f"involvedObject.{name}": f"involvedObject.{name}"
        for name in ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    },
}
_FIELDS: dict[str, dict[str, str]] = {
    "Event": _EVENT_FIELDS,
    "Pod": {
        "spec.nodeName": "spec.nodeName",
        "spec.restartPolicy": "spec.restartPolicy",
        "spec.schedulerName": "spec.schedulerName",
        "spec.serviceAccountName": "spec.serviceAccountName",
        "spec.hostNetwork": "spec.hostNetwork",
        "status.phase": "status.phase",
        "status.podIP": "status.podIP",
        "status.nominatedNodeName": "status.nominatedNodeName",
    },
    "Secret": {"type": "type"},
    "Namespace": {"status.phase": "status.phase"},
    "Node": {"spec.unschedulable": "spec.unschedulable"},
    "Service": {"spec.clusterIP": "spec.clusterIP", "spec.type": "spec.type"},
    "Job": {"status.successful": "status.succeeded"},
    "ReplicaSet": {"status.replicas": "status.replicas"},
}


def labels_of(obj: Mapping[str, Any]) -> Mapping[str, str]:
    """An object's labels; empty when it has none."""
    return obj.get("metadata", {}).get("labels") or {}


def parse_labels(text: str) -> Predicate | None:
    """A test on an object for a label selector; None when it selects everything."""
    tests = [_label_test(part) for part in _split(text)]
    return (lambda obj: all(test(labels_of(obj)) for test in tests)) if tests else None


def _split(text: str) -> list[str]:
    """Splits at the commas that are not inside parentheses."""
    return [part for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label_test(part: str) -> Callable[[Mapping[str, str]], bool]:
    if found := _SET_BASED.match(part):
        key, operator, values = found[1], found[2], {value.strip() for value in found[3].split(",")}
        if operator == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: key not in labels or labels[key] not in values
    if found := _COMPARED.match(part):
        return _comparison(found[1], found[2], found[3])
    if found := _EXISTS.match(part):
        wanted, name = not found[1], found[2]
        return lambda labels: (name in labels) is wanted
    odd = re.search(r"^\s*[\w./-]+\s*(\S)", part)
    found_text = odd[1] if odd else part.strip()
    raise bad_request(
        f"unable to parse requirement: found '{found_text}', expected: in, notin, =, ==, !=, gt, lt"
    )


def _comparison(key: str, operator: str, value: str) -> Callable[[Mapping[str, str]], bool]:
    if operator in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if operator == "!=":
        return lambda labels: labels.get(key) != value
    sign = 1 if operator == ">" else -1
    return lambda labels: (
        _number(labels.get(key)) is not None and sign * (_number(labels[key]) or 0) > sign * int(value)
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"-?\d+", text) else None


def parse_fields(text: str, kind: Kind) -> Predicate | None:
    """A test on an object for a field selector; 400 for a field this kind cannot be selected by."""
    tests = [_field_test(part, kind) for part in text.split(",") if part.strip()]
    return (lambda obj: all(test(obj) for test in tests)) if tests else None


def _field_test(part: str, kind: Kind) -> Predicate:
    found = re.match(r"^\s*([^=!]+?)\s*(==|=|!=)\s*(.*?)\s*$", part)
    if not found:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    name, operator, value = found[1], found[2], found[3]
    path = _field_path(name, kind)
    wanted = operator != "!="
    return lambda obj: (_text_at(obj, path) == value) is wanted


def _field_path(name: str, kind: Kind) -> list[str]:
    if name == "metadata.name" or (name == "metadata.namespace" and kind.namespaced):
        return name.split(".")
    if name.lstrip(".") in kind.selectable:
        return name.lstrip(".").split(".")
    known = _FIELDS.get(kind.kind, {}) if kind.builtin else {}
    if name in known:
        return known[name].split(".")
    if kind.builtin and not known:
        allowed = 'only "metadata.name", "metadata.namespace"'
        raise bad_request(f'"{name}" is not a known field selector: {allowed}')
    raise bad_request(f"field label not supported: {name}")


def _text_at(obj: Any, path: list[str]) -> str:
    for step in path:
        obj = obj.get(step) if isinstance(obj, Mapping) else None
    if obj is None:
        return ""
    return str(obj).lower() if isinstance(obj, bool) else str(obj)


def both(first: Predicate | None, second: Predicate | None) -> Predicate | None:
    """The test that passes when both do."""
    if first is None or second is None:
        return first or second
    one, two = first, second
    return lambda obj: one(obj) and two(obj)
