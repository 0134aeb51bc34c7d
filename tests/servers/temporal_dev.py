"""Temporal's development server on a file: killed and started again, it goes on where it was."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

from airunway.sandbox.temporal import WRITE_AHEAD
from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server, clean_environment
from tests.servers.temporal_server import temporal_cli


class TemporalDevServer(Server):
    """One process over one SQLite file, with the namespace `default`."""

    name = "temporal-dev"
    hidden_variables = ("TEMPORAL_",)

    def __init__(self, folder: Path | None = None) -> None:
        super().__init__(folder)
        self.port = kept_port(self.folder, "frontend")
        self.address = f"127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        address = ("--ip", "127.0.0.1", "--port", str(self.port), "--headless")
        data = ("--db-filename", str(self.folder / "temporal.db"), *WRITE_AHEAD, "--log-level", "error")
        return [temporal_cli(), "server", "start-dev", *address, *data]

    def is_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self.port), timeout=2):
            pass
        listing = ("workflow", "list", "--namespace", "default", "--limit", "1")
        asked = subprocess.run(
            [temporal_cli(), *listing, "--address", self.address, "--disable-config-file"],
            env=clean_environment(self.hidden_variables),
            capture_output=True,
            check=False,
            timeout=30,
        )
        return asked.returncode == 0
