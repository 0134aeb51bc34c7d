"""Deployments that ask for what they may not have, and why they do not get it."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider.contract import RenderContext
from airunway.provider.guard import NotAllowed
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment

PROVIDERS = installed_providers()
WITH_PODS = ("dynamo", "kaito", "kuberay", "vllm")
OFF = OverridesMode.OFF
OPEN = OverridesPolicy(mode=OverridesMode.ANYTHING)
Overrides = dict[str, Any]


def overriding(provider: str, overrides: Any, **spec: Any) -> ModelDeployment:
    return deployment(provider={"name": provider, "overrides": overrides}, **spec)


def refusal(
    provider: str, given: ModelDeployment, *, policy: OverridesPolicy | None = None, image: str | None = None
) -> str:
    """Why it is not allowed; empty when it is."""
    context = RenderContext(model_image=image, policy=policy or OverridesPolicy())
    try:
        PROVIDERS[provider].render(given, context)
    except NotAllowed as err:
        return str(err)
    return ""


def in_pod(provider: str, pod: Overrides) -> Overrides:
    """Overrides that lay something over a pod of a provider."""
    if provider == "kaito":
        containers = [{"name": "model", "image": "registry.example.com/engine:7"}]
        return {"inference": {"template": {"spec": {"containers": containers, **pod}}}}
    if provider == "dynamo":
        own = {key: value for key, value in pod.items() if key != "containers"}
        main = {"mainContainer": pod["containers"][0]} if "containers" in pod else {}
        return {"spec": {"services": {"VllmWorker": {"extraPodSpec": {**own, **main}}}}}
    if provider == "kuberay":
        return {"spec": {"rayClusterConfig": {"headGroupSpec": {"template": {"spec": pod}}}}}
    return {"spec": {"template": {"spec": pod}}}


def pod_of(provider: str, pod: Overrides) -> ModelDeployment:
    engine = {"type": "llamacpp"} if provider == "kaito" else {"type": "vllm"}
    return overriding(provider, in_pod(provider, pod), engine=engine)


def volume(**source: Any) -> Overrides:
    return {"volumes": [{"name": "v", **source}]}


def container(**fields: Any) -> Overrides:
    return {"containers": [{"name": "c", "image": "registry.example.com/engine:7", **fields}]}
