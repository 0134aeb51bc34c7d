"""Reading the manifests under deploy/ and providers/*/deploy."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
CORE = ROOT / "deploy" / "manifests"
ALL_IN_ONE = ROOT / "deploy" / "all-in-one"

INSTALLER = ROOT / "deploy" / "installer"

Rights = set[tuple[str, str, str]]
"""API group, resource and verb."""


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


def rights_of(rules: Iterable[Mapping[str, Any]]) -> Rights:
    """What rules grant."""
    return {
        (group, resource, verb)
        for rule in rules
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


ACCOUNTS_OF_NAMESPACE = "system:serviceaccounts:airunway-system"
"""The group that every account of the manifests is in."""


def rights_of_account(name: str, among: list[dict[str, Any]]) -> Rights:
    """What a ServiceAccount may do, through bindings, roles and aggregated roles."""
    roles = {**of_kind("ClusterRole", among), **of_kind("Role", among)}
    granted: Rights = set()
    for binding in [*of_kind("ClusterRoleBinding", among).values(), *of_kind("RoleBinding", among).values()]:
        if any(subject["name"] in (name, ACCOUNTS_OF_NAMESPACE) for subject in binding["subjects"]):
            role = roles[binding["roleRef"]["name"]]
            granted |= rights_of(role["rules"] or [])
            for selector in role.get("aggregationRule", {}).get("clusterRoleSelectors", []):
                for other in of_kind("ClusterRole", among).values():
                    labels = other["metadata"].get("labels", {})
                    if selector["matchLabels"].items() <= labels.items():
                        granted |= rights_of(other["rules"])
    return granted


def bound_to(name: str, among: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Roles and ClusterRoles that are bound to a ServiceAccount, in the order of the manifests."""
    bindings = [obj for obj in among if obj["kind"].endswith("RoleBinding")]
    bound = {
        binding["roleRef"]["name"]
        for binding in bindings
        if any(subject["name"] == name for subject in binding["subjects"])
    }
    return [obj for obj in among if obj["kind"].endswith("Role") and obj["metadata"]["name"] in bound]
