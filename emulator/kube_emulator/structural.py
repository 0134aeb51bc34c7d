"""Fits custom resources to their structural schema: nulls dropped, unknown fields pruned, defaults filled in.

Rules: k8s.io/apiextensions-apiserver/pkg/apiserver/schema (pruning, defaulting). Works on the request's own
copy.
"""

from __future__ import annotations

import copy
from typing import Any

from .schema import ABSENT, ANY, Node, object_meta

_METADATA = object_meta()  # follows Go's rules, not a structural schema's


def prune(value: dict[str, Any], node: Node, unknown: list[str], path: str = "") -> None:
    """Drops fields the schema does not know; their paths are added to `unknown`."""
    props, extra = node.props, node.extra
    for key in list(value):
        child = props.get(key) or extra
        if child is None:
            unknown.append(f"{path}.{key}" if path else key)
            del value[key]
        elif child.shape != "scalar" and child is not ANY:
            _prune_value(value[key], child, unknown, f"{path}.{key}" if path else key)


def _prune_value(value: Any, node: Node, unknown: list[str], path: str) -> None:
    if isinstance(value, dict) and node.shape == "map":
        prune(value, node, unknown, path)
    elif isinstance(value, list) and node.items is not None and node.items.shape != "scalar":
        for index, item in enumerate(value):
            _prune_value(item, node.items, unknown, f"{path}[{index}]")


def drop_nulls(value: Any, node: Node) -> None:
    """Drops nulls where the schema does not allow them, so that defaulting sees the field as absent."""
    if isinstance(value, dict):
        props, extra = node.props, node.extra
        for key in list(value):
            child = props.get(key) or extra
            if child is None or child is ANY or child is _METADATA:
                continue
            item = value[key]
            if item is None:
                if not child.nullable:
                    del value[key]
            elif isinstance(item, dict | list):
                drop_nulls(item, child)
    elif isinstance(value, list) and node.items is not None and node.items.shape != "scalar":
        for item in value:
            drop_nulls(item, node.items)


def default(value: Any, node: Node) -> None:
    """Fills in defaults of absent fields, wherever their parent is present."""
    if not node.has_defaults:
        return
    if isinstance(value, dict):
        for key, child in node.props.items():
            if not child.has_defaults or child is _METADATA:
                continue
            if child.default is not ABSENT and (
                key not in value or (value[key] is None and not child.nullable)
            ):
                value[key] = copy.deepcopy(child.default)
            if key in value:
                default(value[key], child)
        if node.extra is not None and node.extra.has_defaults:
            for key in value.keys() - node.props.keys():
                default(value[key], node.extra)
    elif isinstance(value, list) and node.items is not None:
        for item in value:
            default(item, node.items)
