"""What "Request Cancellation" means for a deployment's workflow: there is nothing to cancel here.

A deployment ends when its ModelDeployment is deleted. What can be cancelled is the build of its image.
"""

from __future__ import annotations

from temporalio import workflow

from airunway.messages.deployment import EventSpec
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.model_image import DeploymentModelImage
from airunway.workflows.model_deployment.status_writer import StatusWriter

NOTHING_TO_CANCEL = (
    "a request to cancel this workflow changes nothing: it is the deployment's life, and ends when the "
    "ModelDeployment is deleted"
)
BUILD_STOPPED = (
    "a request to cancel stops the build of the model's image, and nothing else: the deployment lives"
)
SENDER = "Temporal client"


def heed_cancellation(
    images: DeploymentModelImage, inbox: Inbox, *, writer: StatusWriter, journal: JournalWriter
) -> None:
    """Record a request to cancel, and do what of it can be done."""
    words = NOTHING_TO_CANCEL
    if images.can_be_cancelled:
        images.cancel()
        words = BUILD_STOPPED
    journal.record("CancellationRequested", words, by=SENDER, why=workflow.cancellation_reason() or "")
    writer.add_events([EventSpec(reason="CancellationRequested", message=words)])
    inbox.ask()
