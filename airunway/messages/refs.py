"""Which object is meant. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from airunway.api.names import deployment_workflow_id


class DeploymentRef(BaseModel):
    """Namespace and name of a ModelDeployment; one value from the watcher's queue to the status write."""

    model_config = ConfigDict(frozen=True)

    namespace: str
    name: str

    @property
    def workflow_id(self) -> str:
        """Id of the workflow that is this deployment's life."""
        return deployment_workflow_id(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
