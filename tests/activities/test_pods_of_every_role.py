"""A role whose pods are all gone keeps a deployment from being ready, whatever pods of other roles say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from airunway.activities.upstream.reported_status import reported_status, status_of
from airunway.api.status import Phase, UnifiedStatus
from airunway.clients.kubernetes import PODS
from airunway.provider.evidence import pod_state, with_pods
from airunway.provider.registry import installed_providers
from airunway.workers.audit.facts import ObservedUpstream
from tests.activities.deployment_site import REF, DeploymentSite
from tests.activities.test_pods_of_every_provider import AVAILABLE, SERVING, Seen, ready, say

PROVIDERS = installed_providers()


def named(body: dict[str, Any], name: str = REF.name, **more: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "generation": 1}, **body, **more}


def dynamo(**parts: int) -> list[dict[str, Any]]:
    services = {name: {"componentType": "worker", "replicas": count} for name, count in parts.items()}
    return [named({"spec": {"services": services}, "status": {"state": "successful"}})]


def dynamo_beta(**parts: int) -> list[dict[str, Any]]:
    components = [{"name": name, "type": "worker", "replicas": count} for name, count in parts.items()]
    return [named({"spec": {"components": components}, "status": {"state": "successful"}})]


def llmd(**parts: int) -> list[dict[str, Any]]:
    return [
        named({**AVAILABLE, "kind": "Deployment", "spec": {"replicas": count}}, f"chat-{name}")
        for name, count in parts.items()
    ]


def ray(**groups: int) -> list[dict[str, Any]]:
    entries = [{"groupName": name.replace("_", "-"), "replicas": count} for name, count in groups.items()]
    return [named(SERVING["kuberay"], spec={"rayClusterConfig": {"workerGroupSpecs": entries}})]


@dataclass(frozen=True)
class Case:
    reason: str
    provider: str
    objects: list[dict[str, Any]]
    there: tuple[str, ...]
    """Roles that have a pod that is ready."""
    missing: str = ""


CASES = [
    Case(
        "Dynamo has lost its prefill workers",
        "dynamo",
        dynamo(Frontend=1, Prefill=2, Decode=1),
        ("Frontend", "Decode"),
        "Prefill",
    ),
    Case("Dynamo has lost its frontend", "dynamo", dynamo(Frontend=1, Worker=1), ("Worker",), "Frontend"),
    Case(
        "Dynamo has lost all but one",
        "dynamo",
        dynamo_beta(frontend=1, prefill=1, decode=1),
        ("decode",),
        "frontend, prefill",
    ),
    Case("Dynamo is asked for no workers", "dynamo", dynamo(Frontend=1, Worker=0), ("Frontend",)),
    Case("Dynamo has them all", "dynamo", dynamo(Frontend=1, Worker=1), ("Frontend", "Worker")),
    Case(
        "llm-d has lost its prefill pods", "llmd", llmd(decode=1, prefill=1), ("chat-decode",), "chat-prefill"
    ),
    Case(
        "llm-d has lost its decode pods", "llmd", llmd(decode=1, prefill=1), ("chat-prefill",), "chat-decode"
    ),
    Case("llm-d has both", "llmd", llmd(decode=1, prefill=1), ("chat-decode", "chat-prefill")),
    Case("Ray has lost its head", "kuberay", ray(gpu_workers=1), ("gpu-workers",), "headgroup"),
    Case("Ray has lost a group of workers", "kuberay", ray(a=1, b=1), ("headgroup", "a"), "b"),
    Case("Ray is asked for no workers of a group", "kuberay", ray(a=1, b=0), ("headgroup", "a")),
    Case("Ray is asked for no workers", "kuberay", ray(a=0), ("headgroup",)),
]


async def pod(place: DeploymentSite, provider: str, role: str) -> None:
    found = PROVIDERS[provider]
    labels = {found.pod_label: REF.name, found.role_label: role}
    if role != "headgroup":
        labels |= found.replica_labels
    body = {
        "metadata": {"name": role.lower(), "namespace": REF.namespace, "labels": labels},
        "spec": {"containers": [{"name": "model", "image": "i"}]},
    }
    await place.cluster.create(PODS, body, namespace=REF.namespace)
    await say(place, role.lower(), conditions=ready(True))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
async def test_each_role_needs_a_pod_of_its_own(place: DeploymentSite, case: Case) -> None:
    provider = PROVIDERS[case.provider]
    for role in case.there:
        await pod(place, case.provider, role)
    said = status_of(provider, case.objects)
    assert said is not None and said.phase is Phase.RUNNING, "the operator goes on saying so"

    status = await reported_status(place.cluster, provider, REF, said, seen=Seen(False))

    assert status is not None
    wanted = f"none of the pods of {case.missing} is there" if case.missing else ""
    assert status.phase is (Phase.DEPLOYING if case.missing else Phase.RUNNING)
    assert wanted in status.message if wanted else not status.message


def cluster_of(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "chat-abcde"}, "spec": spec, "status": {"state": "ready"}}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param(
            {"workerGroupSpecs": [{"groupName": "a", "replicas": 0}, {"groupName": "b", "replicas": 2}]},
            ["headgroup", "b"],
            id="the cluster was scaled by somebody else",
        ),
        pytest.param(
            {
                "enableInTreeAutoscaling": True,
                "workerGroupSpecs": [{"groupName": "a", "replicas": 3, "minReplicas": 0}],
            },
            ["headgroup"],
            id="Ray's autoscaler may take all away",
        ),
        pytest.param(
            {"workerGroupSpecs": [{"groupName": "a", "replicas": 1, "suspend": True}]},
            ["headgroup"],
            id="a group stands still",
        ),
        pytest.param({"workerGroupSpecs": [{}, 7, {"groupName": 1, "replicas": 1}]}, ["headgroup"], id="odd"),
    ],
)
def test_a_ray_cluster_itself_says_which_workers_it_is_asked_for(
    spec: dict[str, Any], wanted: list[str]
) -> None:
    (service,) = ray(a=1, b=1)
    service["status"] = {
        "activeServiceStatus": {
            "rayClusterName": "chat-abcde",
            "applicationStatuses": {"llm": {"status": "RUNNING"}},
        }
    }

    status = status_of(PROVIDERS["kuberay"], [service], [cluster_of(**spec)])

    assert status is not None
    assert list(status.roles) == wanted


def test_an_audit_compares_with_the_same_roles_and_a_history_holds_none() -> None:
    status = status_of(PROVIDERS["dynamo"], dynamo(Frontend=1, Worker=1))
    assert status is not None

    assert list(ObservedUpstream.of(status).unified().roles) == ["Frontend", "Worker"]
    assert "roles" not in status.model_dump()


def test_whoever_names_a_thousand_roles_does_not_make_a_long_message() -> None:
    labels = {"role": "r0"}
    there = pod_state(
        {"metadata": {"name": "p", "labels": labels}, "status": {}}, replica_labels={}, role_label="role"
    )
    assert there is not None
    status = UnifiedStatus(phase=Phase.RUNNING, roles=tuple(f"r{number}" for number in range(1000)))

    assert with_pods(status, [there], were_there=True).message == (
        "none of the pods of r1, r2, r3, r4 and 995 more is there"
    )
