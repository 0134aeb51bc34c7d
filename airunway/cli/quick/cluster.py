"""Lists of an API server that a kubeconfig leads to without a program: http.client and a TLS context.

What the official client does beyond that (plugins, renewed tokens, proxies, accounts of pods) is not tried.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

from airunway.api.bounds import MAX_DEPTH, is_deeper_than
from airunway.api.names import DEPLOYMENT_PLURAL, GROUP, SERVICE_ACCOUNT_TOKEN, VERSION
from airunway.cli.contexts import kubeconfig_content, kubeconfig_paths
from airunway.cli.quick.problems import NotPlainError

PATIENCE_SECONDS = 2.0
"""Of a connection and of each read; who needs longer is asked the general way, which is patient."""
MAX_ANSWER_BYTES = 16 * 1024 * 1024
PAGE = 500
USER_AGENT = "airunway"
_OF_A_CLUSTER = {"server", "certificate-authority", "certificate-authority-data"}
_OF_A_CLUSTER |= {"insecure-skip-tls-verify", "extensions"}
_OF_A_USER = {"token", "tokenFile", "username", "password"}
_OF_A_USER |= {f"client-{part}{data}" for part in ("certificate", "key") for data in ("", "-data")}
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy")

Entry = Mapping[str, Any]


class PlainCluster:
    """One connection; every error means that another way has to be tried."""

    def __init__(self, kubeconfig: Path | None, context: str | None) -> None:
        """Raises NotPlainError, and as reading files does; nobody is asked yet."""
        paths = kubeconfig_paths(kubeconfig)
        if len(paths) != 1 or (kubeconfig is None and os.path.exists(SERVICE_ACCOUNT_TOKEN)):
            raise NotPlainError
        content, folder = kubeconfig_content(paths[0]), paths[0].parent
        about = _named(content, "context", context or content["current-context"])
        cluster, user = _named(content, "cluster", about["cluster"]), dict[str, Any]()
        if about.get("user"):
            user = _named(content, "user", about["user"])
        if not (cluster.keys() <= _OF_A_CLUSTER and user.keys() <= _OF_A_USER):
            raise NotPlainError
        self.headers = {
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            **_authorization(user, folder),
        }
        self._connection = _connection(cluster, user, folder)

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def uid_of_namespace(self, name: str) -> str:
        """Its uid."""
        return str(self._get(f"/api/v1/namespaces/{name}", {})["metadata"]["uid"])

    def deployments(self, namespace: str | None) -> list[dict[str, Any]]:
        """The ModelDeployments of a namespace; None: of all."""
        scope = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
        path, found, token = f"/apis/{GROUP}/{VERSION}{scope}/{DEPLOYMENT_PLURAL}", list[dict[str, Any]](), ""
        while True:
            page = self._get(path, {"limit": str(PAGE), **({"continue": token} if token else {})})
            found += page["items"]
            token = page["metadata"].get("continue", "")
            if not token:
                return found

    def _get(self, path: str, query: Mapping[str, str]) -> dict[str, Any]:
        self._connection.request("GET", f"{path}?{urlencode(query)}" if query else path, headers=self.headers)
        answer = self._connection.getresponse()
        data = answer.read(MAX_ANSWER_BYTES)
        if answer.status != 200 or not answer.isclosed():
            raise NotPlainError
        found: dict[str, Any] = json.loads(data)
        if is_deeper_than(found, MAX_DEPTH):
            raise NotPlainError
        return found


def _named(content: Entry, kind: str, name: str) -> dict[str, Any]:
    """What a kubeconfig says of the one entry of this name."""
    [entry] = [entry for entry in content[f"{kind}s"] if entry["name"] == name]
    return dict(entry[kind] or {})


def _connection(cluster: Entry, user: Entry, folder: Path) -> HTTPConnection:
    server = urlsplit(str(cluster["server"]))
    if server.path not in ("", "/") or not server.hostname or server.username:
        raise NotPlainError
    is_proxied = any(os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES)
    if is_proxied and server.hostname not in _LOOPBACK:
        raise NotPlainError
    if server.scheme == "http":
        return HTTPConnection(server.hostname, server.port, timeout=PATIENCE_SECONDS)
    if server.scheme != "https" or cluster.get("insecure-skip-tls-verify"):
        raise NotPlainError
    authority = _read(cluster, "certificate-authority", folder)
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    certificate, key = _read(user, "client-certificate", folder), _read(user, "client-key", folder)
    if certificate and key:
        # The library takes files only. This one is readable to its owner alone, and gone after the block.
        with tempfile.NamedTemporaryFile() as both:
            both.write(certificate + b"\n" + key)
            both.flush()
            context.load_cert_chain(both.name)
    elif certificate or key:
        raise NotPlainError
    return HTTPSConnection(server.hostname, server.port, timeout=PATIENCE_SECONDS, context=context)


def _authorization(user: Entry, folder: Path) -> dict[str, str]:
    token = user.get("token") or (user.get("tokenFile") and (folder / user["tokenFile"]).read_text())
    if token:
        return {"Authorization": f"Bearer {str(token).strip()}"}
    if "username" in user and "password" in user:
        both = base64.b64encode(f"{user['username']}:{user['password']}".encode()).decode()
        return {"Authorization": f"Basic {both}"}
    return {}


def _read(entry: Entry, name: str, folder: Path) -> bytes:
    """PEM, from the entry itself or from the file that it names; empty: it says nothing."""
    if entry.get(f"{name}-data"):
        return base64.b64decode(entry[f"{name}-data"])
    return (folder / entry[name]).read_bytes() if entry.get(name) else b""
