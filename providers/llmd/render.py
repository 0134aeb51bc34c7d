"""Render a ModelDeployment as Deployments and Services that run vLLM. Pure. Source: llmd.md §8 to §10."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import common, overrides, storage
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.providers.llmd.args import PORT
from airunway.providers.llmd.checks import RESERVED_POD_LABELS, check
from airunway.providers.llmd.components import Component, components
from airunway.providers.llmd.config import DEPLOYMENT, SERVICE
from airunway.providers.llmd.pod import pod_spec, progress_deadline


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """Every Deployment, then every Service, then the claims of managed volumes; the primary first."""
    problem = check(deployment)
    if problem:
        raise RenderError(problem)
    given = overrides.overrides_of(deployment)
    _refuse_unsafe(given)
    groups = components(deployment)
    return [
        *(
            overrides.merge(_deployment(deployment, group, context), given, null_deletes=False)
            for group in groups
        ),
        *(_service(deployment, group) for group in groups),
        *storage.managed_claims(deployment),
    ]


def selector(deployment: ModelDeployment, component: Component) -> dict[str, str]:
    """Labels by which Deployment and Service find the pods; immutable, so fixed by the names."""
    return {names.LABEL_DEPLOYMENT: deployment.name, "app": component.name}


def _deployment(deployment: ModelDeployment, component: Component, context: RenderContext) -> Manifest:
    return {
        "apiVersion": DEPLOYMENT.api_version,
        "kind": DEPLOYMENT.kind,
        "metadata": common.object_metadata(
            deployment,
            name=component.name,
            labels={**common.pod_labels(deployment), **common.object_labels(deployment)},
            annotations=common.pod_annotations(deployment),
        ),
        "spec": {
            "replicas": component.replicas,
            "progressDeadlineSeconds": progress_deadline(context),
            "selector": {"matchLabels": selector(deployment, component)},
            "template": {
                "metadata": {
                    "labels": _pod_labels(deployment, component),
                    "annotations": common.pod_annotations(deployment),
                },
                "spec": pod_spec(deployment, component, context),
            },
        },
    }


def _pod_labels(deployment: ModelDeployment, component: Component) -> dict[str, str]:
    """The user's labels, the selector's, and the InferencePool's on pods that take requests."""
    labels = {**common.pod_labels(deployment), **selector(deployment, component)}
    labels.pop(names.LABEL_MODEL_DEPLOYMENT, None)
    if component.takes_requests:
        labels[names.LABEL_MODEL_DEPLOYMENT] = deployment.name
    return labels


def _service(deployment: ModelDeployment, component: Component) -> Manifest:
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": common.object_metadata(
            deployment, name=component.name, labels=common.object_labels(deployment)
        ),
        "spec": {
            "type": "ClusterIP",
            "selector": selector(deployment, component),
            "ports": [{"name": "http", "port": PORT, "targetPort": PORT, "protocol": "TCP"}],
        },
    }


def _refuse_unsafe(given: Mapping[str, Any]) -> None:
    """Raise RenderError for overrides that admission forbids or that cannot work (llmd.md §10)."""
    overrides.refuse_identity(given)
    overrides.refuse_keys(given)
    spec = _object_at(given, "spec", at=overrides.FIELD)
    at = f"{overrides.FIELD}.spec"
    if "selector" in spec:
        raise RenderError(f"{at}.selector: the selector of a Deployment is immutable")
    template = _object_at(spec, "template", at=at)
    at = f"{at}.template"
    if "spec" in template:
        raise RenderError(f"{at}.spec: cannot be overridden; only the template's metadata can")
    metadata = _object_at(template, "metadata", at=at)
    at = f"{at}.metadata"
    for kind in ("labels", "annotations"):
        for key, value in _object_at(metadata, kind, at=at).items():
            if not isinstance(value, str):
                raise RenderError(f"{at}.{kind}.{key}: must be a text")
            if kind == "labels" and key in RESERVED_POD_LABELS:
                raise RenderError(f"{at}.{kind}.{key}: is set by the provider, Services select by it")


def _object_at(parent: Mapping[str, Any], key: str, *, at: str) -> Mapping[str, Any]:
    value = parent.get(key, {})
    if not isinstance(value, Mapping):
        raise RenderError(f"{at}.{key}: must stay an object")
    return value


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why the object must be made anew: only a Deployment with another selector, which is immutable."""
    if live.get("kind") != DEPLOYMENT.kind:
        return None
    current, wanted = (obj.get("spec", {}).get("selector") for obj in (live, desired))
    return None if current == wanted else "spec.selector of a Deployment is immutable"
