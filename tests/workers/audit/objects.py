"""Deployments and upstream objects as a watch brings them, and a fleet that knows them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider
from airunway.provider.evidence import PodState
from airunway.provider.registry import installed_providers
from airunway.workers.audit.facts import StatusFacts
from airunway.workers.audit.fleet import BEFORE_WE_CAME, Fleet, KnownDeployment
from airunway.workers.marks import ConfigMark, DeploymentMark, Readers, upstream_mark
from tests.e2e.acme import ACME

PROVIDERS = {**installed_providers(), ACME.name: ACME}

RUNNING: dict[str, Any] = {
    "phase": "Running",
    "observedGeneration": 1,
    "provider": {"name": "acme", "resourceName": "chat", "resourceKind": "Server"},
    "replicas": {"desired": 1, "ready": 1, "available": 1},
    "endpoint": {"service": "chat", "port": 80},
    "conditions": [
        {"type": "Ready", "status": "True", "reason": "DeploymentReady"},
        {"type": "ResourceCreated", "status": "True", "message": "Server chat"},
    ],
}
"""The status of a deployment whose Server is ready."""


def deployment(name: str = "chat", *, status: Any = RUNNING, **meta: Any) -> dict[str, Any]:
    given = {"name": name, "namespace": "ml", "uid": f"uid-{name}", "generation": 1, **meta}
    obj: dict[str, Any] = {"metadata": given, "spec": {"model": {"id": "o/m"}}}
    return obj if status is None else {**obj, "status": status}


def server(name: str = "chat", *, ready: bool = True, **meta: Any) -> dict[str, Any]:
    """What acme makes of it."""
    given = {"name": name, "namespace": "ml", "uid": f"server-{name}", "generation": 1, **meta}
    status = {"ready": ready, "observedGeneration": 1}
    return {"kind": "Server", "metadata": given, "spec": {"model": "o/m", "replicas": 1}, "status": status}


def ref_of(name: str = "chat") -> DeploymentRef:
    return DeploymentRef(cluster="here", namespace="ml", name=name)


def known(obj: dict[str, Any], *, changed_at: float = BEFORE_WE_CAME) -> KnownDeployment:
    return KnownDeployment(DeploymentMark.of(obj), StatusFacts.of(obj), changed_at)


def fleet_of(
    deployments: Iterable[dict[str, Any]],
    upstream: Iterable[tuple[dict[str, Any], str]] = (),
    *,
    kinds: Iterable[str] = ("Server",),
    ready: bool = True,
    queue: str = "airunway.here.provider.acme",
) -> Fleet:
    """All lists are there. `upstream`: object and the name of its deployment; `kinds`: that are followed."""
    fleet = Fleet(providers=frozenset(PROVIDERS))
    for obj in deployments:
        fleet.deployments[ref_of(obj["metadata"]["name"])] = known(obj)
    for obj, owner in upstream:
        put(fleet, obj, owner)
    fleet.configs["acme"] = ConfigMark(offer=1, ready=ready, task_queue=queue)
    for kind in kinds:
        event = asyncio.Event()
        event.set()
        fleet.listed.append((kind, event))
    fleet.are_configs_listed.set()
    fleet.are_deployments_listed.set()
    return fleet


def put_pods(fleet: Fleet, *ready: bool, name: str = "chat") -> None:
    """All pods are known: those of one workload, each ready or not."""
    listed = fleet.pods_listed.setdefault(ACME.pod_label, asyncio.Event())
    listed.set()
    for number, is_ready in enumerate(ready):
        state = PodState(f"{name}-{number}", "set", is_ready, True, False, "" if is_ready else "Crash")
        fleet.put_pod((ACME.pod_label, "ml", name), f"pod-{name}-{number}", state)


def put(fleet: Fleet, obj: dict[str, Any], owner: str, *readers: Provider) -> None:
    mains = readers or (ACME,)
    together = [provider for provider in readers if provider.name == "llmd"]
    mark = upstream_mark(
        obj, kind=obj["kind"], owner=f"uid-{owner}", readers=Readers(main=mains, together=together)
    )
    fleet.put_upstream(obj["metadata"]["uid"], mark)
