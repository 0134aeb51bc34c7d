"""What holds for every deployment that admission lets pass."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

from hypothesis import HealthCheck, given, settings

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.providers.llmd import PROVIDER
from tests.providers.llmd.specs import deployments
from tests.schemas import problems


def render(deployment: dict[str, Any]) -> list[Manifest]:
    return PROVIDER.render(ModelDeployment.model_validate(deployment), RenderContext())


def repeated(names: Iterable[str]) -> set[str]:
    seen: list[str] = list(names)
    return {name for name in seen if seen.count(name) > 1}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deployments())
def test_objects_are_valid_and_always_the_same(deployment: dict[str, Any]) -> None:
    given_before = copy.deepcopy(deployment)
    try:
        objects = render(deployment)
    except RenderError as err:
        assert str(err).startswith(("spec.", "metadata."))
        return

    assert [problem for obj in objects for problem in problems(obj)] == []
    assert json.dumps(objects) == json.dumps(render(deployment))
    assert deployment == given_before
    for obj in objects:
        if obj["kind"] == "Deployment":
            (container,) = obj["spec"]["template"]["spec"]["containers"]
            assert not repeated(entry["name"] for entry in container.get("env", ()))
            assert not repeated(mount["mountPath"] for mount in container.get("volumeMounts", ()))
            assert not repeated(
                volume["name"] for volume in obj["spec"]["template"]["spec"].get("volumes", ())
            )
            assert (
                obj["spec"]["selector"]["matchLabels"].items()
                <= obj["spec"]["template"]["metadata"]["labels"].items()
            )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(deployments())
def test_check_ignored_fields_and_status_answer_for_every_spec(deployment: dict[str, Any]) -> None:
    parsed = ModelDeployment.model_validate(deployment)

    assert PROVIDER.check(parsed) is None or PROVIDER.check(parsed)
    assert all(path.startswith("spec.") for path in PROVIDER.ignored_fields(parsed))
    try:
        main, *others = render(deployment)
    except RenderError:
        return
    status = PROVIDER.with_companions(PROVIDER.read_status(main), others)
    assert status.resource_name == main["metadata"]["name"]
