"""CRDs of a chart: which there are, which are missing, whose they are. Source: install.md §A5."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

CRD_KIND = "CustomResourceDefinition"
RELEASE_NAME = "meta.helm.sh/release-name"
RELEASE_NAMESPACE = "meta.helm.sh/release-namespace"
RESOURCE_POLICY = "helm.sh/resource-policy"
INSTALLED_FOR = "airunway.ai/installed-for"
"""Label of the CRDs that were applied here one by one: for whom."""

Manifest = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Clash:
    """An object that the chart would write and that belongs to somebody else."""

    kind: str
    name: str
    namespace: str = ""
    owner: str = ""

    def __str__(self) -> str:
        where = f" in namespace {self.namespace}" if self.namespace else ""
        return f'{self.kind} "{self.name}"{where} (of {self.owner or "somebody else"})'


def crds_in(documents: Iterable[Manifest]) -> list[dict[str, Any]]:
    """The CRDs among documents; the first of a name wins (install.md §A5.4)."""
    found: dict[str, dict[str, Any]] = {}
    for document in documents:
        name = name_of(document)
        if document.get("kind") == CRD_KIND and name and name not in found:
            found[name] = dict(document)
    return list(found.values())


def name_of(document: Manifest) -> str:
    """metadata.name; empty when there is none."""
    meta = document.get("metadata")
    return str(meta.get("name") or "") if isinstance(meta, Mapping) else ""


def step_name(crd: str) -> str:
    """A CRD's name within a step id (install.md §A5.5)."""
    return re.sub(r"[^A-Za-z0-9-]+", "-", crd)


def owner_of(live: Manifest) -> str:
    """Who a live object belongs to, for a person: its Helm release, or the tool that says it manages it."""
    release = release_of(live)
    if release is not None:
        return f"Helm release {release[0]}/{release[1]}"
    meta = live.get("metadata") or {}
    labels = meta.get("labels") or {}
    manager = labels.get("app.kubernetes.io/managed-by") or labels.get("addonmanager.kubernetes.io/mode")
    if manager:
        return str(manager)
    managers = [entry.get("manager", "") for entry in meta.get("managedFields") or []]
    return next(filter(None, managers), "")


def release_of(live: Manifest) -> tuple[str, str] | None:
    """Namespace and name of the Helm release that says it owns an object."""
    annotations = (live.get("metadata") or {}).get("annotations") or {}
    name = annotations.get(RELEASE_NAME)
    return (annotations.get(RELEASE_NAMESPACE, ""), name) if name else None


def clashes(
    wanted: Iterable[Manifest], live: Mapping[str, Manifest], *, release: tuple[str, str]
) -> list[Clash]:
    """Templated CRDs that exist and are not the release's: Helm would refuse them (install.md §A7)."""
    found = []
    for crd in crds_in(wanted):
        there = live.get(name_of(crd))
        if there is not None and not adoptable(there, release=release):
            found.append(Clash(kind=CRD_KIND, name=name_of(crd), owner=owner_of(there)))
    return found


def adoptable(live: Manifest, *, release: tuple[str, str]) -> bool:
    """Whether Helm takes a live object into the release: its own marks say so already."""
    labels = (live.get("metadata") or {}).get("labels") or {}
    return labels.get("app.kubernetes.io/managed-by") == "Helm" and release_of(live) == release


def is_established(crd: Manifest) -> bool:
    """Whether the API server serves the kind."""
    conditions = (crd.get("status") or {}).get("conditions") or []
    return any(entry["type"] == "Established" and entry["status"] == "True" for entry in conditions)


def is_kept(document: Manifest) -> bool:
    """Whether an object carries Helm's policy to stay when its release goes."""
    annotations = (document.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get(RESOURCE_POLICY, "")).strip().lower() == "keep"
