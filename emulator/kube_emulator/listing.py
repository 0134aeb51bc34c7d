"""Answers get and list: selectors, pages, and lists as of an earlier version.

Semantics: https://kubernetes.io/docs/reference/using-api/api-concepts/ (resource versions, chunks).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import conversion, options
from .errors import StatusError, bad_request, expired, not_found
from .requests import Request
from .selectors import Predicate, both, parse_fields, parse_labels
from .store import Place, Store, Table, Version

CONTINUE_EXPIRED = "The provided continue parameter is too old to display a consistent list result."


@dataclass(slots=True)
class Page:
    """Part of a list and what its metadata says."""

    items: list[Version]
    rv: int
    next: str = ""
    remaining: int | None = None

    def metadata(self, *, builtin: bool = True) -> dict[str, Any]:
        """The list's metadata."""
        meta: dict[str, Any] = {"resourceVersion": str(self.rv)}
        if self.remaining:
            meta["remainingItemCount"] = self.remaining
        if self.next:
            meta["continue"] = self.next
        elif not builtin:
            meta["continue"] = ""  # as lists of custom resources have it
        return meta


def find(store: Store, request: Request) -> Version:
    """The object a request names, or 404."""
    version = store.table(request.kind.storage).get(request.namespace, request.name)
    asked = version_of(request.query.get("resourceVersion", ""))
    if asked > store.rv:
        raise too_large(asked, store.rv)
    if version is None:
        raise not_found(request.kind.plural, request.kind.group, request.name)
    return version


def predicate(request: Request) -> Predicate | None:
    """The test for a request's selectors; None when everything is wanted."""
    labels = parse_labels(request.query.get("labelSelector", ""))
    return both(labels, parse_fields(request.query.get("fieldSelector", ""), request.kind))


def version_of(text: str) -> int:
    """A resourceVersion as a number; 0 for none."""
    if not text:
        return 0
    if not text.isdigit():
        raise bad_request(
            f'invalid resource version: resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing '
            f'"{text}": invalid syntax'
        )
    return int(text)


def page(store: Store, request: Request) -> Page:
    """The list a request asks for."""
    options.check_list(request, watch=False)
    table = store.table(request.kind.storage)
    wanted, limit = predicate(request), request.number("limit") or 0
    token = request.query.get("continue", "")
    after: Place | None = None
    if token:
        rv, after = _decode(token)
        if rv < table.forgotten:
            raise expired(CONTINUE_EXPIRED)
        items = snapshot(table, rv, request.namespace)
    else:
        rv, items = _asked_version(store, table, request)
    if after is not None:
        items = [item for item in items if (item.namespace, item.name) > after]
    if wanted is not None:
        items = [item for item in items if wanted(item.obj)]
    if not limit or len(items) <= limit:
        return Page(items, rv)
    last = items[limit - 1]
    remaining = len(items) - limit if wanted is None else None
    return Page(items[:limit], rv, _encode(rv, (last.namespace, last.name)), remaining)


def _asked_version(store: Store, table: Table, request: Request) -> tuple[int, list[Version]]:
    rv = version_of(request.query.get("resourceVersion", ""))
    match = request.query.get("resourceVersionMatch", "")
    if rv > store.rv:
        raise too_large(rv, store.rv)
    if match == "Exact" and rv:
        if rv < table.forgotten:
            raise expired("The resourceVersion for the provided list is too old.")
        return rv, snapshot(table, rv, request.namespace)
    return store.rv, table.all(request.namespace)


def too_large(asked: int, current: int) -> StatusError:
    """A version this server has not reached."""
    message = f"Too large resource version: {asked}, current: {current}"
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    return StatusError(504, "Timeout", f"Timeout: {message}", details, 1)


def snapshot(table: Table, rv: int, namespace: str) -> list[Version]:
    """The objects as they were at a version, by taking later changes back."""
    items: Sequence[Version] = table.all(namespace)
    changes = [c for c in table.since(rv) if not namespace or c.after.namespace == namespace]
    if not changes:
        return list(items)
    state = {(item.namespace, item.name): item for item in items}
    for change in reversed(changes):
        place = (change.after.namespace, change.after.name)
        if change.before is None:
            state.pop(place, None)
        else:
            state[place] = change.before
    return [state[place] for place in sorted(state)]


def _encode(rv: int, last: Place) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": rv, "start": "/".join(last)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, Place]:
    try:
        data = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        namespace, _, name = data["start"].partition("/")
        return int(data["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError) as error:
        raise bad_request(f"invalid continue token: continue key is not valid: {error}") from error


def list_body(request: Request, found: Page) -> bytes:
    """The list as JSON, put together from the items' own JSON."""
    kind = request.kind
    head = {
        "kind": kind.list_kind,
        "apiVersion": kind.api_version,
        "metadata": found.metadata(builtin=kind.builtin),
    }
    bodies = [conversion.body(kind, item) for item in found.items]
    if kind.builtin:  # Go leaves the type out of typed lists' items
        prefix = len(json.dumps({"kind": kind.kind, "apiVersion": kind.api_version}, separators=(",", ":")))
        bodies = [b"{" + body[prefix:] for body in bodies]
    return json.dumps(head, separators=(",", ":"))[:-1].encode() + b',"items":[' + b",".join(bodies) + b"]}"
