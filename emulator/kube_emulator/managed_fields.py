"""Who owns which field: keeps `metadata.managedFields` true through updates, patches and server-side applies.

Rules: k8s.io/apimachinery/pkg/util/managedfields/internal and structured-merge-diff's merge.Updater.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from . import last_applied, type_faults, typed
from .errors import Cause, StatusError, apply_conflict, bad_request
from .fieldsets import (
    FieldSet,
    difference,
    intersection,
    paths,
    recursive_difference,
    union,
    with_named_fields,
)
from .schema import Node

BEFORE_FIRST_APPLY = "before-first-apply"
_SYSTEM_FIELDS = [
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
]
_STRIPPED: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {".": {}, **{f"f:{name}": {} for name in _SYSTEM_FIELDS}},
}


class Manager(NamedTuple):
    """What tells one entry from another; appliers keep theirs across API versions."""

    name: str
    operation: str
    api_version: str
    subresource: str

    def __str__(self) -> str:
        """The manager as conflict messages name it."""
        text = f'"{self.name}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return f"{text} using {self.api_version}" if self.operation == "Update" else text


@dataclass(frozen=True, slots=True)
class Entry:
    """The fields one manager owns, and when it last changed them."""

    fields: FieldSet
    api_version: str
    time: str | None


Managers = dict[Manager, Entry]


@dataclass(frozen=True, slots=True)
class Write:
    """One write, as field ownership sees it."""

    manager: str
    api_version: str
    subresource: str
    time: str | None
    node: Node
    ignored: FieldSet  # fields this endpoint resets, so nobody gains them by writing here
    empty: Mapping[str, Any]  # the object before its creation

    def identity(self, operation: str) -> Manager:
        """The writer's entry for an operation."""
        version = self.api_version if operation == "Update" else ""
        return Manager(self.manager, operation, version, self.subresource)


def decode(entries: Any) -> Managers:
    """Managers from `metadata.managedFields`; ValueError when it is malformed."""
    managers: Managers = {}
    for entry in entries or ():
        operation, version = entry.get("operation"), entry.get("apiVersion")
        if operation not in ("Apply", "Update") or not version or entry.get("fieldsType") != "FieldsV1":
            raise ValueError("malformed managed fields entry")
        identity = Manager(
            entry.get("manager", ""),
            operation,
            version if operation == "Update" else "",
            entry.get("subresource", ""),
        )
        managers[identity] = Entry(entry.get("fieldsV1") or {}, version, entry.get("time"))
    return managers


def encode(managers: Managers) -> list[dict[str, Any]]:
    """`metadata.managedFields`: appliers first, then by time and name."""
    entries = []
    for manager, entry in managers.items():
        out: dict[str, Any] = {
            "manager": manager.name,
            "operation": manager.operation,
            "apiVersion": entry.api_version,
        }
        if entry.time:
            out["time"] = entry.time
        out |= {"fieldsType": "FieldsV1", "fieldsV1": entry.fields}
        if manager.subresource:
            out["subresource"] = manager.subresource
        entries.append(out)
    entries.sort(key=_order)
    return entries


