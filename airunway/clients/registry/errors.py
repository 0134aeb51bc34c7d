"""Errors of image registries.

RegistryError (ClientError)
├── RegistryUnavailable   no answer, 429 or 5xx: try again later
├── RegistryFull          507: no room for what is pushed                             final
├── RegistryDenied        wants credentials, or the host may not be asked             final
└── ImageNotFound         no such repository or tag, or no valid reference            final
    └── ImageBroken       a manifest whose content is not what its digest says        final
"""

from __future__ import annotations

from airunway.clients.errors import ClientError


class RegistryError(ClientError):
    """A registry did not do what it was asked. The message names the image."""


class RegistryUnavailable(RegistryError):
    """The registry cannot be reached, is overloaded, or failed."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RegistryFull(RegistryError):
    """The registry has no room left."""

    retryable = False


class RegistryDenied(RegistryError):
    """The registry wants credentials, or its host is not one that may be asked."""

    retryable = False


class ImageNotFound(RegistryError):
    """The registry has no such image, or the reference names none."""

    retryable = False


class ImageBroken(ImageNotFound):
    """The registry has a manifest whose content is not what its digest or its parts say."""
