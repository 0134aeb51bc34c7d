"""Checks a pod's volumes and where its containers mount them; apart from `pod_rules` as a table of its own.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go (ValidateVolumes, ValidateVolumeMounts).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause
from .metadata import label_fault

Obj = Mapping[str, Any]
_SOURCES = [
    "emptyDir",
    "hostPath",
    "gitRepo",
    "secret",
    "nfs",
    "iscsi",
    "persistentVolumeClaim",
    "cephfs",
    "downwardAPI",
    "configMap",
    "projected",
    "csi",
    "ephemeral",
    "image",
]
_NAMED_BY = {"configMap": "name", "persistentVolumeClaim": "claimName", "secret": "secretName"}
_MODE = "must be a number between 0 and 0777 (octal), both inclusive"
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_RECURSIVE = ("Disabled", "Enabled", "IfPossible")


def volumes(found: Any, path: str) -> Iterator[Cause]:
    """Everything wrong with the volumes of a pod."""
    names: set[str] = set()
    for index, volume in enumerate(found):
        where, name = f"{path}[{index}]", volume.get("name", "")
        if not name:
            yield causes.required(f"{where}.name")
        elif fault := label_fault(name):
            yield causes.invalid(f"{where}.name", name, fault)
        elif name in names:
            yield causes.duplicate(f"{where}.name", name)
        names.add(name)
        given = [source for source in _SOURCES if source in volume]
        for source in given[1:]:
            yield causes.forbidden(f"{where}.{source}", "may not specify more than 1 volume type")
        for source in given[:1]:
            yield from _source(source, volume[source] or {}, f"{where}.{source}")


def _source(kind: str, source: Obj, path: str) -> Iterator[Cause]:
    if (by := _NAMED_BY.get(kind)) and not source.get(by):
        yield causes.required(f"{path}.{by}")
    mode = source.get("defaultMode")
    if mode is not None and not 0 <= mode <= 0o777:
        yield causes.invalid(f"{path}.defaultMode", mode, _MODE)
    for index, item in enumerate(source.get("items") or ()):
        where = f"{path}.items[{index}]"
        if kind == "downwardAPI":
            yield from _pod_file(item, path)
        else:
            yield from _file(item, where)


def _file(item: Obj, path: str) -> Iterator[Cause]:
    """A key, and where it is to be read."""
    if not item.get("key"):
        yield causes.required(f"{path}.key")
    if not item.get("path"):
        yield causes.required(f"{path}.path")
    yield from _below(item.get("path", ""), f"{path}.path")
    mode = item.get("mode")
    if mode is not None and not 0 <= mode <= 0o777:
        yield causes.invalid(f"{path}.mode", mode, _MODE)


def _pod_file(item: Obj, path: str) -> Iterator[Cause]:
    if not item.get("path"):
        yield causes.required(f"{path}.path")
    yield from _below(item.get("path", ""), f"{path}.path")
    given = [name for name in ("fieldRef", "resourceFieldRef") if item.get(name) is not None]
    if len(given) > 1:
        words = "fieldRef and resourceFieldRef can not be specified simultaneously"
        yield causes.invalid(path, "resource", words)
    elif not given:
        yield causes.required(path, "one of fieldRef and resourceFieldRef is required")


def mounts(found: Any, volumes_: set[Any], path: str) -> Iterator[Cause]:
    """Everything wrong with the mounts of a container. `volumes_`: the names of the pod's."""
    places: set[str] = set()
    for index, mount in enumerate(found):
        where, name, place = f"{path}[{index}]", mount.get("name", ""), mount.get("mountPath", "")
        if not name:
            yield causes.required(f"{where}.name")
        if name not in volumes_:
            yield Cause("FieldValueNotFound", f'Not found: "{name}"', f"{where}.name")
        if not place:
            yield causes.required(f"{where}.mountPath")
        if place in places:
            yield causes.invalid(f"{where}.mountPath", place, "must be unique")
        places.add(place)
        if mount.get("subPath") and mount.get("subPathExpr"):
            words = "subPathExpr and subPath are mutually exclusive"
            yield causes.invalid(f"{where}.subPathExpr", mount["subPathExpr"], words)
        for field in ("subPath", "subPathExpr"):  # said without the place in the list, as of the last
            yield from _below(mount.get(field, ""), f"{path}.{field}")
        given = mount.get("mountPropagation")
        if given is not None and given not in _PROPAGATIONS:
            yield causes.not_supported(f"{where}.mountPropagation", given, _PROPAGATIONS)
        yield from _recursive(mount, path)


def _recursive(mount: Obj, path: str) -> Iterator[Cause]:
    given, where = mount.get("recursiveReadOnly"), f"{path}.recursiveReadOnly"
    if given is None or given == "Disabled":
        return
    if given not in _RECURSIVE:
        yield causes.not_supported(where, given, _RECURSIVE)
    elif not mount.get("readOnly"):
        yield causes.forbidden(where, "may only be specified when readOnly is true")


def _below(given: str, path: str) -> Iterator[Cause]:
    """A path that must not leave its volume."""
    if given.startswith("/"):
        yield causes.invalid(path, given, "must be a relative path")
    if ".." in given.split("/"):
        yield causes.invalid(path, given, "must not contain '..'")
