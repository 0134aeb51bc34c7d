"""What a deployment has done about its image: resolve it, wait for it with others, read what became of it.

Apart from when that is: here is only how each is asked for. None: it was left, as the deployment changed.
"""

from __future__ import annotations

from collections.abc import Callable

from temporalio.exceptions import FailureError

from airunway.messages.deployment_state import ModelImageState
from airunway.messages.failures import is_final
from airunway.messages.model_image import (
    JOIN_MODEL_IMAGE,
    READ_MODEL_IMAGE,
    RESOLVE_MODEL_IMAGE,
    JoinModelImageAnswer,
    JoinModelImageRequest,
    ModelImageWaiter,
    ReadModelImageAnswer,
    ReadModelImageRequest,
    ResolveModelImageAnswer,
    ResolveModelImageRequest,
    TokenRef,
)
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan
from airunway.workflows.steps import call, fair_between


async def resolve(
    ref: DeploymentRef, image: ModelImageState, *, leave_if: Callable[[], bool]
) -> ResolveModelImageAnswer | None:
    """What goes into it, and the image itself where it is at hand."""
    return await call(
        RESOLVE_MODEL_IMAGE,
        ResolveModelImageRequest(ref=ref, spec=image.spec),
        summary=f"resolve {image.spec.repository}",
        leave_if=leave_if,
    )


async def read(
    ref: DeploymentRef, image: ModelImageState, plan: ModelImagePlan, *, leave_if: Callable[[], bool]
) -> ReadModelImageAnswer | None:
    """What became of it; None also where nobody said that it is over, and it cannot be read now."""
    try:
        return await call(
            READ_MODEL_IMAGE,
            ReadModelImageRequest(ref=ref, plan=plan),
            summary=f"what became of the image of {image.spec.repository}",
            leave_if=leave_if,
        )
    except FailureError as err:
        if image.outcome_due or is_final(err):
            raise
        return None


async def join(
    ref: DeploymentRef, image: ModelImageState, plan: ModelImagePlan, *, leave_if: Callable[[], bool]
) -> JoinModelImageAnswer | None:
    """Wait for it; or ask again how far it is, if this deployment waits already."""
    secret = image.spec.token_secret
    token = TokenRef(namespace=ref.namespace, name=secret) if secret else None
    waiter = ModelImageWaiter(ref=ref, token=token, waits_already=bool(image.workflow_id))
    return await call(
        JOIN_MODEL_IMAGE,
        JoinModelImageRequest(plan=plan, waiter=waiter),
        summary=f"build the image of {image.spec.repository}, or wait for it with others",
        priority=fair_between(ref.namespace),
        leave_if=leave_if,
    )
