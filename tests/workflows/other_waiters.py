"""The step that asks who else waits for an image, in tests of a deployment and its image."""

from __future__ import annotations

from temporalio import activity

from airunway.activities.model_image.others import read_others
from airunway.api.names import model_image_workflow_id
from airunway.messages.image_others import (
    READ_IMAGE_WAITERS,
    ReadImageWaitersAnswer,
    ReadImageWaitersRequest,
)
from tests.workflows.image_world import ImageWorld


class OtherWaiters:
    """Asks the image's workflow, unless the test has an error for it."""

    def __init__(self, images: ImageWorld) -> None:
        self._images = images

    @activity.defn(name=READ_IMAGE_WAITERS.name)
    async def read(self, request: ReadImageWaitersRequest) -> ReadImageWaitersAnswer:
        self._images.calls.append(READ_IMAGE_WAITERS.name)
        for error in self._images.errors.get(READ_IMAGE_WAITERS.name, []):
            raise error
        plan = request.plan
        image = model_image_workflow_id("here", plan.repository, plan.identity)
        return await read_others(self._images.env.client, image, request.ref)
