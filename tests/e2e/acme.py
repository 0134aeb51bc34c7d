"""A provider for end-to-end tests: one kind, one field, ready when its object says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.api.model_image import ModelImageSpec
from airunway.api.status import EndpointStatus, Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.contract import (
    Manifest,
    Provider,
    Registration,
    RenderContext,
    RenderError,
    UpstreamFacts,
    UpstreamHealth,
    UpstreamKind,
)
from airunway.provider.counting import whole_number
from airunway.provider.demand import Demand
from airunway.provider.object_shape import object_shape
from airunway.provider.rendering import owner_reference
from airunway.provider.shapes import anything

SERVER = UpstreamKind(api_version="acme.dev/v1", kind="Server", plural="servers")

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "servers.acme.dev"},
    "spec": {
        "group": "acme.dev",
        "scope": "Namespaced",
        "names": {"kind": "Server", "listKind": "ServerList", "plural": "servers", "singular": "server"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {
                                    "model": {"type": "string"},
                                    "replicas": {"type": "integer"},
                                },
                            },
                            "status": {
                                "type": "object",
                                "properties": {
                                    "ready": {"type": "boolean"},
                                    "observedGeneration": {"type": "integer"},
                                },
                            },
                        },
                    }
                },
            }
        ],
    },
}


def _registration() -> Registration:
    engine = {"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True, "cpuSupport": True}
    return Registration(
        annotations={"airunway.ai/display-name": "Acme"},
        spec={
            "capabilities": {"engines": [engine]},
            "selectionRules": [{"condition": "spec.engine.type == 'vllm'", "priority": 10}],
        },
    )


def _render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    if deployment.spec.model.id == "cannot/render":
        raise RenderError("spec.model.id: cannot/render cannot be rendered")
    scaling = deployment.spec.scaling
    return [
        {
            "apiVersion": SERVER.api_version,
            "kind": SERVER.kind,
            "metadata": {
                "name": deployment.name,
                "namespace": deployment.namespace,
                "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {
                "model": deployment.spec.model.id,
                "replicas": (scaling.replicas if scaling and scaling.replicas is not None else 1),
            },
        }
    ]


def _read_status(obj: Mapping[str, Any]) -> UnifiedStatus:
    status = obj.get("status") or {}
    current = status.get("observedGeneration") == obj["metadata"].get("generation")
    ready = bool(status.get("ready")) and current
    count = obj["spec"].get("replicas", 1)
    return UnifiedStatus(
        phase=Phase.RUNNING if ready else Phase.DEPLOYING,
        replicas=ReplicaStatus(desired=count, ready=count if ready else 0, available=count if ready else 0),
        endpoint=EndpointStatus(service=obj["metadata"]["name"], port=80),
        resource_name=obj["metadata"]["name"],
        resource_kind=SERVER.kind,
    )


def _health(facts: UpstreamFacts) -> UpstreamHealth:
    if facts.kinds:
        return UpstreamHealth(ready=True, reason="UpstreamHealthy")
    return UpstreamHealth(ready=False, reason="CRDMissing", message="no kind Server")


def _demand(server: Manifest) -> Demand:
    replicas = whole_number(server["spec"].get("replicas"), ("spec", "replicas"), default=1)
    return Demand(pods=1).times(replicas)


ACME = Provider(
    name="acme",
    kinds=[SERVER],
    registration=_registration,
    check=lambda deployment: None,
    objects=_render,
    shapes={SERVER.kind: object_shape(spec=anything)},
    demand=_demand,
    read_status=_read_status,
    health=_health,
)


def _model_image(deployment: ModelDeployment) -> ModelImageSpec | None:
    repository = deployment.spec.model.id or ""
    return ModelImageSpec(repository=repository) if repository.endswith("-GGUF") else None


ACME_WITH_IMAGES = replace(ACME, model_image=_model_image)
"""The same, which wants an image built of GGUF models."""
