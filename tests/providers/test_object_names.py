"""Names of deployments: as long as the longest name that is derived from them allows, and no engine's own."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api import names
from airunway.api.findings import FieldErrorType
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import RenderContext
from airunway.provider.guard_at_admission import name_findings
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from tests.providers.build import runner

PROVIDERS = installed_providers()
SPLIT: dict[str, Any] = {
    "serving": {"mode": "disaggregated"},
    "scaling": {
        "prefill": {"replicas": 1, "gpu": {"count": 1}},
        "decode": {"replicas": 1, "gpu": {"count": 1}},
    },
    "resources": {"gpu": None},
}
CACHE = {"storage": {"volumes": [{"name": "w", "purpose": "modelCache", "size": "1Gi"}]}}
MOCKER: dict[str, Any] = {"annotations": {names.ANNOTATION_TEST_BACKEND: "mocker"}}


def spanning(service: str) -> dict[str, Any]:
    services = {service: {"multinode": {"nodeCount": 2}}}
    return {"provider": {"overrides": {"spec": {"services": services}}}}


CASES = [
    pytest.param("vllm", {}, 63, id="vllm: its Service"),
    pytest.param("llmd", {}, 63, id="llmd: its Service"),
    pytest.param("llmd", SPLIT, 55, id="llmd: -prefill"),
    pytest.param("kuberay", {}, 40, id="kuberay: what KubeRay cuts"),
    pytest.param("kuberay", SPLIT, 40, id="kuberay: what KubeRay cuts, disaggregated"),
    pytest.param("kaito", {}, 52, id="kaito: the StatefulSet of a preset"),
    pytest.param("dynamo", {}, 35, id="dynamo: VllmWorker"),
    pytest.param("dynamo", {"engine": {"type": "sglang"}}, 35, id="dynamo: other engines have the same keys"),
    pytest.param("dynamo", {"model": CACHE}, 35, id="dynamo: the Job has more room"),
    pytest.param("dynamo", {"gateway": {"enabled": False}}, 35, id="dynamo: a frontend has more room"),
    pytest.param("dynamo", MOCKER, 35, id="dynamo: the mocker"),
    pytest.param("dynamo", SPLIT, 28, id="dynamo: VllmPrefillWorker"),
    pytest.param("dynamo", spanning("VllmWorker"), 21, id="dynamo: several nodes"),
    pytest.param("dynamo", {**SPLIT, **spanning("VllmDecodeWorker")}, 9, id="dynamo: several nodes decode"),
    pytest.param("dynamo", {**SPLIT, **spanning("VllmPrefillWorker")}, 7, id="dynamo: several nodes prefill"),
]


def problem_of(provider: str, given: ModelDeployment) -> str | None:
    return PROVIDERS[provider].check(given)


@pytest.mark.parametrize(("provider", "spec", "most"), CASES)
def test_names_are_as_long_as_what_is_derived_from_them(
    provider: str, spec: dict[str, Any], most: int
) -> None:
    fits, too_long = (deployment(name="x" * length, **spec) for length in (most, most + 1))

    assert problem_of(provider, fits) is None
    assert (problem_of(provider, too_long) or "").startswith("metadata.name: ")
    assert f"at most {most} characters" in (problem_of(provider, too_long) or "")


@pytest.mark.parametrize(("provider", "spec", "most"), CASES)
def test_the_number_that_fits_is_said_at_admission(provider: str, spec: dict[str, Any], most: int) -> None:
    pinned = {**spec, "provider": {**spec.get("provider", {}), "name": provider}}
    fits, too_long = (deployment(name="x" * length, **pinned) for length in (most, most + 1))

    assert name_findings(fits, PROVIDERS) == []
    (found,) = name_findings(too_long, PROVIDERS)
    assert (found.type, found.field) == (FieldErrorType.INVALID, "metadata.name")
    assert f"at most {most} characters" in found.detail


def test_a_template_of_kaito_is_a_stateful_set_too() -> None:
    assert problem_of("kaito", runner(name="x" * 52)) is None
    assert "at most 52 characters" in (problem_of("kaito", runner(name="x" * 53)) or "")


def test_a_long_namespace_leaves_dynamo_less_room() -> None:
    given = deployment(name="x" * 20)
    given.metadata.namespace = "n" * 43

    assert "at most 19 characters" in (problem_of("dynamo", given) or "")


def test_a_service_that_overrides_add_counts_too() -> None:
    services = {"A" * 30: {"componentType": "worker"}}
    given = deployment(name="x" * 16, provider={"overrides": {"spec": {"services": services}}})

    assert "at most 15 characters" in (problem_of("dynamo", given) or "")


def test_a_provider_that_is_still_to_be_chosen_refuses_no_name() -> None:
    assert name_findings(deployment(name="x" * 64), PROVIDERS) == []


def test_nothing_is_said_of_a_name_where_nobody_can_take_the_deployment() -> None:
    too_long = deployment(name="x" * 64, gpus=0, engine={"type": "vllm"}, provider={"name": "dynamo"})
    unknown = deployment(name="x" * 64, provider={"name": "acme"})

    assert name_findings(too_long, PROVIDERS) == []
    assert name_findings(unknown, PROVIDERS) == []


@pytest.mark.parametrize("provider", sorted(PROVIDERS))
@pytest.mark.parametrize("name", ["v1.2", "4b-chat"])
def test_names_of_no_service_are_refused(provider: str, name: str) -> None:
    assert (problem_of(provider, deployment(name=name)) or "").startswith("metadata.name: ")


# --- service links -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["vllm", "ray", "ray-serve", "master", "vllm-dp-master"])
def test_a_name_that_ends_an_engine_is_refused_where_links_cannot_be_switched_off(name: str) -> None:
    problem = problem_of("kaito", deployment(name=name)) or ""

    assert problem.startswith(f"metadata.name: '{name}'")
    assert f"{name.upper().replace('-', '_')}_PORT" in problem
    (found,) = name_findings(deployment(name=name, provider={"name": "kaito"}), PROVIDERS)
    assert found.field == "metadata.name"


@pytest.mark.parametrize("provider", ["dynamo", "kuberay", "llmd", "vllm"])
def test_it_is_taken_where_no_pod_has_links(provider: str) -> None:
    given = deployment(name="vllm")

    assert problem_of(provider, given) is None
    assert "'enableServiceLinks': False" in str(PROVIDERS[provider].render(given, RenderContext()))


def test_a_template_of_kaito_has_no_links_either() -> None:
    (workspace,) = PROVIDERS["kaito"].render(runner(name="vllm"), RenderContext())

    assert workspace["inference"]["template"]["spec"]["enableServiceLinks"] is False
