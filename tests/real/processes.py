"""The processes of an installation, for tests on real servers."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from airunway.api.names import SYSTEM_NAMESPACE
from kube_emulator.envtest.ports import free_port

CLUSTER_NAME = "test"


class Processes:
    """`airunway` commands as processes of their own. `settings`: further variables."""

    def __init__(self, kubeconfig: Path, temporal: str, folder: Path, **settings: str) -> None:
        self._folder = folder
        self._env = {
            **os.environ,
            "AIRUNWAY_CLUSTER": CLUSTER_NAME,
            "AIRUNWAY_KUBECONFIG": str(kubeconfig),
            "AIRUNWAY_TEMPORAL_ADDRESS": temporal,
            "AIRUNWAY_POD_NAMESPACE": SYSTEM_NAMESPACE,
            "AIRUNWAY_LEASE_DURATION": "PT4S",
            **settings,
        }
        self._running: list[subprocess.Popen[bytes]] = []
        self._started: list[tuple[str, subprocess.Popen[bytes]]] = []
        self.killed: list[subprocess.Popen[bytes]] = []
        self.log_of: dict[subprocess.Popen[bytes], Path] = {}

    def start(self, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start one; `settings`: variables of this process alone."""
        path = self._folder / f"{command[0]}-{len(self._running)}.log"
        log = path.open("wb")
        process = subprocess.Popen(
            [sys.executable, "-m", "airunway.cli", *command],
            env={**self._env, "AIRUNWAY_HEALTH_PORT": str(free_port()), **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        log.close()
        self._running.append(process)
        self._started.append((command[0], process))
        self.log_of[process] = path
        return process

    def kill(self, command: str, number: signal.Signals) -> None:
        """Send a signal to every process of a command, and wait for their end."""
        for name, process in self._started:
            if name == command and process.poll() is None:
                process.send_signal(number)
                process.wait()
                self.killed.append(process)

    def pid_of(self, command: str) -> int:
        """Process id of the last one started with a command."""
        return next(process.pid for name, process in reversed(self._started) if name == command)

    def stop(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.terminate()
        for process in self._running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def check_all_but(self, *victims: subprocess.Popen[bytes]) -> None:
        """Fail at once when a process has ended that should run."""
        ended = [
            process for process in self._running if process not in victims and process.poll() is not None
        ]
        if ended:
            pytest.fail(f"a process ended by itself\n{self.logs()}")

    def logs(self) -> str:
        return "\n".join(f"--- {log.name}\n{log.read_text()[-3000:]}" for log in self._folder.glob("*.log"))
