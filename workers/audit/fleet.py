"""What the watches have brought of one cluster: marks and facts, of ten thousand deployments too.

The watcher writes it, the audit reads it. Keys are what Kubernetes itself keeps apart: a deployment by its
name, what belongs to it by its uid, so that an object of a former deployment of the same name is nobody's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from airunway.clients.kubernetes import Object
from airunway.messages.refs import DeploymentRef
from airunway.provider.evidence import PodState
from airunway.workers.audit.facts import StatusFacts, UpstreamMark
from airunway.workers.marks import ConfigMark, DeploymentMark

ServedBy = tuple[str, str, str]
"""Whose pods: label, namespace, and the name that the label has."""

BEFORE_WE_CAME = float("-inf")
"""As a time of change: it was so in the first list."""


@dataclass(frozen=True, slots=True)
class KnownDeployment:
    """A deployment as the watch last brought it."""

    mark: DeploymentMark
    facts: StatusFacts
    changed_at: float
    """When it last changed, by the clock of the event loop."""

    @property
    def wants_workflow(self) -> bool:
        """Whether somebody has to act for it: not when it is only held by others until it is gone."""
        return self.facts.is_held or not self.mark.deleted


@dataclass
class Fleet:
    """All of one cluster. `providers`: names of those whose objects can be read here."""

    providers: frozenset[str] = frozenset()
    deployments: dict[DeploymentRef, KnownDeployment] = field(default_factory=dict)
    refs: dict[str, DeploymentRef] = field(default_factory=dict)
    """Uid of a deployment to its name."""
    configs: dict[str, ConfigMark] = field(default_factory=dict)
    config_objects: dict[str, Object] = field(default_factory=dict)
    """The same, whole: a cluster has few."""
    listed: list[tuple[str, asyncio.Event]] = field(default_factory=list)
    """Kind, and an event that is set once all of it is known. Two groups may have kinds of one name."""
    are_configs_listed: asyncio.Event = field(default_factory=asyncio.Event)
    are_deployments_listed: asyncio.Event = field(default_factory=asyncio.Event)
    pods_listed: dict[str, asyncio.Event] = field(default_factory=dict)
    """By label: an event that is set once all pods with it are known."""
    _pods: dict[ServedBy, dict[str, PodState]] = field(default_factory=dict)
    """The pods that serve a deployment, by uid."""
    _pod_places: dict[tuple[str, str], ServedBy] = field(default_factory=dict)
    """By label and uid of a pod: a deletion that a list found says no more."""
    _upstream: dict[str, UpstreamMark] = field(default_factory=dict)
    _owned: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Uid of a deployment to the uids of its objects."""

    def upstream_mark(self, uid: str) -> UpstreamMark | None:
        """What is kept of an upstream object."""
        return self._upstream.get(uid)

    def put_upstream(self, uid: str, mark: UpstreamMark) -> None:
        """An upstream object is there, or changed."""
        self.drop_upstream(uid)
        self._upstream[uid] = mark
        self._owned[mark.owner] = (*self._owned.get(mark.owner, ()), uid)

    def drop_upstream(self, uid: str) -> None:
        """An upstream object is gone."""
        mark = self._upstream.pop(uid, None)
        if mark is None:
            return
        left = tuple(other for other in self._owned[mark.owner] if other != uid)
        if left:
            self._owned[mark.owner] = left
        else:
            del self._owned[mark.owner]

    def objects_of(self, uid: str) -> Iterator[UpstreamMark]:
        """What a deployment owns."""
        for owned in self._owned.get(uid, ()):
            yield self._upstream[owned]

    def pod(self, label: str, uid: str) -> PodState | None:
        """What is kept of a pod."""
        place = self._pod_places.get((label, uid))
        return self._pods[place].get(uid) if place else None

    def put_pod(self, served: ServedBy, uid: str, state: PodState) -> None:
        """A pod is there, or changed."""
        if self._pod_places.get((served[0], uid)) != served:
            self.drop_pod(served[0], uid)
            self._pod_places[served[0], uid] = served
        self._pods.setdefault(served, {})[uid] = state

    def drop_pod(self, label: str, uid: str) -> ServedBy | None:
        """A pod serves nobody any more; answers whom it served."""
        served = self._pod_places.pop((label, uid), None)
        if served is not None:
            del self._pods[served][uid]
            if not self._pods[served]:
                del self._pods[served]
        return served

    def forget_pods(self, label: str) -> None:
        """Nobody follows the pods of a label any more."""
        self.pods_listed.pop(label, None)
        for known, uid in [place for place in self._pod_places if place[0] == label]:
            self.drop_pod(known, uid)

    def pods_of(self, label: str, namespace: str, name: str) -> list[PodState] | None:
        """The pods that serve a deployment; None where not all of them are known."""
        listed = self.pods_listed.get(label)
        if listed is None or not listed.is_set():
            return None
        return list(self._pods.get((label, namespace, name), {}).values())

    def is_listed(self, kind: str) -> bool:
        """Whether what is not known of a kind is not there."""
        events = [event for listed, event in self.listed if listed == kind]
        return bool(events) and all(event.is_set() for event in events)

    def model_of(self, ref: DeploymentRef) -> str:
        """The model of a deployment; empty when it is not known."""
        known = self.deployments.get(ref)
        return known.facts.model if known else ""

    def by_workflow_id(self) -> Mapping[str, DeploymentRef]:
        """Every known deployment by the id of its workflow."""
        return {ref.workflow_id: ref for ref in self.deployments}
