"""From a ModelDeployment to Deployments, Services and claims."""

from __future__ import annotations

import pytest

from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from tests.providers.build import expected
from tests.providers.llmd.rendered import GPU, objects, split, workloads


def test_aggregated_as_in_the_contracts_first_example() -> None:
    given = deployment(
        name="mistral",
        gpus=2,
        model={"id": "mistralai/Mistral-7B-Instruct-v0.3", "servedName": "mistral-7b"},
        provider={
            "overrides": {
                "spec": {"minReadySeconds": 20, "template": {"metadata": {"annotations": {"x": "y"}}}}
            }
        },
        engine={
            "contextLength": 8192,
            "enablePrefixCaching": True,
            "args": {"max-num-seqs": "64", "disable-log-requests": ""},
            "extraArgs": ["--dtype=bfloat16"],
        },
        scaling={"replicas": 2},
        resources={"gpu": {"count": 2, "type": GPU}, "memory": "40Gi", "cpu": "8"},
        env=[{"name": "VLLM_LOGGING_LEVEL", "value": "INFO"}],
        podTemplate={
            "metadata": {"labels": {"team": "search", "app": "spoof"}, "annotations": {"note": "hi"}}
        },
        secrets={"huggingFaceToken": "hf"},
        nodeSelector={"pool": "gpu"},
        tolerations=[{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}, {"key": "t2"}],
    )

    assert objects(given) == expected("llmd")


def test_disaggregated_renders_decode_first_then_prefill_then_their_services() -> None:
    rendered = objects(split())

    assert [(obj["kind"], obj["metadata"]["name"]) for obj in rendered] == [
        ("Deployment", "chat-decode"),
        ("Deployment", "chat-prefill"),
        ("Service", "chat-decode"),
        ("Service", "chat-prefill"),
    ]
    decode, prefill = rendered[:2]
    for obj, replicas, gpus, memory in ((decode, 2, "4", "96Gi"), (prefill, 1, "1", "24Gi")):
        (server,) = obj["spec"]["template"]["spec"]["containers"]
        assert obj["spec"]["replicas"] == replicas
        assert server["resources"]["limits"] == {GPU: gpus, "memory": memory}
        assert server["resources"]["requests"] == server["resources"]["limits"]
    for obj in rendered[2:]:
        selector = {"airunway.ai/deployment": "chat", "app": obj["metadata"]["name"]}
        assert obj["spec"]["selector"] == selector


def test_pod_labels() -> None:
    labels = {"team": "a", "app": "mine", "airunway.ai/model-deployment": "other"}

    found = workloads(split(podTemplate={"metadata": {"labels": labels}}))

    assert found["chat-decode"]["spec"]["template"]["metadata"]["labels"] == {
        "team": "a",
        "app": "chat-decode",
        "airunway.ai/deployment": "chat",
        "airunway.ai/model-deployment": "chat",
    }
    assert found["chat-prefill"]["spec"]["template"]["metadata"]["labels"] == {
        "team": "a",
        "app": "chat-prefill",
        "airunway.ai/deployment": "chat",
    }


def test_reserved_labels_win() -> None:
    labels = {"airunway.ai/managed-by": "me", "airunway.ai/engine-type": "other", "team": "a"}

    rendered = objects(deployment(podTemplate={"metadata": {"labels": labels}}))

    assert rendered[0]["metadata"]["labels"] == {**rendered[1]["metadata"]["labels"], "team": "a"}


def test_refuses_what_the_check_refuses() -> None:
    with pytest.raises(RenderError, match=r"spec\.resources\.gpu\.count"):
        objects(deployment(gpus=0))
