"""What `kubectl` shows of deployments: rows, selections, what it waits for."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.e2e.system import System

needs_kubectl = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


async def kubectl(system: System, cache: Path, *arguments: str) -> str:
    where = ["--kubeconfig", str(system.kubeconfig), "--cache-dir", str(cache), "-n", system.namespace]
    process = await asyncio.create_subprocess_exec(
        "kubectl", *where, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def test_deployments_are_selected_by_phase_and_provider(system: System) -> None:
    await system.running("good")
    await system.deploy("bad", model={})
    await system.until_phase("bad", "Failed")

    async def names(selector: str) -> list[str]:
        listing = await system.cluster.listing(
            DEPLOYMENTS, namespace=system.namespace, field_selector=selector
        )
        return [obj["metadata"]["name"] for obj in listing.items]

    assert await names("status.phase=Running") == ["good"]
    assert await names("status.phase=Failed") == ["bad"]
    assert await names("status.provider.name=acme") == ["good"]
    assert await names("spec.provider.name=acme") == []


@needs_kubectl
async def test_kubectl_lists_scales_and_waits_by_the_short_name(system: System, tmp_path: Path) -> None:
    await system.running("chat", scaling={"replicas": 1})

    rows = await kubectl(system, tmp_path, "get", "md")
    wide = await kubectl(system, tmp_path, "get", "airunway", "-o", "wide")
    await kubectl(system, tmp_path, "scale", "md/chat", "--replicas=2")
    await system.until(lambda: system.server("chat")["spec"]["replicas"] == 2, "two asked for")
    await system.serve("chat")
    waited = await kubectl(system, tmp_path, "wait", "--for=condition=Ready", "md/chat", "--timeout=60s")

    header, row = rows.splitlines()
    assert header.split() == ["NAME", "PHASE", "READY", "PROVIDER", "ENGINE", "AGE"]
    assert row.split()[:5] == ["chat", "Running", "1/1", "acme", "vllm"]
    assert "MESSAGE" in wide and "all pods are ready" in wide
    assert "condition met" in waited
    assert (await kubectl(system, tmp_path, "get", "md/chat", "-o", "jsonpath={.status.readiness}")) == "2/2"
