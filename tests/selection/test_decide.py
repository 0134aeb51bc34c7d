from __future__ import annotations

from functools import partial
from typing import Any

from airunway.api.decision import Decision, Outcome
from airunway.api.status import Phase
from airunway.selection.decide import decide
from tests.selection.build import ALIVE_SINCE, CPU_RULE, config, deployment, offer

ALPHA = config("alpha", offer("vllm"), rules={"true": 10})
ZETA = config("zeta", offer("llamacpp", cpu=True), rules={CPU_RULE: 100})


decided = partial(decide, alive_since=ALIVE_SINCE)


def conditions(decision: Decision) -> list[tuple[str, str, str]]:
    return [(entry.type, entry.status.value, entry.reason) for entry in decision.conditions]


def recorded(name: str = "alpha", engine: str = "vllm", **status: Any) -> dict[str, Any]:
    return {
        "provider": {"name": name, "selectedReason": "earlier"},
        "engine": {"type": engine, "selectedReason": "earlier"},
        **status,
    }


def validated(generation: int = 1) -> dict[str, Any]:
    return {
        "type": "Validated",
        "status": "True",
        "reason": "ValidationPassed",
        "message": "Schema validation passed",
        "observedGeneration": generation,
        "lastTransitionTime": "2026-01-05T08:00:00Z",
    }


def failed(kind: str, reason: str, message: str) -> dict[str, Any]:
    return {**validated(), "type": kind, "status": "False", "reason": reason, "message": message}


def test_a_first_reconcile_selects_and_hands_over() -> None:
    decision = decided(deployment(gpus=2), [ALPHA, ZETA])

    assert decision.outcome is Outcome.OK
    assert (decision.phase, decision.message) == (Phase.PENDING, None)
    assert decision.engine is not None and decision.engine.type == "vllm"
    assert decision.provider is not None and decision.provider.name == "alpha"
    assert conditions(decision) == [
        ("Validated", "True", "ValidationPassed"),
        ("EngineSelected", "True", "AutoSelected"),
        ("ProviderSelected", "True", "AutoSelected"),
    ]
    assert decision.newly_selected and not decision.handed_over
    assert {candidate.provider for candidate in decision.candidates} == {"alpha", "zeta"}


def test_the_answer_does_not_depend_on_the_order_of_the_configs() -> None:
    other = config("beta", offer("vllm"), rules={"true": 10})

    one = decided(deployment(gpus=1), [ALPHA, other, ZETA])
    two = decided(deployment(gpus=1), [ZETA, other, ALPHA])

    assert one == two


def test_a_decision_survives_json() -> None:
    decision = decided(deployment(gpus=1), [ALPHA, ZETA])

    assert Decision.model_validate_json(decision.model_dump_json()) == decision


def test_an_image_conflict_ends_the_reconcile_before_the_engine() -> None:
    conflicting = deployment(spec={"image": "a:1", "engine": {"image": "a:2"}}, gpus=1)

    decision = decided(conflicting, [ALPHA])

    assert decision.outcome is Outcome.IMAGE_CONFLICT
    assert decision.phase is Phase.FAILED
    assert decision.engine is None
    assert decision.image is not None and decision.image.requested == "a:2"
    assert decision.message == f"Validation failed: {decision.finding}"
    for part in ("spec.image", "spec.engine.image", '"a:1"', '"a:2"', "conflicts with", "preferred"):
        assert part in decision.finding
    assert conditions(decision) == [
        ("ImageResolved", "False", "ConflictingImageFields"),
        ("Validated", "False", "ValidationFailed"),
    ]


def test_a_huge_value_gives_a_message_that_can_be_written() -> None:
    conflicting = deployment(spec={"image": "a" * 1_000_000, "engine": {"image": "b" * 1_000_000}}, gpus=1)

    decision = decided(conflicting, [ALPHA])

    assert len(decision.model_dump_json()) < 50_000


def test_a_failed_engine_selection_leaves_the_phase() -> None:
    decision = decided(deployment(gpus=1, status={"phase": "Deploying"}), [])

    assert decision.outcome is Outcome.ENGINE_FAILED
    assert decision.phase is None
    assert decision.message is not None and decision.message.startswith("Engine selection failed: ")
    assert conditions(decision) == [("EngineSelected", "False", "SelectionFailed")]


def test_an_invalid_deployment_keeps_its_engine_without_the_condition() -> None:
    decision = decided(deployment(engine="vllm", spec={"model": {}}, gpus=1), [ALPHA])

    assert decision.outcome is Outcome.INVALID
    assert decision.phase is Phase.FAILED
    assert decision.engine is not None and decision.engine.type == "vllm"
    assert decision.message == "Validation failed: model.id is required when source is huggingface"
    assert conditions(decision) == [("Validated", "False", "ValidationFailed")]


