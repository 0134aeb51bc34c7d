"""kube-apiserver: the real Kubernetes API, on loopback, over TLS that verifies."""

from __future__ import annotations

import base64
import json
import secrets
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from .binaries import Finder, find
from .etcd import Etcd
from .ports import kept_port
from .process import Server, run_once


class KubeApiServer(Server):
    """A kube-apiserver over a running `Etcd`; all its state is there, so it may be killed at any time."""

    name = "kube-apiserver"

    def __init__(self, etcd: Etcd, folder: Path | None = None, *, find: Finder = find) -> None:
        super().__init__(folder)
        self._find = find
        self.etcd = etcd
        self._port = kept_port(self.folder, "https")
        self.url = f"https://127.0.0.1:{self._port}"
        self.token = secrets.token_hex(16)  # of a member of system:masters: may do everything
        self.kubeconfig = self.folder / "kubeconfig"
        self.service_account_key = self.folder / "sa.key"
        # The server signs its own certificate at its first start, and keeps the signer behind it in
        # the same file; that makes the file a trust anchor that survives restarts.
        self.ca_file = self.folder / "certs" / "apiserver.crt"

    def prepare(self) -> None:
        """Write who is let in, and the key of service accounts."""
        (self.folder / "tokens.csv").write_text(f'{self.token},admin,admin,"system:masters"\n')
        if not self.service_account_key.exists():
            run_once(["openssl", "genrsa", "-out", str(self.service_account_key), "2048"])

    def command(self) -> list[str]:
        """The command line."""
        flags = {
            "etcd-servers": self.etcd.url,
            "bind-address": "127.0.0.1",
            "secure-port": str(self._port),
            "cert-dir": str(self.ca_file.parent),
            "token-auth-file": str(self.folder / "tokens.csv"),
            "authorization-mode": "RBAC",
            "service-account-issuer": "https://kubernetes.default",
            "service-account-key-file": str(self.service_account_key),
            "service-account-signing-key-file": str(self.service_account_key),
            "service-cluster-ip-range": "10.0.0.0/24",
            # As in any cluster that kubeadm or a cloud makes.
            "allow-privileged": "true",
            # A pod would otherwise have to wait for its namespace's service account.
            "disable-admission-plugins": "ServiceAccount",
            # It would publish 127.0.0.1 as the cluster's address, which the API itself refuses.
            "endpoint-reconciler-type": "none",
            # Without it a stop waits a whole minute for watches that nobody ends.
            "shutdown-watch-termination-grace-period": "1s",
        }
        return [self._find("kube-apiserver"), *(f"--{flag}={value}" for flag, value in flags.items())]

    def is_ready(self) -> bool:
        """Whether it answers and has its first namespace; writes the kubeconfig then."""
        if not self.ca_file.exists():
            return False
        # The default namespace is made after the server calls itself ready.
        paths = ("/readyz", "/api/v1/namespaces/default")
        ready = all(self.request("GET", path)[0] == 200 for path in paths)
        if ready:
            self._write_kubeconfig()
        return ready

    def request(
        self, method: str, path: str, body: Any = None, *, content_type: str = "application/json"
    ) -> tuple[int, Any]:
        """One call as administrator: the status, and the answer parsed if it is JSON.

        A refusal is an answer too, not an exception. Raises OSError while the server is away.
        """
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        call = urllib.request.Request(self.url + path, data=data, headers=headers, method=method)
        opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),  # not through a proxy named in the environment
            urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=str(self.ca_file))),
        )
        try:
            with opener.open(call, timeout=10) as answer:
                return answer.status, _parsed(answer.read())
        except urllib.error.HTTPError as refusal:
            with refusal:
                return refusal.code, _parsed(refusal.read())

    def _write_kubeconfig(self) -> None:
        ca_data = base64.b64encode(self.ca_file.read_bytes()).decode()
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "envtest", "cluster": {"server": self.url, "certificate-authority-data": ca_data}}
            ],
            "users": [{"name": "admin", "user": {"token": self.token}}],
            "contexts": [{"name": "envtest", "context": {"cluster": "envtest", "user": "admin"}}],
            "current-context": "envtest",
        }
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(json.dumps(config, indent=2))  # JSON is YAML too


def _parsed(answer: bytes) -> Any:
    try:
        return json.loads(answer)
    except ValueError:
        return answer.decode(errors="replace")
