"""Types of objects, compiled once from OpenAPI so that every write can walk them quickly.

One `Node` serves pruning, defaulting, validation, field ownership, strategic merge and Go's way of writing
empty values, for built-in kinds (from `builtin_schemas.json`) and custom ones (from their CRD) alike.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

_BUILTIN_FILE = Path(__file__).with_name("builtin_schemas.json")
_META = "io.k8s.apimachinery.pkg.apis.meta.v1."
ABSENT: Any = object()
LIMITS = frozenset(
    [
        "enum",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "multipleOf",
        "minItems",
        "maxItems",
        "uniqueItems",
        "minProperties",
        "maxProperties",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "format",
    ]
)


class Node:
    """The type of one value. `shape` is map, list, scalar or any (anything goes, ownership deduced)."""

    __slots__ = (
        "any_scalar",
        "atomic",
        "default",
        "embedded",
        "extra",
        "has_defaults",
        "has_rules",
        "items",
        "keys",
        "limited",
        "merge_key",
        "name",
        "nullable",
        "on_empty",
        "patch",
        "preserve",
        "props",
        "raw",
        "required",
        "shape",
        "type",
        "unique",
    )

    def __init__(self, shape: str, *, type_: str = "", raw: Mapping[str, Any] | None = None) -> None:
        self.shape = shape
        self.type = type_
        self.raw: Mapping[str, Any] = raw or {}
        self.props: dict[str, Node] = {}
        self.extra: Node | None = None  # the type of keys that `props` does not name
        self.items: Node | None = None
        self.keys: tuple[str, ...] = ()  # merge keys of an associative list; () with unique=True is a set
        self.unique = False
        self.atomic = False
        self.preserve = False
        self.embedded = False
        self.nullable = False
        self.any_scalar = False  # int-or-string
        self.default: Any = ABSENT
        self.has_defaults = False  # here or below: lets defaulting skip whole branches
        self.has_rules = False  # in CEL, here or below
        self.limited = False  # has limits beyond its type: lets validation skip most values
        self.required: tuple[str, ...] = ()
        self.patch: tuple[str, ...] = ()  # strategic merge strategies
        self.merge_key = ""
        self.name = ""  # the Go struct, for messages
        self.on_empty: dict[str, str] = {}  # property -> O omitted, Z zero, N null (built-in kinds only)

    def child(self, key: str) -> Node | None:
        """The type of a map's key, or None where the schema does not know it."""
        return self.props.get(key) or self.extra


def _any_node() -> Node:
    """The type of what a schema leaves open: maps are granular, lists atomic (as server-side apply
    deduces).
    """
    node = Node("any")
    node.extra = node
    node.atomic = True
    node.preserve = True
    node.nullable = True
    return node


ANY = _any_node()


class _Compiler:
    def __init__(self, definitions: Mapping[str, Any]) -> None:
        self.definitions = definitions
        self.named: dict[str, Node] = {}

    def definition(self, name: str) -> Node:
        if name not in self.named:
            node = Node("any")
            self.named[name] = node  # before filling: JSONSchemaProps refers to itself
            self.fill(node, self.definitions[name])
            node.name = name.rsplit(".", 1)[-1]
        return self.named[name]

    def node(self, schema: Mapping[str, Any]) -> Node:
        target = schema.get("$ref")
        if target is None:
            node = Node("any")
            self.fill(node, schema)
            return node
        named = self.definition(target)
        if not schema.keys() - {"$ref", "description"}:
            return named
        node = Node(named.shape)  # the field adds a default, a merge strategy, ... to the shared type
        for slot in Node.__slots__:
            setattr(node, slot, getattr(named, slot))
        self.overlay(node, schema)
        return node

    def overlay(self, node: Node, schema: Mapping[str, Any]) -> None:
        if "default" in schema:
            node.default = schema["default"]
            node.has_defaults = True
        if schema.get("x-kubernetes-map-type") == "atomic":
            node.atomic = True
        if strategy := schema.get("x-kubernetes-patch-strategy"):
            node.patch = tuple(strategy.split(","))
        node.merge_key = schema.get("x-kubernetes-patch-merge-key", "")

    def fill(self, node: Node, schema: Mapping[str, Any]) -> None:
        node.raw = schema
        node.type = schema.get("type", "")
        node.nullable = bool(schema.get("nullable"))
        node.preserve = bool(schema.get("x-kubernetes-preserve-unknown-fields"))
        node.embedded = bool(schema.get("x-kubernetes-embedded-resource"))
        node.required = tuple(schema.get("required", ()))
        node.on_empty = {key: mark for mark, keys in schema.get("x-go", {}).items() for key in keys}
        if schema.get("x-kubernetes-int-or-string") or schema.get("format") == "int-or-string":
            node.shape, node.any_scalar = "scalar", True
        elif node.type == "object" or "properties" in schema:
            self.fill_map(node, schema)
        elif node.type == "array":
            self.fill_list(node, schema)
        elif node.type:
            node.shape = "scalar"
        else:
            node.shape, node.atomic, node.preserve = "any", True, True
            node.extra = None if schema.get("x-kubernetes-map-type") == "atomic" else ANY  # None: one leaf
        node.limited = bool(schema.keys() & LIMITS)
        below = [*node.props.values(), node.extra, node.items]
        node.has_rules = "x-kubernetes-validations" in schema or any(
            part and part.has_rules for part in below
        )
        self.overlay(node, schema)

    def fill_map(self, node: Node, schema: Mapping[str, Any]) -> None:
        node.shape = "map"
        node.props = {key: self.node(value) for key, value in schema.get("properties", {}).items()}
        extra = schema.get("additionalProperties")
        if isinstance(extra, Mapping) and extra:
            node.extra = self.node(extra)
        elif (
            node.preserve
            or extra
            or (not node.props and "x-go" not in schema and not schema.get("x-structural"))
        ):
            node.extra = ANY
        children = [*node.props.values(), *([node.extra] if node.extra else [])]
        node.has_defaults = any(child.has_defaults for child in children)

    def fill_list(self, node: Node, schema: Mapping[str, Any]) -> None:
        node.shape = "list"
        node.items = self.node(schema["items"]) if schema.get("items") else ANY
        list_type = schema.get("x-kubernetes-list-type", "atomic")
        node.atomic = list_type == "atomic"
        node.unique = not node.atomic
        if list_type == "map":
            node.keys = tuple(sorted(schema.get("x-kubernetes-list-map-keys", ())))
        node.has_defaults = node.items.has_defaults


