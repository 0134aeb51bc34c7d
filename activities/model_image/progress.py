"""What an activity of a model image reports to the image's workflow while it is at work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from temporalio import activity
from temporalio.service import RPCError

from airunway.activities.errors import to_application_error
from airunway.api.names import image_of_build
from airunway.clients.errors import ClientError
from airunway.messages.model_image import BuildProgress
from airunway.messages.model_image_workflow import IMAGE_PROGRESS

_log = structlog.get_logger(__name__)


async def send_progress(progress: BuildProgress) -> None:
    """Signal progress to the image's workflow, whichever run; one that is lost is made good by the next."""
    image = activity.client().get_workflow_handle(image_of_build(activity.info().workflow_id or ""))
    try:
        await image.signal(IMAGE_PROGRESS, progress)
    except RPCError as err:
        _log.info("progress not reported", image=image.id, error=err.message)


@asynccontextmanager
async def trouble_reported(step: str) -> AsyncIterator[None]:
    """Translate a client's errors; what is tried again is reported to who waits, ever more seldom."""
    try:
        yield
    except ClientError as err:
        attempt = activity.info().attempt
        if err.retryable and attempt & (attempt - 1) == 0:
            await send_progress(BuildProgress(step=step, trouble=str(err)))
        raise to_application_error(err, benign=True) from err
