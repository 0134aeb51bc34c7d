"""What ModelDeploymentWorkflow is sent and asked: inputs, payloads, answers. Pure."""

from __future__ import annotations

from datetime import datetime

from pydantic import BaseModel, Field

from airunway.messages.commands import INTERNAL
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.messages.words import NameText, WordList, Words

OBJECT_CHANGED = f"{INTERNAL}object_changed"
"""Signal with a ChangeHint."""
INSTALL_REPORT = f"{INTERNAL}install_report"
"""Signal with an InstallReport, from the installation that a deployment waits for."""
IMAGE_REPORT = f"{INTERNAL}image_report"
"""Signal with a ModelImageReport, from the workflow of its image."""
STATE_QUERY = "state"
"""Query; answers a DeploymentView."""
JOURNAL_QUERY = "journal"
"""Query; answers a Journal."""


class DeploymentInput(BaseModel):
    """Input of ModelDeploymentWorkflow. `state` comes from the run before, when it continued as new."""

    ref: DeploymentRef
    state: DeploymentState | None = None
    rewrite: bool = False
    """The run before was notified that somebody else wrote the status, and did not come to write it again."""


class ChangeHint(BaseModel):
    """Something changed: reconcile. Not a delta; several may be folded into one.

    `uid`, `generation` and `deleted` say how new the deployment is that the sender saw, so that the
    workflow knows whether to leave what it is waiting for; empty when the change is of something else.
    """

    cause: Words
    by: Words = "watcher"
    """Who noticed: `watcher` or `fleet audit`."""
    uid: NameText = ""
    generation: int = 0
    deleted: bool = False
    """It is being deleted."""
    gone: bool = False
    """It is not there any more."""
    status_changed: bool = False
    """Somebody else wrote the status: it is to be written again, also if nothing else is new."""
    status_writers: WordList = Field(default_factory=list)
    """Who, by field manager, if that is known."""
    upstream_only: bool = False
    """Only an upstream object changed: nothing needs to be decided again."""
    gateway: bool = False
    """It is of the gateway: of its kinds, a Gateway, or what publishes the deployment."""

    def folded_with(self, newer: ChangeHint) -> ChangeHint:
        """One hint for two: the newer one, and what the older one knows of the deployment if it does not."""
        both = {
            "cause": newer.cause,
            "by": newer.by,
            "upstream_only": self.upstream_only and newer.upstream_only,
            "status_changed": self.status_changed or newer.status_changed,
            "gateway": self.gateway or newer.gateway,
            "status_writers": newer.status_writers or self.status_writers,
        }
        return (newer if newer.uid or not self.uid else self).model_copy(update=both)


class DeploymentView(BaseModel):
    """Answer of `STATE_QUERY`."""

    ref: DeploymentRef
    step: str
    """What the workflow is doing, in words."""
    waiting: bool = False
    """It has done all it can do now."""
    next_reconcile_at: datetime | None = None
    """None while it waits: until something changes."""
    state: DeploymentState
    refusals: dict[str, str] = Field(default_factory=dict)
    """Why commands would be refused now, by command; those that would be done are missing."""
