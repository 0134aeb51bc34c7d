"""From a ModelDeployment to a Deployment and a Service."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
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


def test_gpu_type() -> None:
    amd = {"gpu": {"count": 2, "type": "amd.com/gpu"}}
    sliced = {"gpu": {"count": 1, "type": "nvidia.com/mig-1g.5gb"}}

    assert "spec.resources.gpu.type" in (PROVIDER.check(deployment(resources=amd)) or "")
    assert PROVIDER.check(deployment(resources=amd, image="rocm:1")) is None
    assert container(deployment(resources=amd, image="rocm:1"))["resources"]["limits"] == {"amd.com/gpu": "2"}
    assert container(deployment(resources=sliced))["resources"]["limits"] == {"nvidia.com/mig-1g.5gb": "1"}


def test_resources() -> None:
    given = deployment(resources={"memory": "96Gi", "cpu": "12"})

    assert container(given)["resources"] == {
        "limits": {"nvidia.com/gpu": "1", "memory": "96Gi"},
        "requests": {"nvidia.com/gpu": "1", "memory": "96Gi", "cpu": "12"},
    }


@pytest.mark.parametrize(
    ("scaling", "wanted"),
    [
        pytest.param(None, 1, id="absent"),
        pytest.param({"replicas": 3}, 3, id="three"),
        pytest.param({"replicas": 0}, 0, id="scaled to zero"),
    ],
)
def test_replicas(scaling: Any, wanted: int) -> None:
    assert workload(deployment(scaling=scaling))["spec"]["replicas"] == wanted


@pytest.mark.parametrize(("text", "attempts"), [("60", 4), ("600", 58), ("7200", 718)])
def test_deadlines(text: str, attempts: int) -> None:
    rendered = workload(deployment(), env={"AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS": text})

    (server,) = rendered["spec"]["template"]["spec"]["containers"]
    assert rendered["spec"]["progressDeadlineSeconds"] == int(text)
    assert server["startupProbe"]["failureThreshold"] == attempts
    assert 15 + 10 * attempts <= int(text)


def test_a_deadline_that_is_no_number_is_refused() -> None:
    with pytest.raises(RenderError, match="AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS"):
        workload(deployment(), env={"AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS": "1h"})


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


def test_environment() -> None:
    given = deployment(
        env=[
            {"name": "HF_TOKEN", "value": "plain"},
            {"name": "POD_IP", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
            {"name": "EMPTY", "value": ""},
            {"name": "VLLM_CACHE_ROOT", "value": "$(HF_HOME)/vllm"},
        ],
        secrets={"huggingFaceToken": "hf-sec"},
        model={
            "storage": {
                "volumes": [
                    {"name": "w", "purpose": "modelCache", "claimName": "w"},
                    {"name": "c", "purpose": "compilationCache", "claimName": "c"},
                ]
            }
        },
    )

    assert container(given)["env"] == [
        {"name": "HF_HOME", "value": "/model-cache"},
        {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}},
        {"name": "EMPTY"},
        {"name": "VLLM_CACHE_ROOT", "value": "$(HF_HOME)/vllm"},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hf-sec", "key": "HF_TOKEN"}}},
    ]


def test_a_variable_that_is_given_twice_counts_once() -> None:
    given = deployment(
        env=[{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}, {"name": "HF_TOKEN"}],
        secrets={"huggingFaceToken": "hf-sec"},
    )

    assert [(entry["name"], entry.get("value")) for entry in container(given)["env"]] == [
        ("B", None),
        ("A", "2"),
        ("HF_TOKEN", None),
    ]
    assert PROVIDER.ignored_fields(given) == ["spec.env[0]", "spec.env[3]"]


def test_scheduling() -> None:
    given = deployment(
        nodeSelector={"pool": "h100"},
        tolerations=[
            {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 0},
            {"operator": "Exists"},
        ],
    )

    assert pod(given)["nodeSelector"] == {"pool": "h100"}
    assert pod(given)["tolerations"] == [
        {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 0},
        {"key": "", "operator": "Exists"},
    ]


def storage(*volumes: dict[str, Any], gpus: int = 2) -> ModelDeployment:
    return deployment(gpus=gpus, model={"storage": {"volumes": list(volumes)}})


def test_volumes() -> None:
    given = storage(
        {"name": "weights", "purpose": "modelCache", "claimName": "shared", "readOnly": True},
        {"name": "loose", "purpose": "custom", "claimName": "loose"},
    )

    assert pod(given)["volumes"] == [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}},
        {"name": "weights", "persistentVolumeClaim": {"claimName": "shared"}},
        {"name": "loose", "persistentVolumeClaim": {"claimName": "loose"}},
    ]
    assert container(given)["volumeMounts"] == [
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "weights", "mountPath": "/model-cache", "readOnly": True},
    ]


def test_shared_memory_keeps_out_of_the_users_way() -> None:
    given = storage({"name": "shm", "claimName": "c", "mountPath": "/scratch"})

    assert [volume["name"] for volume in pod(given)["volumes"]] == ["dev-shm", "shm"]
    assert container(given)["volumeMounts"][0] == {"name": "dev-shm", "mountPath": "/dev/shm"}


def test_managed_claims() -> None:
    given = storage(
        {
            "name": "a",
            "mountPath": "/a",
            "size": "10Gi",
            "accessMode": "ReadWriteOnce",
            "storageClassName": "f",
        },
        {"name": "b", "mountPath": "/b", "size": 5},
        {"name": "c", "mountPath": "/c", "claimName": "mine"},
    )

    claims = PROVIDER.render(given, RenderContext())[2:]

    assert [(claim["kind"], claim["metadata"]["name"]) for claim in claims] == [
        ("PersistentVolumeClaim", "chat-a"),
        ("PersistentVolumeClaim", "chat-b"),
    ]
    assert claims[0]["metadata"]["labels"] == {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/model-deployment": "chat",
    }
    assert claims[0]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "f",
    }
    assert claims[1]["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5"}},
    }


def test_a_claim_that_two_volumes_name_is_made_once() -> None:
    shared = {"claimName": "weights", "size": "1Gi"}
    given = storage(
        {"name": "a", "mountPath": "/a", **shared}, {"name": "b", "mountPath": "/b", **shared, "size": "2Gi"}
    )

    claims = PROVIDER.render(given, RenderContext())[2:]

    assert [claim["spec"]["resources"]["requests"]["storage"] for claim in claims] == ["1Gi"]


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


def test_another_selector_needs_another_deployment() -> None:
    desired = workload(deployment())
    with_other_selector = {**desired, "spec": {**desired["spec"], "selector": {"matchLabels": {"app": "x"}}}}

    assert PROVIDER.replacement_reason(desired, desired) is None
    assert "selector" in (PROVIDER.replacement_reason(with_other_selector, desired) or "")
    assert PROVIDER.replacement_reason({"kind": "Service"}, {"kind": "Service"}) is None


def test_ignored_fields() -> None:
    given = deployment(scaling={"replicas": 1, "prefill": {"replicas": 1}})

    assert PROVIDER.ignored_fields(given) == ["spec.scaling.prefill"]
    assert PROVIDER.ignored_fields(deployment()) == []


def test_labels_that_give_way_to_ours_are_reported() -> None:
    given = deployment(podTemplate={"metadata": {"labels": {"app": "mine", "team": "x"}}})

    assert PROVIDER.ignored_fields(given) == ["spec.podTemplate.metadata.labels[app]"]
