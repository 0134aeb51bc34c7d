"""From a ModelDeployment to a DynamoGraphDeployment."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.provider.testing import deployment
from airunway.providers.dynamo.render import label_value
from tests.providers.build import NO_RIGHTS, expected
from tests.providers.dynamo.rendered import (
    FRONTEND,
    MOCKER,
    VLLM_IMAGE,
    container,
    disaggregated,
    engine,
    graph,
    overridden,
    service,
)
from tests.schemas import problems

NIXL_HOST = {
    "name": "VLLM_NIXL_SIDE_CHANNEL_HOST",
    "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}},
}


def test_aggregated_graph_as_in_the_contracts_first_example() -> None:
    given = deployment(
        model={"id": "Qwen/Qwen3-8B", "servedName": "qwen3"},
        engine={
            "contextLength": 8192,
            "enablePrefixCaching": True,
            "args": {"tensor-parallel-size": "2", "connector": "nixl", "disable-log-requests": ""},
        },
        resources={"gpu": {"count": 2}, "memory": "64Gi", "cpu": "8"},
        scaling={"replicas": 3},
        secrets={"huggingFaceToken": "hf-token-secret"},
        nodeSelector={"pool": "gpu"},
        tolerations=[{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}, {"key": "x"}],
    )

    rendered = graph(given)

    assert problems(rendered) == []
    assert [rendered] == expected("dynamo")


def test_disaggregated_graph_has_two_groups_of_workers() -> None:
    rendered = graph(disaggregated())

    services = rendered["spec"]["services"]
    assert problems(rendered) == []
    assert list(services) == ["Epp", "VllmPrefillWorker", "VllmDecodeWorker"]
    assert [services[name]["subComponentType"] for name in list(services)[1:]] == ["prefill", "decode"]
    assert services["VllmPrefillWorker"]["resources"] == {
        "limits": {"gpu": "1", "memory": "32Gi"},
        "requests": {"gpu": "1"},
    }
    assert services["VllmDecodeWorker"]["frontendSidecar"]["args"] == ["-m", "dynamo.frontend"]
    config = services["Epp"]["eppConfig"]["config"]
    assert [plugin.get("name") for plugin in config["plugins"]] == [
        *(None, "prefill-filter", "decode-filter", "picker", "dyn-prefill", "dyn-decode")
    ]
    filters = [plugin["parameters"] for plugin in config["plugins"] if plugin["type"] == "label-filter"]
    assert [found["allowsNoLabel"] for found in filters] == [False, False]
    assert [profile["name"] for profile in config["schedulingProfiles"]] == ["prefill", "decode"]
    assert container(disaggregated(), "Epp")["env"] == [
        {"name": "DYN_DECODE_FALLBACK", "value": "false"},
        {"name": "DYN_ENFORCE_DISAGG", "value": "true"},
    ]


@pytest.mark.parametrize(
    ("given", "context", "entry"),
    [
        pytest.param(deployment(), {}, "Epp", id="an absent switch is on"),
        pytest.param(deployment(gateway={"enabled": True}), {}, "Epp", id="on"),
        pytest.param(deployment(**FRONTEND), {}, "Frontend", id="off"),
        pytest.param(deployment(annotations=MOCKER), {}, "Frontend", id="the mocker has no gateway"),
        pytest.param(
            deployment(gateway={"enabled": True}),
            {"routed_by_gateway": False},
            "Frontend",
            id="asked for, and nobody routes",
        ),
        pytest.param(deployment(), {"routed_by_gateway": False}, "Frontend", id="nobody routes"),
    ],
)
def test_requests_come_through_picker_or_frontend(
    given: ModelDeployment, context: dict[str, Any], entry: str
) -> None:
    services = graph(given, **context)["spec"]["services"]

    assert list(services) == [entry, "VllmWorker"]
    assert ("frontendSidecar" in services["VllmWorker"]) is (entry == "Epp")


def test_mocker_needs_nothing_of_an_engine() -> None:
    given = disaggregated(
        annotations=MOCKER, image="x/y:z", scaling={"prefill": {"replicas": 1}, "decode": {"replicas": 2}}
    )

    worker = service(given, "VllmDecodeWorker")

    size = {"cpu": "100m", "memory": "256Mi"}
    assert worker["resources"] == {"requests": size, "limits": size}
    assert service(given, "Frontend")["resources"] == {"requests": size}
    assert worker["extraPodSpec"]["mainContainer"] == {
        "image": "nvcr.io/nvidia/ai-dynamo/dynamo-planner:1.4.2",
        "command": ["python3", "-m", "dynamo.mocker"],
        "args": [
            *("--model-path", "acme/chat-9b", "--model-name", "acme/chat-9b"),
            *("--speedup-ratio", "1000.0", "--num-gpu-blocks-override", "4096"),
            *("--block-size", "16", "--max-num-seqs", "64", "--disaggregation-mode", "decode"),
        ],
        "env": [NIXL_HOST],
        "securityContext": NO_RIGHTS,
    }


@pytest.mark.parametrize(
    ("given", "image"),
    [
        pytest.param(engine("vllm"), VLLM_IMAGE, id="vllm"),
        pytest.param(engine("sglang"), "nvcr.io/nvidia/ai-dynamo/sglang-runtime:1.4.2", id="sglang"),
        pytest.param(engine("trtllm"), "nvcr.io/nvidia/ai-dynamo/tensorrtllm-runtime:1.4.2", id="trtllm"),
        pytest.param(deployment(image="a/b:1"), "a/b:1", id="the user's image"),
        pytest.param(
            deployment(image="a/b:1", engine={"image": "c/d:2"}), "c/d:2", id="the engine's image first"
        ),
    ],
)
def test_sidecar_has_the_image_of_its_worker(given: ModelDeployment, image: str) -> None:
    worker = service(given)

    assert worker["extraPodSpec"]["mainContainer"]["image"] == image
    assert worker["frontendSidecar"]["image"] == image


def test_secret_reaches_every_service() -> None:
    given = disaggregated(secrets={"huggingFaceToken": "hub-token"})

    services = graph(given)["spec"]["services"]

    assert {entry["envFromSecret"] for entry in services.values()} == {"hub-token"}
    assert services["VllmDecodeWorker"]["frontendSidecar"]["envFromSecret"] == "hub-token"


@pytest.mark.parametrize(
    ("given", "size"),
    [
        pytest.param(engine("vllm"), None, id="the engine's default"),
        pytest.param(engine("vllm", args={"block-size": "32"}), "32", id="as key"),
        pytest.param(engine("vllm", extraArgs=["--block_size=64"]), "64", id="as one token"),
        pytest.param(engine("sglang", extraArgs=["--page-size", "128"]), "128", id="as two tokens"),
        pytest.param(engine("sglang", args={"block-size": "32"}), None, id="another engine's flag"),
    ],
)
def test_picker_knows_the_block_size(given: ModelDeployment, size: str | None) -> None:
    env = {entry["name"]: entry["value"] for entry in container(given, "Epp")["env"]}

    assert env.get("DYN_KV_CACHE_BLOCK_SIZE") == size


@pytest.mark.parametrize(
    ("given", "name", "replicas"),
    [
        pytest.param(deployment(), "VllmWorker", 1, id="one by default"),
        pytest.param(deployment(scaling={"replicas": 0}), "VllmWorker", 0, id="scale to zero"),
        pytest.param(deployment(scaling={"replicas": 3}), "VllmWorker", 3, id="as given"),
        pytest.param(disaggregated(), "VllmDecodeWorker", 4, id="of the group"),
    ],
)
def test_replicas(given: ModelDeployment, name: str, replicas: int) -> None:
    assert service(given, name)["replicas"] == replicas


@pytest.mark.parametrize(
    ("resources", "want"),
    [
        pytest.param(
            {"gpu": {"count": 2, "type": "amd.com/gpu"}},
            {
                "limits": {"gpu": "2", "gpuType": "amd.com/gpu"},
                "requests": {"gpu": "2", "gpuType": "amd.com/gpu"},
            },
            id="GPUs of another vendor",
        ),
        pytest.param(
            {"gpu": {"count": 1, "type": "nvidia.com/gpu"}, "cpu": "4"},
            {"limits": {"gpu": "1", "cpu": "4"}, "requests": {"gpu": "1"}},
            id="memory and CPU are limits only",
        ),
    ],
)
def test_resources_of_workers(resources: dict[str, Any], want: dict[str, Any]) -> None:
    rendered = graph(deployment(resources=resources, image="registry.example.com/own:1"))

    assert problems(rendered) == []
    assert rendered["spec"]["services"]["VllmWorker"]["resources"] == want


VOLUMES = [
    {"name": "weights", "purpose": "modelCache", "size": "100Gi"},
    {"name": "comp", "claimName": "comp-pvc", "purpose": "compilationCache", "mountPath": "/cc"},
    {"name": "ro", "claimName": "data", "purpose": "custom", "mountPath": "/data", "readOnly": True},
]


def test_volumes() -> None:
    given = disaggregated(model={"storage": {"volumes": VOLUMES}})

    rendered = graph(given)

    assert problems(rendered) == []
    assert rendered["spec"]["pvcs"] == [
        {"name": name, "create": False} for name in ("chat-weights", "comp-pvc", "data")
    ]
    for name in ("VllmPrefillWorker", "VllmDecodeWorker"):
        assert rendered["spec"]["services"][name]["volumeMounts"] == [
            {"name": "chat-weights", "mountPoint": "/model-cache"},
            {"name": "comp-pvc", "mountPoint": "/cc", "useAsCompilationCache": True},
            {"name": "data", "mountPoint": "/data"},
        ]
    assert container(given, "VllmPrefillWorker")["env"] == [
        {"name": "HF_HOME", "value": "/model-cache"},
        NIXL_HOST,
    ]


@pytest.mark.parametrize(
    ("volumes", "field"),
    [
        pytest.param([{"name": "a", "claimName": "c", "purpose": "custom"}], "mountPath", id="no path"),
        pytest.param(
            [{"name": name, "claimName": "c", "mountPath": f"/{name}"} for name in "ab"],
            "volumes[1]",
            id="one claim twice",
        ),
        pytest.param(
            [{"name": "a", "claimName": "weights.v1", "mountPath": "/a"}], "weights.v1", id="a dotted claim"
        ),
    ],
)
def test_claims_that_cannot_be_mounted(volumes: list[dict[str, Any]], field: str) -> None:
    with pytest.raises(RenderError) as refused:
        graph(deployment(model={"storage": {"volumes": volumes}}))

    assert "spec.model.storage.volumes[" in str(refused.value)
    assert field in str(refused.value)


def test_environment_of_workers() -> None:
    source = {"secretKeyRef": {"name": "app", "key": "key"}}
    given = disaggregated(
        model={"storage": {"volumes": VOLUMES}},
        env=[
            {"name": "A", "value": "first"},
            {"name": "HF_HOME", "value": "/mine"},
            {"name": "KEY", "valueFrom": source},
            {"name": "A", "value": "last"},
        ],
    )

    assert container(given, "VllmDecodeWorker")["env"] == [
        NIXL_HOST,
        {"name": "A", "value": "last"},
        {"name": "HF_HOME", "value": "/mine"},
        {"name": "KEY", "valueFrom": source},
    ]


@pytest.mark.parametrize("given", [pytest.param({}, id="picker"), pytest.param(FRONTEND, id="frontend")])
def test_pod_template_reaches_every_pod(given: dict[str, Any]) -> None:
    metadata = {"labels": {"team": "ranking"}, "annotations": {"note": "x y"}}

    rendered = graph(deployment(podTemplate={"metadata": metadata}, **given))

    assert problems(rendered) == []
    assert [entry["extraPodMetadata"] for entry in rendered["spec"]["services"].values()] == [metadata] * 2


@pytest.mark.parametrize(
    ("model", "label"),
    [
        pytest.param("Qwen/Qwen3-8B", "Qwen-Qwen3-8B", id="a slash"),
        pytest.param("_x.", "x", id="punctuation at the ends"),
        pytest.param("日本", "", id="nothing is left"),
        pytest.param("a" * 61 + "é" + "b", "a" * 61, id="cut by bytes"),
        pytest.param("a" * 62 + "é" + "b", "a" * 62, id="cut inside a character"),
        pytest.param("a" * 62 + "/b", "a" * 62, id="cut at a separator"),
    ],
)
def test_label_value(model: str, label: str) -> None:
    assert label_value(model) == label


def test_multi_node_by_override() -> None:
    given = overridden({"spec": {"services": {"VllmWorker": {"multinode": {"nodeCount": 2}}}}})

    rendered = graph(given)

    assert problems(rendered) == []
    assert rendered["spec"]["services"]["VllmWorker"]["multinode"] == {"nodeCount": 2}


@pytest.mark.parametrize("mode", ["aggregated", "disaggregated"])
def test_roles_without_a_model_have_a_size_of_their_own(mode: str) -> None:
    large = {"memory": "900Gi", "cpu": "64", "gpu": {"count": 8}}
    given = deployment(resources=large) if mode == "aggregated" else disaggregated(resources=large)

    assert service(given, "Epp")["resources"] == {"requests": {"cpu": "1", "memory": "2Gi"}}


def test_the_size_of_roles_without_a_model_can_be_given() -> None:
    sized = {"resources": {"cpu": "3", "memory": "5Gi"}}
    given = overridden({"epp": sized, "download": {"resources": {"memory": "32Gi"}}})

    assert service(given, "Epp")["resources"] == {"requests": {"cpu": "3", "memory": "5Gi"}}
    frontend = overridden({"frontend": sized}, gateway={"enabled": False})
    assert service(frontend, "Frontend")["resources"] == {"requests": {"cpu": "3", "memory": "5Gi"}}
