"""What pods say about readiness, whatever the operator says of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.api.status import Phase, ReplicaStatus, UnifiedStatus
from airunway.provider.evidence import PodState, needs_pods, pod_state, with_pods


def pod(
    name: str = "chat-0",
    *,
    ready: bool = False,
    waiting: str = "",
    phase: str = "Running",
    owner: str = "set-1",
    labels: dict[str, str] | None = None,
    going: bool = False,
    reason: str = "",
) -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    meta: dict[str, Any] = {"name": name, "labels": labels or {}}
    if owner:
        meta["ownerReferences"] = [{"uid": owner, "controller": True}]
    if going:
        meta["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {
        "metadata": meta,
        "status": {
            "phase": phase,
            "reason": reason,
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
            "containerStatuses": [{"name": "model", "state": state}],
        },
    }


def states(*pods: dict[str, Any]) -> list[PodState]:
    found = (pod_state(entry, replica_labels={}, role_label="role") for entry in pods)
    return [entry for entry in found if entry is not None]


def said(phase: Phase = Phase.RUNNING, desired: int = 1, **counts: int) -> UnifiedStatus:
    return UnifiedStatus(phase=phase, replicas=ReplicaStatus(desired=desired, **counts))


def roles(*wanted: str) -> UnifiedStatus:
    return said().model_copy(update={"roles": wanted})


SERVING = pod(ready=True)
CRASHING = pod(waiting="CrashLoopBackOff")


@dataclass(frozen=True)
class Case:
    reason: str
    pods: list[dict[str, Any]]
    phase: Phase
    ready: int
    message: str = ""
    status: UnifiedStatus = field(default_factory=said)
    were_there: bool = True


TWO = said(desired=2)
CASES = [
    Case("a pod serves", [SERVING], Phase.RUNNING, 1),
    Case("it crashes", [CRASHING], Phase.DEPLOYING, 0, "chat-0 is not ready (CrashLoopBackOff)"),
    Case("its image is gone", [pod(waiting="ImagePullBackOff")], Phase.DEPLOYING, 0, "(ImagePullBackOff)"),
    Case("it is not ready, and nobody says why", [pod()], Phase.DEPLOYING, 0, "(NotReady)"),
    Case("its node is lost", [pod(reason="NodeLost")], Phase.DEPLOYING, 0, "(NodeLost)"),
    Case("it was evicted", [pod(phase="Failed", reason="Evicted")], Phase.DEPLOYING, 0, "(Evicted)"),
    Case(
        "an evicted one was replaced",
        [pod("chat-1", phase="Failed", reason="Evicted"), SERVING],
        Phase.RUNNING,
        1,
    ),
    Case("all are gone", [], Phase.DEPLOYING, 0, "none of its pods"),
    Case("all are being deleted", [pod(ready=True, going=True)], Phase.DEPLOYING, 0, "none of its pods"),
    Case("none was ever seen, so labels may be others", [], Phase.RUNNING, 0, were_there=False),
    Case("scaled to zero", [], Phase.RUNNING, 0, status=said(desired=0)),
    Case(
        "scaled to zero, and a pod still runs",
        [SERVING],
        Phase.RUNNING,
        0,
        "no replica is asked for; still there: pod chat-0",
        status=said(desired=0),
    ),
    Case(
        "scaled to zero, and pods are on their way out",
        [pod(ready=True, going=True), pod("chat-1", going=True)],
        Phase.RUNNING,
        0,
        "no replica is asked for; still there: pod chat-0 (ending), pod chat-1 (ending)",
        status=said(desired=0),
    ),
    Case(
        "scaled to zero, and a pod that nobody waits for is not ready",
        [CRASHING],
        Phase.RUNNING,
        0,
        "no replica is asked for; still there: pod chat-0",
        status=said(desired=0),
    ),
    Case("a Job of it is done", [pod("load", phase="Succeeded"), SERVING], Phase.RUNNING, 1),
    Case(
        "some of several replicas",
        [SERVING, pod("chat-1", waiting="CrashLoopBackOff")],
        Phase.RUNNING,
        1,
        "1 of 2 pods are ready: pod chat-1 is not ready (CrashLoopBackOff)",
        status=TWO,
    ),
    Case(
        "a role of which none is left",
        [pod("front", owner="front"), pod("work", ready=True, owner="work")],
        Phase.DEPLOYING,
        1,
        "front",
    ),
    Case(
        "a role that its label tells",
        [pod("head", labels={"role": "head"}), pod("work", ready=True, labels={"role": "work"})],
        Phase.DEPLOYING,
        1,
        "head",
    ),
    Case(
        "a pod that nobody made stands for itself",
        [pod("a", ready=True, owner=""), pod("b", owner="")],
        Phase.DEPLOYING,
        1,
        "pod b",
    ),
    Case(
        "all pods of one role are gone, while those of another serve",
        [pod("work", ready=True, labels={"role": "decode"})],
        Phase.DEPLOYING,
        1,
        "none of the pods of prefill is there",
        status=roles("decode", "prefill"),
        were_there=False,
    ),
    Case(
        "the last pod of a role is being deleted",
        [
            pod("work", ready=True, labels={"role": "decode"}),
            pod("load", ready=True, labels={"role": "prefill"}, going=True),
        ],
        Phase.DEPLOYING,
        1,
        "none of the pods of prefill is there",
        status=roles("decode", "prefill"),
    ),
    Case(
        "every role has a pod",
        [pod("a", ready=True, labels={"role": "decode"}), pod("b", ready=True, labels={"role": "prefill"})],
        Phase.RUNNING,
        1,
        status=roles("decode", "prefill"),
    ),
    Case(
        "a role that is asked for none is missed by nobody",
        [pod("a", ready=True, labels={"role": "decode"})],
        Phase.RUNNING,
        1,
        status=roles("decode"),
    ),
    Case(
        "no pod tells its role, so that its label may be another",
        [pod("a", ready=True)],
        Phase.RUNNING,
        1,
        status=roles("decode", "prefill"),
    ),
    Case("pods of a roll-out do not count as more than wanted", [SERVING, SERVING], Phase.RUNNING, 1),
    Case(
        "the object counts more than are there", [SERVING], Phase.RUNNING, 1, status=said(desired=2, ready=2)
    ),
    Case("the object counts fewer", [SERVING, SERVING], Phase.RUNNING, 1, status=said(desired=2, ready=1)),
    Case("a word that is not Running stays", [SERVING], Phase.FAILED, 1, status=said(Phase.FAILED)),
    Case(
        "its own count stays while it changes",
        [],
        Phase.DEPLOYING,
        2,
        status=said(Phase.DEPLOYING, 3, ready=2),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_word_is_believed_as_far_as_pods_agree(case: Case) -> None:
    found = with_pods(case.status, states(*case.pods), were_there=case.were_there)

    assert found.phase is case.phase
    assert case.message in found.message if case.message else found.message == ""
    assert found.replicas is not None
    assert found.replicas.ready == case.ready
    assert found.pods_seen == (case.were_there or not all(pod.is_ending for pod in states(*case.pods)))


def test_where_pods_may_not_be_seen_the_word_stays_and_nothing_is_counted() -> None:
    found = with_pods(said(), None, were_there=True)

    assert found.phase is Phase.RUNNING
    assert found.replicas is not None
    assert found.replicas.dump() == {"desired": 1, "ready": 0, "available": 0}


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        pytest.param(said(ready=1, available=1), True, id="it is said to serve"),
        pytest.param(said(Phase.DEPLOYING), True, id="nobody else counts"),
        pytest.param(said(Phase.DEPLOYING, ready=0, available=0), False, id="the object counts"),
        pytest.param(said(Phase.PENDING), False, id="nothing is there yet"),
    ],
)
def test_pods_are_read_only_where_they_are_needed(status: UnifiedStatus, wanted: bool) -> None:
    assert needs_pods(status) is wanted


def test_between_two_crashes_a_pod_keeps_its_trouble() -> None:
    before, between = states(CRASHING)[0], states(pod())[0]

    assert between.after(before) == before
    assert states(SERVING)[0].after(before).trouble == ""


@pytest.mark.parametrize(
    "odd", [{}, {"metadata": None}, {"metadata": {}, "status": {"conditions": "x"}}], ids=repr
)
def test_a_pod_of_any_shape_has_a_state(odd: dict[str, Any]) -> None:
    found = pod_state(odd, replica_labels={"a": "b"}, role_label="c")

    assert found is not None
    assert not found.is_ready
    assert not found.is_replica
