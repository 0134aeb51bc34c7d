"""What a person is told who stops the build of a deployment's image: whether others wait for it still.

Apart from the letting go itself, which does not depend on it and is the reconcile's.
"""

from __future__ import annotations

from temporalio.exceptions import FailureError

from airunway.messages.deployment_state import ModelImageState
from airunway.messages.image_others import READ_IMAGE_WAITERS, ReadImageWaitersRequest
from airunway.messages.refs import DeploymentRef
from airunway.workflows.steps import call


async def what_becomes_of(image: ModelImageState | None, ref: DeploymentRef) -> str:
    """In words; empty when it cannot be told. Itself does not count, whether it has left already or not."""
    if image is None or image.plan is None or not image.workflow_id:
        return ""
    try:
        answer = await call(
            READ_IMAGE_WAITERS,
            ReadImageWaitersRequest(ref=ref, plan=image.plan),
            summary="who else waits for the image",
        )
    except FailureError:
        return ""
    return answer.words