def _order(entry: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(
        entry.get(part, "") for part in ("operation", "time", "manager", "apiVersion", "subresource")
    )


def track_update(live: Mapping[str, Any] | None, new: dict[str, Any], write: Write) -> None:
    """Writes down in `new` what an update (create when `live` is None) changed, in the writer's name."""
    managers = _managers_for_update(live, new, write)
    if not managers and live is not None:
        new["metadata"].pop("managedFields", None)  # tracking was switched off for this object
        return
    # As the real server: an object that cannot be typed keeps the owners it had.
    with contextlib.suppress(typed.TypeMismatch):
        if not _nonsense_to_be_reset(live or {}, new, write):
            managers = _updated(bare(live) if live is not None else write.empty, bare(new), managers, write)
    store(new, managers)


def _nonsense_to_be_reset(live: Mapping[str, Any], new: Mapping[str, Any], write: Write) -> bool:
    """Whether the half of the object this endpoint does not write holds something new that cannot be
    typed.
    """
    for element in write.ignored:
        name = element[2:]
        changed = name in ("spec", "status") and name in new and new[name] != live.get(name)
        if changed and next(type_faults.faults({name: new[name]}, write.node), ""):
            return True
    return False


def store(obj: dict[str, Any], managers: Managers) -> None:
    """Puts the managers into the object's metadata."""
    if managers:
        obj["metadata"]["managedFields"] = encode(managers)
    else:
        obj["metadata"].pop("managedFields", None)


def bare(obj: Mapping[str, Any]) -> dict[str, Any]:
    """The object without its managed fields, sharing all the rest."""
    metadata = {key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"}
    return {**obj, "metadata": metadata}


def _managers_for_update(live: Mapping[str, Any] | None, new: Mapping[str, Any], write: Write) -> Managers:
    """Owners to start from: those in the request, unless it has none or goes to a subresource."""
    before = (live or {}).get("metadata", {}).get("managedFields")
    given = new["metadata"].get("managedFields")
    try:
        if not write.subresource:
            if given == [] or given == [{}]:
                return {}  # the client asks to forget all owners
            if given and (managers := decode(given)):
                return managers
        return decode(before)
    except (ValueError, AttributeError):
        try:
            return decode(before)
        except ValueError:
            return {}


def _updated(live: Mapping[str, Any], new: Mapping[str, Any], managers: Managers, write: Write) -> Managers:
    change = typed.compare(live, new, write.node)
    change = typed.Difference(*(recursive_difference(part, write.ignored) for part in change))
    managers = _without(managers, change)
    gained = difference(union(change.modified, change.added), _STRIPPED)
    if gained:
        identity = write.identity("Update")
        before = managers.get(identity)
        fields = union(gained, before.fields) if before else gained
        managers[identity] = Entry(fields, write.api_version, write.time)
    return managers


def _without(managers: Managers, change: typed.Difference, keep: Manager | None = None) -> Managers:
    """The managers after others' changes: nobody but the writer owns what was changed or removed."""
    taken = union(union(change.modified, change.added), change.removed)
    if not taken:
        return dict(managers)
    out: Managers = {}
    for manager, entry in managers.items():
        fields = entry.fields if manager == keep else difference(entry.fields, taken)
        if fields:
            out[manager] = entry if fields is entry.fields else replace(entry, fields=fields)
    return out


def apply(
    live: Mapping[str, Any] | None, config: dict[str, Any], write: Write, *, force: bool
) -> tuple[dict[str, Any], Managers]:
    """The live object with a configuration applied, and its owners; 409 when others own what it changes.

    When nothing changes, the very live object is returned.
    """
    if config.get("metadata", {}).get("managedFields") is not None:
        raise bad_request("metadata.managedFields must be nil")
    before = dict(write.empty) if live is None else bare(live)
    managers = decode((live or {}).get("metadata", {}).get("managedFields"))
    try:
        if not type_faults.fits(config, write.node):
            raise typed.TypeMismatch
        wanted = typed.field_set(config, write.node, unique=True)
        if live is not None and not managers:
            managers = _updated(write.empty, before, {}, replace_manager(write, BEFORE_FIRST_APPLY))
        return _applied(before, config, wanted, managers, write, force=force)
    except typed.TypeMismatch as error:
        faults = list(type_faults.faults(config, write.node))
        raise _untypable(config, write, faults or [str(error)]) from error


def _untypable(config: Mapping[str, Any], write: Write, faults: list[str]) -> StatusError:
    """How the real server reports an applied object that does not fit its type: not as the client's fault."""
    meta = config["metadata"]
    name = f"{meta.get('namespace', '')}/{meta.get('name', '')}"
    lines = faults[0] if len(faults) == 1 else "errors:\n" + "\n".join(f"  {fault}" for fault in faults)
    shown = f"{name}; {write.api_version}, Kind={config.get('kind', '')}"
    return StatusError(500, "", f"failed to create typed patch object ({shown}): {lines}")


def replace_manager(write: Write, manager: str) -> Write:
    """The same write in another manager's name."""
    return replace(write, manager=manager, subresource="")


def _applied(
    live: dict[str, Any],
    config: dict[str, Any],
    wanted: FieldSet,
    managers: Managers,
    write: Write,
    *,
    force: bool,
) -> tuple[dict[str, Any], Managers]:
    identity = write.identity("Apply")
    last = managers.get(identity)
    last_time = last.time if last else None
    merged = typed.merge(live, config, write.node)
    managers = dict(managers)
    managers[identity] = Entry(recursive_difference(wanted, write.ignored), write.api_version, last_time)
    # Where all that was applied last time is applied again, nothing can have to go.
    now = managers[identity].fields
    if last and last.fields != now and difference(last.fields, now):
        merged = _pruned(merged, last.fields, managers, write.node)
    change = typed.compare(live, merged, write.node)
    change = typed.Difference(*(recursive_difference(part, write.ignored) for part in change))
    if not force:
        excused = last_applied.excused(live, write.node) if write.manager == last_applied.MANAGER else {}
        _refuse_conflicts(managers, identity, change, excused)
    managers = _without(managers, change, keep=identity)
    changed = merged is not live and merged != live
    own = difference(managers[identity].fields, _STRIPPED)
    del managers[identity]
    if own:
        managers[identity] = Entry(own, write.api_version, write.time if changed else last_time)
    return (merged if changed else live), managers


def _refuse_conflicts(
    managers: Managers, identity: Manager, change: typed.Difference, excused: FieldSet
) -> None:
    touched = difference(union(change.modified, change.added), excused)
    if not touched:
        return
    causes: list[tuple[Manager, str]] = []
    for manager in sorted(managers):
        if manager != identity:
            causes += [(manager, path) for path in paths(intersection(managers[manager].fields, touched))]
    if causes:
        raise _conflict(causes)


def _conflict(found: list[tuple[Manager, str]]) -> StatusError:
    causes = [Cause("FieldManagerConflict", f"conflict with {manager}", path) for manager, path in found]
    if len(found) == 1:
        message = f"Apply failed with 1 conflict: {causes[0].message}: {causes[0].field}"
    else:
        lines: list[str] = []
        for manager in dict.fromkeys(manager for manager, _ in found):
            lines.append(f"conflicts with {manager}:")
            lines += [f"- {path}" for owner, path in found if owner == manager]
        message = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return apply_conflict(causes, message)


def _pruned(merged: dict[str, Any], last: FieldSet, managers: Managers, node: Node) -> dict[str, Any]:
    """Without what the applier set last time, does not set now, and nobody else owns."""
    last_named = with_named_fields(last, node)
    pruned = typed.remove(merged, last_named, node)
    owned: FieldSet = {}
    for entry in managers.values():
        owned = union(owned, entry.fields)
    merged_set = with_named_fields(typed.field_set(merged, node), node)
    pruned_set = with_named_fields(typed.field_set(pruned or {}, node), node)
    gone = difference(merged_set, union(pruned_set, with_named_fields(owned, node)))
    pruned = typed.remove(merged, gone, node)
    pruned_set = with_named_fields(typed.field_set(pruned or {}, node), node)
    gone = intersection(difference(merged_set, pruned_set), last_named)
    result: dict[str, Any] = typed.remove(merged, gone, node)
    return result
