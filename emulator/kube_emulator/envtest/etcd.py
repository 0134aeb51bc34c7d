"""etcd: the store under kube-apiserver."""

from __future__ import annotations

import urllib.request
from pathlib import Path

from .binaries import Finder, find
from .ports import kept_port
from .process import Server


class Etcd(Server):
    """A single-member etcd on loopback, without TLS."""

    name = "etcd"

    def __init__(self, folder: Path | None = None, *, durable: bool = False, find: Finder = find) -> None:
        super().__init__(folder)
        self._find = find
        self.durable = durable
        self.url = f"http://127.0.0.1:{kept_port(self.folder, 'client')}"
        self._peer_url = f"http://127.0.0.1:{kept_port(self.folder, 'peer')}"

    def command(self) -> list[str]:
        """The command line."""
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
        return [self._find("etcd"), *(f"--{flag}={value}" for flag, value in flags.items()), *unsafe]

    def is_ready(self) -> bool:
        """Whether it answers; an OSError counts as no."""
        # Not through a proxy named in the environment.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f"{self.url}/health", timeout=2) as answer:
            return bool(answer.status == 200)
