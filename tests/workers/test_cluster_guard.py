"""A worker refuses steps of another cluster's workflows."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from airunway.messages import decision, deployment, upstream
from airunway.messages.refs import DeploymentRef
from airunway.messages.step import Step
from airunway.workers.cluster_guard import WRONG_CLUSTER, ClusterGuard

OF_A_DEPLOYMENT: list[Step[Any, Any]] = [
    value
    for messages in (decision, deployment, upstream)
    for value in vars(messages).values()
    if isinstance(value, Step)
]


class Request(BaseModel):
    ref: DeploymentRef


class Done(ActivityInboundInterceptor):
    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> str:
        return "done"


async def asked(workflow_id: str, cluster: str) -> str:
    """What a worker of cluster `eu` answers."""
    environment = ActivityEnvironment()
    environment.info = ActivityEnvironment.default_info()
    object.__setattr__(environment.info, "workflow_id", workflow_id)
    check = ClusterGuard("eu").intercept_activity(Done())
    request = Request(ref=DeploymentRef(cluster=cluster, namespace="ml", name="chat"))
    told = ExecuteActivityInput(fn=print, args=[request], executor=None, headers={})

    @activity.defn
    async def step() -> str:
        return str(await check.execute_activity(told))

    return await environment.run(step)


@pytest.mark.parametrize("step", OF_A_DEPLOYMENT, ids=lambda step: step.name)
def test_every_request_about_a_deployment_says_whose_it_is(step: Step[Any, Any]) -> None:
    assert "ref" in step.request.model_fields or isinstance(getattr(step.request, "ref", None), property)


async def test_its_own_are_done() -> None:
    assert await asked("modeldeployment/eu/ml/chat", "eu") == "done"


@pytest.mark.parametrize(
    ("workflow_id", "cluster"),
    [
        ("modeldeployment/us/ml/chat", "us"),
        ("modeldeployment/eu/ml/chat", "us"),
        ("image/us/o/m/0123", "eu"),
        ("somebody/elses/id", "us"),
    ],
)
async def test_those_of_another_cluster_are_refused_for_good(workflow_id: str, cluster: str) -> None:
    with pytest.raises(ApplicationError) as refused:
        await asked(workflow_id, cluster)

    assert (refused.value.type, refused.value.non_retryable) == (WRONG_CLUSTER, True)
    assert "AIRUNWAY_CLUSTER" in str(refused.value)
