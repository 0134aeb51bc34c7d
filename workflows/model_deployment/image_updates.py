"""How a model image that is waited for, ready or lost is shown in a deployment's status. Pure."""

from __future__ import annotations

from datetime import datetime

from airunway.api.model_image import ModelImageRef
from airunway.api.status import Phase
from airunway.messages.deployment_state import (
    IMAGE_BUILDING,
    MODEL_IMAGE_READY,
    DeploymentState,
    ModelImageState,
    StandingFailure,
)
from airunway.messages.failure_endings import LOOKS_AGAIN, is_tried_again
from airunway.messages.model_image import ModelImagePhase
from airunway.workflows.model_deployment.details import model_image_words
from airunway.workflows.model_deployment.status_updates import serving_image_status, set_condition

CANCELLED_WORDS = "the image build was cancelled; `airunway retry` or a change of the spec starts it again"


def show_waiting(state: DeploymentState, image: ModelImageState, *, now: datetime) -> None:
    """It is being built, and how far that is."""
    words = model_image_words(image)
    set_condition(state, MODEL_IMAGE_READY, "False", IMAGE_BUILDING, words, now=now)
    _show_unless_applied(state, Phase.PENDING, "DeploymentInProgress", words, now=now)


def show_ready(
    state: DeploymentState, image: ModelImageState, built: ModelImageRef, *, now: datetime
) -> None:
    """It is in the registry."""
    state.status.image = serving_image_status(image, built)
    set_condition(state, MODEL_IMAGE_READY, "True", "ImageReady", built.reference, now=now)


def show_failed(
    state: DeploymentState, image: ModelImageState, configs_digest: str, *, now: datetime
) -> None:
    """It failed, until it is tried again: by itself or by a person, or for a change of spec or configs."""
    reason, message = image.reason or "BuildFailed", image.message
    if image.phase is ModelImagePhase.CANCELLED:
        message = CANCELLED_WORDS
    by_itself = is_tried_again(reason)
    if by_itself:
        message = f"{message}; {LOOKS_AGAIN}"
    set_condition(state, MODEL_IMAGE_READY, "False", reason, message, now=now)
    state.failure = StandingFailure(
        generation=state.generation,
        configs_digest=configs_digest,
        reason=reason,
        message=message,
        elsewhere=by_itself,
    )
    _show_unless_applied(state, Phase.FAILED, "DeploymentFailed", message, now=now)


def show_trouble(state: DeploymentState, reason: str, words: str, *, now: datetime) -> None:
    """A step for it failed, and is tried again."""
    set_condition(state, MODEL_IMAGE_READY, "False", reason, words, now=now)
    if not state.applied:
        state.status.phase, state.status.message = Phase.PENDING, words


def _show_unless_applied(
    state: DeploymentState, phase: Phase, reason: str, words: str, *, now: datetime
) -> None:
    if not state.applied:
        state.status.phase, state.status.message = phase, words
        set_condition(state, "Ready", "False", reason, words, now=now)
