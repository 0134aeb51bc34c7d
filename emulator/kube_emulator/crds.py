"""Serves kinds that CustomResourceDefinitions declare, from the moment they are stored.

Plays the API extension server. Source: k8s.io/apiextensions-apiserver/pkg/apiserver and .../pkg/controller.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from . import causes, decoding, managed_fields, schema, warnings
from .errors import Cause, invalid
from .gotypes import WrongType
from .kinds import Column, Kind, Registry
from .managed_fields import Write
from .store import Store
from .writes import Writer

Obj = dict[str, Any]
_VERBS = (
    "delete",
    "deletecollection",
    "get",
    "list",
    "patch",
    "create",
    "update",
    "watch",
)  # in this very order
CRD_STORAGE = ("apiextensions.k8s.io", "customresourcedefinitions")


class CustomKinds:
    """Keeps the registry in step with the stored CRDs."""

    def __init__(self, store: Store, kinds: Registry, writer: Writer) -> None:
        self._store = store
        self._writer = writer
        self._kinds = kinds

    def before_store(self, kind: Kind, crd: Obj) -> None:
        """Checks a definition, and starts its status."""
        if kind.storage != CRD_STORAGE:
            return
        if found := list(_check(crd)):
            raise invalid(kind.kind, kind.group, crd["metadata"]["name"], found)
        stored = next(version["name"] for version in crd["spec"]["versions"] if version.get("storage"))
        status = dict(crd.get("status") or {})
        versions = list(status.get("storedVersions") or ())
        status["storedVersions"] = versions if stored in versions else [*versions, stored]
        status.setdefault("conditions", [])
        status["acceptedNames"] = status.get("acceptedNames") or {"plural": "", "kind": ""}
        crd["status"] = status

    def after_store(self, kind: Kind, crd: Obj) -> None:
        """Serves the kind in its newest form, and says so in the status."""
        if kind.storage != CRD_STORAGE:
            return
        self.serve(crd)
        if crd["status"]["acceptedNames"] != crd["spec"]["names"]:
            self._writer.put(kind, self._established(kind, crd))

    def _established(self, kind: Kind, crd: Obj) -> Obj:
        """The definition with the status that the extension server's controllers give it."""
        time = self._writer.timestamp()
        conditions = crd["status"]["conditions"] or [
            _condition("NamesAccepted", "NoConflicts", "no conflicts found", time),
            _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", time),
        ]
        status = {**crd["status"], "conditions": conditions, "acceptedNames": crd["spec"]["names"]}
        new = {**crd, "metadata": dict(crd["metadata"]), "status": status}
        node, ignored = kind.node, kind.ignored_fields("status")
        write = Write("kube-apiserver", kind.api_version, "status", time, node, ignored, kind.empty)
        managed_fields.track_update(crd, new, write)
        return new

    def serve(self, crd: Obj) -> None:
        """Registers every served version."""
        spec = crd["spec"]
        self._kinds.remove(spec["group"], spec["names"]["plural"])
        for served in _kinds_of(spec):
            self._kinds.add(served)
        storage = (spec["group"], spec["names"]["plural"])
        if kind := self._kinds.stored(storage):
            self._store.reread(storage, lambda obj: _reread(kind, obj))

    def removed(self, kind: Kind, crd: Obj) -> None:
        """Stops serving a kind whose definition is gone."""
        if kind.storage == CRD_STORAGE:
            group, plural = crd["spec"]["group"], crd["spec"]["names"]["plural"]
            self._kinds.remove(group, plural)
            self._store.drop_table((group, plural))

    def load(self) -> None:
        """Serves all kinds whose definitions are stored."""
        for version in self._store.table(CRD_STORAGE).all():
            self.serve(version.obj)


def _reread(kind: Kind, obj: Obj) -> Obj:
    """A stored object as the newest schema reads it: pruned, with defaults that came since."""
    try:
        return {**decoding.fit(kind, obj, []), "apiVersion": obj["apiVersion"]}
    except WrongType:
        return obj


def _condition(kind: str, reason: str, message: str, time: str) -> Obj:
    return {"type": kind, "status": "True", "lastTransitionTime": time, "reason": reason, "message": message}


def _check(crd: Obj) -> Iterator[Cause]:
    spec, name = crd["spec"], crd["metadata"]["name"]
    names = spec.get("names") or {}
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if name != wanted:
        yield causes.invalid("metadata.name", name, 'must be spec.names.plural+"."+spec.group')
    for part in ("plural", "kind"):
        if not names.get(part):
            yield causes.required(f"spec.names.{part}")
    if not spec.get("scope"):
        yield causes.required("spec.scope")
    elif spec.get("scope") not in ("Namespaced", "Cluster"):
        yield causes.not_supported("spec.scope", spec.get("scope", ""), ["Cluster", "Namespaced"])
    versions = spec.get("versions") or []
    if sum(bool(version.get("storage")) for version in versions) != 1:
        yield causes.invalid(
            "spec.versions", versions, "must have exactly one version marked as storage version"
        )
    for index, version in enumerate(versions):
        where = f"spec.versions[{index}].schema.openAPIV3Schema"
        root = (version.get("schema") or {}).get("openAPIV3Schema")
        if root is None:
            yield causes.required(where)
        elif root.get("type") != "object":
            yield causes.invalid(f"{where}.type", root.get("type", ""), "must be object at the root")
        else:
            yield from _check_structural(root, where)


def _check_structural(part: Mapping[str, Any], path: str) -> Iterator[Cause]:
    """A schema must give every value a type, or say that it is left open."""
    open_ended = part.get("x-kubernetes-int-or-string") or part.get("x-kubernetes-preserve-unknown-fields")
    if not part.get("type") and not open_ended:
        yield causes.required(f"{path}.type", "must not be empty for specified object fields")
    for key, child in (part.get("properties") or {}).items():
        yield from _check_structural(child, f"{path}.properties[{key}]")
    if isinstance(part.get("items"), dict):
        yield from _check_structural(part["items"], f"{path}.items")
    if isinstance(part.get("additionalProperties"), dict):
        yield from _check_structural(part["additionalProperties"], f"{path}.additionalProperties")


def _kinds_of(spec: Mapping[str, Any]) -> Iterator[Kind]:
    names = spec["names"]
    for version in spec["versions"]:
        if not version.get("served"):
            continue
        root = (version.get("schema") or {}).get("openAPIV3Schema") or {}
        subresources = version.get("subresources") or {}
        has_status = "status" in subresources
        yield Kind(
            spec["group"],
            version["name"],
            names["kind"],
            names["plural"],
            spec["scope"] == "Namespaced",
            singular=names.get("singular") or names["kind"].lower(),
            list_kind=names.get("listKind") or names["kind"] + "List",
            subresources=frozenset(subresources),
            verbs=_VERBS,
            short_names=tuple(names.get("shortNames") or ()),
            categories=tuple(names.get("categories") or ()),
            custom=schema.custom(root),
            columns=tuple(_column(column) for column in version.get("additionalPrinterColumns") or ()),
            generation=True,
            needs_version=True,
            crd_schema=root,
            scale_paths=subresources.get("scale"),
            deprecation=warnings.deprecation(spec, version),
            selectable=tuple(f["jsonPath"].lstrip(".") for f in version.get("selectableFields") or ()),
            reset={"": {"f:status": {}}, "status": {"f:spec": {}, "f:metadata": {}}} if has_status else {},
        )


def _column(column: Mapping[str, Any]) -> Column:
    return Column(
        column["name"],
        column.get("type", "string"),
        column["jsonPath"],
        column.get("description", ""),
        column.get("format", ""),
        column.get("priority", 0),
    )
