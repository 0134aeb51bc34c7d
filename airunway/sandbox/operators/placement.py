"""Where a pod can run: the decision of the pretend scheduler. Pure.

Node selector, required node affinity, taints, and the sums of requested resources, as the real one; no
preferences, no pod affinity, no preemption.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.sandbox.operators.objects import amount

_NO_SCHEDULE = ("NoSchedule", "NoExecute")


@dataclass(frozen=True)
class Placement:
    """A node's name or, with an empty one, why there is none (in the real scheduler's words)."""

    node: str = ""
    message: str = ""


def place(
    pod: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], pods: Iterable[Mapping[str, Any]]
) -> Placement:
    """Choose the fitting node with the most room, by requested share of its scarcest resource."""
    used: dict[str, Counter[str]] = {}
    for other in pods:
        name = other["spec"].get("nodeName")
        if name and other.get("status", {}).get("phase") not in ("Succeeded", "Failed"):
            _add(used.setdefault(name, Counter()), requests(other))
    wanted = requests(pod)
    refusals: Counter[str] = Counter()
    fitting: list[tuple[float, str]] = []
    for node in nodes:
        name = node["metadata"]["name"]
        reasons = _misfit(pod, wanted, node, used.get(name, Counter()))
        refusals.update(reasons)
        if not reasons:
            fitting.append((_fill(node, used.get(name, Counter())), name))
    if fitting:
        return Placement(min(fitting)[1])
    return Placement(message=_message(len(nodes), refusals))


def requests(pod: Mapping[str, Any]) -> Counter[str]:
    """What a pod asks for, by resource; a limit without request counts as one."""
    total: Counter[str] = Counter()
    for container in pod["spec"].get("containers") or []:
        resources = container.get("resources") or {}
        asked = {**(resources.get("limits") or {}), **(resources.get("requests") or {})}
        _add(total, {name: amount(quantity) for name, quantity in asked.items()})
    return total


def _add(total: Counter[str], more: Mapping[str, float]) -> None:
    for name, value in more.items():
        total[name] += value  # type: ignore[assignment]  # Counter holds floats as well


def _misfit(
    pod: Mapping[str, Any], wanted: Mapping[str, float], node: Mapping[str, Any], used: Mapping[str, float]
) -> list[str]:
    """Why a node does not take a pod; the first kind of reason decides, as in the real scheduler."""
    if not _selected(pod["spec"], node["metadata"].get("labels") or {}):
        return ["node(s) didn't match Pod's node affinity/selector"]
    for taint in node.get("spec", {}).get("taints") or []:
        if taint.get("effect") in _NO_SCHEDULE and not _tolerated(taint, pod["spec"]):
            return [f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"]
    has: Mapping[str, Any] = (node.get("status") or {}).get("allocatable") or {}
    return [
        f"Insufficient {name}"
        for name, value in sorted(wanted.items())
        if value > amount(has.get(name, 0)) - used.get(name, 0)
    ]


def _selected(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    selector: Mapping[str, str] = spec.get("nodeSelector") or {}
    if any(labels.get(key) != value for key, value in selector.items()):
        return False
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms: Sequence[Mapping[str, Any]] = required.get("nodeSelectorTerms") or []
    return not terms or any(
        all(_matches(expression, labels) for expression in term.get("matchExpressions") or [])
        for term in terms
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression["key"], expression.get("values") or []
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False


def _tolerated(taint: Mapping[str, Any], spec: Mapping[str, Any]) -> bool:
    for toleration in spec.get("tolerations") or []:
        if toleration.get("effect") not in (None, "", taint["effect"]):
            continue
        if toleration.get("operator") == "Exists":
            if toleration.get("key") in (None, "", taint["key"]):
                return True
        elif toleration.get("key") == taint["key"] and toleration.get("value", "") == taint.get("value", ""):
            return True
    return False


def _fill(node: Mapping[str, Any], used: Mapping[str, float]) -> float:
    # Nodes that have GPUs come last for pods that want none: they are the scarce ones.
    has: Mapping[str, Any] = (node.get("status") or {}).get("allocatable") or {}
    shares = [used.get(name, 0) / amount(value) for name, value in has.items() if amount(value)]
    return max(shares, default=0.0) + ("nvidia.com/gpu" in has)


def _message(count: int, refusals: Mapping[str, int]) -> str:
    if not count:
        return "no nodes available to schedule pods"
    parts = ", ".join(f"{number} {reason}" for reason, number in sorted(refusals.items()))
    return f"0/{count} nodes are available: {parts}."
