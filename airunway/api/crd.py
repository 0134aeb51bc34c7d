"""The CRD manifests, generated from the wire models.

`python -m api.crd` writes `deploy/crds/`; a test fails when those files are stale.
Source: crds.md §1 (names, scope, printer columns, schema-wide rules).
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from airunway.api import names
from airunway.api.model_deployment import DeploymentSpec
from airunway.api.provider_config import ProviderConfigSpec, ProviderConfigStatus
from airunway.api.status import DeploymentStatus

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


def _crd(
    kind: str,
    plural: str,
    scope: str,
    columns: list[dict[str, str]],
    properties: dict[str, Any],
    required: list[str],
) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            **properties,
        },
    }
    if required:
        schema["required"] = required
    age = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
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
            },
            "scope": scope,
            "versions": [
                {
                    "name": names.VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [*columns, age],
                    "schema": {"openAPIV3Schema": schema},
                }
            ],
        },
    }


def _column(name: str, kind: str, path: str) -> dict[str, str]:
    return {"name": name, "type": kind, "jsonPath": path}


def model_deployment_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of ModelDeployment."""
    return _crd(
        names.DEPLOYMENT_KIND,
        names.DEPLOYMENT_PLURAL,
        "Namespaced",
        [
            _column("Phase", "string", ".status.phase"),
            _column("Provider", "string", ".status.provider.name"),
            _column("Engine", "string", ".status.engine.type"),
            _column("Replicas", "integer", ".status.replicas.ready"),
        ],
        {"spec": structural_schema(DeploymentSpec), "status": structural_schema(DeploymentStatus)},
        required=["spec"],
    )


def provider_config_crd() -> dict[str, Any]:
    """The CustomResourceDefinition of InferenceProviderConfig."""
    return _crd(
        names.CONFIG_KIND,
        names.CONFIG_PLURAL,
        "Cluster",
        [_column("Ready", "boolean", ".status.ready"), _column("Version", "string", ".status.version")],
        {"spec": structural_schema(ProviderConfigSpec), "status": structural_schema(ProviderConfigStatus)},
        required=[],
    )


def manifests() -> dict[str, str]:
    """File name to YAML text of every CRD."""
    return {
        f"{crd['metadata']['name']}.yaml": yaml.safe_dump(crd, sort_keys=False, width=110)
        for crd in (model_deployment_crd(), provider_config_crd())
    }


def main() -> None:
    """Write the manifests into `deploy/crds/` of the checkout."""
    folder = Path(__file__).resolve().parents[2] / "deploy" / "crds"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in manifests().items():
        (folder / name).write_text(text)


if __name__ == "__main__":
    main()
