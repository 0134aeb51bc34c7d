"""`airunway crds` prints what `kubectl apply` takes, and installs it without kubectl."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from airunway.api.crd import manifests
from kube_emulator import EmulatedCluster
from tests.cli.conftest import Airunway


def test_they_are_printed_as_they_are_in_the_checkout(airunway: Airunway) -> None:
    result = airunway("crds")

    assert result.status == 0
    assert list(yaml.safe_load_all(result.out)) == [yaml.safe_load(text) for text in manifests().values()]


def test_they_are_installed_and_installing_them_again_changes_nothing(
    airunway: Airunway, kubeconfig: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRUNWAY_POD_NAMESPACE", "runway")
    first = airunway("crds", "--apply", "--kubeconfig", kubeconfig)
    again = airunway("crds", "--apply", "--kubeconfig", kubeconfig)

    assert first.status == again.status == 0
    assert "modeldeployments.airunway.ai applied" in first.out
    assert "namespace" not in again.out
    assert "namespace runway created" in first.out, "the watcher's Lease lives there"
    assert "no ModelDeployment in namespace default\n" in airunway("status", "--kubeconfig", kubeconfig).err


def test_a_cluster_without_them_says_how_to_get_them(airunway: Airunway, kubeconfig: Path) -> None:
    result = airunway("status", "--kubeconfig", kubeconfig)

    assert result.status == 1
    assert "does not know AI Runway's kinds yet" in result.err
    assert result.err.endswith("airunway crds --apply\n")


@pytest.fixture
def kubeconfig(tmp_path: Path) -> Iterator[Path]:
    """An emulated cluster in a thread of its own: commands run their own event loops."""
    ready, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()
    path = tmp_path / "kubeconfig"

    async def serve() -> None:
        async with EmulatedCluster() as cluster:
            cluster.kubeconfig(path)
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=[serve()])
    thread.start()
    assert ready.wait(30)
    yield path
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()
