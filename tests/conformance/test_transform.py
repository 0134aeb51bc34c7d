"""Which objects a provider writes, against the recorded objects of the reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.provider.registry import installed_providers
from tests.conformance.departures import adjusted, unexcused
from tests.conformance.loader import Vector, cases
from tests.conformance.objects import object_differences

GROUP = "transform"


def refusal_or_objects(provider: str, given: Mapping[str, Any]) -> tuple[str, list[Manifest]]:
    """Why the provider refuses the deployment, or its objects."""
    plugin = installed_providers()[provider]
    try:
        deployment = ModelDeployment.model_validate(given["model_deployment"])
        problem = plugin.check(deployment)
        if problem:
            return problem, []
        return "", plugin.render(deployment, RenderContext(env=given.get("process_env") or {}))
    except (RenderError, ValidationError) as err:
        return str(err), []


@pytest.mark.parametrize("vector", cases(GROUP, installed_providers()))
def test_provider_writes_the_recorded_objects(vector: Vector) -> None:
    want, _ = adjusted(vector.expect, group=GROUP, file=vector.file, given=vector.input)

    refusal, objects = refusal_or_objects(vector.file, vector.input)

    if want.get("error") or want.get("crash"):
        assert refusal
    elif refusal:
        assert want["compatible"] is False, refusal
    else:
        found = object_differences(want["objects"], objects)
        left, _ = unexcused(found, group=GROUP, file=vector.file, given=vector.input)
        assert left == []
