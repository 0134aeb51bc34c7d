"""What admission says of overrides and ceilings before a provider, or its package, is there."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.guard_at_admission import admission_findings, option_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment
from tests.providers.guarding import (
    OFF,
    OPEN,
    PROVIDERS,
    Overrides,
)


def at_admission(given: ModelDeployment, policy: OverridesPolicy | None = None) -> list[str]:
    return [error.field for error in admission_findings(given, PROVIDERS, policy or OverridesPolicy())]


@pytest.mark.parametrize(
    ("provider", "overrides", "fields"),
    [
        pytest.param({"name": "vllm"}, {"spec": {"replicas": 1}}, ["spec.replicas"], id="a named provider"),
        pytest.param({}, {"hostIPC": True}, ["hostIPC"], id="no provider yet"),
        pytest.param({}, {"routerMode": "kv"}, [], id="no provider yet, and one that takes it"),
        pytest.param({"name": "ghost"}, {"a": 1, "b": 2}, ["a", "b"], id="a provider from elsewhere"),
    ],
)
def test_admission_names_what_no_list_allows(
    provider: dict[str, Any], overrides: Overrides, fields: list[str]
) -> None:
    given = deployment(provider={**provider, "overrides": overrides})

    assert at_admission(given) == [f"spec.provider.overrides.{field}" for field in fields]


def test_admission_refuses_what_no_provider_could_render_within_the_ceilings() -> None:
    wanted = deployment(gpus=8, scaling={"replicas": 33}, provider={"name": "vllm"})
    of_any = deployment(gpus=8, scaling={"replicas": 33}, engine={"type": None})

    assert at_admission(wanted) != []
    assert at_admission(of_any) != []
    assert at_admission(deployment(gpus=8, scaling={"replicas": 2}, engine={"type": None})) == []


def test_admission_leaves_an_uninstalled_provider_to_its_own_worker_where_anything_goes() -> None:
    given = deployment(provider={"name": "ghost", "overrides": {"a": 1}})

    assert at_admission(given, OPEN) == []
    assert at_admission(given, OverridesPolicy(allowed={"ghost": ["a"]})) == []
    assert at_admission(given, OverridesPolicy(mode=OFF)) == ["spec.provider.overrides"]


@pytest.mark.parametrize("provider", [{}, {"name": "vllm"}])
def test_admission_refuses_an_annotation_that_says_nothing_about_the_pods(provider: dict[str, Any]) -> None:
    given = deployment(provider=provider, annotations={"airunway.ai/external-replicas": "yes"})

    [found] = option_findings(given, PROVIDERS)

    assert found.field == "metadata.annotations[airunway.ai/external-replicas]"
    assert found.detail == "'yes' is unknown; use true or false"


@pytest.mark.parametrize(
    ("provider", "value"), [("ghost", "yes"), ("vllm", "True"), ("vllm", "false"), ("vllm", "")]
)
def test_what_another_provider_may_read_or_what_is_known_is_admitted(provider: str, value: str) -> None:
    given = deployment(provider={"name": provider}, annotations={"airunway.ai/external-replicas": value})

    assert option_findings(given, PROVIDERS) == []