def test_a_change_of_the_provider_is_refused() -> None:
    decision = decided(
        deployment(engine="vllm", provider="zeta", gpus=1, status=recorded()),
        [ALPHA, config("zeta", offer("vllm"))],
    )

    assert decision.outcome is Outcome.PROVIDER_CHANGE
    assert decision.phase is Phase.FAILED
    assert decision.provider is not None and decision.provider.name == "alpha"
    assert '"alpha"' in decision.finding and '"zeta"' in decision.finding
    assert "is not supported; delete and recreate" in decision.finding
    assert conditions(decision)[-1] == ("ProviderSelected", "False", "ProviderChangeNotSupported")


def test_with_the_selector_off_nothing_is_selected() -> None:
    waiting = decided(deployment(engine="vllm", gpus=1), [ALPHA], selector_enabled=False)
    named = decided(
        deployment(engine="vllm", provider="alpha", gpus=1),
        [ALPHA],
        selector_enabled=False,
    )
    open_engine = decided(deployment(provider="alpha", gpus=1), [ALPHA], selector_enabled=False)

    assert waiting.outcome is Outcome.NO_PROVIDER
    assert waiting.message == "No provider specified and provider-selector not enabled"
    assert waiting.engine is None
    assert named.outcome is Outcome.OK
    assert conditions(named) == [
        ("Validated", "True", "ValidationPassed"),
        ("ProviderSelected", "True", "ExplicitSelection"),
    ]
    assert open_engine.finding == "engine.type must be specified"


def test_no_provider_names_those_that_would_take_it() -> None:
    decision = decided(deployment(engine="vllm", gpus=1), [config("llmd", offer("vllm"))])

    assert decision.outcome is Outcome.PROVIDER_FAILED
    assert decision.phase is Phase.PENDING
    assert decision.message is not None
    assert decision.message.startswith("Provider selection failed: no compatible provider found")
    assert decision.message.endswith("set spec.provider.name to use one of: llmd")


def test_an_unregistered_provider_is_recorded_and_named() -> None:
    ghost = deployment(engine="vllm", provider="ghost", gpus=1)

    decision = decided(ghost, [ALPHA])

    assert decision.outcome is Outcome.OK
    assert decision.provider is not None
    assert (decision.provider.name, decision.provider.reason) == ("ghost", "explicit provider selection")
    assert decision.message is not None and '"ghost" is not registered' in decision.message
    assert conditions(decision)[-1] == ("ProviderSelected", "True", "ExplicitSelection")
    assert "not registered" in decision.conditions[-1].message


def test_a_registration_that_comes_later_takes_the_remark_back() -> None:
    first = decided(deployment(engine="vllm", provider="ghost", gpus=1), [])
    status = {
        "provider": {"name": "ghost", "selectedReason": "explicit provider selection"},
        "phase": "Pending",
        "message": first.message,
        "conditions": [{**validated(), **entry.model_dump(mode="json")} for entry in first.conditions],
    }

    second = decided(
        deployment(engine="vllm", provider="ghost", gpus=1, status=status),
        [config("ghost", offer("vllm"))],
    )

    assert second.message == ""
    assert second.conditions[-1].message == "Provider explicitly specified in spec"


def test_a_changed_engine_is_checked_against_the_recorded_provider() -> None:
    changed = deployment(engine="sglang", gpus=1, status=recorded(conditions=[validated(0)]))

    decision = decided(changed, [ALPHA, config("beta", offer("sglang"))])

    assert decision.outcome is Outcome.INVALID
    assert decision.finding == "provider alpha does not support engine sglang"


def test_a_change_of_the_configs_does_not_fail_a_served_deployment() -> None:
    status = recorded("zeta", "llamacpp", conditions=[validated()])
    served = deployment(status=status)

    without_others = decided(served, [ZETA, ALPHA])
    provider_gone = decided(served, [ALPHA])
    offers_changed = decided(served, [config("zeta", offer("vllm")), ALPHA])

    assert without_others.outcome is Outcome.OK
    assert provider_gone.outcome is Outcome.OK
    assert offers_changed.outcome is Outcome.OK
    assert offers_changed.warnings == ["provider zeta does not support engine llamacpp"]


def test_a_new_generation_is_checked_again() -> None:
    status = recorded("zeta", "llamacpp", conditions=[validated(1)])

    decision = decided(
        deployment(status=status, metadata={"generation": 2}),
        [config("zeta", offer("vllm"))],
    )

    assert decision.outcome is Outcome.INVALID


