"""The pods: image, environment, resources, volumes, probes."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.provider.testing import deployment
from tests.providers.llmd.rendered import container, objects, probe, split, workloads


@pytest.mark.parametrize(
    ("fields", "env", "want"),
    [
        pytest.param({}, {}, "vllm/vllm-openai:v0.9.1", id="the contract's image"),
        pytest.param({}, {"AIRUNWAY_LLMD_IMAGE": "e/v:2"}, "e/v:2", id="the worker's setting"),
        pytest.param(
            {"image": "e/v:3"}, {"AIRUNWAY_LLMD_IMAGE": "e/v:2"}, "e/v:3", id="the user's image wins"
        ),
        pytest.param(
            {"image": "e/v:3", "engine": {"image": "e/v:4"}}, {}, "e/v:4", id="the engine's image comes first"
        ),
    ],
)
def test_image(fields: dict[str, Any], env: dict[str, str], want: str) -> None:
    assert container(deployment(**fields), **env)["image"] == want


def test_probes() -> None:
    for obj in workloads(split(), AIRUNWAY_LLMD_PROGRESS_DEADLINE_SECONDS="615").values():
        (server,) = obj["spec"]["template"]["spec"]["containers"]
        assert obj["spec"]["progressDeadlineSeconds"] == 615
        assert server["startupProbe"] == probe(10, 60)
        assert server["livenessProbe"] == probe(10, 3)
        assert server["readinessProbe"] == probe(5, 3)


def test_shared_memory() -> None:
    taken = [{"name": "shm", "claimName": "c", "mountPath": "/data"}]

    found = workloads(split(model={"storage": {"volumes": taken}}))

    decode, prefill = (found[name]["spec"]["template"]["spec"] for name in ("chat-decode", "chat-prefill"))
    assert [volume["name"] for volume in decode["volumes"]] == ["dev-shm", "shm"]
    assert [mount["name"] for mount in decode["containers"][0]["volumeMounts"]] == ["dev-shm", "shm"]
    assert [volume["name"] for volume in prefill["volumes"]] == ["shm"]


def test_storage() -> None:
    volumes = [
        {"name": "weights", "purpose": "modelCache", "size": "50Gi", "storageClassName": ""},
        {"name": "kernels", "purpose": "compilationCache", "claimName": "shared", "readOnly": True},
    ]
    given = split(model={"storage": {"volumes": volumes}}, env=[{"name": "VLLM_CACHE_ROOT", "value": "/x"}])

    rendered = objects(given)

    for obj in rendered[:2]:
        spec = obj["spec"]["template"]["spec"]
        (server,) = spec["containers"]
        assert {"name": "weights", "persistentVolumeClaim": {"claimName": "chat-weights"}} in spec["volumes"]
        assert {"name": "kernels", "mountPath": "/compilation-cache", "readOnly": True} in server[
            "volumeMounts"
        ]
        assert server["env"] == [
            {"name": "HF_HOME", "value": "/model-cache"},
            {"name": "VLLM_CACHE_ROOT", "value": "/x"},
        ]
    (claim,) = rendered[4:]
    assert (claim["kind"], claim["metadata"]["name"]) == ("PersistentVolumeClaim", "chat-weights")
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "50Gi"}},
        "storageClassName": "",
    }
