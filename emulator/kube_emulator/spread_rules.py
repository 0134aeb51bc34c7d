"""Checks how a pod is to be spread over nodes; apart from `pod_rules`, which is long enough.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, validateTopologySpreadConstraints.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from . import causes
from .affinity_rules import keys_of_labels, label_selector
from .errors import Cause
from .metadata import qualified_fault

_NOT_POSITIVE = "must be greater than zero"
_ACTIONS = ("DoNotSchedule", "ScheduleAnyway")
_POLICIES = ("Honor", "Ignore")


def constraints(found: Any, path: str) -> Iterator[Cause]:
    """Everything wrong with the constraints of a pod."""
    pairs = [(given.get("topologyKey", ""), given.get("whenUnsatisfiable", "")) for given in found]
    for index, given in enumerate(found):
        where = f"{path}[{index}]"
        key, action = pairs[index]
        if (skew := given.get("maxSkew", 0)) <= 0:
            yield causes.invalid(f"{where}.maxSkew", skew, _NOT_POSITIVE)
        if not key:
            yield causes.required(f"{where}.topologyKey", "can not be empty")
        elif fault := qualified_fault(key):
            yield causes.invalid(f"{where}.topologyKey", key, fault)
        if action not in _ACTIONS:
            yield causes.not_supported(f"{where}.whenUnsatisfiable", action, _ACTIONS)
        if pairs[index] in pairs[index + 1 :]:  # said of the earlier one
            shown = f"{{{key}, {action}}}"
            yield causes.duplicate(f"{where}.{{topologyKey, whenUnsatisfiable}}", shown)
        if (domains := given.get("minDomains")) is not None:
            yield from _domains(domains, action, f"{where}.minDomains")
        for field in ("nodeAffinityPolicy", "nodeTaintsPolicy"):
            if (policy := given.get(field)) is not None and policy not in _POLICIES:
                yield causes.not_supported(f"{where}.{field}", policy, _POLICIES)
        if given.get("labelSelector") is not None:
            yield from label_selector(given["labelSelector"], f"{where}.labelSelector")
        yield from keys_of_labels(given, where)


def _domains(domains: int, action: str, path: str) -> Iterator[Cause]:
    if domains <= 0:
        yield causes.invalid(path, domains, _NOT_POSITIVE)
    if action != _ACTIONS[0]:
        words = f"can only use minDomains if whenUnsatisfiable={_ACTIONS[0]}, not {action}"
        yield causes.invalid(path, domains, words)
