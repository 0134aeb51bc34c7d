"""Ray's token: without it nobody uses the dashboard, submits jobs or joins a cluster. Pure.

KubeRay makes a Secret with a token for each cluster and gives it to the pods. The served model itself asks
for no token: that is for whoever may call it. Both sides must know of it: Ray from 2.52 on, and a KubeRay
whose RayService has `authOptions`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from airunway.provider import RenderContext, RenderError, serving_image
from airunway.providers.kuberay.serve import is_stock

FIELD = "spec.rayClusterConfig.authOptions"
VARIABLE = "AIRUNWAY_KUBERAY_TOKEN_AUTH"
FIRST_VERSION = (2, 52)

_VERSION = re.compile(r"(\d{1,4})\.(\d{1,4})\.(\d{1,4})(?![\d.])")


def with_token(cluster: Mapping[str, Any], context: RenderContext) -> dict[str, Any]:
    """`rayClusterConfig` with the token, where every image and the operator allow it, whatever overrides say.

    Raises RenderError for a setting that is neither `auto` nor `off`.
    """
    wanted = context.env.get(VARIABLE, "").strip().lower() or "auto"
    if wanted not in ("auto", "off"):
        raise RenderError(f"{VARIABLE}: must be auto or off, not {wanted!r}")
    version = _ray_version(cluster)
    if wanted == "off" or FIELD not in context.served_fields or not version:
        return dict(cluster)
    # KubeRay refuses the token to a cluster that does not say its version.
    return {**cluster, "rayVersion": version, "authOptions": {"mode": "token"}}


def features_of(live: Mapping[str, Any]) -> list[str]:
    """A RayService with the token was made for a KubeRay that knows of it."""
    spec = live.get("spec")
    cluster = spec.get("rayClusterConfig") if isinstance(spec, Mapping) else None
    return [FIELD] if isinstance(cluster, Mapping) and cluster.get("authOptions") else []


def _ray_version(cluster: Mapping[str, Any]) -> str:
    """Ray's version in all pods; empty when it is not known, too old, or not the same."""
    versions = {
        _version_of(str(container.get("image", "")))
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"])
        for container in group["template"]["spec"]["containers"]
        if container.get("name") in ("ray-head", "ray-worker")
    }
    return versions.pop() if len(versions) == 1 else ""


def _version_of(image: str) -> str:
    """The version in the tag of a stock image, if it knows tokens; an image of a user may hold anything."""
    found = _VERSION.match(serving_image.split_reference(image).tag) if is_stock(image) else None
    if found is None or (int(found[1]), int(found[2])) < FIRST_VERSION:
        return ""
    return found[0]
