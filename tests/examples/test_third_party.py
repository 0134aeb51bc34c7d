"""A provider from outside: installed with pip, run by its own worker, chosen by its rule, brought to Running.

The core's processes do not have its package. What they know of it is its InferenceProviderConfig.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from airunway.clients.kubernetes import DEPLOYMENTS
from tests.e2e.places import places
from tests.examples.processes import EXAMPLE, Installation, install

ROOT = EXAMPLE.parents[1]
CORE = ["airunway", "providers", "activities", "workflows", "workers", "deploy"]
TESTED = ROOT / "airunway" / "provider" / "testing.py"
"""Makes sample deployments for the tests of any provider, of a model that is called like its maker."""


@pytest_asyncio.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.real)])
async def installation(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Installation]:
    """An ordinary installation, with every shipped provider, and the third-party worker."""
    async with (
        places(request, tmp_path) as place,
        Installation(place.kubeconfig, place.temporal_address, tmp_path) as running,
    ):
        yield running


async def test_a_third_party_provider_is_registered_chosen_and_brought_to_running(
    installation: Installation,
) -> None:
    config = installation.config()
    annotations = config["metadata"]["annotations"]
    assert re.fullmatch(r"airunway\.[0-9a-z-]+\.provider\.acme", annotations["airunway.ai/task-queue"])
    assert [kind["kind"] for kind in json.loads(annotations["airunway.ai/upstream-kinds"])] == ["Server"]
    assert config["status"]["version"] == "acme-provider:v1.0.0"

    sample = yaml.safe_load((EXAMPLE / "deployment.yaml").read_text())
    assert "provider" not in sample["spec"]
    await installation.cluster.create(DEPLOYMENTS, sample, namespace=installation.namespace)
    await installation.until_phase("chat", "Deploying")
    server = installation.server("chat")
    assert server["spec"] == {"model": "acme/chat-9b", "gpus": 1, "replicas": 1}

    await installation.serve("chat")

    status = await installation.until_phase("chat", "Running")
    assert status["provider"]["name"] == "acme"
    assert status["provider"]["resourceKind"] == "Server"
    assert status["endpoint"] == {"service": "chat", "port": 8000}
    assert installation.condition("chat", "ProviderSelected")["reason"] == "AutoSelected"


async def test_its_objects_are_kept_as_rendered_and_go_with_the_deployment(
    installation: Installation,
) -> None:
    await installation.running("chat", model={"id": "acme/chat-9b"})

    await installation.change_server("chat", [{"op": "replace", "path": "/spec/replicas", "value": 5}])
    await installation.until(
        lambda: (
            installation.server("chat")["metadata"]["generation"] >= 3
            and installation.server("chat")["spec"]["replicas"] == 1
        ),
        "repaired, which only an event of the third party's kind can cause so soon",
    )
    await installation.until_events("chat", {"DriftRepaired"})

    await installation.delete("chat")
    await installation.until(lambda: not installation.deployment("chat"), "deployment gone")
    assert not installation.server("chat")


def test_the_core_does_not_know_it() -> None:
    found = [
        str(file.relative_to(ROOT))
        for folder in CORE
        for file in sorted((ROOT / folder).rglob("*"))
        if file.suffix in (".py", ".yaml", ".json")
        and file != TESTED
        and "acme" in file.read_text(encoding="utf-8").lower()
    ]
    assert found == []


def test_it_keeps_the_contract_by_its_own_tests(tmp_path: Path) -> None:
    package = install(tmp_path)
    tests = tmp_path / "source" / "tests"
    command = [sys.executable, "-m", "pytest", "--quiet", "-p", "no:cacheprovider", "--rootdir", str(tests)]
    env = {**os.environ, "PYTHONPATH": str(package)}

    done = subprocess.run([*command, str(tests)], env=env, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout
    assert re.search(r"\b[1-9]\d* passed", done.stdout)


def test_without_its_package_its_worker_cannot_be_run() -> None:
    command = [sys.executable, "-m", "airunway.cli", "worker", "--provider", "acme", "--no-core"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "no such provider: acme" in done.stderr
