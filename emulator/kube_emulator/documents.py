"""Answers requests for what describes the server itself: version, discovery, OpenAPI."""

from __future__ import annotations

from typing import Any

from . import discovery, openapi
from .answers import Answer, Form
from .errors import NoSuchGroup, no_such_path, not_acceptable
from .kinds import Registry
from .store import encode_json

Obj = dict[str, Any]
_ROOT = ["/api", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]


def find(kinds: Registry, path: str, accept: str, address: str) -> Answer | None:
    """The document at a path; None for paths of resources. 404 when a group or version is not served."""
    parts = path.strip("/").split("/")
    if parts[0] == "openapi" and len(parts) > 1:
        return _openapi(kinds, parts[1], parts[2:], accept)
    if path in ("/api", "/apis"):
        return _groups(kinds, path, accept, address)
    if path in ("/", "/version"):
        return _json(discovery.version() if path == "/version" else {"paths": _ROOT})
    found: Obj | None = None
    if parts[0] == "api" and len(parts) == 2:
        found = discovery.resource_list(kinds, "", parts[1])
    elif parts[0] == "apis" and len(parts) == 2:
        found = discovery.group(kinds, parts[1])
    elif parts[0] == "apis" and len(parts) == 3:
        found = discovery.resource_list(kinds, parts[1], parts[2])
    else:
        return None
    if found is None:
        raise NoSuchGroup
    Form.accepted(accept)
    return _json(found)


def _groups(kinds: Registry, path: str, accept: str, address: str) -> Answer:
    for clause in accept.split(","):
        for form in ("v2", "v2beta1"):
            wanted = discovery.AGGREGATED.format(version=form)
            if clause.replace(" ", "") == wanted:
                found = discovery.aggregated(kinds, core=path == "/api", form=form)
                return Answer(200, encode_json(found).encode(), {"Content-Type": wanted})
    Form.accepted(accept)
    return _json(discovery.api_versions(address) if path == "/api" else discovery.group_list(kinds))


def _openapi(kinds: Registry, form: str, rest: list[str], accept: str) -> Answer:
    if accept and "json" not in accept and "*/*" not in accept:
        raise not_acceptable(["application/json"])
    found: Obj | None = None
    if form == "v3" and not rest:
        found = openapi.index(kinds)
    elif form == "v3" and rest[0] == "api" and len(rest) == 2:
        found = openapi.document(kinds, "", rest[1])
    elif form == "v3" and rest[0] == "apis" and len(rest) == 3:
        found = openapi.document(kinds, rest[1], rest[2])
    elif form == "v2" and not rest:
        found = openapi.document_v2(kinds)
    if found is None:
        raise no_such_path()
    return _json(found)


def _json(obj: Obj) -> Answer:
    return Answer(200, encode_json(obj).encode())
