"""The Kubernetes control plane, of the programs that tools/real builds."""

from __future__ import annotations

import shutil
from pathlib import Path

from kube_emulator.envtest import ControlPlane
from kube_emulator.envtest.control_plane import SERVERS
from tests.servers import binaries


class Cluster(ControlPlane):
    """etcd, kube-apiserver and kube-controller-manager; each can be killed or restarted by itself."""

    def __init__(self, folder: Path | None = None, *, durable: bool = False) -> None:
        super().__init__(folder, durable=durable, find=binaries.binary)


def why_missing() -> str | None:
    """A sentence saying what a cluster still needs here; None when all is there."""
    if shutil.which("openssl") is None:
        return "the `openssl` command is missing; run `python3 tools/real/debian.py`, or install it"
    return binaries.why_missing(SERVERS)
