"""kube-controller-manager: garbage collection, Deployments, Jobs and namespaces that really end."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.servers.binaries import binary
from tests.servers.kube_api_server import KubeApiServer
from tests.servers.ports import kept_port
from tests.servers.process import Server

FIRST_WORK = "/api/v1/namespaces/default/serviceaccounts/default"


class KubeControllerManager(Server):
    """A kube-controller-manager for a running `KubeApiServer`; it outlives that server's restarts.

    No scheduler or kubelet runs: a test that wants a ready pod patches the pod's status, and the
    controllers follow. Objects of a custom kind are garbage collected only once the collector has
    noticed the kind, up to 30 s after its definition was applied.
    """

    name = "kube-controller-manager"

    def __init__(
        self, api_server: KubeApiServer, folder: Path | None = None, *, extra_args: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.api_server = api_server
        self._port = kept_port(self.folder, "https")

    def command(self) -> list[str]:
        flags = {
            "kubeconfig": str(self.api_server.kubeconfig),
            "bind-address": "127.0.0.1",
            "secure-port": str(self._port),
            "cert-dir": str(self.folder / "certs"),
            "service-account-private-key-file": str(self.api_server.service_account_key),
            "root-ca-file": str(self.api_server.ca_file),
            "leader-elect": "false",
        }
        return [binary("kube-controller-manager"), *(f"--{flag}={value}" for flag, value in flags.items())]

    def is_ready(self) -> bool:
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
