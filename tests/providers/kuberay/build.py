"""KubeRay objects for tests, and short ways to their parts."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext
from airunway.provider.testing import deployment
from airunway.providers.kuberay import PROVIDER

OWN_IMAGE = "registry.example.com/serve:1"


def split(
    *, prefill: dict[str, Any] | None = None, decode: dict[str, Any] | None = None, **spec: Any
) -> ModelDeployment:
    """A disaggregated deployment: one prefill and one decode worker with one GPU each."""
    group = {"replicas": 1, "gpu": {"count": 1}}
    scaling = {"prefill": {**group, **(prefill or {})}, "decode": {**group, **(decode or {})}}
    wanted = {"gpus": 0, "serving": {"mode": "disaggregated"}, "scaling": scaling, **spec}
    return deployment(**wanted)


def service(given: ModelDeployment) -> Manifest:
    return PROVIDER.render(given, RenderContext())[0]


def cluster(given: ModelDeployment) -> dict[str, Any]:
    found: dict[str, Any] = service(given)["spec"]["rayClusterConfig"]
    return found


def head(given: ModelDeployment) -> dict[str, Any]:
    found: dict[str, Any] = cluster(given)["headGroupSpec"]["template"]
    return found


def worker(given: ModelDeployment, index: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = cluster(given)["workerGroupSpecs"][index]["template"]
    return found


def container(template: dict[str, Any]) -> dict[str, Any]:
    (found,) = template["spec"]["containers"]
    assert isinstance(found, dict)
    return found


def variables(template: dict[str, Any]) -> dict[str, Any]:
    """Variables by name; what stands for a value is its value or its source."""
    env = container(template)["env"]
    found = {entry["name"]: entry.get("value", entry.get("valueFrom")) for entry in env}
    assert len(found) == len(env)
    return found
