"""Errors of the clients, by what the caller should do about them.

    ClientError                    retryable unless a class says otherwise
    └── ApiError                   the API server answered, or could not be reached
        ├── Unreachable            no answer: connection refused, reset, timed out
        ├── ServerError            5xx
        │   └── AnswerTooLarge     more bytes than are taken
        ├── TooManyRequests        429; `retry_after` seconds
        ├── Unauthorized           401; a token may be renewed meanwhile
        ├── Conflict               409: somebody else wrote first; read again
        ├── Expired                410: the version asked for is gone; list again
        ├── NotFound               404                                        final
        ├── AlreadyExists          409 with that reason                       final
        ├── Forbidden              403: missing right, or denied by admission final
        └── Invalid                400, 415, 422: the same object fails again final;
                                   an apply that does not fit the schema is a 500

Messages name the object and never hold a secret.
"""

from __future__ import annotations

import re


class ClientError(Exception):
    """Something outside failed. `retryable` says whether trying again can help."""

    retryable = True
    retry_after: float | None = None
    """Seconds the other side asked to wait, if it did."""


class ApiError(ClientError):
    """The Kubernetes API server refused, failed, or did not answer."""

    def __init__(
        self, message: str, *, status: int = 0, reason: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status; 0 without an answer."""
        self.reason = reason
        """`reason` of the Status object, e.g. `NotFound`."""
        self.retry_after = retry_after


class Unreachable(ApiError):
    """No answer: connection refused, reset or timed out."""


class ServerError(ApiError):
    """The server failed (5xx)."""


class AnswerTooLarge(ServerError):
    """An answer has more bytes than are taken; of a list, ask for fewer at a time."""


class TooManyRequests(ApiError):
    """The server is overloaded (429)."""


class Unauthorized(ApiError):
    """The credentials were not accepted (401)."""


class Conflict(ApiError):
    """The object changed meanwhile, or another field manager owns a field (409)."""


class Expired(ApiError):
    """The resource version is older than what the server keeps (410)."""


class NotFound(ApiError):
    """No such object, or its kind is not served (404)."""

    retryable = False


class AlreadyExists(ApiError):
    """An object of that name exists (409)."""

    retryable = False


class Forbidden(ApiError):
    """A right is missing, or an admission webhook refused (403)."""

    retryable = False


class Invalid(ApiError):
    """The object or the request is not acceptable (400, 415, 422)."""

    retryable = False


MAX_MESSAGE = 16_384
"""Characters. What is refused is repeated in what the server says of it, and webhooks say what they like; it
goes into statuses and histories.
"""
_DENIED = re.compile(r"\bdenied (?:the )?request\b")
_SAID_OF_WHAT_IS_READ = frozenset({401, 404, 405, 409, 410, 413})
"""Admission may give any status: of a Secret that a webhook misses, 404. That is no word about our object."""
_UNTYPED = "failed to create typed patch object"
"""How the server says, with a 500, that an apply has fields or types which its kind has not."""


def api_error(status: int, reason: str, message: str, retry_after: float | None = None) -> ApiError:
    """The error for an HTTP status and a Status object's reason. Its message is cut off where it is long."""
    if len(message) > MAX_MESSAGE:
        message = f"{message[: MAX_MESSAGE - 1]}…"
    kind: type[ApiError]
    if status in _SAID_OF_WHAT_IS_READ and _DENIED.search(message):
        kind = Forbidden
    elif status == 409:
        kind = AlreadyExists if reason == "AlreadyExists" else Conflict
    elif status == 500 and message.startswith(_UNTYPED):
        kind = Invalid
    elif status >= 500:
        kind = ServerError
    else:
        kind = {
            400: Invalid,
            401: Unauthorized,
            403: Forbidden,
            404: NotFound,
            410: Expired,
            415: Invalid,
            422: Invalid,
            429: TooManyRequests,
        }.get(status, ApiError)
    return kind(message, status=status, reason=reason, retry_after=retry_after)


def error_text(err: BaseException) -> str:
    """What an error says, or its class where it says nothing, as a timeout does."""
    return str(err) or type(err).__name__