def test_a_success_clears_what_a_failure_left() -> None:
    conflict = failed("ImageResolved", "ConflictingImageFields", "spec.image conflicts")
    status = {
        "phase": "Failed",
        "message": "Validation failed: spec.image conflicts",
        "image": {"requested": "a:2", "message": "spec.image conflicts"},
        "conditions": [conflict, failed("Validated", "ValidationFailed", "spec.image conflicts")],
    }

    decision = decided(deployment(gpus=1, status=status), [ALPHA])

    assert decision.outcome is Outcome.OK
    assert (decision.phase, decision.message) == (Phase.PENDING, "")
    assert decision.clear_image
    assert decision.remove_conditions == ["ImageResolved"]


def test_a_deployment_that_is_valid_again_waits_for_a_provider_as_pending() -> None:
    status = {
        "phase": "Failed",
        "message": "Validation failed: something",
        "conditions": [failed("Validated", "ValidationFailed", "something")],
    }

    decision = decided(deployment(engine="vllm", gpus=1, status=status), [])

    assert decision.outcome is Outcome.PROVIDER_FAILED
    assert decision.phase is Phase.PENDING


def test_a_success_restores_the_provider_condition() -> None:
    refused = failed("ProviderSelected", "ProviderChangeNotSupported", "changing the provider")
    status = recorded(phase="Failed", message="changing the provider", conditions=[refused])

    decision = decided(deployment(gpus=1, status=status), [ALPHA])

    assert conditions(decision)[-1] == ("ProviderSelected", "True", "AutoSelected")
    assert (decision.phase, decision.message) == (Phase.PENDING, "")


def test_a_provider_condition_that_holds_keeps_its_words() -> None:
    holding = {
        "type": "ProviderSelected",
        "status": "True",
        "reason": "ExplicitSelection",
        "message": "chosen by hand",
        "lastTransitionTime": "2026-01-05T08:00:00Z",
    }
    status = {"provider": {"name": "alpha"}, "conditions": [holding]}

    decision = decided(deployment(engine="vllm", gpus=1, status=status), [ALPHA])

    assert "ProviderSelected" not in {entry.type for entry in decision.conditions}


def test_what_the_provider_wrote_is_not_cleared() -> None:
    ready = {**failed("Ready", "DeploymentFailed", "out of memory")}
    status = recorded(phase="Failed", message="out of memory", conditions=[validated(), ready])

    decision = decided(deployment(gpus=1, status=status), [ALPHA])

    assert (decision.phase, decision.message) == (None, None)
    assert not decision.clear_image and not decision.remove_conditions


def test_a_core_failure_after_the_provider_acted_clears_the_message_but_not_the_phase() -> None:
    status = recorded(
        phase="Failed",
        message="Validation failed: something",
        conditions=[
            failed("Validated", "ValidationFailed", "something"),
            {**validated(), "type": "Ready", "reason": "DeploymentReady"},
        ],
    )

    decision = decided(deployment(gpus=1, status=status), [ALPHA])

    assert (decision.phase, decision.message) == (None, "")


def test_a_second_reconcile_changes_nothing() -> None:
    first = decided(deployment(gpus=1), [ALPHA])
    assert first.engine is not None and first.provider is not None
    status = {
        "phase": "Pending",
        "engine": {"type": first.engine.type, "selectedReason": first.engine.reason},
        "provider": {"name": first.provider.name, "selectedReason": first.provider.reason},
        "conditions": [{**validated(), **entry.model_dump(mode="json")} for entry in first.conditions],
    }

    second = decided(deployment(gpus=1, status=status), [ALPHA])

    assert (second.phase, second.message) == (None, None)
    assert (second.engine, second.provider) == (first.engine, first.provider)
    assert not second.newly_selected and second.handed_over
    assert conditions(second) == conditions(first)[:2]


def test_a_missing_gpu_support_is_reported_and_not_refused() -> None:
    decision = decided(
        deployment(engine="vllm", provider="cpu-house", gpus=2),
        [config("cpu-house", offer("vllm", gpu=False, cpu=True))],
    )

    assert decision.outcome is Outcome.OK
    assert decision.warnings == ["provider cpu-house does not list GPU support for engine vllm"]


def test_the_mocker_needs_no_gpu_but_its_engine() -> None:
    mocked: dict[str, Any] = {"annotations": {"airunway.ai/dynamo-test-backend": "mocker"}}
    dynamo = config("dynamo", offer("vllm"), offer("sglang"))

    runs = decided(deployment(engine="vllm", provider="dynamo", metadata=mocked), [dynamo])
    refused = decided(deployment(engine="sglang", provider="dynamo", metadata=mocked), [dynamo])

    assert runs.outcome is Outcome.OK
    assert "only supports the vllm engine" in refused.finding
