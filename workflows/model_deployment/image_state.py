"""What a deployment knows of the image that is built for it. Pure; a part of `DeploymentState`."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel

from airunway.api.status import ImageStatus
from airunway.messages.deployment import BuiltImage, ImageWish
from airunway.messages.model_image import ImagePhase, ImageProgress, ImageReport
from airunway.modelimage.plan import ImagePlan
from airunway.workflows.model_image.details import progress_words

CONDITION = "ModelImageReady"
BUILDING = "ImageBuilding"
READY = "ImageReady"


class ModelImage(BaseModel):
    """The image of one wish. `plan` is None until it is known what goes into it."""

    wish: ImageWish
    generation: int = 0
    """Of the deployment, when it last began to wait."""
    plan: ImagePlan | None = None
    cancel_asked: bool = False
    retry_asked: bool = False
    """What a person asked for, until a pass does it. Kept here: a new run of the workflow may not lose it."""
    annotated: bool = False
    """It was cancelled by the annotation, whose removal is a reason to begin again."""
    workflow_id: str = ""
    """The workflow that was joined; empty: not waiting."""
    heard_at: datetime | None = None
    phase: ImagePhase = ImagePhase.WAITING
    progress: ImageProgress = ImageProgress(step="resolving the model")
    reference: str = ""
    tagged: str = ""
    reason: str = ""
    message: str = ""

    @property
    def is_waiting(self) -> bool:
        """Whether an image workflow counts on this deployment."""
        return bool(self.workflow_id) and not self.phase.is_final

    @property
    def built(self) -> BuiltImage | None:
        """What rendering may use."""
        if self.phase is not ImagePhase.READY:
            return None
        return BuiltImage(wish=self.wish, reference=self.reference)

    def hear(self, report: ImageReport, now: datetime) -> None:
        """Take over what the image's workflow says."""
        self.heard_at = now
        self.phase, self.progress = report.phase, report.progress
        self.reference, self.tagged = report.reference, report.tagged
        self.reason, self.message = report.reason, report.message

    @property
    def words(self) -> str:
        """What a person should know now."""
        return self.message or f"building the model image: {progress_words(self.progress)}"

    def status(self) -> ImageStatus | None:
        """`status.image`; None until there is an image."""
        if self.phase is not ImagePhase.READY:
            return None
        repository, _, digest = self.reference.partition("@")
        return ImageStatus(
            requested=self.tagged,
            resolved=self.reference,
            repository=repository,
            tag=self.tagged.rpartition(":")[2],
            digest=digest,
            source="custom",
            message=f"built of {self.wish.repository}" + (f"@{self.plan.commit[:12]}" if self.plan else ""),
        )
