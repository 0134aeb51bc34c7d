"""The CRD manifests, generated from the wire models.

`python -m api.crd` writes `deploy/crds/` and the chart's; a test fails when those files are stale.
Source: crds.md §1 (names, scope, printer columns, schema-wide rules).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from airunway.api import names
from airunway.api.model_deployment import DeploymentSpec
from airunway.api.provider_config import ProviderConfigSpec, ProviderConfigStatus
from airunway.api.status import NOT_OBSERVED, DeploymentStatus

# Keys of pydantic's JSON schema that say nothing in a structural schema.
_NOISE = frozenset({"title", "$defs", "additionalProperties"})


def structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The structural OpenAPI schema of a wire model: no references, no unions, no nulls."""
    return copy.deepcopy(_structural_schema(model))


@cache
def _structural_schema(model: type[BaseModel]) -> dict[str, Any]:
    """Made once: it takes a fifth of a second."""
    schema = model.model_json_schema(by_alias=True, mode="validation")
    return _convert(schema, schema.get("$defs", {}))


def _convert(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    if "$ref" in node:
        target = definitions[node["$ref"].rsplit("/", 1)[1]]
        node = {**target, **{key: value for key, value in node.items() if key != "$ref"}}
    if node.get("x-kubernetes-int-or-string"):
        return {key: value for key, value in node.items() if key not in _NOISE and key != "type"}
    alternatives = [entry for entry in node.get("anyOf", []) if entry.get("type") != "null"]
    if alternatives:
        # A wire field has one type, or that type and null: the API server drops nulls itself. The
        # field's own description and limits stand beside the union and win over the type's.
        outer = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        inner = _convert(alternatives[0], definitions)
        return {**inner, **_keep(outer), **_default(node)}
    converted = {**_keep(node), **_default(node)}
    if "properties" in node:
        converted["properties"] = {
            name: _convert(value, definitions) for name, value in node["properties"].items()
        }
    if "items" in node:
        converted["items"] = _convert(node["items"], definitions)
    extra = node.get("additionalProperties")
    if isinstance(extra, dict):
        converted["additionalProperties"] = _convert(extra, definitions)
    return converted


def _keep(node: dict[str, Any]) -> dict[str, Any]:
    structure = {"properties", "items", "default", *_NOISE}
    return {key: value for key, value in node.items() if key not in structure}


def _default(node: dict[str, Any]) -> dict[str, Any]:
    # Python defaults are None or an empty container; only a declared CRD default is a value.
    value = node.get("default")
    return {} if value is None or value == {} or value == [] else {"default": value}


_TYPE_META = {
    "apiVersion": "Version of the schema of this object: group/version.",
    "kind": "The resource that this object represents.",
}
"""What `kubectl explain` says of the fields that every object has."""


@dataclass(frozen=True, kw_only=True)
class _Resource:
    """How one kind is served, beside its schema. `scale`: paths of its Scale."""

    kind: str
    plural: str
    scope: str
    description: str
    columns: list[dict[str, Any]]
    short_names: tuple[str, ...]
    scale: dict[str, str] | None = None
    selectable: tuple[str, ...] = ()


def _crd(resource: _Resource, properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "description": resource.description,
        "properties": {
            **{name: {"type": "string", "description": text} for name, text in _TYPE_META.items()},
            "metadata": {"type": "object"},
            **properties,
        },
    }
    if required:
        schema["required"] = required
    kind, plural = resource.kind, resource.plural
    version: dict[str, Any] = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}, **({"scale": resource.scale} if resource.scale else {})},
        "additionalPrinterColumns": resource.columns,
        "schema": {"openAPIV3Schema": schema},
    }
    if resource.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in resource.selectable]
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "names": {
                "kind": kind,
                "listKind": f"{kind}List",
                "plural": plural,
                "singular": kind.lower(),
                "shortNames": list(resource.short_names),
                "categories": [names.CATEGORY],
            },
            "scope": resource.scope,
            "versions": [version],
        },
    }


def _column(name: str, kind: str, path: str, *, wide: bool = False) -> dict[str, Any]:
    """`wide`: shown by `kubectl get -o wide` only."""
    column: dict[str, Any] = {"name": name, "type": kind, "jsonPath": path}
    return {**column, "priority": 1} if wide else column


_AGE = _column("Age", "date", ".metadata.creationTimestamp")


def model_deployment_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of ModelDeployment."""
    # Until it is first written, a status must not look like one of this generation. Tools that wait for a
    # deployment take one without `observedGeneration` for finished. An absent field reads as before.
    status = {**structural_schema(DeploymentStatus), "default": {}}
    status["properties"]["observedGeneration"]["default"] = NOT_OBSERVED
    resource = _Resource(
        kind=names.DEPLOYMENT_KIND,
        plural=names.DEPLOYMENT_PLURAL,
        scope="Namespaced",
        description="A language model that is to be served in this namespace.",
        columns=[
            _column("Phase", "string", ".status.phase"),
            _column("Ready", "string", ".status.readiness"),
            _column("Provider", "string", ".status.provider.name"),
            _column("Engine", "string", ".status.engine.type"),
            _AGE,
            _column("Model", "string", ".spec.model.id", wide=True),
            _column("Message", "string", ".status.message", wide=True),
        ],
        short_names=("md",),
        scale={
            "specReplicasPath": ".spec.scaling.replicas",
            "statusReplicasPath": ".status.replicas.ready",
            "labelSelectorPath": ".status.selector",
        },
        selectable=(".status.phase", ".status.provider.name", ".spec.provider.name"),
    )
    return _crd(resource, {"spec": structural_schema(DeploymentSpec), "status": status}, required=["spec"])


def provider_config_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of InferenceProviderConfig."""
    resource = _Resource(
        kind=names.CONFIG_KIND,
        plural=names.CONFIG_PLURAL,
        scope="Cluster",
        description="A provider that can serve models, and what it is able to do.",
        columns=[
            _column("Ready", "boolean", ".status.ready"),
            _column("Version", "string", ".status.version"),
            _AGE,
        ],
        short_names=("ipc",),
    )
    properties = {
        "spec": structural_schema(ProviderConfigSpec),
        "status": structural_schema(ProviderConfigStatus),
    }
    return _crd(resource, properties, required=[])


def manifests() -> dict[str, str]:
    """File name to YAML text of every CRD."""
    return {
        f"{crd['metadata']['name']}.yaml": yaml.safe_dump(crd, sort_keys=False, width=110)
        for crd in (model_deployment_crd(), provider_config_crd())
    }


def main() -> None:
    """Write the manifests into `deploy/crds/` of the checkout, and into the chart."""
    deploy = Path(__file__).resolve().parents[2] / "deploy"
    for folder in (deploy / "crds", deploy / "charts" / "airunway" / "files" / "crds"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in manifests().items():
            (folder / name).write_text(text)


if __name__ == "__main__":
    main()
