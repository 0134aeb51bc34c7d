"""Answers requests for what describes the server itself: version, discovery, OpenAPI."""

from __future__ import annotations

from typing import Any

from . import discovery, openapi
from .answers import Answer, Form
from .errors import NoSuchGroup, no_such_path, not_acceptable
from .kinds import Registry
from .store import encode_json

Obj = dict[str, Any]


def find(kinds: Registry, path: str, accept: str, address: str) -> Answer | None:
    """The document at a path; None for paths of resources. 404 when a group or version is not served."""
    found: Obj | None
    match path.strip("/").split("/"):
        case ["version"]:
            found = discovery.version()
        case ["api"]:
            found = discovery.api_versions(address)
        case ["apis"]:
            found = discovery.group_list(kinds)
        case ["api", version]:
            found = discovery.resource_list(kinds, "", version)
        case ["apis", group]:
            found = discovery.group(kinds, group)
        case ["apis", group, version]:
            found = discovery.resource_list(kinds, group, version)
        case ["openapi", *rest]:
            return _openapi(kinds, rest, accept)
        case _:
            return None
    if found is None:
        raise NoSuchGroup
    Form.accepted(accept)
    return _json(found)


def _openapi(kinds: Registry, path: list[str], accept: str) -> Answer:
    if accept and "json" not in accept and "*/*" not in accept:
        raise not_acceptable(["application/json"])
    found: Obj | None = None
    match path:
        case ["v3"]:
            found = openapi.index(kinds)
        case ["v3", "api", version]:
            found = openapi.document(kinds, "", version)
        case ["v3", "apis", group, version]:
            found = openapi.document(kinds, group, version)
    if found is None:
        raise no_such_path()
    return _json(found)


def _json(obj: Obj) -> Answer:
    return Answer(200, encode_json(obj).encode())
