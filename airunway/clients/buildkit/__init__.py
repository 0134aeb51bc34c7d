"""BuildKit over its own gRPC interface: build a model's image from downloads and push it, without Docker.

    async with BuildKit(BuildKitEndpoint(address="tcp://buildkit:1234")) as builder:
        built = await builder.build(image, push_to="registry:5000/name:tag", ref=ref, on_progress=print)

The daemon downloads, checks and pushes; the weights never pass through this process. `llb` says what is
built, `exporter` how it is pushed, `progress` what is reported meanwhile, `failures` what an error text
means: all pure. `client` and `session` speak.
"""

from airunway.clients.buildkit.client import BuildKit
from airunway.clients.buildkit.errors import (
    BuildError,
    BuilderStoreBroken,
    BuilderUnreachable,
    BuildFailed,
    BuildInterrupted,
    DigestMismatch,
    NoSpace,
    PushNoSpace,
    PushRefused,
    PushUnavailable,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
)
from airunway.clients.buildkit.exporter import image_config
from airunway.clients.buildkit.llb import definition_of
from airunway.clients.buildkit.model import (
    BuilderInfo,
    BuildKitEndpoint,
    CacheRecord,
    HttpFile,
    ImageBuild,
    Platform,
    PushedImage,
    Worker,
)
from airunway.clients.buildkit.progress import Progress

__all__ = [
    "BuildError",
    "BuildFailed",
    "BuildInterrupted",
    "BuildKit",
    "BuildKitEndpoint",
    "BuilderInfo",
    "BuilderStoreBroken",
    "BuilderUnreachable",
    "CacheRecord",
    "DigestMismatch",
    "HttpFile",
    "ImageBuild",
    "NoSpace",
    "Platform",
    "Progress",
    "PushNoSpace",
    "PushRefused",
    "PushUnavailable",
    "PushedImage",
    "SourceMissing",
    "SourceRefused",
    "SourceUnavailable",
    "Worker",
    "definition_of",
    "image_config",
]
