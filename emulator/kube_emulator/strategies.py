"""What an update may change: each endpoint's share of the object, and what the server itself keeps.

Source: the PrepareForUpdate methods in k8s.io/kubernetes/pkg/registry and k8s.io/apiserver's BeforeUpdate.
"""

from __future__ import annotations

import json
from typing import Any

from . import creation, managed_fields
from .causes import IMMUTABLE
from .causes import invalid as invalid_cause
from .errors import STALE, Cause, bad_request, conflict, invalid
from .kinds import Kind
from .requests import Request

Obj = dict[str, Any]
_OTHER_NAMESPACE = "the namespace of the provided object does not match the namespace sent on the request"
_SERVERS_OWN = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "resourceVersion",
    "selfLink",
    "generateName",
]
SET_BY_CREATION = [
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
    "generation",
]
# metadata that a built-in kind's status endpoint leaves alone
_KEPT_BY_STATUS = {"Deployment": ("labels",), "Pod": ("ownerReferences", "deletionTimestamp")}


def check_place(request: Request, meta: Obj) -> None:
    """400 when the object's name or namespace is not the one in the path."""
    if request.kind.namespaced:
        if meta.setdefault("namespace", request.namespace) != request.namespace:
            raise bad_request(_OTHER_NAMESPACE)
    else:
        meta.pop("namespace", None)
    if not request.name:
        return
    name = meta.get("name", "")
    if not name:
        raise bad_request(
            f"the name of the object ({request.name} based on URL) was undeterminable: name must be provided"
        )
    if name != request.name:
        raise bad_request(
            f"the name of the object ({name}) does not match the name on the URL ({request.name})"
        )


def check_versions(request: Request, live: Obj, meta: Obj) -> None:
    """409 when the client has not seen the live object; 422 when it does not say what it has seen."""
    kind, was = request.kind, live["metadata"]
    given, uid = meta.get("resourceVersion"), meta.get("uid")
    if request.method == "PUT":
        if not given and (kind.needs_version or not kind.builtin):
            cause = Cause(
                "FieldValueInvalid",
                "Invalid value: 0: must be specified for an update",
                "metadata.resourceVersion",
            )
            raise invalid(kind.plural, kind.group, request.name, [cause])
        if uid and uid != was["uid"]:
            why = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {was['uid']}"
            raise conflict(kind.plural, kind.group, request.name, why)
    if given and given != was["resourceVersion"]:
        raise conflict(kind.plural, kind.group, request.name, STALE)
    if uid and uid != was["uid"]:
        raise invalid(kind.kind, kind.group, request.name, [invalid_cause("metadata.uid", uid, IMMUTABLE)])


def restored(request: Request, live: Obj, obj: Obj) -> Obj:
    """The new object with everything back in place that this endpoint may not change."""
    kind, was = request.kind, live["metadata"]
    if request.subresource == "status":
        obj = _status_update(kind, live, obj)
    elif kind.has_status:
        obj = {key: value for key, value in obj.items() if key != "status"}
        if "status" in live:
            obj["status"] = live["status"]
    meta = obj["metadata"]
    for part in _SERVERS_OWN:
        if part in was:
            meta[part] = was[part]
        else:
            meta.pop(part, None)
    if kind.builtin and kind.kind == "Service":
        creation.keep_allocated(obj, live)
    if kind.generation and request.subresource != "status" and _spec_changed(kind, live, obj):
        meta["generation"] = was.get("generation", 0) + 1
    return obj


def _status_update(kind: Kind, live: Obj, obj: Obj) -> Obj:
    """The live object with the new status, and what else the kind's status endpoint lets through."""
    if not kind.builtin or kind.kind == "CustomResourceDefinition":
        meta = dict(live["metadata"])
        kept: tuple[str, ...] = ("managedFields",)
        source = obj["metadata"]
    else:
        meta = dict(obj["metadata"])
        kept = _KEPT_BY_STATUS.get(kind.kind, ())
        source = live["metadata"]
    for part in kept:
        meta.pop(part, None)
        if part in source:
            meta[part] = source[part]
    out = {**live, "metadata": meta}
    out.pop("status", None)
    if "status" in obj:
        out["status"] = obj["status"]
    return out


def _spec_changed(kind: Kind, live: Obj, obj: Obj) -> bool:
    if kind.builtin:
        # a Deployment's controller copies annotations to its ReplicaSets, so they count as its spec
        annotated = kind.kind == "Deployment" and live["metadata"].get("annotations") != obj["metadata"].get(
            "annotations"
        )
        return bool(live.get("spec") != obj.get("spec")) or annotated
    ignored = {"metadata", "status"} if kind.has_status else {"metadata"}
    was = {key: value for key, value in live.items() if key not in ignored}
    return was != {key: value for key, value in obj.items() if key not in ignored}


def forget_times(live: Obj, obj: Obj) -> None:
    """Takes back new times of managed fields when they are all that changed, so that nothing is written.

    Looks at the object as it came, before `restored`: so an apply that carries differences its endpoint
    ignores does move the time and the version, in the real server too.
    """
    was, now = live["metadata"].get("managedFields"), obj["metadata"].get("managedFields")
    if was == now or not was or managed_fields.bare(live) != managed_fields.bare(obj):
        return
    if _timeless(was) == _timeless(now):
        obj["metadata"]["managedFields"] = was


def _timeless(entries: Any) -> list[str]:
    stripped = ({key: value for key, value in entry.items() if key != "time"} for entry in entries or ())
    return sorted(json.dumps(entry, sort_keys=True) for entry in stripped)
