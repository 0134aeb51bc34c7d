"""Checks where a pod wants to run beside or apart from: affinity to nodes and pods, and selectors of labels.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go (validateAffinity and what it calls) and
k8s.io/apimachinery/pkg/apis/meta/v1/validation/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause
from .metadata import label_fault, qualified_fault, subdomain_fault, value_fault

Obj = Mapping[str, Any]
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_WITH_VALUES, _WITHOUT_VALUES, _WITH_ONE = ("In", "NotIn"), ("Exists", "DoesNotExist"), ("Gt", "Lt")
_WEIGHT = "must be in the range 1-100"
_NO_OPERATOR = "not a valid selector operator"


def affinity(given: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a pod's affinity."""
    if nodes := given.get("nodeAffinity"):
        yield from _nodes(nodes, f"{path}.nodeAffinity")
    for name in ("podAffinity", "podAntiAffinity"):
        if pods := given.get(name):
            yield from _pods(pods, f"{path}.{name}")


# --- nodes --------------------------------------------------------------------------------------------------


def _nodes(given: Obj, path: str) -> Iterator[Cause]:
    if (needed := given.get(_REQUIRED)) is not None:
        terms, where = needed.get("nodeSelectorTerms") or (), f"{path}.{_REQUIRED}.nodeSelectorTerms"
        if not terms:
            yield causes.required(where, "must have at least one node selector term")
        for index, term in enumerate(terms):
            yield from _term(term, f"{where}[{index}]")
    for index, wish in enumerate(given.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        if not 1 <= wish.get("weight", 0) <= 100:
            yield causes.invalid(f"{where}.weight", wish.get("weight", 0), _WEIGHT)
        yield from _term(wish.get("preference") or {}, f"{where}.preference")


def _term(term: Obj, path: str) -> Iterator[Cause]:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        yield from _node_requirement(expression, f"{path}.matchExpressions[{index}]")
    for index, expression in enumerate(term.get("matchFields") or ()):
        yield from _node_field(expression, f"{path}.matchFields[{index}]")


def _node_requirement(given: Obj, path: str) -> Iterator[Cause]:
    operator, values = given.get("operator", ""), given.get("values") or ()
    if operator in _WITH_ONE:
        if len(values) != 1:
            words = "must be specified single value when `operator` is 'Lt' or 'Gt'"
            yield causes.required(f"{path}.values", words)
    else:
        yield from _values_fit(operator, values, path)
    yield from _key(given.get("key", ""), f"{path}.key")
    for index, value in enumerate(values):
        if fault := value_fault(value):
            yield causes.invalid(f"{path}.values[{index}]", value, fault)


def _node_field(given: Obj, path: str) -> Iterator[Cause]:
    key, operator, values = given.get("key", ""), given.get("operator", ""), given.get("values") or ()
    if operator not in _WITH_VALUES:
        yield causes.invalid(f"{path}.operator", operator, _NO_OPERATOR)
    elif len(values) != 1:
        words = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"
        yield causes.required(f"{path}.values", words)
    if key != "metadata.name":
        yield causes.invalid(f"{path}.key", key, "not a valid field selector key")
        return
    for index, value in enumerate(values):
        if fault := subdomain_fault(value):
            yield causes.invalid(f"{path}.values[{index}]", value, fault)


# --- pods ---------------------------------------------------------------------------------------------------


def _pods(given: Obj, path: str) -> Iterator[Cause]:
    for index, term in enumerate(given.get(_REQUIRED) or ()):
        yield from _pod_term(term, f"{path}.{_REQUIRED}[{index}]")
    for index, wish in enumerate(given.get(_PREFERRED) or ()):
        where = f"{path}.{_PREFERRED}[{index}]"
        if not 1 <= wish.get("weight", 0) <= 100:
            yield causes.invalid(f"{where}.weight", wish.get("weight", 0), _WEIGHT)
        yield from _pod_term(wish.get("podAffinityTerm") or {}, f"{where}.podAffinityTerm")


def _pod_term(term: Obj, path: str) -> Iterator[Cause]:
    for name in ("labelSelector", "namespaceSelector"):
        if term.get(name) is not None:
            yield from label_selector(term[name], f"{path}.{name}")
    for name in term.get("namespaces") or ():
        if fault := label_fault(name):
            yield causes.invalid(f"{path}.namespace", name, fault)
    yield from keys_of_labels(term, path)
    key = term.get("topologyKey", "")
    if not key:
        yield causes.required(f"{path}.topologyKey", "can not be empty")
    yield from _key(key, f"{path}.topologyKey")


def keys_of_labels(given: Obj, path: str) -> Iterator[Cause]:
    """Keys whose values are those of the pod itself; a selector has to be beside them."""
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        keys = given.get(name) or ()
        if keys and given.get("labelSelector") is None:
            yield causes.forbidden(f"{path}.{name}", "must not be specified when labelSelector is not set")
            continue
        for index, key in enumerate(keys):
            yield from _key(key, f"{path}.{name}[{index}]")


# --- labels -------------------------------------------------------------------------------------------------


def label_selector(given: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a selector of labels."""
    for key, value in (given.get("matchLabels") or {}).items():
        yield from _key(key, f"{path}.matchLabels")
        if fault := value_fault(value):
            yield causes.invalid(f"{path}.matchLabels", value, fault)
    for index, expression in enumerate(given.get("matchExpressions") or ()):
        where, values = f"{path}.matchExpressions[{index}]", expression.get("values") or ()
        yield from _values_fit(expression.get("operator", ""), values, where)
        yield from _key(expression.get("key", ""), f"{where}.key")
        for place, value in enumerate(values):
            if fault := value_fault(value):
                yield causes.invalid(f"{where}.values[{place}]", value, fault)


def _values_fit(operator: str, values: Any, path: str) -> Iterator[Cause]:
    if operator in _WITH_VALUES:
        if not values:
            words = "must be specified when `operator` is 'In' or 'NotIn'"
            yield causes.required(f"{path}.values", words)
    elif operator in _WITHOUT_VALUES:
        if values:
            words = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield causes.forbidden(f"{path}.values", words)
    else:
        yield causes.invalid(f"{path}.operator", operator, _NO_OPERATOR)


def _key(key: str, path: str) -> Iterator[Cause]:
    if not key:
        yield causes.invalid(path, key, "name part must be non-empty")
    if fault := qualified_fault(key):
        yield causes.invalid(path, key, fault)
