"""What holds for KAITO and Direct vLLM, whatever admission lets pass."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, Provider, RenderContext, RenderError
from airunway.providers.kaito import PROVIDER as KAITO
from airunway.providers.vllm import PROVIDER as VLLM
from tests.providers.specs import KAITO_OVERRIDES, OVERRIDES, cases
from tests.schemas import problems


def rendered(provider: Provider, deployment: dict[str, Any], context: RenderContext) -> list[Manifest]:
    """Its objects; none where it refuses, which it may do by RenderError only."""
    try:
        return provider.render(ModelDeployment.model_validate(deployment), context)
    except RenderError as err:
        assert str(err).startswith(("spec.", "metadata.", "AIRUNWAY_"))
        return []


def check_objects(provider: Provider, case: tuple[dict[str, Any], RenderContext]) -> None:
    deployment, context = case
    before = copy.deepcopy(deployment)
    parsed = ModelDeployment.model_validate(deployment)
    problem = provider.check(parsed)
    assert problem is None or problem.startswith(("spec.", "metadata."))
    assert all(path.startswith("spec.") for path in provider.ignored_fields(parsed))

    objects = rendered(provider, deployment, context)

    assert json.dumps(objects) == json.dumps(rendered(provider, deployment, context))
    assert deployment == before
    if objects and problem is None:
        assert [found for obj in objects for found in problems(obj)] == []
        assert provider.replacement_reason(objects[0], objects[0]) is None
        assert provider.read_status(objects[0]).resource_name == parsed.name


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(KAITO_OVERRIDES))
def test_kaito(case: tuple[dict[str, Any], RenderContext]) -> None:
    check_objects(KAITO, case)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cases(OVERRIDES))
def test_vllm(case: tuple[dict[str, Any], RenderContext]) -> None:
    check_objects(VLLM, case)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
CONDITIONS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["Available", "Progressing", "WorkspaceSucceeded", "ResourceReady"])
            | JSON,
            "status": st.sampled_from(["True", "False", "Unknown"]) | JSON,
            "reason": JSON,
            "message": JSON,
        },
    )
    | JSON,
    max_size=4,
)
UPSTREAM = st.fixed_dictionaries(
    {},
    optional={
        "metadata": st.fixed_dictionaries({}, optional={"name": JSON, "generation": JSON}) | JSON,
        "spec": st.fixed_dictionaries({}, optional={"replicas": JSON}) | JSON,
        "resource": st.fixed_dictionaries({}, optional={"count": JSON}) | JSON,
        "status": st.fixed_dictionaries(
            {},
            optional={
                "state": st.sampled_from(["Ready", "NotReady"]) | JSON,
                "conditions": CONDITIONS | JSON,
                "readyReplicas": JSON,
                "updatedReplicas": JSON,
                "observedGeneration": JSON,
            },
        )
        | JSON,
    },
)


@pytest.mark.parametrize("provider", [KAITO, VLLM], ids=lambda provider: provider.name)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(upstream=UPSTREAM)
def test_any_upstream_state_is_read_or_refused_orderly(provider: Provider, upstream: dict[str, Any]) -> None:
    try:
        status = provider.read_status(upstream)
    except ValueError:
        return

    assert json.loads(status.model_dump_json())
