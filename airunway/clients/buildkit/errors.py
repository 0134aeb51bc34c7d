"""Why an image was not built, by what to do about it.

    BuildError (ClientError)
    ├── BuilderUnreachable    no daemon answers at the address
    ├── BuildInterrupted      the daemon went away, or was told to end, in the middle
    ├── BuilderStoreBroken    the daemon's files and its database say different things, as after a crash
    ├── SourceUnavailable     429, 5xx, or the connection of a download broke; `retry_after` seconds
    ├── SourceRefused         401, 403: no token, or one without access                         final
    ├── SourceMissing         404: no such file, repository or base image                      final
    ├── DigestMismatch        other bytes than announced                                       final
    ├── NoSpace               the daemon's disk is full: nothing changes until room is made    final
    ├── PushUnavailable       the registry does not answer, or fails
    ├── PushNoSpace           the registry stores less than it is sent: its disk is full; worth one more try
    ├── PushRefused           400, 401, 403: no login, or a name that may not be written       final
    └── BuildFailed           anything else; worth one more try

Messages name the file or the image. They hold no secret: a token is never part of what they are made of.
"""

from __future__ import annotations

from airunway.clients.errors import ClientError


class BuildError(ClientError):
    """An image was not built."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BuilderUnreachable(BuildError):
    """No BuildKit daemon answers, or its certificate is not the one expected."""


class BuildInterrupted(BuildError):
    """The daemon ended, or the way to it broke, while it was building."""


class BuilderStoreBroken(BuildError):
    """The daemon's database lists a layer whose files are gone, or does not list one that is there.

    `is_lost`: files are gone, so each build that uses them fails until what is kept is dropped. Else
    something lies in a new layer's way, which the daemon removes when it fails over it.
    """

    def __init__(self, message: str, *, is_lost: bool = True) -> None:
        super().__init__(message)
        self.is_lost = is_lost


class SourceUnavailable(BuildError):
    """A download failed for a while only: 429, 5xx, connection lost."""


class SourceRefused(BuildError):
    """A download was refused (401, 403)."""

    retryable = False


class SourceMissing(BuildError):
    """There is nothing to download (404)."""

    retryable = False


class DigestMismatch(BuildError):
    """The bytes that came are not those announced."""

    retryable = False


class NoSpace(BuildError):
    """The daemon's disk is full."""

    retryable = False


class PushUnavailable(BuildError):
    """The registry that is pushed to does not answer, or fails."""


class PushNoSpace(BuildError):
    """The registry that is pushed to has no room left, as far as its answer tells."""


class PushRefused(BuildError):
    """The registry does not take the image: no login, no right, or no valid name."""

    retryable = False


class BuildFailed(BuildError):
    """Failed for a reason that is not known here."""
