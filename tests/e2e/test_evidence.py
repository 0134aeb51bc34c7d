"""Ready comes from evidence: pods are seen when they change, though their operator says nothing new.

And a failure that other objects cause ends when they do. On the emulated and the real API server.
"""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.kubernetes import CRDS, PODS
from tests.e2e.acme import ACME, CRD, SERVER
from tests.e2e.system import System

IMAGE_GONE = "ImagePullBackOff"


async def make_pod(system: System, name: str, *, of: str = "chat") -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": system.namespace, "labels": {ACME.pod_label: of}},
        "spec": {
            "automountServiceAccountToken": False,
            "containers": [{"name": "model", "image": "example.com/model:1"}],
        },
    }
    await system.cluster.create(PODS, body, namespace=system.namespace)


async def say(system: System, pod: str, *, ready: bool, waiting: str = "", restarts: int = 1) -> None:
    """What a kubelet reports of a pod."""
    state: dict[str, Any] = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    container = {"name": "model", "image": "example.com/model:1", "imageID": "", "ready": ready}
    last = {"terminated": {"exitCode": 1, "reason": "Error"}} if waiting == "CrashLoopBackOff" else {}
    status = {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{**container, "state": state, "lastState": last, "restartCount": restarts}],
    }
    await system.cluster.patch(
        PODS, pod, {"status": status}, namespace=system.namespace, subresource="status"
    )


async def change_pod(system: System, patch: dict[str, Any]) -> None:
    await system.cluster.patch(PODS, "chat-0", patch, namespace=system.namespace)


async def running_with_pods(system: System, *pods: str) -> None:
    for pod in pods:
        await make_pod(system, pod)
        await say(system, pod, ready=True)
    await system.running("chat", scaling={"replicas": len(pods)})


@pytest.mark.parametrize("waiting", ["CrashLoopBackOff", IMAGE_GONE, ""], ids=["crash", "image", "not ready"])
async def test_a_pod_that_fails_after_it_was_ready_is_seen_and_so_is_its_recovery(
    system: System, waiting: str
) -> None:
    await running_with_pods(system, "chat-0")
    server = system.server("chat")["metadata"]["resourceVersion"]

    await say(system, "chat-0", ready=False, waiting=waiting)

    status = await system.until_phase("chat", "Deploying")
    assert "chat-0" in status["message"]
    assert waiting in status["message"]
    assert system.condition("chat", "Ready")["status"] == "False"
    assert status["replicas"].get("ready", 0) == 0
    assert system.server("chat")["metadata"]["resourceVersion"] == server, "its operator said nothing"

    await say(system, "chat-0", ready=True)
    await system.until_phase("chat", "Running")
    assert system.condition("chat", "Ready")["status"] == "True"


async def test_at_zero_what_still_runs_is_said_until_it_is_gone(system: System) -> None:
    await running_with_pods(system, "chat-0")
    await change_pod(system, {"metadata": {"finalizers": ["example.com/node"]}})  # as a long grace period

    await system.edit("chat", {"spec": {"scaling": {"replicas": 0}}})
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 0, "none asked for")
    await system.serve("chat")

    still = "no replica is asked for; still there: pod chat-0"
    await system.until(lambda: system.status("chat")["message"] == still, "said that it runs")
    await system.cluster.delete(PODS, "chat-0", namespace=system.namespace)
    await system.until(lambda: system.status("chat")["message"] == f"{still} (ending)", "said that it ends")
    assert system.status("chat")["replicas"] == {"desired": 0, "ready": 0, "available": 0}
    await change_pod(system, {"metadata": {"finalizers": None}})
    await system.until(lambda: system.status("chat")["message"] == "all pods are ready", "said no more")
    assert system.status("chat")["phase"] == "Running"


async def test_pods_that_are_gone_do_not_serve(system: System) -> None:
    await running_with_pods(system, "chat-0")

    await system.cluster.delete(PODS, "chat-0", namespace=system.namespace)

    status = await system.until_phase("chat", "Deploying")
    assert "none of its pods is there" in status["message"]


async def test_some_of_several_replicas_are_counted_and_named(system: System) -> None:
    await running_with_pods(system, "chat-0", "chat-1")
    owner = {"apiVersion": SERVER.api_version, "kind": SERVER.kind, "controller": True, "name": "chat"}
    owner["uid"] = system.server("chat")["metadata"]["uid"]
    for pod in ("chat-0", "chat-1"):  # so that they stand in for each other
        body = {"metadata": {"ownerReferences": [owner]}}
        await system.cluster.patch(PODS, pod, body, namespace=system.namespace)

    await say(system, "chat-1", ready=False, waiting=IMAGE_GONE)

    await system.until(lambda: system.status("chat")["replicas"].get("ready") == 1, "one of two")
    await system.until(
        lambda: f"chat-1 is not ready ({IMAGE_GONE})" in system.status("chat")["message"], "why"
    )
    assert system.status("chat")["phase"] == "Running"


async def test_a_pod_that_was_given_up_and_comes_back_runs(system: System) -> None:
    await running_with_pods(system, "chat-0")
    await say(system, "chat-0", ready=False, waiting="CrashLoopBackOff", restarts=9)
    status = await system.until_phase("chat", "Failed")
    assert "CrashLoopBackOff" in status["message"]

    await say(system, "chat-0", ready=True)

    await system.until_phase("chat", "Running")


async def test_a_conflict_ends_with_the_object_that_was_in_the_way(system: System) -> None:
    """Nobody retries, and nothing tells: the object was never ours to watch."""
    of_others = {
        "apiVersion": SERVER.api_version,
        "kind": SERVER.kind,
        "metadata": {"name": "chat", "namespace": system.namespace},
        "spec": {"model": "mine"},
    }
    await system.cluster.create(SERVER, of_others, namespace=system.namespace)
    await system.deploy("chat")
    status = await system.until_phase("chat", "Failed")
    assert f"Server {system.namespace}/chat" in status["message"]
    assert "looked at again by itself" in status["message"]

    await system.cluster.delete(SERVER, "chat", namespace=system.namespace)

    await system.until(
        lambda: system.server("chat").get("spec", {}).get("model") == "org/model", "our object in its place"
    )
    await system.serve("chat")
    await system.until_phase("chat", "Running")


async def test_a_kind_that_goes_and_comes_back_is_served_again_by_itself(system: System) -> None:
    await system.running("chat")
    await system.cluster.delete(CRDS, CRD["metadata"]["name"])
    await system.until(lambda: not system.server("chat"), "gone with its kind")
    await system.until(lambda: system.status("chat")["phase"] != "Running", "said so")

    await system.cluster.apply(CRDS, CRD, field_manager="e2e")

    await system.until(lambda: bool(system.server("chat")), "made again")
    await system.serve("chat")
    await system.until_phase("chat", "Running")
