"""The workflows that a worker of the core runs, and that a build is verified against."""

from __future__ import annotations

from collections.abc import Sequence

from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from airunway.workflows.model_image.build import ModelImageBuildWorkflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow

WORKFLOWS: Sequence[type] = (
    ModelDeploymentWorkflow,
    ModelImageWorkflow,
    ModelImageBuildWorkflow,
    ProviderInstallationWorkflow,
    ProviderPlanWorkflow,
)
