"""The configuration file of a Temporal server on PostgreSQL. Pure: values in, a mapping out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.sandbox.temporal import EAGER_STEPS, FAIRNESS
from tests.servers.certificates import SERVER_NAME, Certificates

STORE, VISIBILITY = "temporal", "temporal_visibility"  # databases
SERVICES = ("frontend", "history", "matching", "worker")
HISTORY_SHARDS = 4  # fixed for the life of the databases; enough for one machine


def server_config(
    *,
    ports: Mapping[str, int],
    membership_ports: Mapping[str, int],
    sql_port: int,
    sql_user: str,
    dynamic: str,
    certificates: Certificates | None = None,
) -> dict[str, Any]:
    """All four services in one process, on loopback; `dynamic` is the path of the dynamic settings.

    With certificates, the frontend takes calls only of those who show one of the same authority.
    """
    tls = {"tls": _mutual_tls(certificates)} if certificates else {}
    return {
        "log": {"stdout": True, "level": "warn"},
        "persistence": {
            "defaultStore": STORE,
            "visibilityStore": VISIBILITY,
            "numHistoryShards": HISTORY_SHARDS,
            "datastores": {
                STORE: _sql(STORE, sql_port, sql_user, connections=40),
                VISIBILITY: _sql(VISIBILITY, sql_port, sql_user, connections=10),
            },
        },
        "global": {"membership": {"maxJoinDuration": "30s", "broadcastAddress": "127.0.0.1"}, **tls},
        "services": {
            name: {
                "rpc": {
                    "grpcPort": ports[name],
                    "membershipPort": membership_ports[name],
                    "bindOnLocalHost": True,
                }
            }
            for name in SERVICES
        },
        "clusterMetadata": _one_cluster(f"127.0.0.1:{ports['frontend']}"),
        "dcRedirectionPolicy": {"policy": "noop"},
        "dynamicConfigClient": {"filepath": dynamic, "pollInterval": "10s"},
    }


def _one_cluster(frontend: str) -> dict[str, Any]:
    """No replication."""
    return {
        "enableGlobalNamespace": False,
        "failoverVersionIncrement": 10,
        "masterClusterName": "active",
        "currentClusterName": "active",
        "clusterInformation": {
            "active": {
                "enabled": True,
                "initialFailoverVersion": 1,
                "rpcName": "frontend",
                "rpcAddress": frontend,
            }
        },
    }


def _mutual_tls(certificates: Certificates) -> dict[str, Any]:
    """For the frontend; the server's own workers come to it as everybody does."""
    known = {"serverName": SERVER_NAME, "rootCaFiles": [str(certificates.ca)]}
    return {
        "frontend": {
            "server": {
                "certFile": str(certificates.server_cert),
                "keyFile": str(certificates.server_key),
                "requireClientAuth": True,
                "clientCaFiles": [str(certificates.ca)],
            },
            "client": known,
        },
        "systemWorker": {
            "certFile": str(certificates.client_cert),
            "keyFile": str(certificates.client_key),
            "client": known,
        },
    }


def dynamic_config() -> dict[str, Any]:
    """Settings read while running: of the server's PostgreSQL samples, and what docs/temporal.md asks for."""
    settings = {"limit.maxIDLength": 255, FAIRNESS: True, EAGER_STEPS: True}
    return {name: [{"value": value, "constraints": {}}] for name, value in settings.items()}


def _sql(database: str, port: int, user: str, *, connections: int) -> dict[str, Any]:
    return {
        "sql": {
            "pluginName": "postgres12",  # the plugin's name: PostgreSQL 12 and newer
            "databaseName": database,
            "connectAddr": f"127.0.0.1:{port}",
            "connectProtocol": "tcp",
            "user": user,
            "password": "",
            "maxConns": connections,
            "maxIdleConns": connections,
            "maxConnLifetime": "1h",
        }
    }
