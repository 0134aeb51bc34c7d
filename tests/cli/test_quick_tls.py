"""The quick way of a list by HTTPS: the authority of the kubeconfig, and our certificate for the server."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from airunway.cli.quick.cluster import PlainCluster
from airunway.clients.certificates import Signer, certificate_for, new_authority, pem
from tests.cli.test_quick import kubeconfig

FIRST = {"metadata": {"continue": "next"}, "items": [{"metadata": {"name": "one"}}]}
SECOND = {"metadata": {}, "items": [{"metadata": {"name": "two"}}]}


class _Api(BaseHTTPRequestHandler):
    """Two pages of a list, over one connection."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        body = json.dumps(SECOND if "continue=next" in self.path else FIRST).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


class Tls:
    """An authority, what it signs as files of a folder, and a server that wants to know who calls."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        now = datetime.now(UTC)
        self.authority: Signer = new_authority(now)
        self.other: Signer = new_authority(now)
        for name, is_client in (("server", False), ("client", True)):
            certificate, key = certificate_for(["127.0.0.1"], self.authority, now, client=is_client)
            (folder / f"{name}.crt").write_bytes(certificate)
            (folder / f"{name}.key").write_bytes(key)
        (folder / "ca.crt").write_bytes(pem(self.authority[0]))
        (folder / "other.crt").write_bytes(pem(self.other[0]))
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca.crt"))
        context.load_cert_chain(folder / "server.crt", folder / "server.key")
        context.verify_mode = ssl.CERT_REQUIRED
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), _Api)
        self.server.handle_error = lambda *_: None  # type: ignore[method-assign]  # one that is refused
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def kubeconfig(self, *, inline: bool = False, authority: str = "ca.crt", known: bool = True) -> Path:
        """`inline`: what it names is in it; `known`: with our certificate."""
        cluster = self._entry({"certificate-authority": authority}, inline=inline)
        user = {"client-certificate": "client.crt", "client-key": "client.key"} if known else {}
        server = f"https://127.0.0.1:{self.server.server_port}"
        user = self._entry(user, inline=inline)
        return kubeconfig(self._folder, cluster={"server": server, **cluster}, user=user)

    def _entry(self, files: dict[str, str], *, inline: bool) -> dict[str, str]:
        if not inline:
            return files
        read = {name: (self._folder / file).read_bytes() for name, file in files.items()}
        return {f"{name}-data": base64.b64encode(data).decode() for name, data in read.items()}


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[Tls]:
    made = Tls(tmp_path)
    serving = threading.Thread(target=made.server.serve_forever, daemon=True)
    serving.start()
    yield made
    made.server.shutdown()
    serving.join()
    made.server.server_close()


@pytest.mark.parametrize("inline", [False, True])
def test_a_list_is_read_page_by_page_by_https(tls: Tls, inline: bool) -> None:
    with closing(PlainCluster(tls.kubeconfig(inline=inline), None)) as cluster:
        found = cluster.deployments("default")

    assert [entry["metadata"]["name"] for entry in found] == ["one", "two"]


def test_a_server_of_another_authority_is_not_believed(tls: Tls) -> None:
    with (
        closing(PlainCluster(tls.kubeconfig(authority="other.crt"), None)) as cluster,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        cluster.deployments("default")


def test_a_server_that_refuses_us_is_an_error(tls: Tls) -> None:
    with closing(PlainCluster(tls.kubeconfig(known=False), None)) as cluster, pytest.raises(OSError):
        cluster.deployments("default")
