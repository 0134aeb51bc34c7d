"""`python -m kube_emulator`: the emulated cluster as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from kube_emulator.testing import PATIENCE, Api


async def test_it_listens_writes_a_kubeconfig_and_stops_when_told(tmp_path: Path):
    kubeconfig = tmp_path / "kubeconfig"
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "kube_emulator",
        "--port",
        "0",
        "--kubeconfig",
        str(kubeconfig),
        "--namespace",
        "mine",
        "--state-dir",
        str(tmp_path / "state"),
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None

    async with asyncio.timeout(PATIENCE):
        line = (await process.stdout.readline()).decode()
        async with Api(kubeconfig) as api:
            found = await api.get("/api/v1/namespaces/mine")
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    assert line.startswith("listening on http://127.0.0.1:")
    assert found.code == 200
    assert code == 0
    assert (tmp_path / "state" / "cluster.jsonl").exists()
