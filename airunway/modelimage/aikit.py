"""What AIKit's own frontend is asked to build (gguf-build.md §5). Pure.

Kept for who wants AIKit's images: it takes one file, no token and no digest, and always the CPU runtime.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunway.modelimage import naming

FRONTEND = "ghcr.io/kaito-project/aikit/aikit:latest"


@dataclass(frozen=True, kw_only=True)
class FrontendBuild:
    """One build by the frontend. `argument`: the build argument `model`; `tag`: what is pushed."""

    argument: str
    tag: str
    context: str = naming.AIKITFILE

    def attributes(self, frontend: str) -> dict[str, str]:
        """FrontendAttrs of `gateway.v0`."""
        return {"source": frontend, "context": self.context, "build-arg:model": self.argument}


def frontend_build(
    request: naming.AikitRequest,
    *,
    host: str = naming.PUSH_HOST,
    hub: str = naming.HUB,
    revision: str = "main",
) -> FrontendBuild:
    """The build of a valid request."""
    return FrontendBuild(
        argument=naming.resolve_url(request.model, request.file, revision=revision, hub=hub),
        tag=naming.model_image_reference(request, host=host),
    )
