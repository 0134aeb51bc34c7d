"""What holds for every deployment that admission lets pass."""

from __future__ import annotations

import copy
import json
from typing import Any

from hypothesis import HealthCheck, given, settings

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.providers.dynamo import PROVIDER
from tests.providers.dynamo.specs import contexts, deployments
from tests.schemas import problems


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deployments(), contexts())
def test_objects_are_valid_and_always_the_same(deployment: dict[str, Any], context: RenderContext) -> None:
    before = copy.deepcopy(deployment)
    parsed = ModelDeployment.model_validate(deployment)
    try:
        objects = PROVIDER.render(parsed, context)
    except RenderError as err:
        assert str(err).startswith(("spec.", "metadata."))
        return

    again = PROVIDER.render(ModelDeployment.model_validate(deployment), context)
    made = [
        manifest
        for stage in PROVIDER.stages(parsed, context)
        for manifest in stage.judge([None] * len(stage.reads)).create
    ]
    assert [problem for obj in (*objects, *made) for problem in problems(obj)] == []
    assert json.dumps(objects) == json.dumps(again)
    assert deployment == before
    for service in objects[0]["spec"]["services"].values():
        env = service.get("extraPodSpec", {}).get("mainContainer", {}).get("env", [])
        assert len({entry["name"] for entry in env}) == len(env)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deployments(), contexts())
def test_check_ignored_fields_and_status_answer_for_every_spec(
    deployment: dict[str, Any], context: RenderContext
) -> None:
    parsed = ModelDeployment.model_validate(deployment)

    problem, ignored = PROVIDER.check(parsed), PROVIDER.ignored_fields(parsed)

    assert problem is None or problem.startswith(("spec.", "metadata."))
    assert all(path.startswith("spec.") for path in ignored)
    assert len(set(ignored)) == len(ignored)
    try:
        (graph,) = PROVIDER.render(parsed, context)
    except RenderError:
        return
    status = PROVIDER.read_status({**graph, "status": {"state": "successful"}})
    assert (status.endpoint is not None) is ("Frontend" in graph["spec"]["services"])
