"""The RayService and its pod templates."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER
from airunway.providers.kuberay.replacement import CLUSTER_DIGEST, SCHEDULING_DIGEST
from tests.providers.build import expected
from tests.providers.kuberay.build import (
    OWN_IMAGE,
    cluster,
    container,
    head,
    service,
    split,
    variables,
    worker,
)
from tests.schemas import problems

LABELS = {
    "airunway.ai/managed-by": "airunway",
    "airunway.ai/deployment": "chat",
    "airunway.ai/model-source": "huggingface",
    "airunway.ai/engine-type": "vllm",
}
POD_LABELS = {"airunway.ai/model-deployment": "chat"}
SECRET = {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}
TOKEN = {"secretKeyRef": {"name": "hf", "key": "HF_TOKEN"}}


def test_the_least_of_a_deployment() -> None:
    rendered = PROVIDER.render(deployment(), RenderContext())

    assert problems(rendered[0]) == []
    assert rendered == expected("kuberay")


def test_worker_groups_of_the_roles() -> None:
    given = split(
        prefill={"replicas": 2, "gpu": {"count": 2, "type": "amd.com/gpu"}, "memory": "64Gi"},
        resources={"memory": "20Gi"},
        image=OWN_IMAGE,
    )

    groups = cluster(given)["workerGroupSpecs"]

    assert [(group["groupName"], group["replicas"]) for group in groups] == [
        ("prefill-workers", 2),
        ("decode-workers", 1),
    ]
    assert container(worker(given, 0))["resources"] == {"limits": {"memory": "64Gi", "amd.com/gpu": "2"}}
    assert container(worker(given, 1))["resources"] == {"limits": {"memory": "32Gi", "nvidia.com/gpu": "1"}}
    assert container(head(given))["resources"]["limits"]["memory"] == "16Gi"
    assert {container(head(given))["image"], container(worker(given))["image"]} == {OWN_IMAGE}


def test_resources() -> None:
    given = deployment(resources={"cpu": "2500m", "memory": "96Gi", "gpu": {"count": 4}})

    assert container(worker(given))["resources"] == {
        "limits": {"memory": "96Gi", "nvidia.com/gpu": "4"},
        "requests": {"cpu": "2500m"},
    }


@pytest.mark.parametrize("memory", [None, "900Gi"])
def test_the_head_does_not_hold_the_model(memory: str | None) -> None:
    given = deployment(resources={"memory": memory, "cpu": "64", "gpu": {"count": 8}})

    assert container(head(given))["resources"] == {"limits": {"cpu": "4", "memory": "16Gi"}}


@pytest.mark.parametrize(
    ("env", "secrets", "want"),
    [
        pytest.param([{"name": "A", "value": "1"}], None, {"A": "1"}, id="a value"),
        pytest.param([{"name": "A"}], None, {"A": None}, id="a bare name"),
        pytest.param([{"name": "A", "valueFrom": SECRET}], None, {"A": SECRET}, id="optional is kept"),
        pytest.param(
            [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}],
            None,
            {"A": {"fieldRef": {"fieldPath": "status.podIP"}}},
            id="every kind of source",
        ),
        pytest.param([{"name": "A", "value": "1", "valueFrom": SECRET}], None, {"A": SECRET}, id="not both"),
        pytest.param(
            [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}],
            None,
            {"A": "2"},
            id="the later of two",
        ),
        pytest.param(
            [{"name": "HF_TOKEN", "value": "x"}],
            {"huggingFaceToken": "hf"},
            {"HF_TOKEN": TOKEN},
            id="the Secret wins",
        ),
        pytest.param([{"name": "MODEL_ID", "value": "x"}], None, {"MODEL_ID": "x"}, id="the user's model id"),
    ],
)
def test_environment(env: Any, secrets: Any, want: dict[str, Any]) -> None:
    given = deployment(env=env, secrets=secrets)

    assert variables(head(given)) == {
        "MODEL_ID": "acme/chat-9b",
        "VLLM_ENGINE_ARGS": "--model acme/chat-9b",
        **want,
    }


def test_workers_have_the_environment_of_the_head() -> None:
    given = deployment(env=[{"name": "A", "value": "1"}], secrets={"huggingFaceToken": "hf"})

    assert container(worker(given))["env"] == container(head(given))["env"]
    assert variables(worker(given))["HF_TOKEN"] == TOKEN


def test_scheduling() -> None:
    given = deployment(nodeSelector={"pool": "ray"}, tolerations=[{"key": "gpu", "operator": "Exists"}])

    for template in (head(given), worker(given)):
        assert template["spec"]["nodeSelector"] == {"pool": "ray"}
        assert template["spec"]["tolerations"] == [{"key": "gpu", "operator": "Exists"}]


def test_changed_tolerations_show_in_what_kuberay_compares() -> None:
    """From 1.5.2 on it leaves them out when it asks whether another cluster is needed."""
    given = [{}, {"tolerations": [{"key": "gpu", "operator": "Exists"}]}, {"tolerations": [{"key": "a"}]}]

    for of in (head, worker):
        templates = [of(deployment(**fields)) for fields in given]
        marks = [template["metadata"].get("annotations", {}).get(SCHEDULING_DIGEST) for template in templates]
        assert marks[0] is None
        assert len({*marks}) == len(given)


def volume(name: str, **fields: Any) -> dict[str, Any]:
    return {"name": name, "claimName": f"{name}-claim", "mountPath": f"/{name}", **fields}


def stored(*volumes: dict[str, Any], **fields: Any) -> ModelDeployment:
    return deployment(model={"storage": {"volumes": list(volumes)}}, **fields)


def mounted(template: dict[str, Any]) -> dict[str, str]:
    """Path in the container to claim."""
    claims = {
        entry["name"]: entry["persistentVolumeClaim"]["claimName"]
        for entry in template["spec"].get("volumes", ())
    }
    mounts = {
        entry["mountPath"]: claims.pop(entry["name"]) for entry in container(template).get("volumeMounts", ())
    }
    assert not claims
    return mounts


def test_storage() -> None:
    given = stored(
        volume("weights", purpose="modelCache"),
        volume("prompts", purpose="custom", readOnly=True),
        volume("shared-mem", purpose="custom"),
    )

    assert mounted(worker(given)) == {
        "/weights": "weights-claim",
        "/prompts": "prompts-claim",
        "/shared-mem": "shared-mem-claim",
    }
    assert mounted(head(given)) == {"/prompts": "prompts-claim", "/shared-mem": "shared-mem-claim"}
    assert variables(worker(given))["HF_HOME"] == "/weights"
    assert "HF_HOME" not in variables(head(given))


def test_names_of_kuberays_own_volumes_are_left_to_it() -> None:
    given = stored(volume("shared-mem"), volume("user-shared-mem"), volume("ray-logs"))

    names = [entry["name"] for entry in worker(given)["spec"]["volumes"]]

    assert sorted(names) == ["user-ray-logs", "user-shared-mem", "user-user-shared-mem"]


@pytest.mark.parametrize(
    ("given", "group"),
    [
        pytest.param(stored(volume("a")), 100, id="the stock image's user writes"),
        pytest.param(stored(volume("a"), image=OWN_IMAGE), None, id="another image's user is not known"),
    ],
)
def test_volumes_can_be_written(given: ModelDeployment, group: int | None) -> None:
    assert worker(given)["spec"]["securityContext"].get("fsGroup") == group


def test_volumes_can_be_written_under_baseline_too() -> None:
    env = {"AIRUNWAY_KUBERAY_POD_SECURITY": "baseline"}

    for given, group in ((stored(volume("a")), 100), (stored(volume("a", readOnly=True)), None)):
        service = PROVIDER.render(given, RenderContext(env=env))[0]

        (group_spec,) = service["spec"]["rayClusterConfig"]["workerGroupSpecs"]
        assert group_spec["template"]["spec"]["securityContext"].get("fsGroup") == group


def test_managed_volumes_bring_their_claims() -> None:
    given = stored({"name": "w", "purpose": "modelCache", "size": "60Gi", "storageClassName": ""})

    main, claim = PROVIDER.render(given, RenderContext())

    assert main["kind"] == "RayService"
    assert problems(claim) == []
    assert claim["metadata"]["name"] == "chat-w"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "60Gi"}},
        "storageClassName": "",
    }
    assert mounted(worker(given)) == {"/model-cache": "chat-w"}


def test_metadata() -> None:
    labels = {"team": "x", "airunway.ai/managed-by": "me", "airunway.ai/model-deployment": "other"}
    given = deployment(podTemplate={"metadata": {"labels": labels, "annotations": {"note": "hi"}}})

    metadata = service(given)["metadata"]
    assert metadata["labels"] == {**labels, **LABELS}
    assert metadata["annotations"].keys() == {"note", CLUSTER_DIGEST}
    for template in (head(given), worker(given)):
        assert template["metadata"] == {"labels": {**labels, **POD_LABELS}, "annotations": {"note": "hi"}}
