"""What the API server refuses in where a pod is to run: affinity, spreading, and selectors of labels. Pure.

Source: k8s.io/kubernetes, pkg/apis/core/validation/validation.go (`validateAffinity`,
`validateTopologySpreadConstraints`), and k8s.io/apimachinery, pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.paths import Path
from airunway.api.server_names import key_fault, label_fault, subdomain_fault, value_fault
from airunway.provider.server_parts import (
    distinct,
    one_of,
    parts,
    text,
    together,
    whole,
)
from airunway.provider.shapes import NotInShape, Shape, each

_WITH_VALUES, _WITHOUT_VALUES, _WITH_ONE = ("In", "NotIn"), ("Exists", "DoesNotExist"), ("Gt", "Lt")
_KEYS = each(text(key_fault, empty_too=True))


def _values_fit(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    """Whether an operator has the values that it needs."""
    operator, values = value.get("operator"), value.get("values") or []
    count = len(values) if isinstance(values, list) else 1
    where = (*at, "values")
    if operator in _WITH_VALUES and not count:
        yield NotInShape(path=where, why=f"is required where operator is {operator}")
    elif operator in _WITHOUT_VALUES and count:
        yield NotInShape(path=where, why=f"must not be given where operator is {operator}")
    elif operator in _WITH_ONE and count != 1:
        yield NotInShape(path=where, why=f"must be one value where operator is {operator}")


def _expression(*operators: str, values: Shape) -> Shape:
    known = {"key": text(key_fault), "operator": one_of(*operators), "values": values}
    return parts(known, required=("key", "operator"), also=_values_fit)


# -- labels -------------------------------------------------------------------------------------------------

_VALUES = each(text(value_fault))


def _pairs(value: Any, at: Path) -> Iterator[NotInShape]:
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield NotInShape(path=at, why="must be an object")
        return
    for key, given in value.items():
        if why := key_fault(key):
            yield NotInShape(path=(*at, key), why=f"is no label: {why}")
        yield from text(value_fault)(given, (*at, key))


LABEL_SELECTOR = parts(
    {
        "matchLabels": _pairs,
        "matchExpressions": each(_expression(*_WITH_VALUES, *_WITHOUT_VALUES, values=_VALUES)),
    }
)


def _keys_need_selector(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    for field in ("matchLabelKeys", "mismatchLabelKeys"):
        if value.get(field) and value.get("labelSelector") is None:
            yield NotInShape(path=(*at, field), why="needs a labelSelector")


# -- nodes --------------------------------------------------------------------------------------------------


def _field_fits(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    values = value.get("values")
    if not isinstance(values, list) or len(values) != 1:
        yield NotInShape(path=(*at, "values"), why="must be one name of a node")


_FIELD = parts(
    {
        "key": one_of("metadata.name"),
        "operator": one_of(*_WITH_VALUES),
        "values": each(text(subdomain_fault, empty_too=True)),
    },
    required=("key", "operator"),
    also=_field_fits,
)


def _term(values: Shape) -> Shape:
    operators = (*_WITH_VALUES, *_WITHOUT_VALUES, *_WITH_ONE)
    return parts(
        {"matchExpressions": each(_expression(*operators, values=values)), "matchFields": each(_FIELD)}
    )


_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_WEIGHT = whole(1, 100)
_NODES = parts(
    {
        _REQUIRED: parts({"nodeSelectorTerms": each(_term(_VALUES))}, required=("nodeSelectorTerms",)),
        _PREFERRED: each(parts({"weight": _WEIGHT, "preference": _term(_VALUES)}, required=("weight",))),
    }
)


# -- pods ---------------------------------------------------------------------------------------------------

_POD_TERM = parts(
    {
        **{"labelSelector": LABEL_SELECTOR, "namespaceSelector": LABEL_SELECTOR},
        "namespaces": each(text(label_fault, empty_too=True)),
        "topologyKey": text(key_fault),
        **{"matchLabelKeys": _KEYS, "mismatchLabelKeys": _KEYS},
    },
    required=("topologyKey",),
    also=_keys_need_selector,
)
_PODS = parts(
    {
        _REQUIRED: each(_POD_TERM),
        _PREFERRED: each(
            parts({"weight": _WEIGHT, "podAffinityTerm": _POD_TERM}, required=("weight", "podAffinityTerm"))
        ),
    }
)
AFFINITY = parts({"nodeAffinity": _NODES, "podAffinity": _PODS, "podAntiAffinity": _PODS})


# -- spreading ----------------------------------------------------------------------------------------------


def _domains_fit(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    if value.get("minDomains") is not None and value.get("whenUnsatisfiable") != "DoNotSchedule":
        yield NotInShape(path=(*at, "minDomains"), why="needs whenUnsatisfiable: DoNotSchedule")


_POLICY = one_of("Honor", "Ignore")
SPREADS = together(
    each(
        parts(
            {
                **{"maxSkew": whole(1), "minDomains": whole(1), "topologyKey": text(key_fault)},
                "whenUnsatisfiable": one_of("DoNotSchedule", "ScheduleAnyway"),
                **{"labelSelector": LABEL_SELECTOR, "matchLabelKeys": _KEYS},
                **{"nodeAffinityPolicy": _POLICY, "nodeTaintsPolicy": _POLICY},
            },
            required=("maxSkew", "topologyKey", "whenUnsatisfiable"),
            also=together(_domains_fit, _keys_need_selector),
        )
    ),
    distinct("topologyKey", "whenUnsatisfiable"),
)
