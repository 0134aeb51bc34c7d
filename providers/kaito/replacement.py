"""When a Workspace must be deleted and made again: changes that KAITO refuses, or admits and never rolls out.

Source: kaito.md §15 (webhook on update; the StatefulSet is made once), kaito.md §10.3 (what counts as a
change).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.providers.kaito.bookkeeping import record_of

_MISSING = object()


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why `desired` cannot be reached from `live` by a patch, or None. Any kind but Workspace: None.

    A part that was last written just as it is desired is no reason. What is different about it is the
    operator's form of it, or a field that the API server does not know: a new Workspace would be no other.
    """
    if live.get("kind") != "Workspace":
        return None
    record = record_of(live)
    reason = None
    if _differs(record.get("resource"), desired.get("resource")):
        reason = _resource_reason(*(_part(obj, "resource") for obj in (live, desired, record)))
    if reason is None and _differs(record.get("inference"), desired.get("inference")):
        reason = _inference_reason(*(_part(obj, "inference") for obj in (live, desired, record)))
    return reason


def _part(obj: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = obj.get(key)
    return value if isinstance(value, Mapping) else {}


def _resource_reason(
    resource: Mapping[str, Any], wanted: Mapping[str, Any], written: Mapping[str, Any]
) -> str | None:
    if wanted and _differs(resource.get("count", _MISSING), wanted.get("count", _MISSING)):
        return "resource.count is immutable in KAITO"
    if _instance_type_differs(resource, wanted, written):
        return "resource.instanceType cannot be changed in KAITO once it is set"
    if _selector_differs(resource, wanted, written):
        return "resource.labelSelector is immutable in KAITO"
    return None


def _instance_type_differs(
    live: Mapping[str, Any], desired: Mapping[str, Any], written: Mapping[str, Any]
) -> bool:
    current, wanted = live.get("instanceType") or "", desired.get("instanceType") or ""
    if not current:
        return False  # KAITO lets an empty one be set
    return bool(wanted != current) if wanted else bool(written.get("instanceType"))


def _selector_differs(
    live: Mapping[str, Any], desired: Mapping[str, Any], written: Mapping[str, Any]
) -> bool:
    current, wanted = _part(live, "labelSelector"), _part(desired, "labelSelector")
    recorded = _part(written, "labelSelector")
    # Without a record every key of the selector was written by AI Runway (kaito.md §10.3).
    return changed(wanted, current, recorded or current)


def _inference_reason(
    live: Mapping[str, Any], desired: Mapping[str, Any], written: Mapping[str, Any]
) -> str | None:
    if not desired:
        return None
    for part in ("preset", "template"):
        if (part in live) != (part in desired):
            return f"inference.{part} cannot be set or unset in KAITO"
    if changed(_part(desired, "preset"), _part(live, "preset"), _part(written, "preset")):
        return "inference.preset is immutable in KAITO"
    wanted, current = _part(desired, "template"), _part(live, "template")
    if _made_elsewhere(wanted, current):
        wanted, current = _common_keys(wanted, current), _common_keys(current, wanted)
    if changed(wanted, current, _part(written, "template")):
        return "KAITO does not roll out a changed inference.template"
    return None


def changed(desired: Any, live: Any, recorded: Any) -> bool:
    """Whether a desired leaf is missing or different in `live`, or a key written earlier must go.

    Other keys of `live` are the operator's defaults. Lists and scalars compare as a whole, numbers by value.
    """
    if not (isinstance(desired, Mapping) and isinstance(live, Mapping)):
        return _differs(live, desired)
    known = recorded if isinstance(recorded, Mapping) else {}
    if any(key in known and key not in desired for key in live):
        return True
    return any(
        key not in live or changed(value, live[key], known.get(key, _MISSING))
        for key, value in desired.items()
    )


def _differs(left: Any, right: Any) -> bool:
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() != right.keys() or any(_differs(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) != len(right) or any(map(_differs, left, right))
    if isinstance(left, bool) or isinstance(right, bool):
        return left is not right
    return bool(left != right)


def _made_elsewhere(desired: Mapping[str, Any], live: Mapping[str, Any]) -> bool:
    """Whether AI Runway's own controller made the template: it renders no probes.

    Such a Workspace serves; it is not thrown away for what this renderer adds.
    """
    return any("readinessProbe" in entry for entry in _containers(desired)) and not any(
        "readinessProbe" in entry for entry in _containers(live)
    )


def _containers(template: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    entries = _part(template, "spec").get("containers")
    return [entry for entry in entries if isinstance(entry, Mapping)] if isinstance(entries, list) else []


def _common_keys(value: Any, other: Any) -> Any:
    """`value` without the map keys that `other` lacks, at any depth; list entries pair up by position."""
    if isinstance(value, Mapping) and isinstance(other, Mapping):
        return {key: _common_keys(item, other[key]) for key, item in value.items() if key in other}
    if isinstance(value, list) and isinstance(other, list) and len(value) == len(other):
        return [_common_keys(item, paired) for item, paired in zip(value, other, strict=True)]
    return value
