"""What the watcher signals to workflows when it starts, and when kinds come late."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from airunway.api.status import UnifiedStatus
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, MERGE_PATCH, NAMESPACES, PODS, Cluster, Object
from airunway.messages.deployment_workflow import ChangeHint
from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider
from airunway.workers.audit.fleet import Fleet
from airunway.workers.signal_queue import SignalQueue
from airunway.workers.watcher import Watcher
from tests.e2e.acme import ACME, CRD, SERVER


class SentHints:
    """Takes the signals of a watcher."""

    def __init__(self) -> None:
        self.hints: list[tuple[str, ChangeHint]] = []
        self.fleet = Fleet()
        self._changed = asyncio.Event()

    async def __call__(self, ref: DeploymentRef, hint: ChangeHint) -> None:
        self.hints.append((ref.name, hint))
        self._changed.set()

    async def until(self, holds: Callable[[ChangeHint], bool]) -> ChangeHint:
        async with asyncio.timeout(90):
            while True:
                for _, hint in self.hints:
                    if holds(hint):
                        return hint
                self._changed.clear()
                await self._changed.wait()


@asynccontextmanager
async def watching(cluster: Cluster, provider: Provider = ACME) -> AsyncIterator[SentHints]:
    sent = SentHints()
    signals = SignalQueue(sent, at_once=1)
    watcher = Watcher(cluster, {"acme": provider}, signals, cluster_name="here", fleet=sent.fleet)
    task = asyncio.create_task(watcher.run())
    try:
        await sent.fleet.are_deployments_listed.wait()
        yield sent
        assert not task.done(), "the watcher ended"
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def deploy(cluster: Cluster, name: str) -> Object:
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"model": {"id": "o/m"}, "provider": {"name": "acme"}},
    }
    return await cluster.create(DEPLOYMENTS, body, namespace="default")


async def serve(cluster: Cluster, deployment: Object, *, ready: bool = True) -> None:
    """What the provider makes of it, already with a status."""
    meta = deployment["metadata"]
    owner = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "name": meta["name"],
        "uid": meta["uid"],
        "controller": True,
    }
    body = {
        "apiVersion": SERVER.api_version,
        "kind": SERVER.kind,
        "metadata": {
            "name": meta["name"],
            "namespace": "default",
            "labels": {"airunway.ai/managed-by": "airunway"},
            "ownerReferences": [owner],
        },
        "spec": {"model": "o/m"},
    }
    await cluster.create(SERVER, body, namespace="default")
    status = {"status": {"ready": ready}}
    await cluster.patch(SERVER, meta["name"], status, namespace="default", subresource="status")


async def test_what_is_there_at_its_start_is_known_and_signals_nobody(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    deployment = await deploy(cluster, "chat")
    await serve(cluster, deployment)

    async with watching(cluster) as sent:
        await deploy(cluster, "later")
        later = await sent.until(lambda hint: hint.cause == "deployment seen")

    assert [name for name, _ in sent.hints] == ["later"]
    assert later.status_changed, "its status may have been written while nobody watched"
    assert {ref.name for ref in sent.fleet.deployments} == {"chat", "later"}
    [server] = sent.fleet.objects_of(deployment["metadata"]["uid"])
    assert server.object == ("Server", "chat")
    assert [name for name, _ in server.readings] == ["acme"]


async def test_an_object_of_a_kind_that_was_installed_late_is_a_change(cluster: Cluster) -> None:
    """The operator answers before the watcher has found the kind."""
    deployment = await deploy(cluster, "chat")

    async with watching(cluster) as sent:
        await apply_crd(cluster, CRD, field_manager="test")
        await serve(cluster, deployment)

        await sent.until(lambda hint: hint.upstream_only)


async def test_an_object_that_a_provider_fails_to_read_does_not_end_the_watch(cluster: Cluster) -> None:
    def cannot(obj: Any) -> UnifiedStatus:
        raise TypeError("not subscriptable")

    await apply_crd(cluster, CRD, field_manager="test")
    deployment = await deploy(cluster, "chat")

    async with watching(cluster, replace(ACME, read_status=cannot)) as sent:
        await serve(cluster, deployment)
        await sent.until(lambda hint: hint.upstream_only)

        await deploy(cluster, "other")
        await sent.until(lambda hint: hint.cause == "deployment seen")


async def test_what_a_namespace_allows_is_a_change_for_all_in_it(cluster: Cluster) -> None:
    def allowed(globs: str | None, **labels: str) -> dict[str, Any]:
        return {"metadata": {"annotations": {"airunway.ai/allowed-images": globs}, "labels": labels}}

    async def annotate(namespace: str, patch: dict[str, Any]) -> None:
        await cluster.patch(NAMESPACES, namespace, patch, content_type=MERGE_PATCH)

    await annotate("default", allowed("quay.io"))
    await deploy(cluster, "chat")

    async with watching(cluster) as sent:
        await annotate("default", allowed("quay.io", other="label"))  # nothing about what may run
        await annotate("kube-public", allowed("ghcr.io"))
        await annotate("default", allowed("ghcr.io"))
        await sent.until(lambda hint: hint.cause == "what may run in namespace default changed")
        seen = len(sent.hints)
        await annotate("default", allowed(None))
        while len(sent.hints) == seen:
            await asyncio.sleep(0.01)

    changed = [hint.cause for _, hint in sent.hints if "may run" in hint.cause]
    assert changed == ["what may run in namespace default changed"] * 2


POD_LABEL = ACME.pod_label


async def make_pod(cluster: Cluster, name: str, *, of: str = "chat") -> None:
    body = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "labels": {POD_LABEL: of}},
        "spec": {"containers": [{"name": "model", "image": "i"}]},
    }
    await cluster.create(PODS, body, namespace="default")


async def tell(cluster: Cluster, pod: str, *, ready: bool, waiting: str = "") -> None:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    status = {
        "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        "containerStatuses": [{"name": "model", "state": state}],
    }
    await cluster.patch(PODS, pod, {"status": status}, namespace="default", subresource="status")


async def say(cluster: Cluster, name: str, **status: Any) -> None:
    await cluster.patch(DEPLOYMENTS, name, {"status": status}, namespace="default", subresource="status")


async def test_pods_that_contradict_a_deployment_that_runs_are_a_change_of_its_upstream(
    cluster: Cluster,
) -> None:
    """Also while its operator is down, so that the object itself does not change."""
    await deploy(cluster, "chat")
    await say(cluster, "chat", phase="Running", provider={"name": "acme"})
    await make_pod(cluster, "chat-0")
    await tell(cluster, "chat-0", ready=True)

    async with watching(cluster) as sent:
        for waiting in ("CrashLoopBackOff", "ImagePullBackOff"):
            await tell(cluster, "chat-0", ready=False, waiting=waiting)
            seen = await sent.until(lambda hint, why=waiting: hint.cause == f"pod chat-0 is not ready: {why}")
            assert seen.upstream_only
        await tell(cluster, "chat-0", ready=True)
        await sent.until(lambda hint: hint.cause == "pod chat-0 is ready")
        await cluster.delete(PODS, "chat-0", namespace="default")
        await sent.until(lambda hint: hint.cause == "pod chat-0 is gone")

        assert sent.fleet.pods_of(POD_LABEL, "default", "chat") == [], "what is gone is forgotten"


async def test_pods_of_a_deployment_that_comes_up_bring_no_signals(cluster: Cluster) -> None:
    await apply_crd(cluster, CRD, field_manager="test")
    made = await deploy(cluster, "chat")
    await serve(cluster, made, ready=False)

    async with watching(cluster) as sent:
        await make_pod(cluster, "chat-0")
        await tell(cluster, "chat-0", ready=False, waiting="ContainerCreating")
        await tell(cluster, "chat-0", ready=True)
        await make_pod(cluster, "nobodys-0", of="nobody")
        await deploy(cluster, "later")
        await sent.until(lambda hint: hint.cause == "deployment seen")
        while not any(pod.is_ready for pod in sent.fleet.pods_of(POD_LABEL, "default", "chat") or ()):
            await asyncio.sleep(0.01)

    assert [name for name, _ in sent.hints] == ["later"]


async def test_a_pod_that_comes_back_is_a_change_for_who_was_given_up(cluster: Cluster) -> None:
    await deploy(cluster, "chat")
    given_up = {"type": "Ready", "status": "False", "reason": "DeploymentFailed", "message": "it crashed"}
    at = {"lastTransitionTime": "2026-01-01T00:00:00Z"}
    await say(cluster, "chat", phase="Failed", provider={"name": "acme"}, conditions=[{**given_up, **at}])
    await make_pod(cluster, "chat-0")
    await tell(cluster, "chat-0", ready=False, waiting="CrashLoopBackOff")

    async with watching(cluster) as sent:
        await tell(cluster, "chat-0", ready=True)

        await sent.until(lambda hint: hint.cause == "pod chat-0 is ready")


async def test_pods_of_a_provider_from_outside_are_followed_by_the_label_that_it_announces(
    cluster: Cluster,
) -> None:
    config = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": "other", "annotations": {"airunway.ai/pod-label": "other.dev/serves"}},
        "spec": {},
    }
    await cluster.create(CONFIGS, config)
    await deploy(cluster, "chat")
    await say(cluster, "chat", phase="Running", provider={"name": "other"})

    async with watching(cluster) as sent:
        while sent.fleet.pods_of("other.dev/serves", "default", "chat") is None:
            await asyncio.sleep(0.01)
        await make_pod(cluster, "chat-0", of="nobody")
        label = {"metadata": {"labels": {"other.dev/serves": "chat"}}}
        await cluster.patch(PODS, "chat-0", label, namespace="default", content_type=MERGE_PATCH)
        await tell(cluster, "chat-0", ready=True)
        await sent.until(lambda hint: hint.cause == "pod chat-0 is ready")

        await cluster.delete(CONFIGS, "other")
        while sent.fleet.pods_of("other.dev/serves", "default", "chat") is not None:
            await asyncio.sleep(0.01)
