"""An operation is cut off while it waits: by the caller, a crash, a signal, or the end of the worker.

Whatever happens, no process stays, and afterwards the release can be repaired and installed.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airunway.api.chart_release import ChartRelease
from airunway.clients.helm import Cancelled, Helm, HelmCrashed
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.conftest import helm_command, release

ROOT = Path(__file__).parents[3]


@pytest.fixture
def slow(space: str, tmp_path: Path) -> ChartRelease:
    """A release that never becomes ready."""
    return release(copy_chart("operator", tmp_path), space, skip_crds=True)


async def waiting(api: Api, space: str) -> None:
    """Return when Helm has written the objects, so that it waits for them."""
    await api.until(f"/apis/apps/v1/namespaces/{space}/deployments/web", lambda answer: answer.code == 200)


async def check_repair(helm: Helm, api: Api, space: str, settings: Path) -> None:
    """Repair and install: there is one release, and it runs."""
    await helm.repair("web", space)
    await helm.upgrade_or_install(release(settings, space))
    assert [(found.name, found.status) for found in await helm.list(space)] == [("web", "deployed")]
    assert (await api.get(f"/api/v1/namespaces/{space}/configmaps/web-settings")).code == 200


def children() -> list[int]:
    """The adapter's processes that this process started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            command = (folder / "cmdline").read_bytes()
        except OSError:  # it ended meanwhile
            continue
        if parent == os.getpid() and b"airunway.clients.helm.process" in command:
            found.append(int(folder.name))
    return found


async def test_the_caller_cancels(
    helm: Helm, api: Api, space: str, slow: ChartRelease, settings: Path, temporary_files: Path
) -> None:
    installing = asyncio.create_task(helm.upgrade_or_install(slow))
    await waiting(api, space)

    installing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await installing

    assert children() == []
    assert not any(temporary_files.iterdir())  # noqa: ASYNC240
    await check_repair(helm, api, space, settings)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV])
async def test_the_process_dies(
    helm: Helm, api: Api, space: str, slow: ChartRelease, settings: Path, number: signal.Signals
) -> None:
    installing = asyncio.create_task(helm.upgrade_or_install(slow))
    await waiting(api, space)

    (pid,) = children()
    os.kill(pid, number)
    with pytest.raises(HelmCrashed, match="release web in namespace"):
        await installing

    found = await helm.get("web", space)
    assert found is not None and found.pending
    await check_repair(helm, api, space, settings)


async def test_somebody_else_asks_the_process_to_end(
    helm: Helm, api: Api, space: str, slow: ChartRelease, settings: Path
) -> None:
    installing = asyncio.create_task(helm.upgrade_or_install(slow))
    await waiting(api, space)

    (pid,) = children()
    os.kill(pid, signal.SIGTERM)
    with pytest.raises(Cancelled):
        await installing

    await check_repair(helm, api, space, settings)


WORKER = """
import asyncio, json, os, sys
from datetime import timedelta
from pathlib import Path
from airunway.api.chart_release import ChartRelease
from airunway.clients.helm import Helm
given = json.loads(sys.argv[1])
chart = ChartRelease(release="web", namespace=given["space"], chart=given["chart"], skip_crds=True)
helm = Helm(
    kubeconfig=Path(given["kubeconfig"]), binary=given["binary"] or None, grace=timedelta(seconds=15),
    timeout=timedelta(seconds=60),
)
asyncio.run(helm.upgrade_or_install(chart, atomic=False))
"""


async def test_the_worker_is_killed(
    helm: Helm,
    pair: tuple[str, str],
    kubeconfig: Path,
    api: Api,
    space: str,
    slow: ChartRelease,
    settings: Path,
    temporary_files: Path,
) -> None:
    given = {
        "space": space,
        "chart": slow.chart,
        "kubeconfig": str(kubeconfig),
        "binary": helm_command() if pair[0] == "command" else "",
    }
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(temporary_files)}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, json.dumps(given)], env=environ)  # noqa: ASYNC220
    await waiting(api, space)
    ends = [os.pidfd_open(int(pid)) for pid in descendants(worker.pid)]
    assert ends

    worker.kill()
    worker.wait()

    for end in ends:
        ended, _, _ = await asyncio.to_thread(select.select, [end], [], [], 60)
        os.close(end)
        assert ended
    assert not any(temporary_files.iterdir())  # noqa: ASYNC240
    await check_repair(helm, api, space, settings)


def descendants(pid: int) -> list[str]:
    """A process's children, and theirs."""
    found: list[str] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += [child, *descendants(int(child))]
    return found
