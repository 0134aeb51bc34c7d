"""Causes that are read from pods, workloads and events."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.provider.diagnosis import Finding, diagnose
from tests.providers.diagnosed import crashed, event, pod, unschedulable, waiting, with_claim, workload


@dataclass(frozen=True)
class Case:
    reason: str
    want: list[tuple[str, str, bool]]
    """Reason, a part of the message, final."""
    pods: list[dict[str, Any]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    workloads: list[dict[str, Any]] = field(default_factory=list)


WHERE = "container model of pod chat-0"
QUOTA = 'pods "chat-x" is forbidden: exceeded quota: gpus, requested: 2, used: 4, limited: 4'
CASES = [
    Case("nothing at all is nothing wrong", []),
    Case("a pod that is being created is nothing wrong", [], [pod(waiting("ContainerCreating"))]),
    Case(
        "a running pod is nothing wrong",
        [],
        [pod({"name": "model", "ready": True, "state": {"running": {}}}, phase="Running")],
    ),
    Case("a finished pod is nothing wrong", [], [pod(crashed(9), phase="Succeeded")]),
    Case(
        "no node has a GPU left",
        [("Unschedulable", "free or add nodes with nvidia.com/gpu", False)],
        [unschedulable("0/3 nodes are available: 3 Insufficient nvidia.com/gpu. preemption: 0/3 nodes")],
    ),
    Case(
        "the GPU nodes are tainted",
        [("Unschedulable", "add spec.tolerations", False)],
        [unschedulable("0/3 nodes are available: 3 node(s) had untolerated taint {sku: gpu}.")],
    ),
    Case(
        "no node has the wanted labels",
        [("Unschedulable", "spec.nodeSelector", False)],
        [unschedulable("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.")],
    ),
    Case(
        "the claim is not bound",
        [("Unschedulable", "storage class", False)],
        [unschedulable("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.")],
    ),
    Case(
        "memory is short",
        [("Unschedulable", "lower spec.resources.memory", False)],
        [unschedulable("0/1 nodes are available: 1 Insufficient memory.")],
    ),
    Case(
        "an unknown message is passed on as it is",
        [("Unschedulable", "pod chat-0 fits on no node: strange things", False)],
        [unschedulable("strange things")],
    ),
    Case(
        "the quota is used up, says the ReplicaSet",
        [("QuotaExceeded", "exceeded quota: gpus", False)],
        workloads=[workload(conditions=[{"type": "ReplicaFailure", "status": "True", "message": QUOTA}])],
    ),
    Case(
        "the quota is used up, says an event of the StatefulSet",
        [("QuotaExceeded", "raise the ResourceQuota", False)],
        events=[event("FailedCreate", QUOTA, kind="StatefulSet", name="chat-rs")],
        workloads=[workload("StatefulSet")],
    ),
    Case(
        "a failure to make pods is over when they exist",
        [],
        events=[event("FailedCreate", QUOTA, kind="ReplicaSet", name="chat-rs")],
        workloads=[{**workload(), "status": {"replicas": 1}}],
    ),
    Case(
        "pods are refused for another cause",
        [("FailedCreate", "violates PodSecurity", False)],
        workloads=[
            workload(
                conditions=[
                    {"type": "ReplicaFailure", "status": "True", "message": "pods violates PodSecurity"}
                ]
            )
        ],
    ),
    Case(
        "a claim's class is not there",
        [("Unschedulable", 'claim weights: storageclass.storage.k8s.io "fast" not found', False)],
        [
            with_claim(
                "weights",
                unschedulable("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims."),
            ),
        ],
        [
            event(
                "ProvisioningFailed", "of another claim", kind="PersistentVolumeClaim", name="other", at="3"
            ),
            event("ProvisioningFailed", "older words", kind="PersistentVolumeClaim", name="weights", at="1"),
            event(
                "ProvisioningFailed",
                'storageclass.storage.k8s.io "fast" not found',
                kind="PersistentVolumeClaim",
                name="weights",
                at="2",
            ),
        ],
    ),
    Case(
        "a Job that failed will not start again",
        [("BackoffLimitExceeded", "Job chat-rs failed", True)],
        workloads=[
            workload(
                "Job",
                conditions=[
                    {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "message": "limit"}
                ],
            )
        ],
    ),
    Case(
        "the first failed pull may be an accident",
        [("ErrImagePull", f"{WHERE} cannot pull r.example/m:1", False)],
        [pod(waiting("ErrImagePull", "r.example/m:1: not found"))],
    ),
    Case(
        "an image that is still not found after a back-off does not exist",
        [("ImagePullBackOff", "correct spec.engine.image", True)],
        [pod(waiting("ImagePullBackOff", 'Back-off pulling image: "r.example/m:1": not found'))],
    ),
    Case(
        "a registry out of reach may come back",
        [("ImagePullBackOff", "i/o timeout", False)],
        [pod(waiting("ImagePullBackOff", "dial tcp: i/o timeout"))],
    ),
    Case(
        "a private registry wants a pull secret",
        [("ImagePullBackOff", "pull secret", False)],
        [pod(waiting("ImagePullBackOff", "failed to authorize: 401 Unauthorized"))],
    ),
    Case(
        "a bad image name stays bad",
        [("InvalidImageName", "'UP/x' is no valid image name; correct spec.engine.image", True)],
        [pod(waiting("InvalidImageName", "couldn't parse", image="UP/x"))],
    ),
    Case(
        "a Secret may still be made",
        [("CreateContainerConfigError", 'secret "hub" not found; create the Secret', False)],
        [pod(waiting("CreateContainerConfigError", 'secret "hub" not found'))],
    ),
    Case(
        "a key may still be added",
        [("CreateContainerConfigError", "add the key", False)],
        [pod(waiting("CreateContainerConfigError", "couldn't find key HF_TOKEN in Secret ns/hub"))],
    ),
    Case(
        "a few crashes may be an accident",
        [("CrashLoopBackOff", f"{WHERE} exited with code 1 (2 restarts): no such model", False)],
        [pod(crashed(2, message="no such\nmodel"))],
    ),
    Case(
        "five restarts are no accident",
        [("CrashLoopBackOff", "exited with code 2 (5 restarts); see its log", True)],
        [pod(crashed(5, code=2))],
    ),
    Case(
        "memory was too small",
        [("OOMKilled", "ran out of memory (6 restarts); raise spec.resources.memory", True)],
        [pod(crashed(6, code=137, reason="OOMKilled"))],
    ),
    Case(
        "an init container counts too",
        [("CrashLoopBackOff", "exited with code 1", True)],
        [pod(waiting("PodInitializing"), init=[crashed(7)])],
    ),
    Case(
        "a finished init container is no crash",
        [],
        [
            pod(
                waiting("PodInitializing"),
                init=[{"name": "i", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}],
            )
        ],
    ),
    Case(
        "one restart while it runs again is not worth a word",
        [],
        [
            pod(
                {
                    "name": "model",
                    "restartCount": 1,
                    "state": {"running": {}},
                    "lastState": {"terminated": {"exitCode": 1}},
                },
                phase="Running",
            )
        ],
    ),
    Case(
        "a volume cannot be mounted",
        [("FailedMount", 'secret "certs" not found; create the object', False)],
        [pod(waiting("ContainerCreating"))],
        [event("FailedMount", 'MountVolume.SetUp failed for volume "v": secret "certs" not found', uid="u1")],
    ),
    Case(
        "a server that does not answer yet is still starting",
        [("NotReadyYet", "Startup probe failed", False)],
        [pod({"name": "model", "state": {"running": {}}, "restartCount": 0}, phase="Running")],
        [event("Unhealthy", "Startup probe failed: HTTP 503")],
    ),
    Case(
        "what a ready pod once failed is forgotten",
        [],
        [
            pod(
                {"name": "model", "ready": True, "state": {"running": {}}},
                phase="Running",
                conditions=[{"type": "Ready", "status": "True"}],
            )
        ],
        [event("Unhealthy", "Startup probe failed: HTTP 503")],
    ),
    Case(
        "events of another object of that name are not ours",
        [],
        [pod(waiting("ContainerCreating"))],
        [
            event("FailedMount", "no", uid="u2"),
            event("FailedMount", "no", name="other"),
            event("FailedMount", "no", kind="Job"),
        ],
    ),
    Case(
        "an evicted pod",
        [("Evicted", "pod chat-0 failed: The node was low on resource: memory", False)],
        [pod(phase="Failed", reason="Evicted", message="The node was low on resource: memory.")],
    ),
    Case(
        "a pod that is going away is not looked at",
        [],
        [{**pod(crashed(9)), "metadata": {"name": "a", "deletionTimestamp": "t"}}],
    ),
    Case(
        "what keeps pods from being made comes first",
        [
            ("QuotaExceeded", "quota", False),
            ("Unschedulable", "GPU", False),
            ("CrashLoopBackOff", "code 1", True),
        ],
        [pod(crashed(8)), unschedulable("no GPU")],
        workloads=[workload(conditions=[{"type": "ReplicaFailure", "status": "True", "message": QUOTA}])],
    ),
    Case(
        "a cause is named once",
        [("Unschedulable", "no GPU", False)],
        [unschedulable("no GPU"), unschedulable("no GPU")],
    ),
    Case(
        "objects of another shape are no reason to fail",
        [],
        [{}, {"status": {"containerStatuses": ["x", {}]}}],
        [{}],
        [{"spec": 1}],
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_diagnose(case: Case) -> None:
    found = diagnose(case.pods, case.events, case.workloads)

    assert [(finding.reason, finding.final) for finding in found] == [
        (reason, final) for reason, _, final in case.want
    ]
    for finding, (_, part, _) in zip(found, case.want, strict=True):
        assert part in finding.message
        assert "\n" not in finding.message


def test_long_messages_are_cut() -> None:
    (finding,) = diagnose([unschedulable("x" * 5000)], [])

    assert len(finding.message) < 500


def test_findings_can_be_compared() -> None:
    assert Finding("A", "b") == Finding("A", "b", final=False)
