"""The subresources that are not the object itself: scale and binding.

`status` is not here: it is an ordinary write with other rules (`writes.py`).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from . import jsonpath, patches
from .causes import invalid as invalid_cause
from .errors import internal, invalid
from .kinds import Kind
from .listing import find
from .requests import APPLY_PATCH, PATCH_TYPES, Request, parse
from .store import Version
from .writes import Writer

Obj = dict[str, Any]
_BUILTIN_SCALE = {
    "specReplicasPath": ".spec.replicas",
    "statusReplicasPath": ".status.replicas",
    "labelSelectorPath": "",
}


def scale_of(kind: Kind, version: Version, *, must_have: bool = False) -> Obj:
    """The Scale of an object. `must_have`: a custom resource must have the field of its replicas."""
    obj, paths = version.obj, kind.scale_paths or _BUILTIN_SCALE
    meta = obj["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    status: Obj = {"replicas": jsonpath.first(obj, paths["statusReplicasPath"]) or 0}
    if kind.builtin:
        labels = (obj["spec"].get("selector") or {}).get("matchLabels") or {}
        status["selector"] = ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
    elif paths.get("labelSelectorPath"):
        status["selector"] = jsonpath.first(obj, paths["labelSelectorPath"]) or ""
    replicas = jsonpath.first(obj, paths["specReplicasPath"])
    if replicas is None and must_have:
        raise internal(f'the spec replicas field "{paths["specReplicasPath"]}" does not exist')
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: meta[key] for key in kept if key in meta},
        "spec": {"replicas": replicas} if replicas else {},
        "status": status,
    }


def write_scale(request: Request, writer: Writer) -> Obj:
    """PUT or PATCH of a Scale: sets the replicas and nothing else."""
    kind = request.kind
    version = find(writer.store, request)
    current = scale_of(kind, version)
    if request.method == "PUT":
        scale = request.json_body(definition="io.k8s.api.autoscaling.v1.Scale")
    elif request.media_type == APPLY_PATCH:
        scale = patches.merge_patch(current, parse(request.body, yaml_allowed=True))
    elif request.media_type == PATCH_TYPES[0]:
        scale = patches.json_patch(current, patches.read(request))
    else:
        scale = patches.merge_patch(current, patches.read(request))
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if not isinstance(replicas, int) or replicas < 0:
        cause = invalid_cause("spec.replicas", replicas, "must be greater than or equal to 0")
        raise invalid("Scale", "autoscaling", request.name, [cause])
    path = (kind.scale_paths or _BUILTIN_SCALE)["specReplicasPath"].strip(".").split(".")
    obj = json.loads(version.body)
    target = obj
    for step in path[:-1]:
        target = target.setdefault(step, {})
    target[path[-1]] = replicas
    obj["metadata"]["resourceVersion"] = (scale.get("metadata") or {}).get("resourceVersion", str(version.rv))
    outcome = writer.replace(replace(request, subresource="scale"), version, obj)
    return scale_of(kind, Version(0, outcome.obj))


def bind(request: Request, writer: Writer) -> Obj:
    """POST of a Binding: puts a pod on a node."""
    version = find(writer.store, request)
    body = request.json_body(definition="io.k8s.api.core.v1.Binding")
    obj = json.loads(version.body)
    obj["spec"]["nodeName"] = (body.get("target") or {}).get("name", "")
    conditions = [c for c in obj["status"].get("conditions") or () if c["type"] != "PodScheduled"]
    scheduled = {"type": "PodScheduled", "status": "True", "lastTransitionTime": writer.timestamp()}
    obj["status"]["conditions"] = [*conditions, scheduled]
    writer.put(request.kind, obj)
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}
