"""Who owns an upstream object, and which of its fields. Pure.

AI Runway's own controllers wrote by create and patch. Taking over an object means taking over the fields
they own too: otherwise a field that we stop rendering would stay for ever, held by a manager that is gone.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.quantities import InvalidQuantity, parse

_QUANTITIES = frozenset({"limits", "requests", "sizeLimit", "divisor"})
"""Fields that hold a quantity, or a map of quantities."""


def is_owned_by(obj: Mapping[str, Any], uid: str) -> bool:
    """Whether some owner reference of an object has this uid."""
    references = obj.get("metadata", {}).get("ownerReferences") or []
    return any(reference.get("uid") == uid for reference in references)


def owners_of(obj: Mapping[str, Any]) -> str:
    """The owners of an object in words."""
    references = obj.get("metadata", {}).get("ownerReferences") or []
    named = [f"{entry.get('kind')}/{entry.get('name')} (uid {entry.get('uid')})" for entry in references]
    return ", ".join(named) or "no owner"


def digest_of(obj: Mapping[str, Any]) -> str:
    """A short digest of an object's content."""
    return hashlib.sha256(json.dumps(obj, sort_keys=True).encode()).hexdigest()[:16]


def version_of(obj: Mapping[str, Any]) -> str:
    """Changes when what we rendered into an object may have been changed, and not with its status.

    The content and the labels, by which we find it. Not the generation: that of a Deployment rises with every
    annotation that Kubernetes' own controller writes.
    """
    meta = obj["metadata"]
    content = digest_of({key: value for key, value in obj.items() if key not in ("metadata", "status")})
    return f"{meta['uid']}/{content}/{digest_of(meta.get('labels') or {})}"


