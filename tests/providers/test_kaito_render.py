"""From a ModelDeployment to a Workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from tests.providers.build import expected, runner


def workspace(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    return PROVIDER.render(given, RenderContext(**context))[0]


def test_preset_for_vllm_as_in_the_contracts_first_example() -> None:
    given = deployment(
        name="qwen",
        model={"id": "Qwen/Qwen3-0.6B"},
        scaling={"replicas": 1},
        nodeSelector={"pool": "a100"},
    )

    assert [workspace(given)] == expected("kaito")


@dataclass(frozen=True)
class CheckCase:
    reason: str
    given: ModelDeployment
    refused_for: str | None


CHECKS = [
    CheckCase("vllm is served as a preset", deployment(), None),
    CheckCase("sglang is not KAITO's", deployment(engine={"type": "sglang"}), "spec.engine.type"),
    CheckCase("trtllm is not KAITO's", deployment(engine={"type": "trtllm"}), "spec.engine.type"),
    CheckCase(
        "disaggregated serving is not KAITO's",
        deployment(serving={"mode": "disaggregated"}),
        "spec.serving.mode",
    ),
    CheckCase(
        "llama.cpp needs an image", runner(image=None, model={"source": "custom"}), "spec.engine.image"
    ),
    CheckCase("one is built of a model of Hugging Face", runner(image=None), None),
    CheckCase(
        "direct mode needs a runner",
        runner(image=None, engine={"args": {"ggufUrl": "https://hub.example.com/m.gguf"}}),
        "spec.engine.image",
    ),
    CheckCase("engine.image alone will do", runner(image=None, engine={"image": "i"}), None),
    CheckCase("an engine unknown so far passes here", deployment(engine={"type": None}), None),
    CheckCase("a name with a digit first names no Service", deployment(name="7b"), "metadata.name"),
    CheckCase("a name of 64 characters names no Service", deployment(name="a" * 64), "metadata.name"),
]


@pytest.mark.parametrize("case", CHECKS, ids=lambda case: case.reason)
def test_check(case: CheckCase) -> None:
    problem = PROVIDER.check(case.given)

    assert problem is None if case.refused_for is None else problem and problem.startswith(case.refused_for)


def test_reserved_labels_win() -> None:
    given = runner(
        podTemplate={
            "metadata": {
                "labels": {"airunway.ai/model-deployment": "hijack", "tier": "gold"},
                "annotations": {"note": "n"},
            }
        }
    )

    rendered = workspace(given)

    assert rendered["metadata"]["labels"]["airunway.ai/model-deployment"] == "chat"
    assert rendered["metadata"]["labels"]["tier"] == "gold"
    assert rendered["inference"]["template"]["metadata"] == {
        "labels": {"airunway.ai/model-deployment": "chat", "tier": "gold"},
        "annotations": {"note": "n"},
    }


@dataclass(frozen=True)
class NodeCase:
    reason: str
    given: ModelDeployment
    labels: dict[str, str]


OS = {"kubernetes.io/os": "linux"}
NVIDIA = {"nvidia.com/gpu.present": "true"}
NODES = [
    NodeCase("no GPU, no GPU label", deployment(gpus=0), OS),
    NodeCase(
        "a GPU wants the label, whatever the user writes",
        deployment(nodeSelector={**NVIDIA, "nvidia.com/gpu.present": "no"}),
        {**OS, **NVIDIA},
    ),
    NodeCase(
        "the user may choose another system",
        deployment(gpus=0, nodeSelector={"kubernetes.io/os": "w"}),
        {"kubernetes.io/os": "w"},
    ),
    NodeCase(
        "an AMD template runs on AMD nodes",
        runner(resources={"gpu": {"count": 1, "type": "amd.com/gpu"}}),
        OS,
    ),
    NodeCase(
        "a slice of a NVIDIA GPU is one",
        runner(resources={"gpu": {"count": 1, "type": "nvidia.com/mig-1g.5gb"}}),
        {**OS, **NVIDIA},
    ),
    NodeCase(
        "presets run on NVIDIA GPUs only",
        deployment(resources={"gpu": {"count": 1, "type": "amd.com/gpu"}}),
        {**OS, **NVIDIA},
    ),
]


@pytest.mark.parametrize("case", NODES, ids=lambda case: case.reason)
def test_node_selector(case: NodeCase) -> None:
    assert workspace(case.given)["resource"]["labelSelector"]["matchLabels"] == case.labels


def test_preset() -> None:
    token = {"huggingFaceToken": "hub"}

    gated = workspace(deployment(secrets=token))["inference"]["preset"]
    short = workspace(deployment(secrets=token, model={"id": "phi-4"}))["inference"]["preset"]

    assert gated == {"name": "acme/chat-9b", "presetOptions": {"modelAccessSecret": "hub"}}
    assert short == {"name": "phi-4"}


@pytest.mark.parametrize(
    ("env", "gpus", "wanted"),
    [
        pytest.param({"ON": " Yes ", "GPU": " nc6 ", "CPU": "d8"}, 1, "nc6", id="GPU type, trimmed"),
        pytest.param({"ON": "enabled", "GPU": "nc6", "CPU": "d8"}, 0, "d8", id="CPU type"),
        pytest.param({"ON": "true", "GPU": "  "}, 1, None, id="no type is named"),
        pytest.param({"ON": "no", "GPU": "nc6"}, 1, None, id="switched off"),
        pytest.param({"GPU": "nc6"}, 1, None, id="off by default"),
    ],
)
def test_instance_type(env: dict[str, str], gpus: int, wanted: str | None) -> None:
    names = {
        "ON": "AIRUNWAY_KAITO_NODE_AUTO_PROVISIONING",
        "GPU": "AIRUNWAY_KAITO_GPU_INSTANCE_TYPE",
        "CPU": "AIRUNWAY_KAITO_CPU_INSTANCE_TYPE",
    }

    rendered = workspace(deployment(gpus=gpus), env={names[key]: value for key, value in env.items()})

    assert rendered["resource"].get("instanceType") == wanted


def test_overrides_merge_and_null_deletes() -> None:
    given = deployment(
        provider={
            "overrides": {
                "resource": {
                    "count": 3,
                    "labelSelector": {"matchLabels": {"nvidia.com/gpu.present": None, "v": "x"}},
                },
                "inference": {"config": "tuned", "preset": {"accessMode": "private"}},
            }
        }
    )

    rendered = workspace(given)

    assert rendered["resource"] == {"count": 3, "labelSelector": {"matchLabels": {**OS, "v": "x"}}}
    assert rendered["inference"] == {
        "preset": {"name": "acme/chat-9b", "accessMode": "private"},
        "config": "tuned",
    }


@pytest.mark.parametrize(
    ("overrides", "path"),
    [
        pytest.param({"kind": "Pod"}, "kind", id="another kind"),
        pytest.param({"metadata": None}, "metadata", id="metadata, even null"),
        pytest.param([1], "must be a JSON object", id="a list"),
        pytest.param("x", "must be a JSON object", id="a text"),
    ],
)
def test_refuses_overrides(overrides: Any, path: str) -> None:
    with pytest.raises(RenderError, match=path):
        workspace(deployment(provider={"overrides": overrides}))


def test_refuses_an_engine_it_does_not_know() -> None:
    with pytest.raises(RenderError, match=r"spec\.engine\.type"):
        workspace(deployment(engine={"type": None}))


def test_ignored_fields_of_a_preset() -> None:
    given = deployment(
        model={"servedName": "s", "storage": {"volumes": [{"name": "v", "claimName": "c"}]}},
        engine={
            "contextLength": 1,
            "trustRemoteCode": True,
            "enablePrefixCaching": False,
            "args": {"a": "1"},
        },
        scaling={"replicas": 2},
        image="i",
        env=[{"name": "A"}],
        tolerations=[{"operator": "Exists"}],
        resources={"gpu": {"count": 4, "type": "amd.com/gpu"}, "cpu": "1", "memory": "1Gi"},
    )

    assert PROVIDER.ignored_fields(given) == [
        "spec.model.servedName",
        "spec.engine.contextLength",
        "spec.engine.trustRemoteCode",
        "spec.engine.enablePrefixCaching",
        "spec.scaling.replicas",
        "spec.image",
        "spec.engine.args",
        "spec.env",
        "spec.resources.cpu",
        "spec.resources.memory",
        "spec.resources.gpu.count",
        "spec.tolerations",
        "spec.model.storage",
    ]


def test_ignored_fields_of_a_template() -> None:
    given = runner(
        engine={"args": {"ggufUrl": "u", "threads": "8"}, "extraArgs": ["--x"]},
        tolerations=[{"operator": "Exists"}],
        env=[{"name": "A"}],
    )

    assert PROVIDER.ignored_fields(given) == ["spec.engine.extraArgs", "spec.engine.args.threads"]


def test_what_gives_way_is_reported() -> None:
    given = runner(
        engine={"enablePrefixCaching": False},
        env=[{"name": "HF_TOKEN", "value": "mine"}],
        secrets={"huggingFaceToken": "hf"},
        podTemplate={"metadata": {"labels": {"team": "x", "airunway.ai/managed-by": "me"}}},
    )

    assert PROVIDER.ignored_fields(given) == [
        "spec.engine.enablePrefixCaching",
        "spec.env[0]",
        "spec.podTemplate.metadata.labels[airunway.ai/managed-by]",
    ]


@pytest.mark.parametrize(
    "model",
    [
        pytest.param({"source": "custom"}, id="the image holds a model"),
        pytest.param({"id": ""}, id="no model is named"),
    ],
)
def test_a_url_that_no_server_gets_is_reported(model: dict[str, Any]) -> None:
    given = runner(model=model, engine={"args": {"ggufUrl": "https://example.com/a.gguf"}})

    assert PROVIDER.ignored_fields(given) == ["spec.engine.args.ggufUrl"]


def test_nothing_is_ignored_when_nothing_is_asked_for() -> None:
    assert PROVIDER.ignored_fields(deployment(scaling={"replicas": 1})) == []
