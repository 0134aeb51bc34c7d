"""Which presets of KAITO take a token and measure themselves, by version, and what its webhook teaches."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import Phase
from airunway.provider import RefusalVerdict, RenderContext
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from airunway.providers.kaito.presets import KAITO_0_10, PARTITION, WITH_TOKEN, WITHOUT_TOKEN
from tests.deploy.manifests import ROOT

CASES = Path(os.environ.get("AIRUNWAY_CASES", ROOT.parent / "shared" / "cases"))
OLD, NEW = RenderContext(), RenderContext(served_fields=(PARTITION,))
BY_VERSION = pytest.mark.parametrize("context", [OLD, NEW], ids=["0.10", "0.12"])
DENIED = 'admission webhook "validation.workspace.kaito.sh" denied the request: validation failed: '


def given(model: str, *, token: bool = True, **annotations: str) -> ModelDeployment:
    spec: dict[str, Any] = {"model": {"id": model}}
    if token:
        spec["secrets"] = {"huggingFaceToken": "hub"}
    if annotations:
        keys = {f"kaito.sh/{key.replace('_', '-')}": value for key, value in annotations.items()}
        spec["podTemplate"] = {"metadata": {"annotations": keys}}
    return deployment(**spec)


def workspace(of: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    return PROVIDER.render(of, context)[0]


def token_of(of: ModelDeployment, context: RenderContext) -> str | None:
    preset = workspace(of, context)["inference"]["preset"]
    found: str | None = preset.get("presetOptions", {}).get("modelAccessSecret")
    return found


# -- the table -------------------------------------------------------------------------------------------


def recorded() -> list[tuple[str, str, str]]:
    """Preset, what KAITO 0.10's own validation said without a token, and with one."""
    file = CASES / "kaito-presets-0.10.txt"
    if not file.exists():
        pytest.skip(f"{file} is not there; set AIRUNWAY_CASES to the folder of recorded cases")
    lines = [line.split(": ", 1) for line in file.read_text().splitlines()[1:] if ": " in line]
    return [(name, *said.split(" | ")) for name, said in lines]  # type: ignore[misc]


def test_the_table_of_0_10_is_what_its_validation_said_of_every_preset() -> None:
    presets = recorded()

    assert {name.lower() for name, _, said in presets if said == "token refused"} == KAITO_0_10.refuse_token
    assert {name.lower() for name, said, _ in presets if said == "token required"} == KAITO_0_10.need_token
    for name, _, said in presets:
        assert token_of(given(name), OLD) == (None if said == "token refused" else "hub"), name


def test_0_12_takes_a_token_for_each_of_them() -> None:
    assert {token_of(given(name), NEW) for name in KAITO_0_10.refuse_token} == {"hub"}


@BY_VERSION
@pytest.mark.parametrize("model", ["llama-3.1-8b-instruct", "meta-llama/Llama-3.3-70B-Instruct", "acme/own"])
def test_what_downloads_gets_the_token_that_is_given(context: RenderContext, model: str) -> None:
    assert token_of(given(model), context) == "hub"
    assert token_of(given(model, token=False), context) is None


@pytest.mark.parametrize("model", ["phi-4", "microsoft/phi-4", "Microsoft/Phi-4"])
def test_a_token_that_the_preset_takes_none_of_is_said_to_be_ignored(model: str) -> None:
    assert PROVIDER.ignored_here(given(model), OLD) == ["spec.secrets.huggingFaceToken"]
    assert PROVIDER.ignored_here(given(model, token=False), OLD) == []
    assert PROVIDER.ignored_here(given(model), NEW) == []


@BY_VERSION
def test_what_the_webhook_taught_goes_before_the_table(context: RenderContext) -> None:
    taught = {"served_fields": context.served_fields}

    for model in ("acme/own", "phi-4"):
        assert token_of(given(model), RenderContext(learned=(WITHOUT_TOKEN,), **taught)) is None
        assert token_of(given(model), RenderContext(learned=(WITH_TOKEN,), **taught)) == "hub"


# -- what the webhook says -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "token", "verdict"),
    [
        pytest.param(
            "This preset does not require a modelAccessSecret with HF_TOKEN key under presetOptions: "
            "inference.inference",
            True,
            RefusalVerdict(learned=WITHOUT_TOKEN),
            id="a token too many",
        ),
        pytest.param(
            "This preset requires authentication and needs a modelAccessSecret with HF_TOKEN key under"
            " presetOptions to download the model",
            True,
            RefusalVerdict(learned=WITH_TOKEN),
            id="0.12 wants the token",
        ),
        pytest.param(
            "This preset requires a modelAccessSecret with HF_TOKEN key under presetOptions to download the"
            " model",
            True,
            RefusalVerdict(learned=WITH_TOKEN),
            id="older versions want the token",
        ),
        pytest.param("Unsupported inference preset name x", True, RefusalVerdict(), id="another matter"),
        pytest.param("modelAccessSecret", True, RefusalVerdict(), id="the word alone"),
    ],
)
def test_a_refusal_of_the_token_is_understood(said: str, token: bool, verdict: RefusalVerdict) -> None:
    assert PROVIDER.judge_refusal(given("acme/own", token=token), DENIED + said) == verdict


