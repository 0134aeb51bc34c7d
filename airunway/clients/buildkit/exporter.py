"""How an image is pushed: its OCI config, and the attributes of BuildKit's image exporter. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.clients.buildkit.model import ImageBuild

EPOCH = "1970-01-01T00:00:00Z"


def image_config(image: ImageBuild) -> dict[str, Any]:
    """The OCI image config: the base's with ours over it. The daemon fills in `rootfs`.

    Env, Labels, ExposedPorts and Volumes add up; a value of ours wins over the base's of the same name. An
    Entrypoint of ours drops the base's Cmd, as in a Dockerfile. Nothing in it depends on the time: an entry
    of `history` without a date would be given today's by the daemon, and with it the image another digest.
    """
    base = image.base_config
    platform = image.platform
    config: dict[str, Any] = {"architecture": platform.architecture, "os": platform.os}
    if platform.variant:
        config["variant"] = platform.variant
    return config | {
        "created": EPOCH,
        "config": _merged(base.get("config") or {}, image.config),
        "rootfs": {"type": "layers", "diff_ids": []},
        "history": [*_base_history(base), *_own_history(image)],
    }


def exporter_attributes(image: ImageBuild, *, push_to: str, insecure: bool) -> dict[str, str]:
    """Attributes of the exporter `image`.

    Uncompressed, since weights do not compress: gzip costs half a minute a gigabyte and slows every pull.
    The base's layers are pushed as they are.
    """
    return {
        "containerimage.config": json.dumps(image_config(image), sort_keys=True, separators=(",", ":")),
        "compression": "uncompressed",
        **push_attributes(push_to=push_to, insecure=insecure),
    }


def push_attributes(*, push_to: str, insecure: bool) -> dict[str, str]:
    """Those that do not depend on what is built. `insecure` is plain HTTP, or TLS that is not checked."""
    attributes = {"name": push_to, "push": "true", "oci-mediatypes": "true"}
    return attributes | ({"registry.insecure": "true"} if insecure else {})


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**base, **own}
    if own.get("Entrypoint") and "Cmd" not in own:
        merged.pop("Cmd", None)
    for key in ("Labels", "ExposedPorts", "Volumes"):
        if base.get(key) and own.get(key):
            merged[key] = {**base[key], **own[key]}
    if base.get("Env") and own.get("Env"):
        merged["Env"] = _merged_env(base["Env"], own["Env"])
    return merged


def _merged_env(base: Sequence[str], own: Sequence[str]) -> list[str]:
    values = {entry.partition("=")[0]: entry for entry in [*base, *own]}
    return list(values.values())


def _base_history(base: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The base's history, with one entry for each of its layers even if it came without."""
    history = [{"created": EPOCH, **entry} for entry in base.get("history") or []]
    layers = len((base.get("rootfs") or {}).get("diff_ids") or [])
    recorded = sum(not entry.get("empty_layer") for entry in history)
    return history + [{"created": EPOCH, "created_by": "base image"}] * (layers - recorded)


def _own_history(image: ImageBuild) -> list[dict[str, Any]]:
    made = [f"{file.path} sha256:{file.sha256}" for file in image.files]
    made += ["links to the files"] if image.linked_files else []
    return [{"created": EPOCH, "created_by": f"airunway: {what}"} for what in made]
