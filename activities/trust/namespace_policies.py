"""The rules of each namespace, followed by one watch: a rendering asks the API server for nothing.

Until the first list is there, and for a namespace that the watch has not brought yet, it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.activities.trust.errors import PolicyUnreadable
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.trust.policy import TrustPolicy, policy_annotations, policy_of


class NamespacePolicies:
    """The policies of one cluster. `defaults`: of namespaces that say nothing themselves."""

    def __init__(self, cluster: Cluster, defaults: TrustPolicy) -> None:
        self._cluster, self._defaults = cluster, defaults
        self._annotations: dict[str, Mapping[str, str]] = {}
        self._namespaces = Reflector(cluster, NAMESPACES, self._on_namespace)
        self.synced = self._namespaces.synced
        """Set once all namespaces are known."""

    async def run(self) -> None:
        """Follow the namespaces until cancelled."""
        await self._namespaces.run()

    async def of(self, namespace: str) -> TrustPolicy:
        """What holds in a namespace. Raises PolicyUnreadable, and ApiError where trying again can help.

        Nothing may be deployed there then.
        """
        annotations = self._annotations.get(namespace)
        if annotations is None:
            annotations = await self._read(namespace)
        if not annotations:
            return self._defaults
        try:
            return policy_of(self._defaults, namespace, annotations)
        except ValueError as err:
            raise PolicyUnreadable(f"{err}; ask an administrator to shorten it") from err

    async def _read(self, namespace: str) -> Mapping[str, str]:
        try:
            found = await self._cluster.get(NAMESPACES, namespace)
        except ApiError as err:
            if err.retryable:
                raise
            raise PolicyUnreadable(
                f"what may run in {namespace} cannot be read of its Namespace: {err}; the right"
                " that it takes is in docs/security.md"
            ) from err
        return _policy_of_object(found)

    def _on_namespace(self, change: ObjectChange) -> None:
        name = change.object["metadata"]["name"]
        if change.type == "deleted":
            self._annotations.pop(name, None)
        else:
            self._annotations[name] = _policy_of_object(change.object)


def _policy_of_object(namespace: Mapping[str, Any]) -> Mapping[str, str]:
    return policy_annotations(namespace["metadata"].get("annotations") or {})
