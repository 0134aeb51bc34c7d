"""From a ModelDeployment to a Deployment and a Service."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext
from airunway.provider.testing import deployment
from airunway.providers.vllm import PROVIDER
from tests.providers.build import expected

LABELS = {
    "airunway.ai/managed-by": "airunway",
    "airunway.ai/deployment": "chat",
    "airunway.ai/model-source": "huggingface",
    "airunway.ai/engine-type": "vllm",
}
SELECTOR = {"airunway.ai/deployment": "chat", "app": "chat"}
POD_LABELS = {**SELECTOR, "airunway.ai/model-deployment": "chat"}


def workload(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    return PROVIDER.render(given, RenderContext(**context))[0]


def pod(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    found: dict[str, Any] = workload(given, **context)["spec"]["template"]["spec"]
    return found


def container(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    found: dict[str, Any] = pod(given, **context)["containers"][0]
    return found


def test_smallest_deployment() -> None:
    given = deployment(engine={"enablePrefixCaching": True})

    rendered = PROVIDER.render(given, RenderContext(serving_image="vllm/vllm-openai@sha256:1"))

    assert rendered == expected("vllm")


@pytest.mark.parametrize(
    ("given", "path"),
    [
        pytest.param(deployment(), None, id="one GPU"),
        pytest.param(deployment(engine={"type": "sglang"}), "spec.engine.type", id="another engine"),
        pytest.param(deployment(engine={"type": None}), "spec.engine.type", id="no engine"),
        pytest.param(deployment(serving={"mode": "disaggregated"}), "spec.serving.mode", id="disaggregated"),
        pytest.param(deployment(gpus=0), "spec.resources.gpu.count", id="no GPU"),
        pytest.param(deployment(name="7b"), "metadata.name", id="a digit first"),
        pytest.param(deployment(name="a" * 64), "metadata.name", id="64 characters"),
        pytest.param(deployment(name="a.b"), "metadata.name", id="a dot"),
    ],
)
def test_check(given: ModelDeployment, path: str | None) -> None:
    problem = PROVIDER.check(given)

    assert problem is None if path is None else problem and problem.startswith(path)


def test_labels() -> None:
    given = deployment(
        podTemplate={
            "metadata": {
                "labels": {"airunway.ai/managed-by": "me", "app": "mine", "team": "x"},
                "annotations": {"note": "hi"},
            }
        },
        provider={"overrides": {"spec": {"template": {"metadata": {"labels": {"app": "o", "x": "y"}}}}}},
    )

    rendered = workload(given)

    template = rendered["spec"]["template"]["metadata"]
    assert rendered["metadata"]["labels"] == {**LABELS, "app": "mine", "team": "x"}
    assert rendered["metadata"]["annotations"] == template["annotations"] == {"note": "hi"}
    assert template["labels"] == {**POD_LABELS, "airunway.ai/managed-by": "me", "team": "x", "x": "y"}


PINNED = {"image": {"requested": "x", "resolved": " vllm/vllm-openai@sha256:0f "}}


@pytest.mark.parametrize(
    ("given", "context", "wanted"),
    [
        pytest.param(deployment(image="a", engine={"image": "b"}), "c", "b", id="engine.image first"),
        pytest.param(deployment(image="a"), "c", "a", id="a user's image is never replaced"),
        pytest.param(deployment(status=PINNED), "c", "c", id="then what the image step resolved"),
        pytest.param(deployment(status=PINNED), None, "vllm/vllm-openai@sha256:0f", id="then the status"),
        pytest.param(
            deployment(status={"image": {"resolved": " "}}),
            None,
            "vllm/vllm-openai:cu130-nightly",
            id="then the default",
        ),
    ],
)
def test_image(given: ModelDeployment, context: str | None, wanted: str) -> None:
    assert container(given, serving_image=context)["image"] == wanted


def test_ignored_fields() -> None:
    given = deployment(scaling={"replicas": 1, "prefill": {"replicas": 1}})

    assert PROVIDER.ignored_fields(given) == ["spec.scaling.prefill"]
    assert PROVIDER.ignored_fields(deployment()) == []


def test_labels_that_give_way_to_ours_are_reported() -> None:
    given = deployment(podTemplate={"metadata": {"labels": {"app": "mine", "team": "x"}}})

    assert PROVIDER.ignored_fields(given) == ["spec.podTemplate.metadata.labels[app]"]
