"""A request becomes the object that the contract says (web-api.md §4.2)."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airunway.web.derive.bodies import DeploymentBody
from airunway.web.derive.creation import capability_problem, fit_warnings, manifest_of


def body(**fields: Any) -> DeploymentBody:
    return DeploymentBody.model_validate({"name": "chat", "modelId": "Qwen/Qwen3-8B", **fields})


def spec(**fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = manifest_of(body(**fields), namespace="team-a")["spec"]
    return found


def test_the_example_of_the_contract() -> None:
    made = spec(
        engine="vllm",
        mode="disaggregated",
        provider="dynamo",
        routerMode="kv",
        replicas=3,
        hfTokenSecret="hf-token-secret",
        decodeGpus=2,
        decodeReplicas=0,
        maxModelLen=8192,
        gatewayEnabled=False,
        engineArgs={"max-num-seqs": 64, "x": None, "y": {"a": 1}},
        imageRef="r/i:t",
        resources={"gpu": 1, "memory": "32Gi"},
    )

    assert made == {
        "model": {"id": "Qwen/Qwen3-8B", "source": "huggingface"},
        "engine": {
            "type": "vllm",
            "contextLength": 8192,
            "trustRemoteCode": False,
            "enablePrefixCaching": True,
            "enforceEager": False,
            "args": {"max-num-seqs": "64", "y": '{"a":1}'},
        },
        "serving": {"mode": "disaggregated"},
        "image": "r/i:t",
        "provider": {"name": "dynamo", "overrides": {"routerMode": "kv"}},
        "scaling": {
            "prefill": {"replicas": 1},
            "decode": {"replicas": 1, "gpu": {"count": 2, "type": "nvidia.com/gpu"}},
        },
        "secrets": {"huggingFaceToken": "hf-token-secret"},
        "gateway": {"enabled": False},
    }


def test_the_image_of_vllm_is_its_engines() -> None:
    made = spec(provider="vllm", imageRef="r/i:t", engine="vllm")

    assert made["engine"]["image"] == "r/i:t"
    assert "image" not in made


@pytest.mark.parametrize(
    ("fields", "engine", "image"),
    [
        ({"modelSource": "vllm"}, "vllm", None),
        ({"modelSource": "premade", "premadeModel": "phi4:14b"}, "llamacpp", "aikit/phi4:14b"),
        ({"modelSource": "huggingface", "ggufRunMode": "direct"}, "llamacpp", "llama-cpp-cuda:latest"),
        ({"modelSource": "huggingface", "ggufRunMode": "build"}, "llamacpp", None),
    ],
)
def test_kaito_goes_by_where_the_model_comes_from(
    fields: dict[str, Any], engine: str, image: str | None
) -> None:
    made = spec(provider="kaito", engine="sglang", **fields)

    assert made["engine"]["type"] == engine
    assert (made.get("image") is None) if image is None else made["image"].endswith(image)


def test_a_file_that_is_downloaded_is_a_url_of_the_hub() -> None:
    made = spec(provider="kaito", modelSource="huggingface", ggufRunMode="direct", ggufFile="a b/c.gguf")

    url = "https://huggingface.co/Qwen/Qwen3-8B/resolve/main/a%20b/c.gguf"
    assert made["engine"]["args"] == {"ggufUrl": url}


def test_memory_without_gpus_is_kept() -> None:
    assert spec(resources={"gpu": 0, "memory": "8Gi"})["resources"] == {"memory": "8Gi"}
    cpu = spec(computeType="cpu", resources={"gpu": 2, "memory": "8Gi"})["resources"]
    assert cpu == {"gpu": {"count": 0, "type": "nvidia.com/gpu"}, "memory": "8Gi"}


def test_a_recipe_is_annotated() -> None:
    given = body(recipeProvenance={"source": " hub ", "id": "", "features": ["a"]})

    assert manifest_of(given, namespace="a")["metadata"]["annotations"] == {
        "airunway.ai/generated-by": "vllm-recipe-resolver",
        "airunway.ai/recipe.source": "hub",
        "airunway.ai/recipe.features": '["a"]',
    }


MOUNTED = {"mountPath": "/x", "claimName": "c"}
CACHE = {"purpose": "modelCache", "size": "1Gi"}


@pytest.mark.parametrize(
    "volumes",
    [
        [{"name": "a"}],
        [{"name": "a", "mountPath": "x", "claimName": "c"}],
        [{"name": "a", "mountPath": "/etc/x", "claimName": "c"}],
        [{"name": "a", "mountPath": "/x"}],
        [{"name": "a", "mountPath": "/x", "claimName": "c", "accessMode": "ReadWriteOnce"}],
        [{"name": "a", "mountPath": "/x", "size": "1Gi", "readOnly": True}],
        [{"name": "a", "mountPath": "/x", "size": "1Gi", "claimName": "other"}],
        [
            {"name": "a", "purpose": "modelCache", "size": "1Gi"},
            {"name": "b", "purpose": "modelCache", "size": "1Gi"},
        ],
        [
            {"name": "a", "mountPath": "/x", "claimName": "c"},
            {"name": "a", "mountPath": "/y", "claimName": "d"},
        ],
        [
            {"name": "a", "mountPath": "/x", "claimName": "c"},
            {"name": "b", "mountPath": "/y", "claimName": "c"},
        ],
    ],
    ids=str,
)
def test_volumes_that_cannot_be(volumes: list[dict[str, Any]]) -> None:
    with pytest.raises(ValidationError):
        body(storage={"volumes": volumes})


CAPABILITIES = {
    "engines": ["vllm"],
    "engineCapabilities": [{"name": "vllm", "servingModes": ["aggregated"]}],
    "modes": ["aggregated", "disaggregated"],
    "modelSources": ["huggingface"],
    "routerModes": ["kv"],
}


@pytest.mark.parametrize(
    ("fields", "what"),
    [
        ({"engine": "vllm"}, ""),
        ({}, ""),
        ({"engine": "sglang"}, "engine"),
        ({"engine": "vllm", "mode": "disaggregated"}, "mode"),
        ({"engine": "vllm", "modelSource": "premade"}, "modelSource"),
        ({"engine": "vllm", "routerMode": "round-robin"}, "routerMode"),
        ({"engine": "vllm", "providerOverrides": {"routerMode": "x"}}, "routerMode"),
        ({"engine": "vllm", "routerMode": "kv"}, ""),
    ],
)
def test_what_a_provider_offers(fields: dict[str, Any], what: str) -> None:
    problem = capability_problem(body(provider="acme", **fields), CAPABILITIES)

    assert (f"offer {what} " in problem) if what else problem == ""


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({"computeType": "cpu"}, 0),
        ({"resources": {"gpu": 1}}, 0),
        ({"replicas": 5}, 1),
        ({"resources": {"gpu": 3}}, 1),
        ({"mode": "disaggregated", "prefillGpus": 4, "decodeGpus": 4}, 2),
        ({"providerOverrides": {"spec": {"services": {"VllmWorker": {"multinode": {"nodeCount": 5}}}}}}, 1),
    ],
)
def test_gpus_that_are_not_there_are_said(fields: dict[str, Any], count: int) -> None:
    assert len(fit_warnings(body(**fields), available=4, largest=2, min_gpus=1)) == count
