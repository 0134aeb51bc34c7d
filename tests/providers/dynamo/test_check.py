"""Which deployments Dynamo takes."""

from __future__ import annotations

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from tests.providers.dynamo.rendered import MOCKER, disaggregated, engine, graph

NO_GPU = {"scaling": {"prefill": {"replicas": 1}, "decode": {"replicas": 1}}}


def without_engine() -> ModelDeployment:
    given = deployment()
    given.spec.engine = None
    return given


@pytest.mark.parametrize(
    ("given", "field"),
    [
        pytest.param(deployment(), None, id="one GPU"),
        pytest.param(disaggregated(), None, id="GPUs in both groups"),
        pytest.param(deployment(gpus=0, annotations=MOCKER), None, id="the mocker needs no GPU"),
        pytest.param(disaggregated(annotations=MOCKER, **NO_GPU), None, id="nor in groups"),
        pytest.param(engine("llamacpp"), "spec.engine.type", id="llama.cpp"),
        pytest.param(without_engine(), "spec.engine.type", id="no engine"),
        pytest.param(
            deployment(engine={"type": "sglang"}, annotations=MOCKER),
            "spec.engine.type",
            id="the mocker is a vllm",
        ),
        pytest.param(
            disaggregated(engine={"type": "trtllm"}), "spec.serving.mode", id="trtllm is not disaggregated"
        ),
        pytest.param(deployment(gpus=0), "spec.resources.gpu.count", id="no GPU"),
        pytest.param(disaggregated(scaling=None), "spec.scaling.prefill", id="no groups"),
        pytest.param(
            disaggregated(annotations=MOCKER, scaling={"prefill": {"replicas": 1}}),
            "spec.scaling.decode",
            id="the mocker needs both groups",
        ),
        pytest.param(disaggregated(**NO_GPU), "spec.scaling.prefill.gpu.count", id="groups without GPUs"),
        pytest.param(
            disaggregated(scaling={"prefill": {"gpu": {"count": 1}}, "decode": {}}),
            "spec.scaling.decode.gpu.count",
            id="decode without GPUs",
        ),
        pytest.param(deployment(name="v1.2"), "metadata.name", id="a dot"),
        pytest.param(deployment(name="4b-chat"), "metadata.name", id="a digit first"),
        pytest.param(
            deployment(resources={"gpu": {"count": 1, "type": "amd.com/gpu"}}),
            "spec.resources.gpu.type",
            id="GPUs that the default image is not made for",
        ),
        pytest.param(
            deployment(annotations={"airunway.ai/rollout": "Sudden"}),
            "metadata.annotations[airunway.ai/rollout]",
            id="an unknown roll-out",
        ),
    ],
)
def test_check(given: ModelDeployment, field: str | None) -> None:
    problem = PROVIDER.check(given)

    assert problem is None if field is None else (problem or "").startswith(f"{field}: ")


def test_render_refuses_what_the_check_refuses() -> None:
    with pytest.raises(RenderError, match=r"spec\.resources\.gpu\.count"):
        graph(deployment(gpus=0))
