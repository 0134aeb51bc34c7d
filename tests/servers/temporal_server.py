"""Temporal's own server on PostgreSQL: what production runs, without a container."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server, ServerFailed, clean_environment, run_once
from tests.servers import binaries, postgres
from tests.servers.binaries import binary
from tests.servers.certificates import SERVER_NAME, Certificates
from tests.servers.postgres import Postgres
from tests.servers.temporal_config import SERVICES, STORE, VISIBILITY, dynamic_config, server_config

SCHEMAS = {STORE: "postgresql/v12/temporal", VISIBILITY: "postgresql/v12/visibility"}
NO_CLI = "the `temporal` command is missing; install this project's `sandbox` extra"
RETENTION = ("--retention", "72h")  # how long a namespace keeps closed workflows


class TemporalServer(Server):
    """Frontend, history, matching and worker in one process, over a running `Postgres`.

    Its state is all in PostgreSQL, so it may be killed at any time. Search attributes live in
    columns shared by a namespace: ten keywords and three of most other types, then no more. With
    certificates, its frontend wants one of whoever calls.
    """

    name = "temporal-server"
    hidden_variables = ("TEMPORAL_", "SQL_")
    namespace = "default"

    def __init__(
        self,
        database: Postgres,
        folder: Path | None = None,
        *,
        extra_args: Sequence[str] = (),
        certificates: Certificates | None = None,
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.postgres = database
        self.certificates = certificates
        self._ports = {name: kept_port(self.folder, name) for name in SERVICES}
        self._membership_ports = {name: kept_port(self.folder, f"{name}-membership") for name in SERVICES}
        self.address = f"127.0.0.1:{self._ports['frontend']}"

    @property
    def cli_options(self) -> list[str]:
        """What Temporal's command line needs to reach this server."""
        options = ["--address", self.address, "--disable-config-file"]
        if self.certificates is not None:
            options += ["--tls-ca-path", str(self.certificates.ca), "--tls-server-name", SERVER_NAME]
            options += ["--tls-cert-path", str(self.certificates.client_cert)]
            options += ["--tls-key-path", str(self.certificates.client_key)]
        return options

    def prepare(self) -> None:
        for database, schema in SCHEMAS.items():
            done = self.folder / f"{database}.schema"
            if not done.exists():
                self._sql(database, "create")
                self._sql(database, "setup-schema", "-v", "0.0")
                self._sql(database, "update-schema", "--schema-name", schema)
                done.touch()
        dynamic = self.folder / "dynamic.yaml"
        config = server_config(
            ports=self._ports,
            membership_ports=self._membership_ports,
            sql_port=self.postgres.port,
            sql_user=self.postgres.db_user,
            dynamic=str(dynamic),
            certificates=self.certificates,
        )
        dynamic.write_text(json.dumps(dynamic_config()))  # JSON is YAML too
        (self.folder / "config.yaml").write_text(json.dumps(config, indent=2))

    def command(self) -> list[str]:
        # --allow-no-auth only silences a warning that there is none.
        config = str(self.folder / "config.yaml")
        return [binary("temporal-server"), "--config-file", config, "--allow-no-auth", "start"]

    def is_ready(self) -> bool:
        with socket.create_connection(("127.0.0.1", self._ports["frontend"]), timeout=2):
            pass  # cheaper than the command line, while nothing listens yet
        if self._temporal("operator", "cluster", "health").returncode:
            return False
        default = ("--namespace", self.namespace)
        if self._temporal("operator", "namespace", "describe", *default).returncode:
            # May be refused while parts of the server still start; the next look tries again.
            self._temporal("operator", "namespace", "create", *default, *RETENTION)
        # Listing goes through visibility, and needs the namespace known to the frontend's cache.
        return self._temporal("workflow", "list", *default, "--limit", "1").returncode == 0

    def create_namespace(self, name: str) -> None:
        """Make a namespace, and wait until it can be used."""
        self._must("operator", "namespace", "create", "--namespace", name, *RETENTION)
        self._await_query("WorkflowId = 'none'", namespace=name)

    def create_search_attribute(
        self, name: str, kind: str = "Keyword", *, namespace: str = "default"
    ) -> None:
        """Make a custom search attribute, and wait until it can be used. Making it again is no error.

        Args:
            name: as workflows use it.
            kind: Keyword, KeywordList, Text, Int, Double, Bool or Datetime.
            namespace: where; attributes are not shared between namespaces.
        """
        attribute = ("--name", name, "--type", kind, "--namespace", namespace)
        self._must("operator", "search-attribute", "create", *attribute)
        self._await_query(f"{name} is null", namespace=namespace)

    def _await_query(self, query: str, *, namespace: str) -> None:
        """Wait until the frontend answers: it looks for new namespaces and attributes every 2 s."""
        deadline = time.monotonic() + 20
        count = ("workflow", "count", "--namespace", namespace, "--query", query)
        while (done := self._temporal(*count)).returncode:
            if time.monotonic() > deadline:
                raise ServerFailed(f"still no answer to {query!r}: {done.stderr.strip()}")
            time.sleep(0.1)

    def _must(self, *words: str) -> None:
        done = self._temporal(*words)
        if done.returncode:
            raise ServerFailed(f"temporal {' '.join(words)}: {done.stderr.strip()}")

    def _temporal(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run Temporal's command line against this server, unmoved by the caller's own configuration."""
        command = [temporal_cli(), *words, *self.cli_options]
        return subprocess.run(
            command,
            env=clean_environment(self.hidden_variables),
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def _sql(self, database: str, *words: str) -> None:
        where = ["--plugin", "postgres12", "--ep", "127.0.0.1", "-p", str(self.postgres.port)]
        who = ["-u", self.postgres.db_user, "--db", database]
        run_once([binary("temporal-sql-tool"), *where, *who, *words], hidden_variables=self.hidden_variables)


def temporal_cli() -> str:
    """Temporal's command line."""
    found = _find_cli()
    if found is None:
        raise FileNotFoundError(NO_CLI)
    return found


def _find_cli() -> str | None:
    """The one installed beside this Python, or else from PATH."""
    beside = Path(sys.executable).with_name("temporal")
    return str(beside) if beside.exists() else shutil.which("temporal")


def why_missing() -> str | None:
    """A sentence saying what a Temporal server still needs here; None when all is there."""
    built = binaries.why_missing(["temporal-server", "temporal-sql-tool"])
    return built or postgres.why_missing() or (None if _find_cli() else NO_CLI)
