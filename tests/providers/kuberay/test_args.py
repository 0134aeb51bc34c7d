"""Engine flags: the text for an image of the user's, and the options of Ray Serve LLM."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER
from tests.providers.kuberay.build import OWN_IMAGE, head, service, split, variables


def engine(**fields: Any) -> dict[str, Any]:
    return {"engine": fields}


MODEL = "--model acme/chat-9b"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        pytest.param(deployment(), MODEL, id="the model only"),
        pytest.param(
            deployment(
                gpus=4,
                model={"servedName": "chat"},
                **engine(
                    contextLength=8192,
                    trustRemoteCode=True,
                    enforceEager=True,
                    enablePrefixCaching=False,
                    args={"b": "2", "C": "", "a": "1"},
                    extraArgs=["--seed=5", "--x", "y"],
                ),
            ),
            f"{MODEL} --max-model-len 8192 --served-model-name chat --trust-remote-code --enforce-eager "
            "--no-enable-prefix-caching --tensor-parallel-size 4 --C --a 1 --b 2 --seed=5 --x y",
            id="all fields in order",
        ),
        pytest.param(
            deployment(**engine(enablePrefixCaching=True)), MODEL, id="prefix caching is the engine's default"
        ),
        pytest.param(
            deployment(gpus=2, **engine(args={"tensor_parallel_size": "1"})),
            f"{MODEL} --tensor_parallel_size 1",
            id="another spelling of a derived flag",
        ),
        pytest.param(
            deployment(gpus=2, **engine(extraArgs=["-tp", "1"])), f"{MODEL} -tp 1", id="a short form of one"
        ),
        pytest.param(
            deployment(**engine(enablePrefixCaching=False, args={"enable-prefix-caching": ""})),
            f"{MODEL} --enable-prefix-caching",
            id="the flag wins over the field",
        ),
        pytest.param(
            deployment(**engine(args={"model": "/data/m"})), "--model /data/m", id="a model of the user's"
        ),
        pytest.param(
            deployment(**engine(args={"rope-scaling": '{"factor": 4}', "t": "it's"})),
            MODEL + " --rope-scaling '{\"factor\": 4}' --t 'it'\"'\"'s'",
            id="quoted for a shell",
        ),
        pytest.param(deployment(model={"id": ""}, image=OWN_IMAGE), "", id="no model, no flag"),
        pytest.param(
            split(prefill={"gpu": {"count": 2}}, decode={"gpu": {"count": 2}}),
            f"{MODEL} --tensor-parallel-size 2",
            id="both roles have the same GPUs",
        ),
        pytest.param(split(prefill={"gpu": {"count": 2}}), MODEL, id="roles with different GPUs"),
        pytest.param(
            deployment(gpus=8, **engine(args={"pipeline-parallel-size": "2"})),
            f"{MODEL} --pipeline-parallel-size 2",
            id="one worker cannot be two stages of all its GPUs",
        ),
        pytest.param(
            deployment(gpus=8, scaling={"replicas": 2}, **engine(args={"pipeline-parallel-size": "2"})),
            f"{MODEL} --tensor-parallel-size 8 --pipeline-parallel-size 2",
            id="each stage has a worker",
        ),
        pytest.param(
            deployment(gpus=4, **engine(extraArgs=["-dp", "4"])), f"{MODEL} -dp 4", id="data parallel"
        ),
    ],
)
def test_engine_arguments(given: ModelDeployment, text: str) -> None:
    assert variables(head(given))["VLLM_ENGINE_ARGS"] == text


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param(deployment(**engine(args={"port": "1"})), "spec.engine.args", id="Ray Serve listens"),
        pytest.param(deployment(**engine(extraArgs=["--host=x"])), "spec.engine.extraArgs", id="host"),
        pytest.param(deployment(**engine(args={"bad key": "1"})), "spec.engine.args", id="no flag name"),
        pytest.param(
            deployment(**engine(args={"a": "1"}, extraArgs=["--a", "2"])),
            "spec.engine.extraArgs",
            id="in both fields",
        ),
        pytest.param(deployment(**engine(extraArgs=["serve"])), "spec.engine.extraArgs", id="a value alone"),
        pytest.param(deployment(**engine(extraArgs=["--x", "-v"])), "spec.engine.extraArgs", id="-v"),
        pytest.param(deployment(**engine(extraArgs=["--", "x"])), "spec.engine.extraArgs", id="two dashes"),
        pytest.param(
            deployment(**engine(args={"served-model-name": ""})), "served-model-name", id="a name is needed"
        ),
    ],
)
def test_refused_arguments(given: ModelDeployment, field: str) -> None:
    with pytest.raises(RenderError, match=field):
        PROVIDER.render(given, RenderContext())


def test_an_image_of_the_users_takes_any_token() -> None:
    given = deployment(image=OWN_IMAGE, **engine(extraArgs=["serve", "-v", "--", "a b"]))

    assert variables(head(given))["VLLM_ENGINE_ARGS"] == f"{MODEL} serve -v -- 'a b'"


@pytest.mark.parametrize(
    ("fields", "options"),
    [
        pytest.param(
            {"args": {"max-num-seqs": "8", "swap_space": "0.5"}},
            {"max_num_seqs": 8, "swap_space": 0.5},
            id="numbers",
        ),
        pytest.param(
            {"args": {"a": "true", "b": "False", "c": ""}}, {"a": True, "b": False, "c": True}, id="switches"
        ),
        pytest.param(
            {"args": {"rope": '{"f": [1]}', "l": "[1, 2]"}}, {"rope": {"f": [1]}, "l": [1, 2]}, id="JSON"
        ),
        pytest.param(
            {"args": {"a": "{bad", "b": "yes", "c": "0123", "d": "1e999", "e": '{"x": NaN}', "f": "null"}},
            {"a": "{bad", "b": "yes", "c": "0123", "d": "1e999", "e": '{"x": NaN}', "f": "null"},
            id="texts stay texts",
        ),
        pytest.param({"args": {"revision": "123"}}, {"revision": "123"}, id="a revision is a text"),
        pytest.param({"args": {"no-enable-x": ""}}, {"enable_x": False}, id="a negation"),
        pytest.param({"args": {"tp": "2"}}, {"tensor_parallel_size": 2}, id="short form as a key"),
        pytest.param(
            {"extraArgs": ["--seed=5", "--lora-modules", "a=b", "c=d", "--n", "-1", "-tp=2", "--flag"]},
            {"seed": 5, "lora_modules": ["a=b", "c=d"], "n": -1, "tensor_parallel_size": 2, "flag": True},
            id="tokens",
        ),
        pytest.param(
            {
                "contextLength": 4096,
                "trustRemoteCode": True,
                "enforceEager": True,
                "enablePrefixCaching": False,
            },
            {
                "max_model_len": 4096,
                "trust_remote_code": True,
                "enforce_eager": True,
                "enable_prefix_caching": False,
            },
            id="fields",
        ),
        pytest.param(
            {"contextLength": 4096, "args": {"max_model_len": "1"}, "extraArgs": ["--max-model-len=2"]},
            {"max_model_len": 2},
            id="the user's flag wins, the later one over the earlier",
        ),
        pytest.param(
            {"args": {"a": "\x85\u2028\ufeff😀\x01"}}, {"a": "\x85\u2028\ufeff😀\x01"}, id="odd characters"
        ),
    ],
)
def test_options_of_the_stock_image(fields: dict[str, Any], options: dict[str, Any]) -> None:
    written = service(deployment(**engine(**fields)))["spec"]["serveConfigV2"]

    (model,) = yaml.safe_load(written)["applications"][0]["args"]["llm_configs"]
    assert model["engine_kwargs"] == options


WORDS = {"enable-auto-tool-choice": "yes", "enable-chunked-prefill": "off", "cudagraph-capture-sizes": "1,2"}


def test_flags_follow_the_grammar_of_the_engine() -> None:
    given = deployment(image=OWN_IMAGE, **engine(args=WORDS, extraArgs=["--enable-lora=1"]))

    assert variables(head(given))["VLLM_ENGINE_ARGS"] == (
        f"{MODEL} --cudagraph-capture-sizes 1 2 --enable-auto-tool-choice --no-enable-chunked-prefill "
        "--enable-lora"
    )


def test_options_have_the_types_that_the_engine_wants() -> None:
    (application,) = yaml.safe_load(service(deployment(**engine(args=WORDS)))["spec"]["serveConfigV2"])[
        "applications"
    ]

    assert application["args"]["llm_configs"][0]["engine_kwargs"] == {
        "cudagraph_capture_sizes": [1, 2],
        "enable_auto_tool_choice": True,
        "enable_chunked_prefill": False,
    }
