"""The workers of a deployment's world."""

from __future__ import annotations

from temporalio.worker import UnsandboxedWorkflowRunner, Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from airunway.api.names import core_task_queue, provider_task_queue
from airunway.workers.tuning import give_tasks_time
from airunway.workflows.model_deployment.workflow import ModelDeploymentWorkflow
from airunway.workflows.model_image.build import ModelImageBuildWorkflow
from airunway.workflows.model_image.workflow import ModelImageWorkflow
from tests.workflows.image_world import ImageWorld
from tests.workflows.other_waiters import OtherWaiters
from tests.workflows.provider_fakes import PROVIDER
from tests.workflows.world import World


def core_worker(world: World, images: ImageWorld | None = None, *, is_sandboxed: bool = True) -> Worker:
    """Of the deployment's workflow; with `images` also of its image's, whose builds have another one."""
    worker = Worker(
        world.env.client,
        workflow_runner=SandboxedWorkflowRunner() if is_sandboxed else UnsandboxedWorkflowRunner(),
        task_queue=core_task_queue("here"),
        workflows=[ModelDeploymentWorkflow, ModelImageWorkflow, ModelImageBuildWorkflow],
        activities=[
            *world.activities(),
            *([*images.activities, OtherWaiters(images).read] if images else []),
        ],
    )
    return give_tasks_time(worker)


def provider_worker(world: World) -> Worker:
    """Of the provider's steps."""
    return Worker(
        world.env.client,
        task_queue=provider_task_queue("here", PROVIDER),
        activities=world.provider_activities(),
    )
