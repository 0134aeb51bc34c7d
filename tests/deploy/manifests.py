"""Reading the manifests under deploy/ and providers/*/deploy."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
CORE = ROOT / "deploy" / "manifests"
GATEWAY = ROOT / "deploy" / "gateway"
ALL_IN_ONE = ROOT / "deploy" / "all-in-one"

INSTALLER = ROOT / "deploy" / "installer"
WEB = ROOT / "deploy" / "web"


@cache
def objects(folder: Path, pattern: str = "*.yaml") -> list[dict[str, Any]]:
    """Every Kubernetes object of a folder's manifests; namespaces come first, as with kustomize."""
    found = []
    for file in sorted(folder.glob(pattern)):
        if file.name != "kustomization.yaml":
            found += [document for document in yaml.safe_load_all(file.read_text()) if document]
    return sorted(found, key=lambda obj: obj["kind"] != "Namespace")


def of_kind(kind: str, among: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Objects of a kind, by name."""
    return {obj["metadata"]["name"]: obj for obj in among if obj["kind"] == kind}


ACCOUNTS_OF_NAMESPACE = "system:serviceaccounts:airunway-system"
"""The group that every account of the manifests is in."""
