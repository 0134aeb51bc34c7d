"""The server's command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from airunway.providers.vllm.args import server_args

ALWAYS = ["--host", "0.0.0.0", "--port", "8000"]
MODEL = ["--model", "acme/chat-9b"]


@dataclass(frozen=True)
class Case:
    reason: str
    given: ModelDeployment
    want: list[str]


def engine(**fields: Any) -> ModelDeployment:
    return deployment(engine=fields)


CASES = [
    Case("only a model", deployment(), [*ALWAYS, *MODEL]),
    Case(
        "every field, in the contract's order",
        deployment(
            model={"servedName": "chat"},
            engine={
                "contextLength": 8192,
                "trustRemoteCode": True,
                "enforceEager": True,
                "enablePrefixCaching": True,
            },
            gpus=2,
        ),
        [
            *ALWAYS,
            *MODEL,
            "--served-model-name",
            "chat",
            "--max-model-len",
            "8192",
            "--trust-remote-code",
            "--enforce-eager",
            "--enable-prefix-caching",
            "--tensor-parallel-size",
            "2",
        ],
    ),
    Case("a context length of 0 is one", engine(contextLength=0), [*ALWAYS, *MODEL, "--max-model-len", "0"]),
    Case(
        "prefix caching is switched off where the user says so",
        engine(enablePrefixCaching=False, enforceEager=True),
        [*ALWAYS, *MODEL, "--enforce-eager", "--no-enable-prefix-caching"],
    ),
    Case(
        "a user's own flag decides about prefix caching",
        engine(enablePrefixCaching=False, args={"enable_prefix_caching": ""}),
        [*ALWAYS, *MODEL, "--enable_prefix_caching"],
    ),
    Case("without a model id there is no --model", deployment(model={"id": ""}), ALWAYS),
    Case(
        "args are sorted bytewise, an empty value is a bare flag",
        engine(args={"b": "", "B": "1", "_a": "true"}),
        [*ALWAYS, *MODEL, "--B", "1", "--_a", "true", "--b"],
    ),
    Case(
        "an arg replaces the derived flag",
        engine(contextLength=1, args={"max-model-len": "2"}),
        [*ALWAYS, *MODEL, "--max-model-len", "2"],
    ),
    Case(
        "so does an extra argument with =",
        engine(contextLength=1, extraArgs=["--max-model-len=2"]),
        [*ALWAYS, *MODEL, "--max-model-len=2"],
    ),
    Case(
        "underscores are dashes to vLLM",
        engine(contextLength=1, args={"max_model_len": "2"}),
        [*ALWAYS, *MODEL, "--max_model_len", "2"],
    ),
    Case(
        "a negation replaces it too",
        engine(enablePrefixCaching=True, extraArgs=["--no-enable-prefix-caching"]),
        [*ALWAYS, *MODEL, "--no-enable-prefix-caching"],
    ),
    Case(
        "and a short form",
        deployment(gpus=4, engine={"extraArgs": ["-tp", "2"]}),
        [*ALWAYS, *MODEL, "-tp", "2"],
    ),
    Case("the model can be replaced", engine(args={"model": "x"}), [*ALWAYS, "--model", "x"]),
    Case(
        "values and odd tokens are passed on",
        engine(extraArgs=["--a", "-1", "---x", "--", "tp"]),
        [*ALWAYS, *MODEL, "--a", "-1", "---x", "--", "tp"],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_server_args(case: Case) -> None:
    assert server_args(case.given) == case.want


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        pytest.param({"args": {"port": "1"}}, "'port'", id="port"),
        pytest.param({"args": {" --port=9": ""}}, "'port'", id="port in disguise"),
        pytest.param({"extraArgs": ["--host=x"]}, "--host", id="host as an extra argument"),
        pytest.param({"extraArgs": ["--port =1"]}, "--port", id="a space before ="),
        pytest.param({"extraArgs": ["-port", "1"]}, "--port", id="one dash"),
        pytest.param({"args": {"a": "1"}, "extraArgs": ["--a"]}, "--a is also set", id="twice"),
        pytest.param({"args": {"bad key": ""}}, "'bad key' is not a flag", id="a space"),
        pytest.param({"args": {"": "1"}}, "'' is not a flag", id="empty"),
        pytest.param({"args": {"-x": ""}}, "'-x' is not a flag", id="a dash first"),
        pytest.param(
            {"args": {"a=b": ""}}, "'a' is not a flag", id="an equals sign, whose other side may be a secret"
        ),
        pytest.param({"args": {"a\n": ""}}, "is not a flag", id="a line end"),
    ],
)
def test_refuses_flags(fields: dict[str, Any], part: str) -> None:
    with pytest.raises(RenderError) as caught:
        server_args(engine(**fields))

    assert part in str(caught.value)


def test_flags_follow_the_grammar_of_the_engine() -> None:
    words = {"enable-auto-tool-choice": "true", "enable-chunked-prefill": "off", "served-model-name": "a b"}
    given = engine(args=words, extraArgs=["--enable-lora=yes"])

    assert server_args(given)[len([*ALWAYS, *MODEL]) :] == [
        *("--enable-auto-tool-choice", "--no-enable-chunked-prefill", "--served-model-name", "a", "b"),
        "--enable-lora",
    ]


def test_an_older_image_is_written_to_by_its_own_table() -> None:
    args = {"enable-auto-tool-choice": "false"}

    new, old = (engine(args=args, image=f"vllm/vllm-openai:{tag}") for tag in ("v0.26.0", "v0.9.1"))

    assert server_args(new)[-1] == "--no-enable-auto-tool-choice"
    assert server_args(old) == [*ALWAYS, *MODEL]


def test_a_word_that_switches_off_replaces_the_field() -> None:
    given = engine(
        enforceEager=True, trustRemoteCode=True, args={"enforce_eager": "no", "trust-remote-code": ""}
    )

    assert server_args(given) == [*ALWAYS, *MODEL, "--no-enforce_eager", "--trust-remote-code"]


def test_the_same_flag_in_two_spellings_is_left_to_the_server() -> None:
    given = engine(args={"a_b": "1"}, extraArgs=["--a-b=2"])

    assert server_args(given)[-3:] == ["--a_b", "1", "--a-b=2"]
