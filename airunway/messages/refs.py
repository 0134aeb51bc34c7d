"""Which object is meant. Pure."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from airunway.api.names import deployment_workflow_id
from airunway.messages.words import NameText


class DeploymentRef(BaseModel):
    """Cluster, namespace and name of a ModelDeployment: one value on its whole way.

    `cluster` tells apart the clusters that share one Temporal; see `workers.cluster_name`.
    """

    model_config = ConfigDict(frozen=True)

    cluster: NameText
    namespace: NameText
    name: NameText

    @property
    def workflow_id(self) -> str:
        """Id of the workflow that is this deployment's life."""
        return deployment_workflow_id(self.cluster, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"
