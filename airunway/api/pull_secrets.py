"""The Secrets that a deployment's images are pulled with, by its annotation; for every pod made for it."""

from __future__ import annotations

from collections.abc import Mapping

from airunway.api.names import ANNOTATION_PULL_SECRETS


def pull_secret_names(annotations: Mapping[str, str]) -> list[str]:
    """Each once, in the order given; empty parts between commas are none."""
    parts = annotations.get(ANNOTATION_PULL_SECRETS, "").split(",")
    return list(dict.fromkeys(filter(None, (part.strip() for part in parts))))
