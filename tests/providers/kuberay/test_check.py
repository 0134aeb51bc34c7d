"""Which deployments KubeRay takes, and which given fields it cannot honour."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER
from tests.providers.kuberay.build import OWN_IMAGE, split


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param(deployment(engine={"type": "sglang"}), "spec.engine.type", id="only vllm"),
        pytest.param(deployment(engine={"type": None}), "spec.engine.type", id="no engine yet"),
        pytest.param(deployment(gpus=0), "spec.resources.gpu.count", id="no GPU"),
        pytest.param(
            split(prefill={"gpu": {"count": 0}}), "spec.scaling.prefill.gpu.count", id="prefill without GPU"
        ),
        pytest.param(split(decode={"gpu": None}), "spec.scaling.decode.gpu.count", id="decode without GPU"),
        pytest.param(split(scaling={}), "spec.scaling.prefill.gpu.count", id="no roles"),
        pytest.param(split(scaling=None, gpus=2), "spec.scaling.prefill.gpu.count", id="GPUs without roles"),
        pytest.param(deployment(model={"id": ""}), "spec.model.id", id="the stock image holds no model"),
        pytest.param(deployment(name="x" * 41), "metadata.name", id="KubeRay would shorten the Service"),
        pytest.param(deployment(name="7b"), "metadata.name", id="a Service starts with a letter"),
        pytest.param(deployment(name="v1.2"), "metadata.name", id="a Service has no dots"),
    ],
)
def test_why_it_cannot_be_taken(given: ModelDeployment, field: str) -> None:
    problem = PROVIDER.check(given)

    assert problem is not None
    assert problem.startswith(f"{field}: ")
    with pytest.raises(RenderError, match=field):
        PROVIDER.render(given, RenderContext())


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(deployment(), id="one GPU"),
        pytest.param(deployment(name="x" * 40), id="the longest name"),
        pytest.param(
            deployment(engine={"type": None}, status={"engine": {"type": "vllm"}}), id="engine chosen"
        ),
        pytest.param(deployment(model={"id": ""}, image=OWN_IMAGE), id="model in the image"),
        pytest.param(split(), id="both roles"),
        pytest.param(split(decode={"replicas": 0}), id="a role scaled to zero"),
    ],
)
def test_what_it_takes(given: ModelDeployment) -> None:
    assert PROVIDER.check(given) is None


@pytest.mark.parametrize(
    ("given", "paths"),
    [
        pytest.param(deployment(), [], id="all honoured"),
        pytest.param(
            deployment(scaling={"replicas": 2, "prefill": {}, "decode": {}}),
            ["spec.scaling.prefill", "spec.scaling.decode"],
            id="roles in aggregated mode",
        ),
        pytest.param(
            split(scaling={"replicas": 3, **split().spec.scaling.dump()}),  # type: ignore[union-attr]
            ["spec.scaling.replicas"],
            id="replicas in disaggregated mode",
        ),
        pytest.param(
            split(scaling={"replicas": 3, **split().spec.scaling.dump()}, image=OWN_IMAGE),  # type: ignore[union-attr]
            [],
            id="the user's own application counts replicas",
        ),
        pytest.param(split(gpus=2), ["spec.resources.gpu"], id="GPUs outside the roles"),
        pytest.param(
            deployment(
                env=[{"name": "A"}, {"name": "HF_TOKEN"}, {"name": "A"}], secrets={"huggingFaceToken": "s"}
            ),
            ["spec.env[0]", "spec.env[1]"],
            id="replaced variables",
        ),
        pytest.param(
            deployment(
                podTemplate={
                    "metadata": {
                        "labels": {"airunway.ai/managed-by": "me", "airunway.ai/deployment": "chat", "a": "b"}
                    }
                }
            ),
            ["spec.podTemplate.metadata.labels[airunway.ai/managed-by]"],
            id="a reserved label",
        ),
    ],
)
def test_ignored_fields(given: ModelDeployment, paths: list[str]) -> None:
    found: Any = PROVIDER.ignored_fields(given)

    assert found == paths
