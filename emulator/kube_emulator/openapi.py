"""Publishes the types as OpenAPI, as far as kubectl reads it.

`kubectl apply` looks here for merge keys and whether the server validates fields; `kubectl explain` for
descriptions. Built-in definitions come without descriptions, those of custom kinds as their CRD has them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

from .discovery import GIT_VERSION
from .kinds import Kind, Registry
from .schema import builtin_definitions

Obj = dict[str, Any]
_REF = "#/components/schemas/"
_META = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
_OWN_KEYS = ("x-go", "x-proto", "x-structural")
_PATCHES = [
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
]
_WRITE_OPTIONS = ("dryRun", "fieldManager", "fieldValidation")


def index(kinds: Registry) -> Obj:
    """GET /openapi/v3: where each group and version's document is."""
    paths = {}
    for group, version in kinds.group_versions():
        path = _path(group, version)
        stamp = f"{GIT_VERSION}-{path}-{kinds.generation}"
        paths[path] = {
            "serverRelativeURL": f"/openapi/v3/{path}?hash={hashlib.sha1(stamp.encode()).hexdigest()}"
        }
    return {"paths": paths}


def _path(group: str, version: str) -> str:
    return f"apis/{group}/{version}" if group else f"api/{version}"


def document(kinds: Registry, group: str, version: str) -> Obj | None:
    """GET /openapi/v3/...: the types of one group and version; None when it is not served."""
    members = [kind for kind in kinds if (kind.group, kind.version) == (group, version)]
    if not members:
        return None
    schemas: Obj = {}
    for kind in members:
        _add_kind(schemas, kind)
    paths = {path: item for kind in members for path, item in _paths(kind)}
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": GIT_VERSION},
        "paths": paths,
        "components": {"schemas": schemas},
    }


def definition_name(kind: Kind) -> str:
    """The name a kind's type is published under."""
    if kind.builtin:
        return kind.definition
    return ".".join([*reversed(kind.group.split(".")), kind.version, kind.kind])


def _gvk(kind: Kind) -> Obj:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}


def _add_kind(schemas: Obj, kind: Kind) -> None:
    name = definition_name(kind)
    if kind.builtin:
        _add_builtin(schemas, name)
        return
    _add_builtin(schemas, _META)
    published = _published(kind.crd_schema or {"type": "object"})
    published["properties"] = {
        "apiVersion": {"type": "string"},
        "kind": {"type": "string"},
        **published.get("properties", {}),
        "metadata": {"allOf": [{"$ref": _REF + _META}]},
    }
    published["x-kubernetes-group-version-kind"] = [_gvk(kind)]
    schemas[name] = published


def _add_builtin(schemas: Obj, name: str) -> None:
    if name in schemas:
        return
    schemas[name] = {}
    definition = builtin_definitions()[name]
    schemas[name] = _published(definition)
    for target in _references(definition):
        _add_builtin(schemas, target)


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from _references(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _references(value)


def _published(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_published(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    out = {key: _published(value) for key, value in schema.items() if key not in _OWN_KEYS and key != "$ref"}
    if isinstance(schema.get("$ref"), str):
        reference = {"$ref": _REF + schema["$ref"]}
        return {**out, "allOf": [reference]} if out else reference
    return out


def _paths(kind: Kind) -> Iterator[tuple[str, Obj]]:
    root = f"/{_path(kind.group, kind.version)}/"
    root += f"namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else kind.plural
    yield root, {verb: _operation(kind, action) for verb, action in (("get", "list"), ("post", "post"))}
    if kind.verbs == ("create",):
        return
    one = {verb: _operation(kind, verb) for verb in ("get", "put", "patch", "delete")}
    yield f"{root}/{{name}}", one


def _operation(kind: Kind, action: str) -> Obj:
    writes = action in ("post", "put", "patch")
    reference = {"$ref": _REF + definition_name(kind)}
    out: Obj = {
        "operationId": f"{action}{kind.group.title().replace('.', '')}{kind.version.title()}{kind.kind}",
        "parameters": [
            {"name": name, "in": "query", "schema": {"type": "string"}}
            for name in (_WRITE_OPTIONS if writes else ())
        ],
        "responses": {"200": {"description": "OK", "content": {"application/json": {"schema": reference}}}},
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(kind),
    }
    if writes:
        patches = [name for name in _PATCHES if kind.builtin or "strategic" not in name]
        formats = patches if action == "patch" else ["*/*"]
        out["requestBody"] = {"content": {name: {"schema": reference} for name in formats}}
    return out
