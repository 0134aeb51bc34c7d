"""An annotation that has no effect is warned of; one that has one, or is somebody else's, is not."""

from __future__ import annotations

import pytest

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, Outcome
from airunway.selection.admission_recheck import with_admission_recheck
from airunway.selection.annotations import MAX_WARNINGS, annotation_warnings
from tests.selection.build import deployment


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("airunway.ai/reconcile-paused", "yes", "'yes' has no effect; the value that counts is 'true'"),
        ("airunway.ai/reconcile-paused", "True", "the value that counts is 'true'"),
        ("airunway.ai/dynamo-test-backend", "mock", "the value that counts is 'mocker'"),
        ("airunway.ai/gguf-mode", "build", "the value that counts is 'direct'"),
        ("airunway.ai/external-replica", "true", "did you mean airunway.ai/external-replicas?"),
        ("airunway.ai/rollouts", "Surge", "did you mean airunway.ai/rollout?"),
        ("airunway.ai/image-pull-secret", "regcred", "did you mean airunway.ai/image-pull-secrets?"),
    ],
)
def test_an_annotation_without_effect_is_named(key: str, value: str, words: str) -> None:
    [warning] = annotation_warnings({key: value})

    assert warning.startswith(f"metadata.annotations[{key}]: ") and words in warning


@pytest.mark.parametrize(
    "given",
    [
        {"airunway.ai/reconcile-paused": "true"},
        {"airunway.ai/reconcile-paused": "false"},
        {"airunway.ai/gguf-mode": " Direct "},
        {"airunway.ai/retry": "anything", "airunway.ai/cancel-build": "2"},
        {"airunway.ai/recipe.hardware": "h100", "airunway.ai/generated-by": "a"},
        {"example.com/reconcile-pause": "yes", "airunway.ai/team": "a", "rollouts": "a"},
    ],
)
def test_what_has_an_effect_or_is_not_ours_is_left_alone(given: dict[str, str]) -> None:
    assert annotation_warnings(given) == []


def test_a_crowd_of_them_is_cut() -> None:
    crowd = {f"airunway.ai/rollout{number}": "x" for number in range(100)}

    assert len(annotation_warnings(crowd)) == MAX_WARNINGS


def test_it_is_said_in_the_status_behind_that_the_deployment_is_valid() -> None:
    valid = Condition(type="Validated", status=ConditionStatus.TRUE, reason="Valid", message="fine")
    decision = Decision(outcome=Outcome.OK, observed_generation=1, conditions=[valid])
    paused = deployment(engine="vllm", metadata={"annotations": {"airunway.ai/reconcile-paused": "yes"}})

    shown = with_admission_recheck(decision, paused)

    assert "fine; warning: metadata.annotations[airunway.ai/reconcile-paused]: 'yes'" in (
        shown.conditions[0].message
    )
