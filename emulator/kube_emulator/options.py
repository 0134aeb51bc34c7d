"""Checks the options in a write's or list's query.

Rules: k8s.io/apimachinery/pkg/apis/meta/v1/validation.
"""

from __future__ import annotations

from collections.abc import Iterator

from . import causes
from .errors import Cause, invalid
from .requests import APPLY_PATCH, Request

_MAX_MANAGER_BYTES = 128
_FIELD_VALIDATION = ("", "Ignore", "Strict", "Warn")


def check(request: Request, kind: str) -> None:
    """422 when a write's options are wrong; `kind` is their name in the answer."""
    if found := list(_faults(request, kind)):
        raise invalid(kind, "meta.k8s.io", "", found)


def _faults(request: Request, kind: str) -> Iterator[Cause]:
    query = request.query
    if kind == "PatchOptions":
        if request.media_type != APPLY_PATCH and "force" in query:
            yield causes.forbidden("force", "may not be specified for non-apply patch")
        if request.media_type == APPLY_PATCH and not query.get("fieldManager"):
            yield causes.required("fieldManager", "is required for apply patch")
    manager = query.get("fieldManager", "")
    if len(manager.encode()) > _MAX_MANAGER_BYTES:
        yield causes.too_long("fieldManager", _MAX_MANAGER_BYTES)
    for index, letter in enumerate(manager):
        if not letter.isprintable():
            detail = f"invalid character U+{ord(letter):04X} (at position {index})"
            yield causes.invalid("fieldManager", manager, detail)
    if (dry_run := query.get("dryRun", "")) not in ("", "All"):
        yield causes.not_supported("dryRun", [dry_run], ["All"])
    if (wanted := query.get("fieldValidation", "")) not in _FIELD_VALIDATION and kind != "DeleteOptions":
        yield causes.not_supported("fieldValidation", wanted, _FIELD_VALIDATION)


def check_list(request: Request, *, watch: bool) -> None:
    """422 when the options of a list or watch do not go together."""
    query = request.query
    rule = _watch_faults if watch else _list_faults
    match, rv = query.get("resourceVersionMatch", ""), query.get("resourceVersion", "")
    if found := list(rule(match, rv, initial="sendInitialEvents" in query)):
        raise invalid("ListOptions", "meta.k8s.io", "", found)


def _watch_faults(match: str, rv: str, *, initial: bool) -> Iterator[Cause]:
    field = "resourceVersionMatch"
    if initial and match != "NotOlderThan":
        yield causes.forbidden(
            field, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
        if match:
            yield causes.not_supported(field, match, ["NotOlderThan"])
    elif match and not initial:
        yield causes.forbidden(
            field, "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        )


def _list_faults(match: str, rv: str, *, initial: bool) -> Iterator[Cause]:
    field = "resourceVersionMatch"
    if initial:
        yield causes.forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if not match:
        return
    if not rv:
        yield causes.forbidden(field, "resourceVersionMatch is forbidden unless resourceVersion is provided")
    if match not in ("Exact", "NotOlderThan"):
        yield causes.not_supported(field, match, ["Exact", "NotOlderThan", ""])
    elif match == "Exact" and rv == "0":
        yield causes.forbidden(field, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')
