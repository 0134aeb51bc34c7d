"""kube-controller-manager: garbage collection, Deployments, Jobs and namespaces that really end."""

from __future__ import annotations

import ssl
import urllib.request
from pathlib import Path

from .binaries import Finder, find
from .kube_api_server import KubeApiServer
from .ports import kept_port
from .process import Server

FIRST_WORK = "/api/v1/namespaces/default/serviceaccounts/default"


class KubeControllerManager(Server):
    """A kube-controller-manager for a running `KubeApiServer`; it outlives that server's restarts.

    No scheduler or kubelet runs: a test that wants a ready pod patches the pod's status, and the
    controllers follow. Objects of a custom kind are garbage collected only once the collector has
    noticed the kind, up to 30 s after its definition was applied.
    """

    name = "kube-controller-manager"

    def __init__(self, api_server: KubeApiServer, folder: Path | None = None, *, find: Finder = find) -> None:
        super().__init__(folder)
        self._find = find
        self.api_server = api_server
        self._port = kept_port(self.folder, "https")

    def command(self) -> list[str]:
        """The command line."""
        flags = {
            "kubeconfig": str(self.api_server.kubeconfig),
            "bind-address": "127.0.0.1",
            "secure-port": str(self._port),
            "cert-dir": str(self.folder / "certs"),
            "service-account-private-key-file": str(self.api_server.service_account_key),
            "root-ca-file": str(self.api_server.ca_file),
            "leader-elect": "false",
        }
        return [
            self._find("kube-controller-manager"),
            *(f"--{flag}={value}" for flag, value in flags.items()),
        ]

    def is_ready(self) -> bool:
        """Whether its controllers run."""
        # Healthy is said before the controllers run; the first service account shows that they do.
        return self._is_healthy() and self.api_server.request("GET", FIRST_WORK)[0] == 200

    def _is_healthy(self) -> bool:
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified)
        )
        with opener.open(f"https://127.0.0.1:{self._port}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
