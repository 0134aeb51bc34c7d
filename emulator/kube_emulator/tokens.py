"""Gives tokens of service accounts on request, as `kubectl create token` asks for them.

They are in memory alone: a server that starts anew knows none of them. A token ends with its time and with
its account; what it is bound to besides (`boundObjectRef`) is not looked at.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from .causes import invalid as invalid_cause
from .errors import invalid
from .listing import find
from .requests import Request
from .store import Store
from .users import AUDIENCE, Users

Obj = dict[str, Any]
GROUP, KIND = "authentication.k8s.io", "TokenRequest"
_DEFINITION = "io.k8s.api.authentication.v1.TokenRequest"
_USUAL_SECONDS, _MIN_SECONDS, _MAX_SECONDS = 3600, 600, 1 << 32


def issue(request: Request, store: Store, users: Users, now: Callable[[], datetime]) -> Obj:
    """POST of a TokenRequest: the request with the token in its status. Raises 404, 422."""
    account = find(store, request).obj["metadata"]
    asked = request.json_body(definition=_DEFINITION)
    spec: Obj = asked.get("spec") or {}
    seconds = spec.get("expirationSeconds")
    seconds = _USUAL_SECONDS if seconds is None else seconds
    _check(asked.get("metadata") or {}, account, seconds)
    audiences = list(spec.get("audiences") or [AUDIENCE])
    created, token = now(), secrets.token_urlsafe(48)
    until = created + timedelta(seconds=seconds)
    if not request.dry_run:
        users.issue(
            token,
            namespace=account["namespace"],
            account=account["name"],
            uid=account["uid"],
            extra={"authentication.kubernetes.io/credential-id": [f"JTI={uuid.uuid4()}"]},
            audiences=tuple(audiences),
            until=until,
        )
    return {
        "kind": KIND,
        "apiVersion": f"{GROUP}/v1",
        "metadata": {
            **{key: account[key] for key in ("name", "namespace", "uid")},
            "creationTimestamp": _written(created),
        },
        "spec": {
            "audiences": audiences,
            "expirationSeconds": seconds,
            "boundObjectRef": spec.get("boundObjectRef"),
        },
        "status": {"token": token, "expirationTimestamp": _written(until)},
    }


def _check(meta: Obj, account: Obj, seconds: int) -> None:
    for field in ("name", "namespace"):
        if meta.get(field) not in (None, "", account[field]):
            words = f"must match the service account {field} if specified"
            cause = invalid_cause(f"metadata.{field}", meta[field], words)
            raise invalid(KIND, GROUP, account["name"], [cause])
    problem = ""
    if seconds < _MIN_SECONDS:
        problem = "may not specify a duration less than 10 minutes"
    elif seconds > _MAX_SECONDS:
        problem = "may not specify a duration larger than 2^32 seconds"
    if problem:
        raise invalid(KIND, GROUP, "", [invalid_cause("spec.expirationSeconds", seconds, problem)])


def _written(time: datetime) -> str:
    return f"{time.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
