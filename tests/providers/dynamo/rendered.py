"""Deployments for Dynamo, and the parts of what is rendered for them."""

from __future__ import annotations

from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER

MOCKER = {"airunway.ai/dynamo-test-backend": "mocker"}
FRONTEND = {"gateway": {"enabled": False}}
VLLM_IMAGE = "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.4.2"


def engine(kind: str, **fields: Any) -> ModelDeployment:
    """An aggregated deployment of one engine; keyword arguments are fields of `spec.engine`."""
    return deployment(engine={"type": kind, **fields})


def disaggregated(**spec: Any) -> ModelDeployment:
    """Two prefill workers with one GPU, four decode workers with two."""
    groups = {
        "prefill": {"replicas": 2, "gpu": {"count": 1}, "memory": "32Gi"},
        "decode": {"replicas": 4, "gpu": {"count": 2}},
    }
    return deployment(**{"gpus": 0, "serving": {"mode": "disaggregated"}, "scaling": groups, **spec})


def overridden(overrides: Any, **spec: Any) -> ModelDeployment:
    return deployment(provider={"name": "dynamo", "overrides": overrides}, **spec)


def graph(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    """In v1alpha1, and routed to by a gateway unless it is said otherwise."""
    (rendered,) = PROVIDER.render(given, RenderContext(**{"routed_by_gateway": True, **context}))
    return rendered


def service(given: ModelDeployment, name: str = "VllmWorker", **context: Any) -> dict[str, Any]:
    found: dict[str, Any] = graph(given, **context)["spec"]["services"][name]
    return found


def container(given: ModelDeployment, name: str = "VllmWorker", **context: Any) -> dict[str, Any]:
    found: dict[str, Any] = service(given, name, **context)["extraPodSpec"]["mainContainer"]
    return found


def args(given: ModelDeployment, name: str = "VllmWorker") -> list[str]:
    found: list[str] = container(given, name)["args"]
    return found
