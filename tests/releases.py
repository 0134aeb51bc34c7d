"""The files of Gateway API's releases, small, in a folder that stands for their host."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from airunway.api.gateway_versions import GATEWAY_API_VERSION, INFERENCE_EXTENSION_VERSION

HOST = "https://github.com/kubernetes-sigs"
API_FILE = f"gateway-api/releases/download/{GATEWAY_API_VERSION}/standard-install.yaml"
EXTENSION_FILE = (
    f"gateway-api-inference-extension/releases/download/{INFERENCE_EXTENSION_VERSION}/manifests.yaml"
)
API_GROUP, POOL_GROUP = "gateway.networking.k8s.io", "inference.networking.k8s.io"
POLICY: dict[str, Any] = {"kind": "ValidatingAdmissionPolicy", "metadata": {"name": "safe-upgrades"}}


def definition(plural: str, group: str, version: str, **labels: str) -> dict[str, Any]:
    """A definition as releases have it, with its version."""
    said = {f"{group}/bundle-version": version, "api-approved.kubernetes.io": "https://github.com/x/pull/1"}
    schema = {"openAPIV3Schema": {"type": "object"}}
    kind = plural.removesuffix("s").title()
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}", "annotations": said, "labels": labels},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": kind.lower(), "kind": kind, "listKind": f"{kind}List"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


def gateway_api(version: str = GATEWAY_API_VERSION, *, plurals: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    """Its definitions, or some of them."""
    wanted = plurals or ("gateways", "httproutes", "grpcroutes")
    return [definition(plural, API_GROUP, version) for plural in wanted]


def publish(releases: Path, file: str, *documents: dict[str, Any]) -> None:
    """What the host has under a path."""
    (releases / file).parent.mkdir(parents=True, exist_ok=True)
    (releases / file).write_text(yaml.safe_dump_all(documents))


def publish_all(releases: Path) -> None:
    """Both files."""
    publish(releases, API_FILE, *gateway_api(), POLICY)
    publish(releases, EXTENSION_FILE, definition("inferencepools", POOL_GROUP, INFERENCE_EXTENSION_VERSION))
