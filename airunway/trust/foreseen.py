"""What admission and `airunway plan` can say of a policy before anything is deployed. Pure.

They know no registry: which digest a tag stands for, and whether it is signed, is seen when it is deployed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from airunway.api.findings import FieldError, FieldErrorType
from airunway.api.model_deployment import ModelDeployment
from airunway.clients.kubernetes import Object
from airunway.provider.contract import Provider
from airunway.provider.guard_at_admission import MODEL_IMAGE
from airunway.trust.judging import (
    MAX_IMAGES,
    PolicyRefusal,
    allowed_images,
    refuse_models_of_spec,
    refuse_models_rendered,
)
from airunway.trust.policy import TrustPolicy
from airunway.trust.references import InvalidReference
from airunway.trust.rendered import images_in


def spec_findings(policy: TrustPolicy, deployment: ModelDeployment) -> list[FieldError]:
    """What the spec alone asks for and may not have, whoever renders it; empty or one."""
    try:
        refuse_models_of_spec(policy, deployment)
    except PolicyRefusal as refusal:
        return [_finding(deployment, refusal)]
    return []


def rendered_findings(
    policy: TrustPolicy,
    provider: Provider,
    deployment: ModelDeployment,
    objects: Sequence[Object],
    *,
    built_here: Sequence[str] = (MODEL_IMAGE,),
) -> list[FieldError]:
    """The same of what a provider renders of it. `built_here`: stands for what would be built first."""
    if policy.is_open:
        return []
    try:
        refuse_models_rendered(policy, deployment, objects)
        allowed_images(policy, objects, built_here)
    except PolicyRefusal as refusal:
        return [_finding(deployment, refusal)]
    return []


def signature_notes(policy: TrustPolicy, images: Iterable[str]) -> Iterator[str]:
    """Sentences about images that must be signed, each once."""
    for text in sorted(set(images))[:MAX_IMAGES]:
        try:
            rule = policy.verification_rule(text)
        except InvalidReference:
            continue  # no image at all: said where images are limited, else by the runtime
        if rule:
            yield (
                f"the image {text} must be signed: {rule} of {policy.verified.where} asks for it; the"
                " signature is looked for when it is deployed"
            )


def images_of_spec(deployment: ModelDeployment) -> list[str]:
    """Images that the spec names by a field of its own."""
    return [text for text in _image_fields(deployment).values() if text]


def images_rendered(objects: Sequence[Object]) -> list[str]:
    """Images that objects name as texts."""
    return [image.value for image in images_in(objects) if isinstance(image.value, str)]


def _image_fields(deployment: ModelDeployment) -> dict[str, str | None]:
    spec = deployment.spec
    return {"spec.image": spec.image, "spec.engine.image": spec.engine.image if spec.engine else None}


def _finding(deployment: ModelDeployment, refusal: PolicyRefusal) -> FieldError:
    """The refusal, at the field of the spec that it is about as far as that can be told."""
    spec, field = deployment.spec, "spec"
    if refusal.image is not None:
        given = _image_fields(deployment).items()
        field = next((path for path, text in given if text and text == refusal.image), field)
    elif spec.model.id and spec.model.id in str(refusal):
        field = "spec.model.id"
    return FieldError(type=FieldErrorType.FORBIDDEN, field=field, detail=str(refusal))
