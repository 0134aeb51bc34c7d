"""What keeps a container's environment from being made, in the order and the words of the kubelet.

Source: makeEnvironmentVariables in k8s.io/kubernetes/pkg/kubelet/kubelet_pods.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.clients.kubernetes import SECRETS, Cluster, Resource

CONFIG_MAPS = Resource("v1", "configmaps")


@dataclass(frozen=True)
class _Need:
    """A Secret or ConfigMap, or one key of it, that a container cannot start without."""

    kind: str  # Secret or ConfigMap
    name: str
    key: str = ""  # empty: whichever keys there are


async def what_is_missing(cluster: Cluster, pod: Mapping[str, Any]) -> str:
    """The kubelet's sentence on the first thing that is not there; empty when all is."""
    namespace = pod["metadata"]["namespace"]
    for container in pod["spec"]["containers"]:
        for need in _needs(container):
            resource = SECRETS if need.kind == "Secret" else CONFIG_MAPS
            found = await cluster.find(resource, need.name, namespace=namespace)
            if found is None:
                return f'{need.kind.lower()} "{need.name}" not found'
            if need.key and need.key not in (found.get("data") or {}):
                return f"couldn't find key {need.key} in {need.kind} {namespace}/{need.name}"
    return ""


def _needs(container: Mapping[str, Any]) -> Iterator[_Need]:
    for entry in container.get("envFrom") or ():
        yield from _required(entry, secret="secretRef", config_map="configMapRef")
    for variable in container.get("env") or ():
        source = variable.get("valueFrom") or {}
        yield from _required(source, secret="secretKeyRef", config_map="configMapKeyRef")


def _required(source: Mapping[str, Any], *, secret: str, config_map: str) -> Iterator[_Need]:
    for field, kind in ((secret, "Secret"), (config_map, "ConfigMap")):
        reference = source.get(field)
        if reference and not reference.get("optional"):
            yield _Need(kind, reference["name"], reference.get("key", ""))
