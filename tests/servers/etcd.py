"""etcd: the store under kube-apiserver."""

from __future__ import annotations

import urllib.request
from collections.abc import Sequence
from pathlib import Path

from tests.servers.binaries import binary
from tests.servers.ports import kept_port
from tests.servers.process import Server


class Etcd(Server):
    """A single-member etcd on loopback, without TLS."""

    name = "etcd"

    def __init__(
        self, folder: Path | None = None, *, durable: bool = False, extra_args: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.durable = durable
        self.url = f"http://127.0.0.1:{kept_port(self.folder, 'client')}"
        self._peer_url = f"http://127.0.0.1:{kept_port(self.folder, 'peer')}"

    def command(self) -> list[str]:
        flags = {
            "data-dir": str(self.folder / "data"),
            "listen-client-urls": self.url,
            "advertise-client-urls": self.url,
            "listen-peer-urls": self._peer_url,
            "initial-advertise-peer-urls": self._peer_url,
            "initial-cluster": f"default={self._peer_url}",
        }
        # Waiting for the disk guards against a power cut, not against a killed process: tests need
        # only the second, a benchmark that is to mean something asks for both.
        unsafe = [] if self.durable else ["--unsafe-no-fsync"]
        return [binary("etcd"), *(f"--{flag}={value}" for flag, value in flags.items()), *unsafe]

    def is_ready(self) -> bool:
        # Not through a proxy named in the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
