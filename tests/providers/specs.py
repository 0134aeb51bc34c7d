"""Random ModelDeployments for KAITO and Direct vLLM, and for all providers together."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from airunway.provider.contract import RenderContext
from tests.providers.dynamo import specs as dynamo
from tests.providers.kuberay import specs as kuberay
from tests.providers.llmd.specs import deployments as any_deployments

OVERRIDES = st.sampled_from(
    [
        None,
        {},
        7,
        {"kind": "Pod"},
        {"spec": {"replicas": 9}},
        {"spec": {"strategy": {"type": "Recreate"}, "minReadySeconds": 3}},
        {"spec": None},
        {"spec": {"template": {"spec": {"containers": [{"name": "vllm", "image": "other"}]}}}},
        {"spec": {"template": {"metadata": {"labels": {"app": "other"}}}}},
    ]
)
KAITO_OVERRIDES = st.sampled_from(
    [
        {},
        {"resource": {"count": 3, "instanceType": None}},
        {"resource": {"labelSelector": {"matchLabels": {"nvidia.com/gpu.present": None, "v": "x"}}}},
        {"inference": {"config": "tuned"}},
        {"inference": {"a": {"hostIPC": True}}},
        {"metadata": {}},
        "text",
    ]
)
ENGINES = st.sampled_from(["vllm", "llamacpp", "vllm", "llamacpp", "sglang", None])
PROCESS = st.sampled_from(
    [
        {},
        {
            "AIRUNWAY_KAITO_NODE_AUTO_PROVISIONING": "yes",
            "AIRUNWAY_KAITO_GPU_INSTANCE_TYPE": "nc6",
            "AIRUNWAY_KAITO_STARTUP_SECONDS": "900",
            "AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS": "900",
        },
        {"AIRUNWAY_KAITO_STARTUP_SECONDS": "x", "AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS": "x"},
    ]
)


@st.composite
def cases(draw: st.DrawFn, overrides: st.SearchStrategy[Any]) -> tuple[dict[str, Any], RenderContext]:
    deployment = draw(any_deployments())
    spec = deployment["spec"]
    engine = draw(ENGINES)
    spec["engine"] = {**spec["engine"], "type": engine}
    spec["provider"] = {"overrides": draw(overrides)}
    image = draw(st.sampled_from([None, "registry.example.com/x@sha256:00"]))
    return deployment, RenderContext(env=draw(PROCESS), model_image=image, serving_image=image)


BY_PROVIDER = {
    "dynamo": dynamo.deployments(),
    "kaito": cases(KAITO_OVERRIDES).map(lambda case: case[0]),
    "kuberay": kuberay.cases(),
    "llmd": any_deployments(),
    "vllm": cases(OVERRIDES).map(lambda case: case[0]),
}


@st.composite
def likely_deployments(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """A deployment without what admission refuses most often, and the provider its overrides are for."""
    provider = draw(st.sampled_from(sorted(BY_PROVIDER)))
    deployment = draw(BY_PROVIDER[provider])
    metadata, spec = deployment["metadata"], deployment["spec"]
    metadata["name"] = metadata["name"].replace(".", "-")
    spec["model"]["id"] = spec["model"].get("id") or "acme/chat-9b"
    if spec.get("serving", {}).get("mode") == "disaggregated":
        spec.get("resources", {}).pop("gpu", None)
        scaling = spec.setdefault("scaling", {})
        for role in ("prefill", "decode"):
            gpu = scaling.setdefault(role, {}).setdefault("gpu", {})
            gpu["count"] = gpu.get("count") or 1
    spec.get("provider", {}).pop("name", None)
    overrides = spec.get("provider", {}).get("overrides")
    if overrides is not None and not isinstance(overrides, dict):
        del spec["provider"]["overrides"]
    for toleration in spec.get("tolerations", ()):
        make_toleration_valid(toleration)
    return provider, deployment


def make_toleration_valid(toleration: dict[str, Any]) -> None:
    """Make it one that Kubernetes takes in a pod."""
    if not toleration.get("key") or toleration.get("operator") == "Exists":
        toleration["operator"] = "Exists"
        toleration.pop("value", None)
    if "tolerationSeconds" in toleration:
        toleration["effect"] = "NoExecute"


contexts = st.builds(
    RenderContext,
    env=PROCESS,
    model_image=st.sampled_from([None, "registry.example.com/x@sha256:00"]),
    serving_image=st.sampled_from([None, "registry.example.com/x@sha256:00"]),
    routed_by_gateway=st.booleans(),
)
"""What a worker's environment, its image step and its cluster may say."""
