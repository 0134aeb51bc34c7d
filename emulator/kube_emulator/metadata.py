"""Checks an object's metadata: names, labels, annotations, finalizers, owners.

Rules: k8s.io/apimachinery/pkg/api/validation and pkg/util/validation.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import causes
from .errors import Cause
from .kinds import Kind

_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
SUBDOMAIN_ERROR = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must "
    "start "
    "and end with an alphanumeric character (e.g. 'example.com', regex used for validation is "
    f"'{_SUBDOMAIN}')"
)
LABEL_ERROR = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start "
    "and end "
    f"with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
QUALIFIED_ERROR = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric "
    f"character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
VALUE_ERROR = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for "
    "validation is "
    f"'{_VALUE}')"
)
_LABEL_NAMED = {"Namespace", "Service"}
_PATH_NAMED = {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
_MAX_ANNOTATIONS_BYTES = 256 * 1024


def name_fault(name: str, kind: Kind) -> str:
    """Why this kind cannot have this name; empty when it can."""
    if kind.builtin and kind.kind in _PATH_NAMED:
        if name in (".", ".."):
            return f"may not be '{name}'"
        return next((f"may not contain '{mark}'" for mark in "/%" if mark in name), "")
    if kind.builtin and kind.kind in _LABEL_NAMED:
        return label_fault(name)
    return subdomain_fault(name)


def subdomain_fault(name: str) -> str:
    """Why this is not a DNS-1123 subdomain, as most objects' names are; empty when it is."""
    if len(name) > 253:
        return "must be no more than 253 bytes"
    return "" if re.fullmatch(_SUBDOMAIN, name) else SUBDOMAIN_ERROR


def label_fault(name: str) -> str:
    """Why this is not a DNS-1123 label."""
    if len(name) > 63:
        return "must be no more than 63 characters"
    if re.fullmatch(_LABEL, name):
        return ""
    return "must not contain dots" if re.fullmatch(_SUBDOMAIN, name) else LABEL_ERROR


def check(metadata: Mapping[str, Any], kind: Kind) -> list[Cause]:
    """Everything wrong with an object's metadata."""
    found: list[Cause] = []
    name = metadata.get("name", "")
    if not name:
        found.append(causes.required("metadata.name", "name or generateName is required"))
    elif fault := name_fault(name, kind):
        found.append(causes.invalid("metadata.name", name, fault))
    for key, value in (metadata.get("labels") or {}).items():
        found += _label_causes(key, value)
    annotations = metadata.get("annotations") or {}
    for key in annotations:
        if fault := qualified_fault(key.lower()):
            found.append(causes.invalid("metadata.annotations", key, fault))
    if sum(len(key) + len(value) for key, value in annotations.items()) > _MAX_ANNOTATIONS_BYTES:
        found.append(causes.too_long("metadata.annotations", _MAX_ANNOTATIONS_BYTES))
    for index, finalizer in enumerate(metadata.get("finalizers") or ()):
        found += _finalizer_causes(index, finalizer, builtin=kind.builtin)
    found += _owner_causes(metadata.get("ownerReferences") or ())
    return found


def _label_causes(key: str, value: str) -> Iterator[Cause]:
    if fault := qualified_fault(key):
        yield causes.invalid("metadata.labels", key, fault)
    if fault := value_fault(value):
        yield causes.invalid("metadata.labels", value, fault)


def value_fault(value: str) -> str:
    """Why this is not the value of a label; empty when it is."""
    if len(value) > 63:
        return "must be no more than 63 bytes"
    return "" if re.fullmatch(_VALUE, value) else VALUE_ERROR


def qualified_fault(key: str) -> str:
    """Why this is not the key of a label; empty when it is."""
    prefix, slash, name = key.rpartition("/")
    if slash and not re.fullmatch(_SUBDOMAIN, prefix):
        return "prefix part " + (SUBDOMAIN_ERROR if prefix else "must be non-empty")
    if len(name) > 63:
        return "name part must be no more than 63 bytes"
    return "" if re.fullmatch(_QUALIFIED, name) else QUALIFIED_ERROR


def _finalizer_causes(index: int, finalizer: str, *, builtin: bool) -> Iterator[Cause]:
    if fault := qualified_fault(finalizer):
        yield causes.invalid("metadata.finalizers", finalizer, fault)
    # Only compiled-in kinds are asked for more; KAITO's own finalizer has no prefix.
    elif builtin and "/" not in finalizer and finalizer not in ("orphan", "foregroundDeletion", "kubernetes"):
        yield causes.invalid(
            f"metadata.finalizers[{index}]",
            finalizer,
            "name is neither a standard finalizer name nor is it fully qualified",
        )


def _owner_causes(references: Any) -> Iterator[Cause]:
    controllers = 0
    for index, reference in enumerate(references):
        for part in ("apiVersion", "kind", "name", "uid"):
            if not reference.get(part):
                yield causes.required(f"metadata.ownerReferences[{index}].{part}", "must not be empty")
        controllers += bool(reference.get("controller"))
    if controllers > 1:
        shown = [dict(reference) for reference in references]
        yield causes.invalid(
            "metadata.ownerReferences", shown, "Only one reference can have Controller set to true."
        )


def check_update(new: Mapping[str, Any], old: Mapping[str, Any]) -> Iterator[Cause]:
    """What an update may not do to metadata."""
    if old.get("deletionTimestamp"):
        added = [f for f in new.get("finalizers") or () if f not in (old.get("finalizers") or ())]
        if added:
            shown = ", ".join(f'"{finalizer}"' for finalizer in added)
            yield causes.forbidden(
                "metadata.finalizers",
                "no new finalizers can be added if the object is being deleted, found new finalizers "
                f"[]string{{{shown}}}",
            )
    for part in ("name", "namespace", "uid", "creationTimestamp"):
        if new.get(part) != old.get(part):
            yield causes.invalid(f"metadata.{part}", new.get(part), causes.IMMUTABLE)
