"""Rendered objects, each checked against its schema before a test looks at it."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import Manifest, RenderContext
from airunway.provider.testing import deployment
from airunway.providers.llmd import PROVIDER
from tests.schemas import problems

GPU = "nvidia.com/gpu"


def split(**fields: Any) -> ModelDeployment:
    """Disaggregated: one prefill pod with one GPU, two decode pods with four GPUs each."""
    wanted: dict[str, Any] = {
        "gpus": 0,
        "serving": {"mode": "disaggregated"},
        "scaling": {
            "prefill": {"replicas": 1, "gpu": {"count": 1}, "memory": "24Gi"},
            "decode": {"replicas": 2, "gpu": {"count": 4}, "memory": "96Gi"},
        },
    }
    return deployment(**{**wanted, **fields})


def objects(given: ModelDeployment, **env: str) -> list[Manifest]:
    rendered = PROVIDER.render(given, RenderContext(env=env))
    assert [problem for obj in rendered for problem in problems(obj)] == []
    return rendered


def workloads(given: ModelDeployment, **env: str) -> dict[str, Manifest]:
    return {obj["metadata"]["name"]: obj for obj in objects(given, **env) if obj["kind"] == "Deployment"}


def pod(given: ModelDeployment, **env: str) -> dict[str, Any]:
    """The primary Deployment's pod."""
    found: dict[str, Any] = objects(given, **env)[0]["spec"]["template"]["spec"]
    return found


def container(given: ModelDeployment, **env: str) -> dict[str, Any]:
    (found,) = pod(given, **env)["containers"]
    return dict(found)


def probe(period: int, failures: int) -> dict[str, Any]:
    return {
        "httpGet": {"path": "/health", "port": 8000},
        "initialDelaySeconds": 15,
        "periodSeconds": period,
        "failureThreshold": failures,
    }
