"""What llm-d takes, and what it says about the fields that it cannot honour."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.testing import deployment
from airunway.providers.llmd import PROVIDER

ONE = {"gpu": {"count": 1}}
SPLIT: dict[str, Any] = {
    "gpus": 0,
    "serving": {"mode": "disaggregated"},
    "scaling": {"prefill": ONE, "decode": ONE},
}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        pytest.param({}, None, id="vllm with a GPU"),
        pytest.param(SPLIT, None, id="disaggregated without spec.resources"),
        pytest.param({"engine": {"type": "sglang"}}, "spec.engine.type", id="another engine"),
        pytest.param({"engine": {"type": None}}, "spec.engine.type", id="no engine"),
        pytest.param({"gpus": 0}, "spec.resources.gpu.count", id="no GPU"),
        pytest.param({**SPLIT, "scaling": {}}, "spec.scaling.prefill", id="prefill is asked for first"),
        pytest.param({**SPLIT, "scaling": {"prefill": ONE}}, "spec.scaling.decode", id="no decode"),
        pytest.param(
            {**SPLIT, "scaling": {"prefill": {}, "decode": {}}},
            "spec.scaling.prefill.gpu.count",
            id="prefill without GPU",
        ),
        pytest.param(
            {**SPLIT, "scaling": {"prefill": ONE, "decode": {}}},
            "spec.scaling.decode.gpu.count",
            id="decode without GPU",
        ),
        pytest.param(
            {"resources": {"gpu": {"count": 1, "type": "amd.com/gpu"}}},
            "spec.resources.gpu.type",
            id="another vendor's GPU with the default image",
        ),
        pytest.param(
            {"image": "e/rocm:1", "resources": {"gpu": {"count": 1, "type": "amd.com/gpu"}}},
            None,
            id="another vendor's GPU with the user's image",
        ),
        pytest.param({"name": "a.b"}, "metadata.name", id="no name for a Service"),
        pytest.param({"name": "a" * 63}, None, id="the longest name"),
        pytest.param({**SPLIT, "name": "a" * 55}, None, id="the longest name with -prefill"),
        pytest.param({**SPLIT, "name": "a" * 56}, "metadata.name", id="too long with -prefill"),
    ],
)
def test_check(fields: dict[str, Any], field: str | None) -> None:
    problem = PROVIDER.check(deployment(**fields))

    assert (problem or "").partition(":")[0] == (field or "")


def test_the_engine_may_come_from_the_status() -> None:
    given = deployment(engine={"type": None}, status={"engine": {"type": "vllm"}})

    assert PROVIDER.check(given) is None


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param({"resources": {**ONE, "cpu": "4", "memory": "8Gi"}}, [], id="everything counts"),
        pytest.param(
            {"scaling": {"replicas": 2, "prefill": ONE, "decode": ONE}},
            ["spec.scaling.prefill", "spec.scaling.decode"],
            id="worker groups without disaggregation",
        ),
        pytest.param(
            {**SPLIT, "scaling": {**SPLIT["scaling"], "replicas": 1}}, [], id="one replica is the default"
        ),
        pytest.param(
            {
                **SPLIT,
                "scaling": {**SPLIT["scaling"], "replicas": 0},
                "resources": {"gpu": {"count": 2}, "memory": "8Gi", "cpu": "4"},
            },
            ["spec.scaling.replicas", "spec.resources.gpu", "spec.resources.memory", "spec.resources.cpu"],
            id="sizes of the other mode",
        ),
        pytest.param(
            {
                "env": [{"name": "A"}, {"name": "HF_TOKEN"}, {"name": "A"}],
                "secrets": {"huggingFaceToken": "hub"},
            },
            ["spec.env[0]", "spec.env[1]"],
            id="variables that a later one replaces",
        ),
        pytest.param(
            {"podTemplate": {"metadata": {"labels": {"app": "x", "team": "a"}}}},
            ["spec.podTemplate.metadata.labels[app]"],
            id="labels that give way",
        ),
    ],
)
def test_ignored_fields(fields: dict[str, Any], want: list[str]) -> None:
    assert PROVIDER.ignored_fields(deployment(**fields)) == want
