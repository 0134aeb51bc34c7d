"""Images for tests that build nothing."""

from __future__ import annotations

from typing import Any

from airunway.clients.buildkit import HttpFile, ImageBuild

SHA_A, SHA_B = "a" * 64, "b" * 64


def http_file(name: str = "a.gguf", **changes: Any) -> HttpFile:
    usual = {"url": f"https://hub.test/{name}", "sha256": SHA_A, "size": 1000, "path": f"/models/{name}"}
    return HttpFile(**{**usual, **changes})


def model_image(*files: HttpFile, **changes: Any) -> ImageBuild:
    usual = {"base": "ghcr.io/base@sha256:1", "base_config": {}, "files": files or (http_file(),)}
    return ImageBuild(**{**usual, **changes})
