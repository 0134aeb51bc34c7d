"""What a step is asked, and which workflow may ask it. Pure.

Whoever reaches Temporal can start a workflow of any name that has any activity done with any request. So
every request names the object that it is about, and a worker does it only for the workflow that is this
object's life (`workers.request_guard`). What else a request says is compared with its owner by the
activity itself.
"""

from __future__ import annotations

from abc import abstractmethod

from pydantic import BaseModel

from airunway.messages.refs import DeploymentRef


class StepRequest(BaseModel):
    """What a step is asked."""

    @abstractmethod
    def asking_workflow(self, cluster: str) -> str:
        """Id of the workflow that may ask this in a cluster."""

    def may_be_asked_by(self, workflow_id: str, *, cluster: str) -> bool:
        """Whether a workflow may ask this."""
        return workflow_id == self.asking_workflow(cluster)


class DeploymentRequest(StepRequest):
    """Something about one deployment, asked by its workflow."""

    ref: DeploymentRef

    def asking_workflow(self, cluster: str) -> str:
        """The deployment's own."""
        return self.ref.workflow_id
