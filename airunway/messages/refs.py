"""Which object is meant. Pure."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from airunway.api.names import deployment_workflow_id
from airunway.messages.words import refuse_no_name


class DeploymentRef(BaseModel):
    """Cluster, namespace and name of a ModelDeployment: one value on its whole way.

    Of any text: what a reference names that somebody wrote by hand is not there, and that is all.
    `cluster` tells apart the clusters that share one Temporal; see `workers.cluster_name`.
    """

    model_config = ConfigDict(frozen=True)

    cluster: str
    namespace: str
    name: str

    @property
    def workflow_id(self) -> str:
        """Id of the workflow that is this deployment's life."""
        return deployment_workflow_id(self.cluster, self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def _refuse_no_names(ref: DeploymentRef) -> DeploymentRef:
    for text in (ref.cluster, ref.namespace, ref.name):
        refuse_no_name(text)
    return ref


SentRef = Annotated[DeploymentRef, AfterValidator(_refuse_no_names)]
"""One that came by signal, and is kept: thousands of them are handed from run to run."""