def test_a_preset_that_wants_a_token_which_nobody_gave_says_where_to_give_it() -> None:
    said = "This preset requires authentication and needs a modelAccessSecret with HF_TOKEN key"

    verdict = PROVIDER.judge_refusal(given("llama-3.1-8b-instruct", token=False), DENIED + said)

    assert not verdict.learned
    assert "spec.secrets.huggingFaceToken" in verdict.advice


@pytest.mark.parametrize(
    "said",
    [
        "No nodes found matching the label selector",
        "No nodes found matching the specified label selector: resource",
        "No nodes found with valid GPU features matching label selector: labelSelector",
    ],
)
def test_nodes_that_are_not_there_yet_are_waited_for(said: str) -> None:
    assert "node" in PROVIDER.judge_refusal(given("phi-4"), DENIED + said).waiting


# -- the benchmark ---------------------------------------------------------------------------------------


def annotations(of: ModelDeployment, context: RenderContext) -> dict[str, str]:
    found: dict[str, str] = workspace(of, context)["metadata"]["annotations"]
    return {key: value for key, value in found.items() if key.startswith("kaito.sh/")}


def test_a_preset_is_not_measured_unless_asked() -> None:
    assert annotations(given("acme/own"), NEW) == {"kaito.sh/disable-benchmark": "true"}
    assert annotations(given("acme/own"), OLD) == {}


@pytest.mark.parametrize(
    ("asked", "rendered"),
    [
        ({"disable_benchmark": "false"}, {"kaito.sh/disable-benchmark": "false"}),
        ({"run_benchmark": "true"}, {"kaito.sh/run-benchmark": "true"}),
        ({"disable_benchmark": "true"}, {"kaito.sh/disable-benchmark": "true"}),
        (
            {"run_benchmark": "false"},
            {"kaito.sh/run-benchmark": "false", "kaito.sh/disable-benchmark": "true"},
        ),
    ],
)
def test_a_user_may_ask_for_it(asked: dict[str, str], rendered: dict[str, str]) -> None:
    of = given("acme/own", **asked)

    assert annotations(of, NEW) == rendered
    assert "spec.podTemplate.metadata" not in PROVIDER.ignored_fields(of)


def test_a_template_is_not_measured_in_any_case() -> None:
    of = deployment(engine={"type": "llamacpp"}, image="ghcr.io/kaito-project/aikit/llama3.2:1b")

    assert annotations(of, NEW) == {}


# -- what a live Workspace was made for ------------------------------------------------------------------


@pytest.mark.parametrize("model", ["acme/own", "phi-4"])
@BY_VERSION
def test_a_live_workspace_tells_what_it_was_made_for(context: RenderContext, model: str) -> None:
    live = workspace(given(model), context)

    assert list(PROVIDER.features_of(live)) == list(context.served_fields)


@pytest.mark.parametrize(
    "live", [{}, {"metadata": None, "inference": None}, {"metadata": [], "inference": {"preset": "x"}}]
)
def test_one_that_says_nothing_was_made_for_the_older_version(live: dict[str, Any]) -> None:
    assert list(PROVIDER.features_of(live)) == []


# -- the status of one that was measured -----------------------------------------------------------------


def measured(state: str = "NotReady", **statuses: str) -> dict[str, Any]:
    """As KAITO 0.12 leaves a Workspace whose benchmark failed."""
    words = {"ResourceReady": "True", "InferenceReady": "True", "WorkspaceSucceeded": "False"} | statuses
    failed = {"reason": "BenchmarkFailed", "message": "no result in the pod's log"}
    conditions = [
        {"type": kind, "status": status, **(failed if kind == "WorkspaceSucceeded" else {"reason": "R"})}
        for kind, status in words.items()
    ]
    conditions.append({"type": "BenchmarkCompleted", "status": "False", **failed})
    return {
        "kind": "Workspace",
        "metadata": {"name": "chat", "generation": 1},
        "resource": {"count": 1},
        "status": {"state": state, "conditions": conditions},
    }


@pytest.mark.parametrize("state", ["NotReady", "Pending", ""])
def test_a_model_that_could_not_be_measured_serves(state: str) -> None:
    said = PROVIDER.read_status(measured(state))

    assert said.phase is Phase.RUNNING
    assert said.message == "the model serves, but KAITO's benchmark failed: no result in the pod's log"


@pytest.mark.parametrize("kind", ["ResourceReady", "InferenceReady"])
def test_one_that_is_not_ready_does_not(kind: str) -> None:
    said = PROVIDER.read_status(measured(**{kind: "False"}))

    assert said.phase is Phase.DEPLOYING
    assert said.message