def is_same_content(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a write changed nothing but the API server's book-keeping."""

    def content(obj: Mapping[str, Any]) -> dict[str, Any]:
        keeping = {"managedFields", "resourceVersion"}
        meta = {key: value for key, value in obj["metadata"].items() if key not in keeping}
        return {**obj, "metadata": meta}

    return content(before) == content(after)


def contains(live: Any, desired: Any) -> bool:
    """Whether everything desired is in the live value; maps recurse, lists compare whole."""
    if isinstance(desired, Mapping):
        if not isinstance(live, Mapping):
            return not desired and live is None
        return all(contains(live.get(key), value) for key, value in desired.items())
    return bool(live == desired)


def is_settled(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether a live object says what is desired, though perhaps in its operator's own words.

    An operator that reads an object into its types and writes it back leaves out empty values, adds those
    of its types (`resources: {}`) and writes quantities canonically. To write our form again would begin a
    quarrel without end.
    """
    content = {key: value for key, value in desired.items() if key != "metadata"}
    return contains(live["metadata"], desired["metadata"]) and says(live, content)


def says(live: Any, desired: Any, *, quantity: bool = False) -> bool:
    """Whether a live value says all of a desired one, in whatever words.

    `quantity`: it is one, or a map of some.
    """
    if desired is None or desired in ("", [], {}):
        return not live
    if isinstance(desired, Mapping) and isinstance(live, Mapping):
        return all(
            says(live.get(key), value, quantity=quantity or holds_quantities(key))
            for key, value in desired.items()
        )
    if isinstance(desired, list) and isinstance(live, list) and len(desired) == len(live):
        return all(says(left, right, quantity=False) for left, right in zip(live, desired, strict=True))
    if live == desired and isinstance(live, bool) == isinstance(desired, bool):
        return True
    return quantity and _is_same_quantity(live, desired)


def holds_quantities(field: str) -> bool:
    """Whether a field of that name holds a quantity, or a map of some."""
    return field in _QUANTITIES


def _is_same_quantity(left: Any, right: Any) -> bool:
    try:
        return parse(str(left)) == parse(str(right))
    except InvalidQuantity:
        return False


def is_as_created(live: Mapping[str, Any], desired: Mapping[str, Any]) -> bool:
    """Whether a live object is just what creating the desired one gives, and was never changed."""
    same = all(live.get(key) == value for key, value in desired.items() if key != "metadata")
    return same and live["metadata"].get("generation", 0) == 1


def takeover_patch(live: Mapping[str, Any], *, field_manager: str) -> list[dict[str, Any]] | None:
    """A JSON patch that moves the fields of former managers to ours; None when there are none.

    What we or they wrote in another version of the kind is given up: its fields are called otherwise there,
    and an apply that finds such an entry makes the API server convert into a version that may be gone.
    """
    meta = live["metadata"]
    entries = meta.get("managedFields") or []
    before = [
        entry
        for entry in entries
        if _is_former(entry, field_manager)
        or (_is_ours(entry, field_manager) and not _is_in_version_of(live, entry))
    ]
    if not before:
        return None
    kept = [copy.deepcopy(entry) for entry in entries if entry not in before]
    ours = next((entry for entry in kept if _is_ours(entry, field_manager)), None)
    taken = [entry for entry in before if _is_in_version_of(live, entry)]
    if ours is None and taken:
        ours = {**copy.deepcopy(taken[0]), "manager": field_manager, "operation": "Apply"}
        kept.append(ours)
    if ours is not None:
        fields = ours.setdefault("fieldsV1", {})
        for entry in taken:
            merge_fields(fields, entry.get("fieldsV1") or {})
    return [
        # An empty list would leave them as they are; one empty entry takes all away.
        {"op": "replace", "path": "/metadata/managedFields", "value": kept or [{}]},
        {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
    ]


def _is_in_version_of(live: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether an entry of managedFields was written in the version that the object was read in."""
    read_in = live.get("apiVersion", entry.get("apiVersion"))
    return bool(entry.get("apiVersion", read_in) == read_in)


def former_managers(live: Mapping[str, Any], *, field_manager: str) -> list[str]:
    """The controllers before us that still own fields of an object."""
    entries = live["metadata"].get("managedFields") or ()
    former = (entry["manager"] for entry in entries if _is_former(entry, field_manager))
    return sorted({manager for manager in former if manager != field_manager})


def _is_former(entry: Mapping[str, Any], field_manager: str) -> bool:
    # What we created by a plain create is listed as our update; from the first apply on it is applied.
    return (
        entry.get("manager") in names.FORMER_FIELD_MANAGERS | {field_manager}
        and entry.get("operation") == "Update"
        and not entry.get("subresource")
    )


def is_ours_or_former(entry: Mapping[str, Any], field_manager: str) -> bool:
    """Whether an entry of managedFields holds fields that are ours, or that a write takes over."""
    return _is_ours(entry, field_manager) or _is_former(entry, field_manager)


def owned_by_others(live: Mapping[str, Any], *, field_manager: str) -> dict[str, Any]:
    """The fields, as `fieldsV1`, that neither we nor the controllers before us own; but for the status."""
    found: dict[str, Any] = {}
    for entry in live["metadata"].get("managedFields") or ():
        if entry.get("subresource") != "status" and not is_ours_or_former(entry, field_manager):
            merge_fields(found, entry.get("fieldsV1") or {})
    return found


def is_written_by(live: Mapping[str, Any], field_manager: str) -> bool:
    """Whether fields of an object are ours, or those of the controllers whose objects we take over."""
    entries = live["metadata"].get("managedFields") or ()
    return any(is_ours_or_former(entry, field_manager) for entry in entries)


def _is_ours(entry: Mapping[str, Any], field_manager: str) -> bool:
    return (
        entry.get("manager") == field_manager
        and entry.get("operation") == "Apply"
        and not entry.get("subresource")
    )


def merge_fields(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    """Add fields, as `fieldsV1`, to others."""
    for key, value in other.items():
        if isinstance(value, Mapping) and isinstance(into.get(key), dict):
            merge_fields(into[key], value)
        else:
            into.setdefault(key, copy.deepcopy(value))
