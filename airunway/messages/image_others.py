"""Who else waits for a model image: asked for whoever stops waiting, to tell them what becomes of it. Pure.

Apart from `model_image`, because nothing depends on the answer: it is words for a person. Those who wait in
other namespaces are counted and never named.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import BaseModel, Field
from temporalio.common import RetryPolicy

from airunway.api.names import namespace_of
from airunway.messages.model_image import ModelImagePhase
from airunway.messages.model_image_workflow import ModelImageView
from airunway.messages.refs import DeploymentRef
from airunway.messages.requests import DeploymentRequest
from airunway.messages.step import Step
from airunway.messages.words import MAX_NAME
from airunway.modelimage.plan import ModelImagePlan

MAX_NAMED = 3


class ReadImageWaitersRequest(DeploymentRequest):
    """Who waits for an image besides the deployment?"""

    plan: ModelImagePlan


class ReadImageWaitersAnswer(BaseModel):
    """`others`: how many; None when that decides nothing, as the image has come to its end otherwise."""

    others: int | None = None
    named: list[str] = Field(default_factory=list)
    """The first of them in the deployment's own namespace."""

    @property
    def words(self) -> str:
        """What it means for who stops waiting; empty when nothing is known."""
        if self.others is None:
            return ""
        if not self.others:
            return "building stopped; nobody else waits for this image"
        wait = "1 other still waits" if self.others == 1 else f"{self.others} others still wait"
        named = f" ({', '.join(self.named)}{' and more' if self.others > len(self.named) else ''})"
        return f"you left; {wait} for this image, so it goes on being built{named if self.named else ''}"


def others_in(view: ModelImageView, ref: DeploymentRef) -> ReadImageWaitersAnswer:
    """Who waits besides a deployment, which may have left already."""
    others = [workflow_id for workflow_id in view.waiting if workflow_id != ref.workflow_id]
    phase = view.report.phase
    if phase.is_final and (others or phase is not ModelImagePhase.CANCELLED):
        return ReadImageWaitersAnswer()
    near = [workflow_id for workflow_id in others if namespace_of(workflow_id) == ref.namespace]
    names = [workflow_id.rpartition("/")[2][:MAX_NAME] for workflow_id in near[:MAX_NAMED]]
    return ReadImageWaitersAnswer(others=len(others), named=names)


READ_IMAGE_WAITERS = Step(
    name="read_image_waiters",
    request=ReadImageWaitersRequest,
    answer=ReadImageWaitersAnswer,
    attempt_timeout=timedelta(seconds=5),
    deadline=timedelta(seconds=10),  # a person waits for it, who can do without
    retry=RetryPolicy(maximum_attempts=2),
    inline=True,
)
