"""A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager, started in order."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from tests.servers import binaries
from tests.servers.etcd import Etcd
from tests.servers.kube_api_server import KubeApiServer
from tests.servers.kube_controller_manager import KubeControllerManager


class Cluster:
    """The three servers as one context manager; each can be killed or restarted by itself."""

    def __init__(self, folder: Path | None = None, *, durable: bool = False) -> None:
        """With a folder, data and logs stay there; without, they go at the end."""
        self.etcd = Etcd(folder and folder / "etcd", durable=durable)
        self.api_server = KubeApiServer(self.etcd, folder and folder / "kube-apiserver")
        self.controller_manager = KubeControllerManager(
            self.api_server, folder and folder / "kube-controller-manager"
        )
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as started:
            for server in (self.etcd, self.api_server, self.controller_manager):
                started.enter_context(server)
            self._running = started.pop_all()  # all three run: keep them beyond this block
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()

    @property
    def kubeconfig(self) -> Path:
        """A kubeconfig of a cluster administrator."""
        return self.api_server.kubeconfig

    @property
    def url(self) -> str:
        """Where the API answers."""
        return self.api_server.url

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """One plain call as administrator; see `KubeApiServer.request`."""
        return self.api_server.request(method, path, body, content_type=content_type)


def why_missing() -> str | None:
    """A sentence saying what a cluster still needs here; None when all is there."""
    if shutil.which("openssl") is None:
        return "the `openssl` command is missing; run `python3 tools/real/debian.py`, or install it"
    return binaries.why_missing([KubeApiServer.name, KubeControllerManager.name, Etcd.name])
