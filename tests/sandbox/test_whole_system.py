"""What fails in the sandbox reaches the status of the deployment, with the reason that a person needs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from airunway.sandbox.operators.faults import FAULT_ANNOTATION
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.sandbox.conftest import NAMESPACE, Stage, condition_of

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
async def system() -> AsyncIterator[Stage]:
    """The sandbox with worker and watcher, everything instant."""
    async with Sandbox(timing=Timing.instant(), headless=True) as sandbox:
        for crd in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(sandbox.cluster, crd, field_manager="test")
        settings = Settings(
            temporal_address=sandbox.temporal.address,
            kubeconfig=sandbox.kubeconfig,
            registry_mirrors={"docker.io": sandbox.registry.url},
        )
        tasks = [asyncio.create_task(run(settings)) for run in (run_worker, run_watcher)]
        yield Stage(sandbox.cluster, patience=90)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_every_failure_names_its_cause(system: Stage) -> None:
    await system.create(DEPLOYMENTS, vllm("fine"))
    await system.create(DEPLOYMENTS, vllm("no-room", resources={"gpu": {"count": 8}}))
    await system.create(DEPLOYMENTS, vllm("no-image", image="fail-image/vllm:1"))
    await system.create(DEPLOYMENTS, vllm("no-memory", image="crash/vllm:1"))
    await system.create(DEPLOYMENTS, vllm("no-quota", podTemplate=fault("quota")))
    await system.create(DEPLOYMENTS, vllm("no-secret", secrets={"huggingFaceToken": "absent"}))
    await system.create(DEPLOYMENTS, kaito("no-preset-pod", podTemplate=fault("oom")))

    assert await until_said(system, "no-room", "Insufficient nvidia.com/gpu")
    assert await until_said(system, "no-image", "cannot pull fail-image/vllm:1")
    assert await until_said(system, "no-memory", "ran out of memory")
    assert await until_said(system, "no-quota", "exceeded quota")
    assert await until_said(system, "no-secret", 'secret "absent" not found')
    assert await until_said(system, "no-preset-pod", "ran out of memory")
    running = await system.until_one(DEPLOYMENTS, "fine", lambda obj: phase(obj) == "Running")
    assert condition_of(running, "Ready")["status"] == "True"


async def test_what_was_corrected_runs(system: Stage) -> None:
    await system.create(DEPLOYMENTS, vllm("chat", image="fail-image/vllm:1"))
    await until_said(system, "chat", "cannot pull")

    corrected = {"spec": {"image": "example/vllm:2"}}
    await system.cluster.patch(DEPLOYMENTS, "chat", corrected, namespace=NAMESPACE)

    await system.until_one(DEPLOYMENTS, "chat", lambda obj: phase(obj) == "Running")


def vllm(name: str, **spec: Any) -> Object:
    return deployment(name, provider={"name": "vllm"}, **spec)


def kaito(name: str, **spec: Any) -> Object:
    return deployment(name, provider={"name": "kaito"}, **spec)


def deployment(name: str, **spec: Any) -> Object:
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": {
            "model": {"id": "acme/chat"},
            "engine": {"type": "vllm"},
            "resources": {"gpu": {"count": 1}},
            **spec,
        },
    }


def fault(name: str) -> Object:
    return {"metadata": {"annotations": {FAULT_ANNOTATION: name}}}


def phase(obj: Object) -> str:
    return str((obj.get("status") or {}).get("phase", ""))


async def until_said(system: Stage, name: str, words: str) -> Object:
    """Wait until the status says something, both in its message and in the condition Ready."""
    return await system.until_one(
        DEPLOYMENTS,
        name,
        lambda obj: (
            words in (obj.get("status") or {}).get("message", "")
            and words in condition_of(obj, "Ready").get("message", "")
        ),
    )
