"""What a step's request and answer say, in words."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.console.history.signals import told_signal
from airunway.console.history.steps import generation_of, said_by

CREATED = {"kind": "Workspace", "name": "chat", "action": "created", "changed": []}
CHANGED = {"kind": "Service", "name": "chat", "action": "configured", "changed": ["spec.replicas"]}
SAME = {"kind": "Secret", "name": "chat", "action": "unchanged"}
REFUSED = {"outcome": "invalid", "conditions": [{"status": "False", "message": "model.id is missing"}]}


@pytest.mark.parametrize(
    ("step", "request_", "answer", "message", "why"),
    [
        pytest.param("validate", {}, {"found": False}, "the deployment is not there any more", "", id="gone"),
        pytest.param(
            "validate",
            {},
            {"found": True, "generation": 2, "model": "m"},
            "generation 2 is valid: m",
            "",
            id="valid",
        ),
        pytest.param(
            "validate",
            {},
            {"found": True, "refused": REFUSED},
            "refused: model.id is missing",
            "invalid",
            id="refused",
        ),
        pytest.param(
            "validate",
            {},
            {"found": True, "deleted_at": "x", "finalizers": ["f"]},
            "it is being deleted; held by f",
            "",
            id="deleted",
        ),
        pytest.param(
            "build_model_image", {}, {"digest": "sha256:ab"}, "built and pushed sha256:ab", "", id="built"
        ),
        pytest.param("find_model_image", {}, {"image": None}, "it is not there yet", "", id="no image yet"),
        pytest.param(
            "find_model_image", {}, {"image": {"reference": "r/m@s"}}, "it is there: r/m@s", "", id="an image"
        ),
        pytest.param(
            "find_model_image", {}, {"unanswered": True}, "the registry did not answer", "", id="no registry"
        ),
        pytest.param(
            "select_engine",
            {},
            {"engine": "vllm", "reason": "it fits"},
            "engine vllm",
            "it fits",
            id="engine",
        ),
        pytest.param(
            "evaluate_provider_rules",
            {},
            {"decision": {"outcome": "ok", "provider": {"name": "kaito", "reason": "best"}}, "rule": "true"},
            "provider kaito",
            "best; rule true",
            id="provider",
        ),
        pytest.param(
            "evaluate_provider_rules",
            {},
            {"superseded": True},
            "the deployment has changed meanwhile: decided again",
            "",
            id="superseded",
        ),
        pytest.param(
            "render",
            {},
            {"planned": [{"action": "create", "kind": "Workspace", "name": "chat", "why": "new"}]},
            "to do: create Workspace chat",
            "new",
            id="plan",
        ),
        pytest.param("render", {}, {}, "nothing has to be written", "", id="nothing to do"),
        pytest.param(
            "apply_upstream",
            {"planned": [{"why": "somebody changed it"}]},
            {"objects": [CREATED, CHANGED, SAME], "deleted": ["ConfigMap old"], "finalizer_added": True},
            "created Workspace chat; configured Service chat (spec.replicas); deleted ConfigMap old; "
            "put its finalizer on",
            "somebody changed it",
            id="applied",
        ),
        pytest.param(
            "apply_upstream",
            {},
            {"failure": {"reason": "ResourceConflict", "message": "it is somebody else's"}},
            "it is somebody else's",
            "ResourceConflict",
            id="not applied",
        ),
        pytest.param(
            "read_readiness",
            {},
            {"status": {"phase": "Running", "replicas": {"desired": 2, "ready": 1}, "message": "soon"}},
            "Running, 1/2: soon",
            "",
            id="readiness",
        ),
        pytest.param(
            "read_readiness",
            {},
            {"drifted": ["Service chat: changed"]},
            "not as it was left: Service chat: changed",
            "",
            id="drift",
        ),
        pytest.param("write_status", {"status": {"phase": "Failed"}}, {}, "Failed", "", id="status"),
        pytest.param(
            "release_upstream",
            {},
            {"deleted": ["Workspace chat"], "remaining": ["Pod chat-0"]},
            "deleting Workspace chat; still there: Pod chat-0",
            "",
            id="release",
        ),
        pytest.param("remove_finalizers", {}, {"removed": ["f"]}, "removed f", "", id="finalizers"),
        pytest.param(
            "install_provider",
            {"request": {"provider": "kaito"}},
            {"workflow_id": "provider/here/kaito"},
            "waits for the installation of kaito",
            "",
            id="installation",
        ),
        pytest.param(
            "ensure_registry", {}, {"detail": "it was there"}, "it was there", "", id="one of an image"
        ),
    ],
)
def test_a_step_in_words(
    step: str, request_: dict[str, Any], answer: dict[str, Any], message: str, why: str
) -> None:
    said = said_by(step, request_, answer)

    assert (said.message, said.why) == (message, why)


@pytest.mark.parametrize("step", ["validate", "render", "apply_upstream", "read_readiness", "write_status"])
@pytest.mark.parametrize(
    "answer", [{"planned": 3, "objects": "x", "status": [], "decision": 1, "failure": "?"}]
)
def test_an_answer_of_another_shape_is_no_error(step: str, answer: dict[str, Any]) -> None:
    assert said_by(step, {"planned": [1, None], "status": "x"}, answer).message


@pytest.mark.parametrize(
    ("request_", "answer", "want"),
    [
        ({}, {"generation": 3}, 3),
        ({"rendered_from": {"generation": 4}}, {}, 4),
        ({"status": {"observedGeneration": 5}}, {}, 5),
        ({}, {}, 0),
    ],
)
def test_the_generation_of_a_step(request_: dict[str, Any], answer: dict[str, Any], want: int) -> None:
    assert generation_of(request_, answer) == want


@pytest.mark.parametrize(
    ("name", "payload", "want"),
    [
        pytest.param(
            "internal_object_changed", {"cause": "generation 2"}, "told to look: generation 2", id="hint"
        ),
        pytest.param("internal_image_report", {"phase": "building"}, None, id="progress"),
        pytest.param(
            "internal_image_report",
            {"phase": "ready"},
            "its sender says: the model's image is ready",
            id="image ready",
        ),
        pytest.param(
            "internal_install_report",
            {"provider": "kaito", "succeeded": True},
            "its sender says: provider kaito is installed",
            id="installed",
        ),
        pytest.param(
            "retry",
            {"by": "ann", "reason": "please"},
            "asked for by a signal, in the name of ann",
            id="command",
        ),
        pytest.param("nonsense", {}, "a signal that means nothing here", id="unknown"),
        pytest.param("retry", "no object", "asked for by a signal", id="wrong payload"),
    ],
)
def test_a_signal_in_words(name: str, payload: Any, want: str | None) -> None:
    sent = told_signal(name, [payload], is_deployment=True)

    assert (sent.message if sent else None) == want
