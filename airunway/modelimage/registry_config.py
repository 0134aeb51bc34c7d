"""How the two sides of the registry in the cluster are configured. Pure; distribution's own format.

Both serve one volume. The writing side wants a login for everything; the reading side is told to be read
only, and has the volume mounted so as well. The login cannot be left to the network: what comes through a
NodePort bears the address of a node, whoever sent it.
"""

from __future__ import annotations

import json
from typing import Any

DATA = "/var/lib/registry"
CONFIG_FOLDER = "/etc/airunway-registry"
LOGIN_FOLDER = "/etc/airunway-registry-login"
WRITER, READER = "writer.yml", "reader.yml"


def writer_config(*, address: str, data: str = DATA, htpasswd: str = f"{LOGIN_FOLDER}/htpasswd") -> str:
    """Pushes, deletes and the worker's own reading: nothing without a login."""
    config = _config(address, data, {"delete": {"enabled": True}})
    config["auth"] = {"htpasswd": {"realm": "airunway", "path": htpasswd}}
    return json.dumps(config, indent=1, sort_keys=True)  # JSON is YAML


def reader_config(*, address: str, data: str = DATA) -> str:
    """What nodes pull from: whatever would change something is refused."""
    storage = {"delete": {"enabled": False}, "maintenance": {"readonly": {"enabled": True}}}
    return json.dumps(_config(address, data, storage), indent=1, sort_keys=True)


def _config(address: str, data: str, storage: dict[str, Any]) -> dict[str, Any]:
    return {
        "version": 0.1,
        "log": {"level": "info", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": data}, **storage},
        "http": {"addr": address, "headers": {"X-Content-Type-Options": ["nosniff"]}},
    }
