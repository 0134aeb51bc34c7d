"""A worker does a step for the workflow that may ask for it, and refuses every other one for good."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

from airunway.api.chart_release import ChartRelease
from airunway.messages.decision import ValidateRequest
from airunway.messages.failures import WRONG_CLUSTER, WRONG_WORKFLOW
from airunway.messages.image_others import ReadImageWaitersRequest
from airunway.messages.installation import ChartRequest, InstallationRequest, JoinRequest, PreflightRequest
from airunway.messages.model_image import JoinModelImageRequest, ModelImageRequest, ModelImageWaiter
from airunway.messages.model_image_workflow import ReadBuildRequest
from airunway.messages.refs import DeploymentRef
from airunway.workers.request_guard import RequestGuard
from tests.modelimage.build import plan

CHAT = DeploymentRef(cluster="eu", namespace="ml", name="chat")
PLAN = plan()
INSTALL = InstallationRequest(provider="kaito")
CHART = ChartRequest(request=INSTALL, chart=ChartRelease(release="kaito", namespace="kaito", chart="r/kaito"))
OF_CHAT, OF_KAITO = "modeldeployment/eu/ml/chat", "provider/eu/kaito"
OF_IMAGE = f"image/eu/{PLAN.repository}/{PLAN.identity}"
OF_BUILD = f"{OF_IMAGE}/build"


class Done(ActivityInboundInterceptor):
    def __init__(self) -> None:
        pass

    async def execute_activity(self, input: ExecuteActivityInput) -> str:
        return "done"


async def asked(workflow_id: str, request: Any) -> str:
    """What a worker of cluster `eu` answers."""
    environment = ActivityEnvironment()
    environment.info = ActivityEnvironment.default_info()
    object.__setattr__(environment.info, "workflow_id", workflow_id)
    check = RequestGuard("eu").intercept_activity(Done())
    told = ExecuteActivityInput(fn=print, args=[request], executor=None, headers={})

    @activity.defn
    async def step() -> str:
        return str(await check.execute_activity(told))

    return await environment.run(step)


@pytest.mark.parametrize(
    ("workflow_id", "request_"),
    [
        (OF_CHAT, ValidateRequest(ref=CHAT)),
        (OF_CHAT, JoinRequest(ref=CHAT, provider="kaito")),
        (OF_CHAT, JoinModelImageRequest(plan=PLAN, waiter=ModelImageWaiter(ref=CHAT))),
        (OF_CHAT, ReadImageWaitersRequest(ref=CHAT, plan=PLAN)),
        (OF_BUILD, ModelImageRequest(plan=PLAN)),
        (OF_IMAGE, ReadBuildRequest(plan=PLAN)),
        (OF_KAITO, INSTALL),
        (OF_KAITO, CHART),
        (OF_KAITO, PreflightRequest(request=INSTALL)),
        (f"{OF_KAITO}/plan/1", PreflightRequest(request=INSTALL)),
    ],
)
async def test_what_the_objects_own_workflow_asks_is_done(workflow_id: str, request_: BaseModel) -> None:
    assert await asked(workflow_id, request_) == "done"


@pytest.mark.parametrize(
    ("workflow_id", "request_"),
    [
        ("somebody/elses/id", ValidateRequest(ref=CHAT)),
        ("modeldeployment/eu/ml/chat2", ValidateRequest(ref=CHAT)),
        ("modeldeployment/eu/team/chat", JoinRequest(ref=CHAT, provider="kaito")),
        (OF_KAITO, ValidateRequest(ref=CHAT)),
        (OF_IMAGE, JoinModelImageRequest(plan=PLAN, waiter=ModelImageWaiter(ref=CHAT))),
        ("modeldeployment/eu/team/chat", ReadImageWaitersRequest(ref=CHAT, plan=PLAN)),
        (OF_CHAT, ModelImageRequest(plan=PLAN)),
        (OF_IMAGE, ModelImageRequest(plan=PLAN)),
        (OF_BUILD, ModelImageRequest(plan=plan(commit="d" * 40))),
        (OF_BUILD, ReadBuildRequest(plan=PLAN)),
        (OF_CHAT, INSTALL),
        ("provider/eu/dynamo", CHART),
        (f"{OF_KAITO}/plan/1", CHART),
        ("provider/eu/kaito2", PreflightRequest(request=INSTALL)),
        ("", ValidateRequest(ref=CHAT)),
        (OF_CHAT, {"ref": {"cluster": "eu", "namespace": "ml", "name": "chat"}}),
        (OF_CHAT, None),
    ],
)
async def test_what_another_workflow_asks_is_refused_for_good(workflow_id: str, request_: Any) -> None:
    with pytest.raises(ApplicationError) as refused:
        await asked(workflow_id, request_)

    assert (refused.value.type, refused.value.non_retryable) == (WRONG_WORKFLOW, True)
    assert workflow_id in str(refused.value)


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
    request = ValidateRequest(ref=DeploymentRef(cluster=cluster, namespace="ml", name="chat"))

    with pytest.raises(ApplicationError) as refused:
        await asked(workflow_id, request)

    assert (refused.value.type, refused.value.non_retryable) == (WRONG_CLUSTER, True)
    assert "AIRUNWAY_CLUSTER" in str(refused.value)
