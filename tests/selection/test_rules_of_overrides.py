"""What overrides say of pods is held to the API server's rules before anything is applied."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.selection.server_rules import server_findings
from tests.selection.build import deployment

POD = "spec.provider.overrides.spec.template"


def found(overrides: Any) -> list[str]:
    given = deployment(spec={"provider": {"name": "vllm", "overrides": overrides}})
    return [error.line for error in server_findings(given.spec)]


def of_pod(**spec: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": spec}}}


def of_container(**fields: Any) -> dict[str, Any]:
    return of_pod(containers=[{"name": "vllm", **fields}])


WRONG = [
    pytest.param({"spec": {"template": {"metadata": {"labels": {"a": "x" * 64}}}}}, "metadata.labels[a]"),
    pytest.param({"spec": {"template": {"metadata": {"labels": {"a": 1}}}}}, "metadata.labels[a]"),
    pytest.param({"spec": {"template": {"metadata": {"annotations": {"a b": ""}}}}}, "metadata.annotations"),
    pytest.param(of_pod(nodeSelector={"-a": "b"}), "spec.nodeSelector"),
    pytest.param(of_pod(tolerations=[{"operator": "Exists", "value": "x"}]), "spec.tolerations[0].value"),
    pytest.param(of_pod(tolerations=[{"key": "a"}, {}]), "spec.tolerations[1].operator"),
    pytest.param(of_container(env=[{"name": "A=B"}]), "spec.containers[0].env[0].name"),
    pytest.param(of_container(env=[{"value": "x"}]), "spec.containers[0].env[0].name"),
    pytest.param(
        of_container(resources={"limits": {"memory": "12Gb"}}),
        "spec.containers[0].resources.limits[memory]",
    ),
    pytest.param(
        of_pod(volumes=[{"name": "a", "emptyDir": {"sizeLimit": "-1Gi"}}]),
        "spec.volumes[0].emptyDir.sizeLimit",
    ),
]


@pytest.mark.parametrize(("overrides", "field"), WRONG)
def test_a_wrong_part_of_a_pod_is_named_by_its_field(overrides: Any, field: str) -> None:
    lines = found(overrides)

    assert len(lines) == 1
    assert lines[0].startswith(f"{POD}.{field}: ")


@pytest.mark.parametrize(
    "overrides",
    [
        of_pod(tolerations=[{"operator": "Exists"}], nodeSelector={"example.com/pool": "", "gone": None}),
        of_container(env=[{"name": "A"}, {"name": "B", "value": "x"}], resources={"limits": {"cpu": "4"}}),
        of_pod(tolerations="none", volumes=[{"name": "a", "emptyDir": {"sizeLimit": 5}}]),
        of_pod(tolerations=[{"key": 5}], env=["text"], labels=["text"], limits=None),
        {"spec": {"services": {"Frontend": {"envs": [{"name": "A", "value": ""}], "labels": {"a": ""}}}}},
    ],
)
def test_what_the_api_server_takes_or_its_schema_judges_is_left_alone(overrides: Any) -> None:
    assert found(overrides) == []


def test_a_variable_of_a_graphs_service_is_one_too() -> None:
    lines = found({"spec": {"services": {"Frontend": {"envs": [{"name": "A=B"}]}}}})

    assert lines[0].startswith("spec.provider.overrides.spec.services.Frontend.envs[0].name: ")


def test_overrides_without_end_are_not_walked() -> None:
    overrides: dict[str, Any] = {"labels": {"-": ""}}
    for _ in range(5000):
        overrides = {"a": overrides}

    assert found(overrides) == []
