"""The image of a vLLM server: which one, where it comes from, and what the status says about it. Pure.

Source: vllm.md §7.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from airunway.api import names
from airunway.api.conditions import Verdict
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import Phase, ServingImageStatus
from airunway.provider import (
    Condition,
    ServingImageReport,
    ServingImageResolution,
    condition,
    rendering,
    serving_image,
)

OFFICIAL_REPOSITORY = "vllm/vllm-openai"
DEFAULT_IMAGE = f"{OFFICIAL_REPOSITORY}:cu130-nightly"

RECIPE_CONDITION = "RecipeResolved"
RECIPE_RESOLVER = "vllm-recipe-resolver"
_RECIPE_KEYS = ("source", "id", "strategy", "hardware", "variant", "precision", "revision", "features")


def requested_serving_image(deployment: ModelDeployment) -> str:
    """The reference asked for: the user's, else the default one."""
    return rendering.serving_image_override(deployment).strip() or DEFAULT_IMAGE


def serving_image_to_resolve(deployment: ModelDeployment) -> str | None:
    """The reference whose digest only a registry knows, unless the status holds it already."""
    reference = serving_image.split_reference(requested_serving_image(deployment))
    if not reference.needs_registry or _recorded(deployment) or _serves_its_tag(deployment):
        return None
    return reference.text


def _recorded(deployment: ModelDeployment) -> ServingImageStatus | None:
    """An earlier answer for the same reference. A moving tag stays pinned until the reference changes."""
    image = deployment.status.image if deployment.status else None
    same = image is not None and (image.requested or "").strip() == requested_serving_image(deployment)
    return image if image is not None and same and image.resolved and image.digest else None


def _serves_its_tag(deployment: ModelDeployment) -> bool:
    """Whether the default image already serves by its tag, because no registry answered when it was made.

    A digest now would change nothing but the reference, and restart every server.
    """
    status = deployment.status
    if rendering.serving_image_override(deployment) or status is None or status.phase is not Phase.RUNNING:
        return False
    image = status.image
    return image is not None and image.requested == DEFAULT_IMAGE and not image.resolved


def serving_image_source(reference: serving_image.ImageReference) -> str:
    """`launch`, `nightly`, `stable` or `custom` (vllm.md §7.1)."""
    tag = reference.tag.lower()
    official = reference.short_repository == OFFICIAL_REPOSITORY
    if "launch" in tag:
        return "launch"
    if reference.text == DEFAULT_IMAGE or (official and "nightly" in tag):
        return "nightly"
    return "stable" if official and reference.tag == "latest" else "custom"


def describe_serving_image(
    deployment: ModelDeployment, resolution: ServingImageResolution | None, now: datetime
) -> ServingImageReport:
    """`status.image` and its conditions, given what a registry answered, if one was asked."""
    reference = serving_image.split_reference(requested_serving_image(deployment))
    recorded = _recorded(deployment)
    resolved, answer = _resolution_fields(reference, recorded, resolution, now)
    source = serving_image_source(reference)
    summary = recipe_summary(deployment.metadata.annotations)
    fields = {
        "requested": reference.text,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
        "source": source,
        "inNightly": source == "nightly",
        "message": _message(reference, source, summary),
        **resolved,
    }
    is_default = not rendering.serving_image_override(deployment)
    return ServingImageReport(
        status=ServingImageStatus.model_validate(
            {key: value for key, value in fields.items() if value != ""}
        ),
        conditions=(answer, _unsupported(reference, source), *_recipe(summary)),
        cleared=() if summary else (RECIPE_CONDITION,),
        image=(resolved.get("resolved") or reference.text) if is_default else None,
        failure=answer.message if is_default and answer.status == "False" else "",
    )


def _resolution_fields(
    reference: serving_image.ImageReference,
    recorded: ServingImageStatus | None,
    resolution: ServingImageResolution | None,
    now: datetime,
) -> tuple[dict[str, Any], Condition]:
    if not reference.needs_registry:
        return {"resolved": reference.text}, _resolved(
            "True", "ImageResolved", f"{reference.text} is used as it is written"
        )
    if recorded:
        kept = {"resolved", "digest", "createdAt", "revision", "age"}
        fields = {key: value for key, value in recorded.dump().items() if key in kept}
        return fields, _resolved("True", "ImageResolutionReused", f"{recorded.resolved} was resolved earlier")
    if resolution is None:
        why = "resolution is off, or it serves by its tag already and a digest would restart it"
        message = f"no registry was asked about {reference.text}: {why}"
        return {}, _resolved("Unknown", "ImageResolutionOff", message)
    if resolution.error or not resolution.digest:
        cause = resolution.error or "the registry named no digest"
        return {}, _resolved("False", "ImageResolutionFailed", f"{reference.text}: {cause}")
    pinned = f"{reference.repository}@{resolution.digest}"
    fields = {
        "resolved": pinned,
        "digest": resolution.digest,
        "createdAt": resolution.created_at,
        "revision": resolution.revision,
        "age": serving_image.age_of(resolution.created_at, now),
    }
    return fields, _resolved("True", "ImageResolved", f"{reference.text} is {pinned}")


def _resolved(status: Verdict, reason: str, message: str) -> Condition:
    return condition("ImageResolved", status, reason, message)


def _unsupported(reference: serving_image.ImageReference, source: str) -> Condition:
    if source == "custom":
        words = f"{reference.text} is not one of the known vLLM images; it is used all the same"
        return condition("UnsupportedImage", "True", "CustomImage", words)
    words = f"{reference.text} is a {source} vLLM image"
    return condition("UnsupportedImage", "False", "SupportedImage", words)


def _recipe(summary: str) -> list[Condition]:
    return [condition(RECIPE_CONDITION, "True", "RecipeProvenanceResolved", summary)] if summary else []


def recipe_summary(annotations: Mapping[str, str]) -> str:
    """Where a deployment's recipe came from, from its annotations; empty without one (vllm.md §7.4)."""
    generated_by = annotations.get(names.ANNOTATION_GENERATED_BY, "")
    has_recipe = any(key.startswith(names.ANNOTATION_RECIPE_PREFIX) for key in annotations)
    if generated_by != RECIPE_RESOLVER and not has_recipe:
        return ""
    pairs = [("generated-by", generated_by)]
    pairs += [(key, annotations.get(names.ANNOTATION_RECIPE_PREFIX + key, "")) for key in _RECIPE_KEYS]
    return ", ".join(f"{label}={value.strip()}" for label, value in pairs if value.strip())


def _message(reference: serving_image.ImageReference, source: str, summary: str) -> str:
    text = f"{reference.text} is a {source} image."
    return f"{text} Recipe provenance: {summary}." if summary else text
