"""What an audit finds of one deployment: every way in which what is can differ from what the status says."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airunway.provider.contract import Provider
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.workers.audit.differences import StatusDifference, difference
from airunway.workers.audit.fleet import Fleet
from airunway.workers.marks import STATUS_CHANGED
from tests.workers.audit.objects import (
    PROVIDERS,
    RUNNING,
    deployment,
    fleet_of,
    put,
    ref_of,
    server,
)

OURS = {"manager": "airunway", "subresource": "status", "fieldsV1": {"f:status": {"f:phase": {}}}}
APPLIED = {
    "manager": "acme-provider",
    "time": "2026-01-01T10:00:00Z",
    "fieldsV1": {"f:metadata": {}, "f:spec": {"f:replicas": {}}},
}


def found(fleet: Fleet, *, at_start: bool = False) -> str:
    """The cause for the deployment `chat`; empty: none."""
    entry = difference(fleet.deployments[ref_of()], fleet, PROVIDERS, at_start=at_start)
    return entry.cause if entry else ""


def status(**changes: Any) -> dict[str, Any]:
    return {**copy.deepcopy(RUNNING), **changes}


def with_condition(kind: str, verdict: str, reason: str = "", **changes: Any) -> dict[str, Any]:
    entry = {"type": kind, "status": verdict, "reason": reason}
    kept = [one for one in RUNNING["conditions"] if one["type"] != kind]
    return status(conditions=[*kept, entry], **changes)


def settled() -> Fleet:
    return fleet_of([deployment()], [(server(), "chat")])


def test_a_settled_deployment_differs_in_nothing() -> None:
    assert found(settled()) == found(settled(), at_start=True) == ""


@dataclass(frozen=True)
class Case:
    reason: str
    fleet: Callable[[], Fleet]
    want: str
    at_start: bool = False


CASES = [
    Case(
        "an edit that nobody took up",
        lambda: fleet_of([deployment(generation=3)], [(server(), "chat")]),
        "generation 3, its status is of 1",
    ),
    Case("it is new", lambda: fleet_of([deployment(status=None)]), "generation 1, it has no status yet"),
    Case("the main object was deleted", lambda: fleet_of([deployment()]), "Server chat is gone"),
    Case(
        "the object is that of a former deployment of the name",
        lambda: fleet_of([deployment(uid="uid-new")], [(server(), "chat")]),
        "Server chat is gone",
    ),
    Case(
        "a companion was deleted",
        lambda: fleet_of(
            [deployment(status=with_created("Server chat, Service chat"))],
            [(server(), "chat")],
            kinds=("Server", "Service"),
        ),
        "Service chat is gone",
    ),
    Case(
        "a companion's kind is not followed here",
        lambda: fleet_of(
            [deployment(status=with_created("Server chat, Service chat"))], [(server(), "chat")]
        ),
        "",
    ),
    Case("the kind could not be listed yet", lambda: fleet_of([deployment()], kinds=()), ""),
    Case(
        "the main object hangs in its deletion",
        lambda: fleet_of([deployment()], [(server(deletionTimestamp="2026-01-01T00:00:00Z"), "chat")]),
        "Server chat is being deleted",
    ),
    Case(
        "it is not ready any more",
        lambda: fleet_of([deployment()], [(server(ready=False), "chat")]),
        "Server chat has 0/1 ready at chat:80, its status says 1/1 at chat:80",
    ),
    Case(
        "it runs, and the status does not say so",
        lambda: fleet_of([deployment(status=status(phase="Deploying"))], [(server(), "chat")]),
        "Server chat is Running, its status says Deploying",
    ),
    Case(
        "a roll-out that failed runs after all",
        lambda: fleet_of(
            [deployment(status=with_condition("Ready", "False", "DeploymentFailed", phase="Failed"))],
            [(server(), "chat")],
        ),
        "Server chat is Running, its status says Failed",
    ),
    Case(
        "a step failed for good, and what served before goes on",
        lambda: fleet_of(
            [deployment(status=with_condition("Ready", "False", "ResourceConflict", phase="Failed"))],
            [(server(), "chat")],
        ),
        "",
    ),
    Case(
        "a failure may have been ended by what nobody saw",
        lambda: fleet_of(
            [deployment(status=with_condition("Ready", "False", "ResourceConflict", phase="Failed"))],
            [(server(), "chat")],
        ),
        "it failed, and what ends that may have happened while nobody watched",
        at_start=True,
    ),
    Case(
        "a spec that is refused leaves the phase of what serves",
        lambda: fleet_of(
            [deployment(status=with_condition("Validated", "False", phase="Pending"))], [(server(), "chat")]
        ),
        "it is not settled: phase Pending",
    ),
    Case(
        "it waits",
        lambda: fleet_of([deployment(status={"phase": "Pending", "observedGeneration": 1})]),
        "it is not settled: phase Pending",
    ),
    Case(
        "a step could not be done for now",
        lambda: fleet_of(
            [deployment(status=with_condition("ProviderHealthy", "False", "StepFailed"))],
            [(server(), "chat")],
        ),
        "it is not settled: a step failed and is to be tried again",
    ),
    Case(
        "an image for a new generation is built while the old one serves",
        lambda: fleet_of(
            [deployment(status=with_condition("ModelImageReady", "False", "ImageBuilding"))],
            [(server(), "chat")],
        ),
        "it is not settled: an image is being built",
    ),
    Case(
        "the provider became unready",
        lambda: fleet_of([deployment()], [(server(), "chat")], ready=False),
        "provider acme is not ready, its status says otherwise",
    ),
    Case(
        "the provider is ready again",
        lambda: fleet_of(
            [deployment(status=with_condition("ProviderHealthy", "False", "ProviderNotReady"))],
            [(server(), "chat")],
        ),
        "provider acme is ready, its status says otherwise",
    ),
    Case(
        "it is being deleted, and we hold it",
        lambda: fleet_of(
            [deployment(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["airunway.ai/acme-provider"])]
        ),
        "it is being deleted",
    ),
    Case(
        "it is being deleted, and others hold it",
        lambda: fleet_of(
            [deployment(deletionTimestamp="2026-01-01T00:00:00Z", finalizers=["example.com/f"])]
        ),
        "",
    ),
    Case(
        "it is paused",
        lambda: fleet_of([deployment(generation=5, annotations={"airunway.ai/reconcile-paused": "true"})]),
        "",
    ),
    Case(
        "a provider controller outside acts on it",
        lambda: fleet_of([deployment(status=status(phase="Deploying"))], queue=""),
        "",
    ),
    Case(
        "a provider controller outside writes its status",
        lambda: fleet_of([deployment(managedFields=[OURS, {**OURS, "manager": "kaito"}])], queue=""),
        "",
        at_start=True,
    ),
    Case(
        "an edit of one that a controller outside acts on",
        lambda: fleet_of([deployment(generation=2)], queue=""),
        "generation 2, its status is of 1",
    ),
    Case(
        "somebody else wrote the status while nobody watched",
        lambda: fleet_of([deployment(managedFields=[OURS, {**OURS, "manager": "kubectl"}])]),
        STATUS_CHANGED,
        at_start=True,
    ),
    Case(
        "the gateway's controller wrote its part",
        lambda: fleet_of(
            [
                deployment(
                    managedFields=[
                        {**OURS, "manager": "gateways", "fieldsV1": {"f:status": {"f:gateway": {}}}}
                    ]
                )
            ],
            [(server(), "chat")],
        ),
        "",
        at_start=True,
    ),
    Case(
        "a policy refused it",
        lambda: fleet_of(
            [
                deployment(
                    status=with_condition("ResourceCreated", "False", "ImageNotAllowed", phase="Failed")
                )
            ],
            [(server(), "chat")],
        ),
        "it was refused by a policy for images or models, which may have changed",
    ),
    Case(
        "an object was edited by hand",
        lambda: fleet_of(
            [deployment()],
            [(server(managedFields=[APPLIED, edit("kubectl-edit", "2026-01-01T11:00:00Z")]), "chat")],
        ),
        "Server chat was edited by kubectl-edit",
    ),
    Case(
        "an edit by hand that was repaired since",
        lambda: fleet_of(
            [deployment()],
            [(server(managedFields=[APPLIED, edit("kubectl-edit", "2026-01-01T09:00:00Z")]), "chat")],
        ),
        "",
    ),
    Case(
        "its operator writes status and labels",
        lambda: fleet_of(
            [deployment()],
            [(server(managedFields=[APPLIED, {**OURS, "manager": "operator"}]), "chat")],
        ),
        "",
    ),
]


def with_created(message: str) -> dict[str, Any]:
    made = {"type": "ResourceCreated", "status": "True", "message": message}
    return status(conditions=[RUNNING["conditions"][0], made])


def edit(manager: str, at: str) -> dict[str, Any]:
    return {"manager": manager, "time": at, "fieldsV1": {"f:spec": {"f:replicas": {}}}}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_differences(case: Case) -> None:
    assert found(case.fleet(), at_start=case.at_start) == case.want


def test_a_provider_that_is_not_installed_here_is_looked_after_at_the_start_alone() -> None:
    fleet = settled()
    fleet.providers = frozenset()

    assert found(fleet, at_start=True) == "the watcher cannot read what provider acme makes"
    assert found(fleet) == ""


def test_what_a_person_did_goes_first() -> None:
    fleet = fleet_of([deployment(generation=2)])

    entry = difference(fleet.deployments[ref_of()], fleet, PROVIDERS, at_start=False)

    assert entry == StatusDifference("generation 2, its status is of 1", urgent=True)


@pytest.mark.parametrize(("prefill_up", "want"), [(True, ""), (False, "Deployment chat is Deploying")])
def test_a_provider_that_reads_its_objects_together_does_so_here(prefill_up: bool, want: str) -> None:
    said = status(
        provider={"name": "llmd", "resourceName": "chat", "resourceKind": "Deployment"},
        conditions=[],
        replicas={"desired": 1, "ready": 1, "available": 1},
    )
    main, prefill = workload("chat", up=True), workload("chat-prefill", up=prefill_up)
    read = LLMD.read_status(main)
    assert read.endpoint is not None
    said["endpoint"] = read.endpoint.model_dump()
    fleet = fleet_of([deployment(status=said)], kinds=("Deployment",))
    fleet.configs["llmd"] = fleet.configs["acme"]
    for obj in (main, prefill):
        put(fleet, obj, "chat", *_apps_readers())

    assert found(fleet).startswith(want)
    assert bool(found(fleet)) is bool(want)


def workload(name: str, *, up: bool) -> dict[str, Any]:
    """A Deployment as a list brings it, but for its kind, which the mark is given."""
    available = {"type": "Available", "status": "True"}
    progressing = {"type": "Progressing", "status": "True", "reason": "ReplicaSetUpdated"}
    ready = int(up)
    return {
        "kind": "Deployment",
        "metadata": {
            "name": name,
            "namespace": "ml",
            "uid": f"uid-of-{name}",
            "generation": 2,
            "managedFields": [{"manager": "llmd-provider", "fieldsV1": {"f:spec": {}}}],
        },
        "spec": {"replicas": 1},
        "status": {
            "observedGeneration": 2,
            "replicas": 1,
            "updatedReplicas": 1,
            "readyReplicas": ready,
            "availableReplicas": ready,
            "conditions": [available if up else progressing],
        },
    }


def _apps_readers() -> list[Provider]:
    return [PROVIDERS["llmd"], PROVIDERS["vllm"]]
