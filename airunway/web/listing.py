"""DeploymentStatus of deployments, written once for each change of one and not for each who asks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airunway.clients.kubernetes import Object
from airunway.console.links import workflow_link
from airunway.messages.refs import DeploymentRef
from airunway.web.answers import compact
from airunway.web.derive.statuses import deployment_status
from airunway.web.fleet import Key, LiveFleet, key_of
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of


class ShownDeployments:
    """What is said of deployments, out of what is followed. `settings` with the cluster's name."""

    def __init__(self, settings: Settings, fleet: LiveFleet) -> None:
        self._cluster, self._target, self._fleet = settings.cluster, target_of(settings), fleet
        self._texts: dict[Key, tuple[int, str]] = {}

    def one(self, deployment: Object) -> dict[str, Any]:
        """DeploymentStatus of a deployment, as it was read, with the pods that are followed."""
        namespace, name = key_of(deployment)
        links = self.links(namespace, name)
        return deployment_status(deployment, self._fleet.pods_of(namespace, name), links=links)

    def links(self, namespace: str, name: str) -> dict[str, str]:
        """Addresses for people: the page, and what happened as Temporal shows it."""
        ref = DeploymentRef(cluster=self._cluster, namespace=namespace, name=name)
        return {
            "page": f"/deployments/{namespace}/{name}",
            "workflow": workflow_link(self._target, ref.workflow_id),
        }

    def texts(self, deployments: Sequence[Object]) -> list[str]:
        """JSON texts of deployments that are followed, in their order."""
        there = self._fleet.deployments.objects
        if len(self._texts) > 2 * len(there) + 100:
            self._texts = {key: text for key, text in self._texts.items() if key in there}
        return [self._text(deployment) for deployment in deployments]

    def _text(self, deployment: Object) -> str:
        key = key_of(deployment)
        revision = self._fleet.revision(*key)
        found = self._texts.get(key)
        if found is None or found[0] != revision:
            found = (revision, compact(self.one(deployment)))
            self._texts[key] = found
        return found[1]


def newest_first(deployments: Sequence[Object]) -> list[Object]:
    """By age, of the same age by name."""
    by_name = sorted(deployments, key=key_of)
    return sorted(by_name, key=lambda obj: str(obj["metadata"].get("creationTimestamp") or ""), reverse=True)
