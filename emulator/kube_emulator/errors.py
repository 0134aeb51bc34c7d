"""The errors an API server answers with, as exceptions that become `Status` objects.

    StatusError            any failure: HTTP code, reason, message, details
      made by not_found, already_exists, conflict, invalid, bad_request, ... below

Reasons, codes and the wording of messages follow k8s.io/apimachinery/pkg/api/errors, because clients read
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple


class Cause(NamedTuple):
    """One reason for a refusal: its type, what is wrong, and the field path it is about."""

    reason: str
    message: str
    field: str

    def as_json(self) -> dict[str, str]:
        """The cause as it stands in `details.causes`; empty parts are left out."""
        parts = {"reason": self.reason, "message": self.message, "field": self.field}
        return {key: value for key, value in parts.items() if value}


@dataclass(eq=False)
class StatusError(Exception):
    """A request that failed; `body()` is the Status object for the client."""

    code: int
    reason: str
    message: str
    details: dict[str, Any] | None = None
    retry_after: int | None = None

    def __post_init__(self) -> None:
        super().__init__(self.message)

    def body(self) -> dict[str, Any]:
        """The `Status` object."""
        status: dict[str, Any] = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = self.details
        status["code"] = self.code
        return status


def qualified(plural: str, group: str) -> str:
    """A resource's name as messages show it, such as `deployments.apps`."""
    return f"{plural}.{group}" if group else plural


def _details(name: str, group: str, kind: str, **more: Any) -> dict[str, Any]:
    parts = {"name": name, "group": group, "kind": kind, **more}
    return {key: value for key, value in parts.items() if value}


def not_found(plural: str, group: str, name: str) -> StatusError:
    """No object of that name."""
    message = f'{qualified(plural, group)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(name, group, plural))


def no_such_path() -> StatusError:
    """No such route, kind or version."""
    message = "the server could not find the requested resource"
    return StatusError(404, "NotFound", message, {})


class NoSuchGroup(Exception):
    """Nothing is served under this path, not even by name of its group; answered in plain text."""


def already_exists(plural: str, group: str, name: str, *, ending: bool = False) -> StatusError:
    """Create found an object of that name."""
    message = f'{qualified(plural, group)} "{name}" already exists'
    if ending:
        message = f"object is being deleted: {message}"
    return StatusError(409, "AlreadyExists", message, _details(name, group, plural))


def conflict(plural: str, group: str, name: str, why: str) -> StatusError:
    """The object changed meanwhile, or a precondition does not hold."""
    message = f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}'
    return StatusError(409, "Conflict", message, _details(name, group, plural))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def apply_conflict(causes: Sequence[Cause], message: str) -> StatusError:
    """Server-side apply met fields that other managers own."""
    return StatusError(409, "Conflict", message, {"causes": [cause.as_json() for cause in causes]})


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> StatusError:
    """The object does not pass validation."""
    lines = [f"{cause.field}: {cause.message}" for cause in causes]
    text = lines[0] if len(lines) == 1 else "[" + ", ".join(dict.fromkeys(lines)) + "]"
    shown = f"{kind}.{group}" if group else kind
    details = _details(name, group, kind, causes=[cause.as_json() for cause in causes])
    return StatusError(422, "Invalid", f'{shown} "{name}" is invalid: {text}', details)


def bad_request(message: str) -> StatusError:
    """The request itself is malformed."""
    return StatusError(400, "BadRequest", message)


def unrecognized(kind: str, why: str, body: str) -> StatusError:
    """The body is not an object of this kind."""
    shown = body if len(body) <= 32 else f"{body[:30]} ..."
    return bad_request(f"the object provided is unrecognized (must be of type {kind}): {why} ({shown})")


def not_from_here() -> StatusError:
    """A request that a page in a browser sent; no real server answers this."""
    return StatusError(403, "Forbidden", "the emulated cluster is called as 127.0.0.1 or localhost only")


def forbidden(plural: str, group: str, name: str, why: str, causes: Sequence[Cause] = ()) -> StatusError:
    """Admission refused."""
    message = f'{qualified(plural, group)} "{name}" is forbidden: {why}'
    details = _details(name, group, plural, causes=[cause.as_json() for cause in causes])
    return StatusError(403, "Forbidden", message, details)


def method_not_allowed() -> StatusError:
    """The path has no such verb."""
    return StatusError(
        405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {}
    )


def unsupported_media_type(allowed: Sequence[str]) -> StatusError:
    """The body is in a format this server does not read."""
    message = "the body of the request was in an unknown format - accepted media types include: "
    message += ", ".join(allowed)
    return StatusError(415, "UnsupportedMediaType", message)


def unsupported_patch() -> StatusError:
    """The patch is in a format this server does not know."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable(allowed: Sequence[str]) -> StatusError:
    """No format the client accepts can be written."""
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(allowed)}"
    return StatusError(406, "NotAcceptable", message, {})


def too_large(limit: int) -> StatusError:
    """The body is larger than the server takes; `limit` is in bytes."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def expired(message: str) -> StatusError:
    """The asked-for version is no longer kept; the client must list again."""
    return StatusError(410, "Expired", message)


def internal(message: str) -> StatusError:
    """The server failed; also how apply reports objects it cannot merge."""
    details = {"causes": [{"message": message}]}
    return StatusError(500, "InternalError", f"Internal error occurred: {message}", details)
