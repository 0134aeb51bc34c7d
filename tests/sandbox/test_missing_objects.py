"""A deployment that failed for want of another object says which, and runs once that is there.

Nobody edits, retries or restarts anything.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, SECRETS, Kind, Object, Resource
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.sandbox.conftest import Stage, condition_of
from tests.sandbox.test_whole_system import phase, vllm

pytestmark = pytest.mark.timeout(300)

CLAIMS = Resource("v1", "persistentvolumeclaims")
CONFIG_MAPS = Resource("v1", "configmaps")


class Admission:
    """What the API server says of the pods of some namespaces, while something is not there."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox, self.denied = sandbox, dict[str, str]()

    def deny(self, namespace: str, words: str) -> None:
        self.denied[namespace] = words
        self._sandbox.api.faults.fail_next(
            1_000_000,
            code=403,
            reason="Forbidden",
            message=words,
            when=lambda method, path: (
                method == "POST" and f"/namespaces/{namespace}/pods" in path and namespace in self.denied
            ),
        )


@dataclass(frozen=True)
class Member:
    """`spec`: what names the object; `words`: how the status names it."""

    words: str
    spec: dict[str, Any] = field(default_factory=dict)
    creates: tuple[Kind, Object] | None = None
    denial: str = ""
    """What admission says of pods, until the object is there."""


def pods_denied(words: str) -> str:
    return f'pods "chat-0" is forbidden: {words}'


def from_key(kind: str, name: str) -> dict[str, Any]:
    return {"env": [{"name": "GIVEN", "valueFrom": {kind: {"name": name, "key": "key"}}}]}


MEMBERS = {
    "secret": Member(
        'secret "hub" not found',
        {"secrets": {"huggingFaceToken": "hub"}},
        (SECRETS, {"metadata": {"name": "hub"}, "data": {"HF_TOKEN": "aGZfeA=="}}),
    ),
    "secret-key": Member(
        'secret "given" not found',
        from_key("secretKeyRef", "given"),
        (SECRETS, {"metadata": {"name": "given"}, "data": {"key": "eA=="}}),
    ),
    "config-map": Member(
        'configmap "given" not found',
        from_key("configMapKeyRef", "given"),
        (CONFIG_MAPS, {"metadata": {"name": "given"}, "data": {"key": "x"}}),
    ),
    "claim": Member(
        'persistentvolumeclaim "weights" not found',
        {
            "model": {
                "id": "acme/chat",
                "storage": {
                    "volumes": [
                        {
                            "name": "w",
                            "claimName": "weights",
                            "mountPath": "/w",
                            "purpose": "custom",
                        }
                    ]
                },
            }
        },
        (
            CLAIMS,
            {
                "metadata": {"name": "weights"},
                "spec": {
                    "accessModes": ["ReadWriteOnce"],
                    "resources": {"requests": {"storage": "1Gi"}},
                },
            },
        ),
    ),
    "quota": Member(
        "exceeded quota: gpus",
        denial=pods_denied("exceeded quota: gpus, requested: requests.nvidia.com/gpu=1, limited: 0"),
    ),
    "priority-class": Member(
        "no PriorityClass with name batch was found",
        denial=pods_denied("no PriorityClass with name batch was found"),
    ),
    "service-account": Member(
        'serviceaccount "runner" not found',
        denial=pods_denied('error looking up service account x/runner: serviceaccount "runner" not found'),
    ),
}


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The sandbox with worker and watcher, everything instant, and little patience with roll-outs."""
    async with Sandbox(timing=Timing.instant(), headless=True) as running:
        for crd in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(running.cluster, crd, field_manager="test")
        settings = Settings(
            temporal_address=running.temporal.address,
            kubeconfig=running.kubeconfig,
            rollout_deadline=timedelta(seconds=15),
            registry_mirrors={"docker.io": running.registry.url},
        )
        tasks = [asyncio.create_task(run(settings)) for run in (run_worker, run_watcher)]
        yield running
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_each_missing_object_is_named_and_ends_the_failure_when_it_appears(sandbox: Sandbox) -> None:
    stage, admission = Stage(sandbox.cluster, patience=120), Admission(sandbox)
    for name, member in MEMBERS.items():
        await sandbox.cluster.create(NAMESPACES, {"metadata": {"name": name}})
        if member.denial:
            admission.deny(name, member.denial)
        wanted = vllm(name, **member.spec)
        wanted["metadata"]["namespace"] = name
        await stage.create(DEPLOYMENTS, wanted)

    for name, member in MEMBERS.items():
        failed = await stage.until_one(
            DEPLOYMENTS,
            name,
            lambda obj, words=member.words: (
                phase(obj) == "Failed" and words in obj["status"].get("message", "")
            ),
        )
        assert member.words in condition_of(failed, "Ready")["message"]
        assert condition_of(failed, "Stalled")["status"] == "True"

    for name, member in MEMBERS.items():
        admission.denied.pop(name, None)
        if member.creates is not None:
            kind, body = member.creates
            await sandbox.cluster.create(kind, body, namespace=name)

    for name in MEMBERS:
        running = await stage.until_one(DEPLOYMENTS, name, lambda obj: phase(obj) == "Running")
        assert condition_of(running, "Ready")["status"] == "True"
        assert not any(entry["type"] == "Stalled" for entry in running["status"]["conditions"])
        assert running["metadata"]["generation"] == 1, "nobody edited it"
