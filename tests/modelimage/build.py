"""Plans for tests, with only what a test cares about."""

from __future__ import annotations

import hashlib
from typing import Any

from airunway.modelimage.plan import ModelImagePlan, PlannedFile, plan_model_image

BASE = "registry.example.com/runner@sha256:" + "b" * 64


def planned(path: str = "tiny-Q4_K_M.gguf", *, content: str = "", size: int = 1000) -> PlannedFile:
    return PlannedFile(path=path, sha256=hashlib.sha256((content or path).encode()).hexdigest(), size=size)


def plan(**fields: Any) -> ModelImagePlan:
    given = {
        "repository": "example/Tiny-GGUF",
        "revision": "main",
        "commit": "c" * 40,
        "files": [planned()],
        "base": BASE,
        "license": "apache-2.0",
    }
    return plan_model_image(**{**given, **fields})
