"""BuildKit's daemon: what builds model images and pushes them."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import KEEP, Server
from tests.servers import binaries
from tests.servers.binaries import binary
from tests.servers.certificates import Certificates

NEEDS = "BuildKit's daemon needs root, and `runc` on PATH (run `python3 tools/real/debian.py`)"


class Buildkitd(Server):
    """A daemon with a worker of its own, on TCP and on a unix socket. A restart keeps its cache.

    With `tls`, TCP wants a client certificate (mTLS); the unix socket never does. `snapshotter` is overlayfs
    where the machine has it, unless told otherwise.
    """

    name = "buildkitd"

    def __init__(
        self,
        folder: Path | None = None,
        *,
        tls: Certificates | None = None,
        snapshotter: str = "auto",
        extra_args: Sequence[str] = (),
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.tls = tls
        self.snapshotter = snapshotter
        self.port = kept_port(self.folder, "grpc")
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.unix_address = f"unix://{self.folder / 'buildkitd.sock'}"

    def prepare(self) -> None:
        # Nothing is configured for the machine's own daemon to leak in.
        (self.folder / "buildkitd.toml").touch()

    def command(self) -> list[str]:
        flags = {
            "config": str(self.folder / "buildkitd.toml"),
            "root": str(self.folder / "root"),
            "oci-worker-snapshotter": self.snapshotter,
            "oci-worker-net": "host",
        }
        if self.tls is not None:
            flags |= {"tlscacert": str(self.tls.ca)}
            flags |= {"tlscert": str(self.tls.server_cert), "tlskey": str(self.tls.server_key)}
        words = [f"--{flag}={value}" for flag, value in flags.items()]
        return [binary("buildkitd"), f"--addr={self.address}", f"--addr={self.unix_address}", *words]

    def is_ready(self) -> bool:
        # It listens only once its workers are there.
        with socket.create_connection(("127.0.0.1", self.port), timeout=2):
            return True

    def wipe(self) -> None:
        """Start again without anything cached or kept, as a daemon on a new disk."""
        self.kill()
        self._remove_root()
        self.start()

    def restart(self) -> None:
        """Die as in a crash, and come back on the same data and port."""
        self.kill()
        self.start()

    def _clean_up(self) -> None:
        if self._own_folder and not os.environ.get(KEEP):
            self._remove_root()
        super()._clean_up()

    def _remove_root(self) -> None:
        """Remove its data; a killed daemon may have left parts of it mounted."""
        root = self.folder / "root"
        mounted = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for place in sorted(mounted, reverse=True):
            if place.startswith(f"{root}/"):
                subprocess.run(["umount", "-l", place], check=False, capture_output=True)
        shutil.rmtree(root, ignore_errors=True)


def why_missing() -> str | None:
    """A sentence saying what the daemon still needs here; None when all is there."""
    built = binaries.why_missing(["buildkitd"])
    can_run = os.geteuid() == 0 and shutil.which("runc") is not None
    return built or (None if can_run else NEEDS)
