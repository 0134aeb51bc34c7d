"""Inspecting a provider's operator in the cluster: CRDs, pods, and whose Deployment it is. Reads only.

Used by the installer, and by the command line with a person's own rights.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.clients.errors import ApiError, NotFound
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CRDS, PODS, Cluster, Object
from airunway.installation.crds import is_established, name_of, owner_of, release_of
from airunway.installation.metadata import PodProbe, ProviderMetadata
from airunway.installation.probes import probes_of
from airunway.installation.state import Facts

_ANYBODYS = {"control-plane=controller-manager"}
"""Selectors that fit operators of all kinds: they cannot tell whose an operator is."""
_SCOPE_VARIABLES = {"WATCH_NAMESPACE", "WATCH_NAMESPACES", "NAMESPACE_RESTRICTION"}
_SCOPE_ARGUMENTS = ("--watch-namespace", "--watch-namespaces", "--namespace-restriction", "--namespaces")


@dataclass(frozen=True, kw_only=True)
class Operator:
    """An operator's Deployment."""

    namespace: str
    name: str
    ready: bool
    release: tuple[str, str] | None
    """Namespace and name of its Helm release, if it says so."""
    owner: str
    scope: str = ""
    """Namespaces it is limited to, if it says so."""

    def __str__(self) -> str:
        return f"Deployment {self.namespace}/{self.name} (of {self.owner or 'an unknown owner'})"


class Probe:
    """Inspects providers of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def facts(self, metadata: ProviderMetadata) -> Facts:
        """What the probes of a provider see. An error is part of the answer."""
        if not metadata.requires_crd:
            return Facts()
        health = probes_of(metadata)
        (crds, crd_error), (pod, pod_error) = await asyncio.gather(
            self._crds([crd.name for crd in health.crds]), self._ready_pod(health.operator_pods)
        )
        return Facts(crds=crds, crd_error=crd_error, ready_pod=pod, pod_error=pod_error)

    async def not_served(self, metadata: ProviderMetadata) -> list[str]:
        """The provider's CRDs whose kinds the API server does not serve, or not yet. Raises ApiError."""
        names = [crd.name for crd in probes_of(metadata).crds]
        live = await asyncio.gather(*(self._cluster.find(CRDS, name) for name in names))
        there = {name_of(crd) for crd in live if crd is not None and is_established(crd)}
        return [name for name in names if name not in there]

    async def operators(self, metadata: ProviderMetadata) -> list[Operator]:
        """Every Deployment that looks like the provider's operator, wherever it is. Raises ApiError."""
        selectors = {
            selector
            for probe in probes_of(metadata).operator_pods
            for selector in probe.selectors
            if selector not in _ANYBODYS
        }
        found: dict[tuple[str, str], Object] = {}
        wanted: set[tuple[str, str]] = set()
        listings = [self._labelled(selector) for selector in sorted(selectors)]
        for deployments, pods in await asyncio.gather(*listings):
            found |= {_key(obj): obj for obj in deployments}
            wanted |= set(filter(None, map(_deployment_of, pods)))
        for namespace, name in sorted(wanted - found.keys()):
            live = await self._cluster.find(APPS_DEPLOYMENTS, name, namespace=namespace)
            if live is not None:
                found[namespace, name] = live
        return [_operator(found[key]) for key in sorted(found)]

    async def _labelled(self, selector: str) -> tuple[Sequence[Object], Sequence[Object]]:
        deployments, pods = await asyncio.gather(
            self._cluster.listing(APPS_DEPLOYMENTS, label_selector=selector),
            self._cluster.listing(PODS, label_selector=selector),
        )
        return deployments.items, pods.items

    async def _crds(self, names: Sequence[str]) -> tuple[dict[str, bool], str]:
        found: dict[str, bool] = {}
        error = ""
        answers = await asyncio.gather(*(self._crd(name) for name in names), return_exceptions=True)
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, ApiError):
                error = error or str(answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                found[name] = answer
        return found, error

    async def _crd(self, name: str) -> bool:
        return await self._cluster.find(CRDS, name) is not None

    async def _ready_pod(self, probes: Sequence[PodProbe]) -> tuple[str, str]:
        error = ""
        for probe in probes:
            for selector in probe.selectors:
                try:
                    listing = await self._cluster.listing(
                        PODS, namespace=probe.namespace or None, label_selector=selector
                    )
                except NotFound:
                    continue
                except ApiError as err:
                    error = error or str(err)
                    continue
                for pod in listing.items:
                    if is_ready(pod):
                        return pod["metadata"]["namespace"], ""
        return "", error


def is_ready(pod: Mapping[str, Any]) -> bool:
    """Running, and every container ready (install.md §A9.1)."""
    status = pod.get("status") or {}
    containers = status.get("containerStatuses") or []
    return status.get("phase") == "Running" and bool(containers) and all(c.get("ready") for c in containers)


def _key(obj: Object) -> tuple[str, str]:
    return obj["metadata"]["namespace"], obj["metadata"]["name"]


def _deployment_of(pod: Object) -> tuple[str, str] | None:
    """The Deployment whose ReplicaSet owns a pod; the set is called after it."""
    for owner in pod["metadata"].get("ownerReferences") or []:
        if owner.get("controller") and owner["kind"] == "ReplicaSet":
            return pod["metadata"]["namespace"], owner["name"].rpartition("-")[0]
    return None


def _operator(obj: Object) -> Operator:
    namespace, name = _key(obj)
    return Operator(
        namespace=namespace,
        name=name,
        ready=bool((obj.get("status") or {}).get("readyReplicas")),
        release=release_of(obj),
        owner=owner_of(obj),
        scope=_scope(obj),
    )


def _scope(obj: Object) -> str:
    containers = obj["spec"]["template"]["spec"].get("containers") or []
    for container in containers:
        for variable in container.get("env") or []:
            if variable.get("name") in _SCOPE_VARIABLES and variable.get("value"):
                return str(variable["value"])
        for argument in [*(container.get("command") or []), *(container.get("args") or [])]:
            name, mark, value = str(argument).partition("=")
            if mark and value and name in _SCOPE_ARGUMENTS:
                return value
    return ""
