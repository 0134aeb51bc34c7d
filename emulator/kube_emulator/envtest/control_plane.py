"""A Kubernetes control plane: etcd, kube-apiserver and kube-controller-manager, started in order."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from . import binaries
from .binaries import Finder, find
from .etcd import Etcd
from .kube_api_server import KubeApiServer
from .kube_controller_manager import KubeControllerManager

SERVERS = (Etcd.name, KubeApiServer.name, KubeControllerManager.name)


class ControlPlane:
    """The three servers as one context manager; each can be killed or restarted by itself."""

    def __init__(self, folder: Path | None = None, *, durable: bool = False, find: Finder = find) -> None:
        """With a folder, data and logs stay there; without, they go at the end.

        Args:
            folder: where each server has a folder of its own.
            durable: wait for the disk at each write, as production does.
            find: says where the programs are.
        """
        self.etcd = Etcd(folder and folder / "etcd", durable=durable, find=find)
        self.api_server = KubeApiServer(self.etcd, folder and folder / "kube-apiserver", find=find)
        self.controller_manager = KubeControllerManager(
            self.api_server, folder and folder / "kube-controller-manager", find=find
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
    """A sentence saying what a control plane still needs here; None when all is there."""
    return binaries.why_missing([*SERVERS, "openssl"])  # which makes the API server's keys
