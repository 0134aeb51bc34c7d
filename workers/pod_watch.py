"""Follows the pods that serve deployments, and tells when they contradict what is said of them.

An operator that is down does not change its object when a pod crashes. A watch a label, whatever number of
deployments there is; nothing is asked for again, and of a pod only its state is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from airunway.api.status import Phase
from airunway.clients.kubernetes import PODS, Cluster
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider
from airunway.provider.evidence import PodState, pod_state
from airunway.workers.audit.fleet import Fleet, ServedBy
from airunway.workers.upstream_kinds import Announced

Notify = Callable[[DeploymentRef, str], None]
"""(deployment, cause): its pods say something else than before."""


class PodWatch:
    """The pods of one cluster, by the labels that providers give them."""

    def __init__(
        self,
        cluster: Cluster,
        providers: Mapping[str, Provider],
        fleet: Fleet,
        notify: Notify,
        *,
        cluster_name: str,
    ) -> None:
        self._cluster, self._fleet, self._notify = cluster, fleet, notify
        self._cluster_name = cluster_name
        self._labels = {provider.pod_label: provider for provider in providers.values()}
        self.reflectors = [self._reflector(label) for label in self._labels]
        """Of the labels of installed providers, to be run."""
        self.announced: Announced[str] = Announced(self._follow, key_of=str, besides=self._labels)
        """Those of others."""

    def update(self, config: str, announced: Sequence[str]) -> None:
        """Take note of the label that a config announces; none when it is gone."""
        self.announced.update(config, list(announced))

    def _reflector(self, label: str) -> Reflector:
        reflector = Reflector(
            self._cluster, PODS, lambda change: self._on_pod(label, change), label_selector=label
        )
        self._fleet.pods_listed[label] = reflector.synced
        return reflector

    async def _follow(self, label: str) -> None:
        try:
            await self._reflector(label).run()
        finally:
            self._fleet.forget_pods(label)

    def _on_pod(self, label: str, change: ObjectChange) -> None:
        meta = change.object["metadata"]
        before, state = self._fleet.pod(label, meta["uid"]), None
        if change.type != "deleted":
            state = self._state(label, change)
        if state is None:
            served = self._fleet.drop_pod(label, meta["uid"])
        else:
            state = state.after(before)
            served = (label, meta["namespace"], meta["labels"][label])
            self._fleet.put_pod(served, meta["uid"], state)
        if served is None or not self._fleet.pods_listed[label].is_set():
            return  # a first list is no change
        cause = _change(before, state, meta["name"])
        if before is not None and before.is_ending and not self._is_at_zero(served):
            return  # it was gone for everybody when its end began
        if cause and self._matters_to(served):
            self._notify(self._ref(served), cause)

    def _state(self, label: str, change: ObjectChange) -> PodState | None:
        provider = self._labels.get(label)
        return pod_state(
            change.object,
            replica_labels=provider.replica_labels if provider else {},
            role_label=provider.role_label if provider else "",
        )

    def _matters_to(self, served: ServedBy) -> bool:
        """Whether somebody says that the deployment serves, or gave it up for its pods.

        While it comes up its own object changes with the pods, and its workflow looks at them.
        """
        known = self._fleet.deployments.get(self._ref(served))
        if known is None:
            return False
        facts = known.facts
        if facts.phase == Phase.RUNNING or facts.is_rollout_failure:
            return True
        marks = self._fleet.objects_of(known.mark.uid)
        return any(read.phase == Phase.RUNNING for mark in marks for _, read in mark.readings)

    def _is_at_zero(self, served: ServedBy) -> bool:
        """Whether no replica is asked for: what is still there is said then."""
        known = self._fleet.deployments.get(self._ref(served))
        if known is None:
            return False
        marks = self._fleet.objects_of(known.mark.uid)
        read = [known.facts.upstream, *(said for mark in marks for _, said in mark.readings)]
        return any(said.counts[0] == 0 for said in read)

    def _ref(self, served: ServedBy) -> DeploymentRef:
        _, namespace, name = served
        return DeploymentRef(cluster=self._cluster_name, namespace=namespace, name=name)


def _change(before: PodState | None, now: PodState | None, name: str) -> str:
    """What became of a pod, in words; empty for what no status says: one that is new, or still starts."""
    if now is None or now.is_ending:
        return f"pod {name} is gone" if before is not None and now != before else ""
    if now == before or (before is None and not now.is_ready and not now.trouble):
        return ""
    if now.is_ready:
        return f"pod {name} is ready"
    return f"pod {name} is not ready" + (f": {now.trouble}" if now.trouble else "")
