"""Providers that lack only their operator come second, by the same rules."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.api.decision import Decision, InstallPolicy, Outcome
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.provider.registry import installed_providers
from airunway.selection.decide import decide
from airunway.selection.installable import Installable

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
OPERATORS = ("dynamo", "kaito", "kuberay")


def configs(*, ready: set[str]) -> list[InferenceProviderConfig]:
    """The shipped providers, alive; those in `ready` are."""
    found = []
    for name, provider in installed_providers().items():
        status = {"ready": name in ready, "lastHeartbeat": NOW.isoformat()}
        body = {"metadata": {"name": name}, "spec": provider.registration().spec, "status": status}
        found.append(InferenceProviderConfig.model_validate(body))
    return found


def deployment(*, status: dict[str, Any] | None = None, **spec: Any) -> ModelDeployment:
    body = {
        "metadata": {"name": "d", "namespace": "ml", "generation": 1},
        "spec": {"model": {"id": "org/model"}, **spec},
        "status": status,
    }
    return ModelDeployment.model_validate({key: value for key, value in body.items() if value is not None})


def decided(
    wanted: ModelDeployment,
    *,
    ready: set[str],
    policy: InstallPolicy = InstallPolicy.AUTO,
    installable: tuple[str, ...] = OPERATORS,
) -> Decision:
    names = set(installable) - ready
    return decide(
        wanted, configs(ready=ready), alive_since=NOW, installable=Installable(names=names, policy=policy)
    )


ON_CPU = {"resources": {"gpu": {"count": 0}}}
ON_GPU = {"resources": {"gpu": {"count": 1}}, "engine": {"type": "vllm"}}


def test_a_ready_provider_always_comes_first() -> None:
    decision = decided(deployment(**ON_GPU), ready={"dynamo"})

    assert decision.provider is not None
    assert decision.provider.name == "dynamo"
    assert decision.installation is None


def test_where_no_ready_one_takes_it_the_best_of_the_others_does_and_says_why() -> None:
    decision = decided(deployment(**ON_CPU), ready={"vllm", "llmd"})

    assert decision.outcome is Outcome.OK
    assert decision.engine is not None
    assert decision.engine.type == "llamacpp"
    assert decision.provider is not None
    assert decision.provider.name == "kaito"
    assert "lacks only its operator" in decision.provider.reason
    assert decision.installation is not None
    assert decision.installation.provider == "kaito"


def test_among_them_the_rules_decide_as_ever() -> None:
    spec = {"engine": {"type": "sglang"}, "resources": {"gpu": {"count": 1}}}

    decision = decided(deployment(**spec), ready={"vllm", "llmd"})

    assert decision.provider is not None
    assert decision.provider.name == "dynamo"


def test_asking_leaves_the_provider_open_and_shows_the_command() -> None:
    decision = decided(deployment(**ON_CPU), ready={"vllm"}, policy=InstallPolicy.ASK)

    assert decision.outcome is Outcome.PROVIDER_FAILED
    assert decision.outcome.waits_for_providers
    assert decision.provider is None
    assert decision.installation is not None
    (condition,) = [entry for entry in decision.conditions if entry.type == "ProviderSelected"]
    assert condition.reason == "InstallationRequired"
    assert "airunway providers install kaito" in condition.message
    assert condition.message in (decision.message or "")


def test_never_is_as_if_there_were_none() -> None:
    wanted = deployment(**ON_CPU)

    with_policy = decided(wanted, ready={"vllm"}, policy=InstallPolicy.NEVER)

    assert with_policy == decide(wanted, configs(ready={"vllm"}), alive_since=NOW)


@pytest.mark.parametrize("policy", [InstallPolicy.ASK, InstallPolicy.AUTO])
def test_a_named_provider_is_always_taken(policy: InstallPolicy) -> None:
    wanted = deployment(**ON_GPU, provider={"name": "kuberay"})

    decision = decided(wanted, ready={"vllm", "dynamo"}, policy=policy)

    assert decision.outcome is Outcome.OK
    assert decision.provider is not None
    assert decision.provider.name == "kuberay"
    assert decision.installation is not None
    assert decision.installation.policy is policy


def test_a_recorded_provider_whose_operator_is_gone_needs_it_again() -> None:
    wanted = deployment(
        **ON_GPU, status={"provider": {"name": "kaito", "selectedReason": "x"}, "engine": {"type": "vllm"}}
    )

    decision = decided(wanted, ready={"vllm"})

    assert decision.installation is not None
    assert decision.installation.provider == "kaito"


def test_one_that_nobody_could_install_is_no_candidate() -> None:
    decision = decided(deployment(**ON_CPU), ready={"vllm"}, installable=())

    assert decision.outcome is not Outcome.OK
    assert decision.installation is None


def test_a_deployment_that_none_takes_says_so_as_ever() -> None:
    spec = {"engine": {"type": "sglang"}, "serving": {"mode": "disaggregated"}}

    with_them = decided(deployment(**spec), ready=set(), installable=("kaito",))

    assert with_them.installation is None
    assert with_them == decide(deployment(**spec), configs(ready=set()), alive_since=NOW)
