"""What pods and events say: whether a deployment serves, and why a roll-out does not come up."""

from __future__ import annotations

import asyncio
from collections.abc import Collection

from airunway.clients.errors import ApiError, Forbidden, Invalid
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, EVENTS, PODS, Cluster, Object, Resource
from airunway.messages.deployment import PodFinding
from airunway.messages.refs import DeploymentRef
from airunway.provider import Provider
from airunway.provider.diagnosis import claims_of, diagnose
from airunway.provider.evidence import PodState, pod_state

REPLICA_SETS = Resource("apps/v1", "replicasets")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")

MAX_FINDINGS = 3


async def findings_for(cluster: Cluster, namespace: str, selector: str) -> list[PodFinding]:
    """The most telling causes for the pods of a selector; empty when nothing can be read.

    Best effort: a provider without the rights for it still deploys, with less to say.
    """
    pods, replica_sets, stateful_sets, deployments, events = await asyncio.gather(
        _read(cluster, PODS, namespace, label_selector=selector),
        _read(cluster, REPLICA_SETS, namespace, label_selector=selector),
        _read(cluster, STATEFUL_SETS, namespace, label_selector=selector),
        _read(cluster, APPS_DEPLOYMENTS, namespace, label_selector=selector),
        _read(cluster, EVENTS, namespace, field_selector="type=Warning"),
    )
    workloads = [*replica_sets, *stateful_sets, *deployments]
    uids = {obj["metadata"]["uid"] for obj in (*pods, *workloads)}
    claims = {name for pod in pods for name in claims_of(pod)}
    about = [event for event in events if _is_about(event.get("involvedObject") or {}, uids, claims)]
    found = diagnose(pods, about, workloads)
    return [
        PodFinding(reason=entry.reason, message=entry.message, final=entry.final)
        for entry in found[:MAX_FINDINGS]
    ]


def _is_about(target: Object, uids: Collection[str], claims: Collection[str]) -> bool:
    is_claim = target.get("kind") == "PersistentVolumeClaim" and target.get("name") in claims
    return is_claim or target.get("uid") in uids


async def pods_of(cluster: Cluster, provider: Provider, ref: DeploymentRef) -> list[PodState] | None:
    """The pods that serve a deployment; None where they may not be seen, or no label can hold its name.

    Raises ApiError where trying again can help: what was not seen must not count as not being there.
    """
    try:
        listing = await cluster.listing(
            PODS, namespace=ref.namespace, label_selector=provider.pod_selector(ref.name)
        )
    except (Forbidden, Invalid):
        return None
    states = (
        pod_state(pod, replica_labels=provider.replica_labels, role_label=provider.role_label)
        for pod in listing.items
    )
    return [state for state in states if state is not None]


async def _read(
    cluster: Cluster, kind: Resource, namespace: str, *, label_selector: str = "", field_selector: str = ""
) -> list[Object]:
    try:
        listing = await cluster.listing(
            kind, namespace=namespace, label_selector=label_selector, field_selector=field_selector
        )
    except ApiError:
        return []
    return listing.items