@cache
def builtin_definitions() -> dict[str, Any]:
    """The OpenAPI definitions of the built-in kinds, by definition name."""
    definitions: dict[str, Any] = json.loads(_BUILTIN_FILE.read_text())
    for name, schema in definitions.items():
        schema.setdefault("type", _untyped(name))
        if name.endswith((".v1.JSON", "JSONSchemaPropsOrArray", "JSONSchemaPropsOrBool", "OrStringArray")):
            del schema["type"]
            schema["x-kubernetes-map-type"] = "atomic"
        if name.endswith((".FieldsV1", "resource.Quantity")):
            schema.setdefault("x-kubernetes-map-type", "atomic")
        if name.endswith("resource.Quantity"):
            schema.update({"type": "string", "x-kubernetes-int-or-string": True})
    return definitions


def _untyped(name: str) -> str:
    return "string" if name.endswith(("Quantity", "Time", "IntOrString")) else "object"


@cache
def _builtin_compiler() -> _Compiler:
    return _Compiler(builtin_definitions())


@cache
def builtin(name: str) -> Node:
    """The type of a built-in definition such as `io.k8s.api.core.v1.Pod`."""
    return _builtin_compiler().definition(name)


def object_meta() -> Node:
    """The type of `metadata`, the same for every kind."""
    return builtin(_META + "ObjectMeta")


def _structural(schema: Any) -> Any:
    """Marks every object of a CRD's schema: an object without fields there really has none."""
    if isinstance(schema, Mapping):
        marked = {key: _structural(value) for key, value in schema.items()}
        if schema.get("type") == "object":
            marked["x-structural"] = True
        return marked
    return [_structural(item) for item in schema] if isinstance(schema, list) else schema


def custom(schema: Mapping[str, Any] | None) -> Node:
    """The type of a custom resource, from its CRD version's openAPIV3Schema."""
    compiler = _Compiler(builtin_definitions())
    compiler.named = dict(_builtin_compiler().named)
    root = compiler.node(
        _structural(schema or {"type": "object", "x-kubernetes-preserve-unknown-fields": True})
    )
    root.shape = "map"
    for child in _children(root):
        _open_embedded(child)
    root.props |= {"apiVersion": TEXT, "kind": TEXT, "metadata": object_meta()}
    return root


TEXT = Node("scalar", type_="string")


def _children(node: Node) -> list[Node]:
    return [child for child in (*node.props.values(), node.extra, node.items) if child and child is not ANY]


def _open_embedded(node: Node) -> None:
    """Gives embedded resources their apiVersion, kind and metadata."""
    for child in _children(node):
        _open_embedded(child)
    if node.embedded:
        node.props = {"apiVersion": TEXT, "kind": TEXT, "metadata": object_meta()} | node.props


@cache
def pattern(expression: str) -> re.Pattern[str]:
    """A compiled validation pattern; Go's RE2 syntax is close enough to Python's for those in CRDs."""
    return re.compile(expression)
