"""AI Runway's processes, run by the command line as in an installation, and a third-party package beside."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from airunway.clients.kubernetes import Object
from kube_emulator.envtest.ports import free_port
from kube_emulator.envtest.process import Server
from tests.e2e.system import System

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "acme-provider"
ACME = "acme worker"


def install(folder: Path) -> Path:
    """Install the example with pip, without a network; answers the folder to put on PYTHONPATH."""
    source, target = folder / "source", folder / "site-packages"
    shutil.copytree(EXAMPLE, source)  # a build leaves files in its source
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    offline = ["--no-index", "--no-deps", "--no-build-isolation", "--target", str(target)]
    done = subprocess.run([*pip, *offline, str(source)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


class Airunway(Server):
    """One process of `airunway …`; ready when its probe says so."""

    name = "airunway"
    hidden_variables = (*Server.hidden_variables, "TEMPORAL_")

    def __init__(self, folder: Path, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        super().__init__(folder)
        self._arguments = arguments
        self._port = free_port()
        self._env = {**env, "AIRUNWAY_HEALTH_PORT": str(self._port)}

    def command(self) -> list[str]:
        """The command line, through `env`."""
        variables = [f"{name}={value}" for name, value in self._env.items()]
        return ["env", *variables, sys.executable, "-m", "airunway.cli", *self._arguments]

    def is_ready(self) -> bool:
        """Whether /readyz says so."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)


class Installation(System):
    """Core worker, watcher and the third-party worker as three processes; only the last has its package."""

    upstream_crd: Object = yaml.safe_load((EXAMPLE / "deploy" / "crd.yaml").read_text())

    def __init__(
        self,
        kubeconfig: Path,
        temporal_address: str,
        folder: Path,
        *,
        core: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(kubeconfig, temporal_address)
        self._folder = folder
        self._core = core
        self._env = {
            "AIRUNWAY_KUBECONFIG": str(kubeconfig),
            "AIRUNWAY_TEMPORAL_ADDRESS": temporal_address,
            "AIRUNWAY_POD_NAMESPACE": self.namespace,
            "AIRUNWAY_LEASE_DURATION": "PT3S",
            **(env or {}),
        }
        self._package = install(folder)
        self.processes: dict[str, Airunway] = {}

    def start_worker(self) -> None:
        """The core's worker, and the third party's."""
        self._launch("core worker", ["worker", *self._core], {})
        self.start_acme()

    def start_watcher(self) -> None:
        self._launch("watcher", ["watcher"], {})

    def start_acme(self) -> None:
        arguments = ["worker", "--provider", "acme", "--no-core"]
        self._launch(ACME, arguments, {"PYTHONPATH": str(self._package)})

    def _launch(self, name: str, arguments: Sequence[str], env: Mapping[str, str]) -> None:
        folder = self._folder / f"{name} {len(self.processes)}"
        process = self.processes[name] = Airunway(folder, arguments, {**self._env, **env})
        self._start(name, self._serve(process))

    async def _serve(self, process: Airunway) -> None:
        try:
            await asyncio.to_thread(process.start)
            await asyncio.Event().wait()
        finally:
            await asyncio.to_thread(process.stop)

    async def kill(self, name: str) -> None:
        """End a process as `kill -9` does."""
        await asyncio.to_thread(self.processes[name].kill)
        await self.stop(name)

    async def until(self, holds: Any, what: str) -> None:
        """As for a system in this process; a failure shows what the processes said."""
        try:
            await super().until(holds, what)
        except AssertionError as err:
            logs = "\n".join(process.log_tail() for process in self.processes.values())
            raise AssertionError(f"{err}\n{logs}") from None
