"""Tells clients which kinds there are: version, groups, resources.

Source: https://kubernetes.io/docs/concepts/overview/kubernetes-api/#discovery-api.
"""

from __future__ import annotations

import base64
import hashlib
import sys
from collections.abc import Iterator
from typing import Any

from .kinds import Kind, Registry

Obj = dict[str, Any]
MAJOR, MINOR = "1", "37"
GIT_VERSION = "v1.37.2"
_SUBRESOURCE_VERBS = {
    "status": ["get", "patch", "update"],
    "scale": ["get", "patch", "update"],
    "binding": ["create"],
    "token": ["create"],
    "log": ["get"],
    "exec": ["create", "get"],
    "attach": ["create", "get"],
    "portforward": ["create", "get"],
    "proxy": ["create", "delete", "get", "patch", "update"],
}
_SUBRESOURCE_KINDS = {
    "scale": ("autoscaling", "v1", "Scale"),
    "binding": ("", "v1", "Binding"),
    "token": ("authentication.k8s.io", "v1", "TokenRequest"),
    "exec": ("", "v1", "PodExecOptions"),
    "attach": ("", "v1", "PodAttachOptions"),
    "portforward": ("", "v1", "PodPortForwardOptions"),
}


def version() -> Obj:
    """GET /version."""
    return {
        "major": MAJOR,
        "minor": MINOR,
        "emulationMajor": MAJOR,
        "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": str(int(MINOR) - 1),
        "gitVersion": GIT_VERSION,
        "gitCommit": "0" * 40,
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "none",
        "compiler": "python",
        "platform": f"{sys.platform}/emulated",
    }


def api_versions(address: str) -> Obj:
    """GET /api."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def group_list(kinds: Registry) -> Obj:
    """GET /apis."""
    groups = [_group(group, versions) for group, versions in _groups(kinds).items() if group]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def group(kinds: Registry, name: str) -> Obj | None:
    """GET /apis/GROUP; None when there is no such group."""
    versions = _groups(kinds).get(name)
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)} if versions and name else None


def _groups(kinds: Registry) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for name, api_version in kinds.group_versions():
        groups.setdefault(name, []).append(api_version)
    return groups


def _group(name: str, versions: list[str]) -> Obj:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def resource_list(kinds: Registry, name: str, api_version: str) -> Obj | None:
    """GET /api/v1 or /apis/GROUP/VERSION; None when it is not served."""
    members = [kind for kind in kinds if (kind.group, kind.version) == (name, api_version)]
    if not members:
        return None
    resources = [entry for kind in members for entry in _resources(kind)]
    group_version = f"{name}/{api_version}" if name else api_version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def _resources(kind: Kind) -> Iterator[Obj]:
    entry: Obj = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
        **({} if kind.verbs == ("create",) else {"storageVersionHash": _storage_hash(kind)}),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    yield entry
    for name in sorted(kind.subresources):
        group_name, api_version, kind_name = _subresource_kind(kind, name)
        sub: Obj = {
            "name": f"{kind.plural}/{name}",
            "singularName": "",
            "namespaced": kind.namespaced,
            "kind": kind_name,
            "verbs": _SUBRESOURCE_VERBS[name],
        }
        if (group_name, api_version) != (kind.group, kind.version):
            sub |= {"group": group_name, "version": api_version}
        yield sub


def _storage_hash(kind: Kind) -> str:
    text = f"{kind.group}/{kind.version}/{kind.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def _subresource_kind(kind: Kind, name: str) -> tuple[str, str, str]:
    if name == "proxy":
        return "", "v1", f"{kind.kind}ProxyOptions"
    return _SUBRESOURCE_KINDS.get(name, (kind.group, kind.version, kind.kind))
