"""How the sides of the registry in the cluster are configured. Pure; distribution's own format.

A writing side and a reading one serve the same folder. The writing side wants a login for everything; the
reading side is told to be read only, and has the folder mounted so as well. The login cannot be left to the
network: what comes through a NodePort bears the address of a node, whoever sent it.

Images of private models are a pair and a folder of their own, so the process that everybody reads from does
not even see their bytes. Distribution's htpasswd has no rights per repository, and its tokens want an issuer
that nodes reach, a signing key whose change restarts the registry, and a realm that is the same address for
nodes and pods. So both sides of that pair want a login that no tenant has, and namespaces are told apart
before them, by `airunway private-pulls` (`workers/private_pulls.py`).
"""

from __future__ import annotations

import json
from typing import Any

DATA = "/var/lib/registry"
CONFIG_FOLDER = "/etc/airunway-registry"
LOGIN_FOLDER = "/etc/airunway-registry-login"
READERS_FOLDER = "/etc/airunway-registry-readers"
WRITER, READER = "writer.yml", "reader.yml"
PRIVATE_WRITER, PRIVATE_READER = "private-writer.yml", "private-reader.yml"


def writer_config(*, address: str, data: str = DATA, htpasswd: str = f"{LOGIN_FOLDER}/htpasswd") -> str:
    """Pushes, deletes and the worker's own reading: nothing without a login."""
    config = _config(address, data, {"delete": {"enabled": True}})
    config["auth"] = {"htpasswd": {"realm": "airunway", "path": htpasswd}}
    return json.dumps(config, indent=1, sort_keys=True)  # JSON is YAML


def reader_config(*, address: str, data: str = DATA, htpasswd: str = "") -> str:
    """What images are pulled from: whatever would change something is refused.

    `htpasswd`: file with the logins that may read; empty: everybody may.
    """
    storage = {"delete": {"enabled": False}, "maintenance": {"readonly": {"enabled": True}}}
    config = _config(address, data, storage)
    if htpasswd:
        config["auth"] = {"htpasswd": {"realm": "airunway", "path": htpasswd}}
    return json.dumps(config, indent=1, sort_keys=True)


def _config(address: str, data: str, storage: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": data}, **storage},
        "http": {"addr": address, "headers": {"X-Content-Type-Options": ["nosniff"]}},
    }
