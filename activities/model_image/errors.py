"""Why a step of a model image could not be done, where no client says it already.

ClientError
├── BuildsOff           the settings say no                                   final
├── InvalidModel        no repository, file or revision can be called so      final
├── ImageTooLarge       more than the volumes hold                            final
├── PrivateModel        its image could not be kept from others here              final
├── ImageNotVerified    what was pushed is not what was to be built           final
├── ImageQuotaExceeded  the registry, or the share of the namespace, is taken     final
├── TokenMissing        the Secret, or its key, is not there (yet)
├── TooManyBuilds       the namespace has as many builds as it may at once
├── RegistryNotReady    the registry's pod is not up (yet)
├── BuilderNotReady     the builder's pod is not up (yet)
└── BuildStalled        a build made no progress for long
"""

from __future__ import annotations

from airunway.clients.errors import ClientError


class BuildsOff(ClientError):
    """The settings say that no images are built."""

    retryable = False


class InvalidModel(ClientError):
    """What the deployment names cannot exist at the hub."""

    retryable = False


class ImageTooLarge(ClientError):
    """The volumes cannot hold the build."""

    retryable = False


class PrivateModel(ClientError):
    """An image of the model could be pulled by whoever knows its name."""

    retryable = False


class ImageNotVerified(ClientError):
    """The registry does not have what was to be built."""

    retryable = False


class ImageQuotaExceeded(ClientError):
    """There is no room for the image, or not for this namespace."""

    retryable = False


class TooManyBuilds(ClientError):
    """Others of the same namespace are being built."""

    retry_after = 30.0


class TokenMissing(ClientError):
    """The Hugging Face token cannot be read."""


class RegistryNotReady(ClientError):
    """The registry in the cluster is not up yet."""


class BuilderNotReady(ClientError):
    """The builder in the cluster is not up yet."""


class BuildStalled(ClientError):
    """Nothing moved for a long time."""
