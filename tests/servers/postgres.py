"""PostgreSQL, from the system's packages: the store under Temporal's own server."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server, clean_environment, run_once

SYSTEM_USER = "postgres"
SUPERUSER = "temporal"


class Postgres(Server):
    """One PostgreSQL server on loopback, trusting whoever connects, for a test's own data."""

    name = "postgres"
    hidden_variables = ("PG",)
    stop_signal = signal.SIGINT  # "fast": does not wait for clients to leave
    death_signal = signal.SIGQUIT  # "immediate": also ends its children and frees its shared memory

    def __init__(
        self, folder: Path | None = None, *, durable: bool = False, extra_args: Sequence[str] = ()
    ) -> None:
        super().__init__(folder, extra_args=extra_args)
        self.durable = durable
        self.port = kept_port(self.folder, "sql")
        self.db_user = SUPERUSER
        # It refuses to run as root, which is who runs tests in a container.
        self.user = SYSTEM_USER if os.geteuid() == 0 else None

    def prepare(self) -> None:
        data = self._data
        if self.user:
            shutil.chown(self.folder, self.user, self.user)
        if (data / "PG_VERSION").exists():
            return
        shutil.rmtree(data, ignore_errors=True)  # an interrupted initdb left it unusable
        initdb = [_program("initdb"), "-D", str(data), "-U", SUPERUSER, "--auth=trust", "-E", "UTF8"]
        run_once([*initdb, "--no-sync"], user=self.user, hidden_variables=self.hidden_variables)

    def command(self) -> list[str]:
        settings = {"listen_addresses": "127.0.0.1", "port": str(self.port)}
        settings["unix_socket_directories"] = ""  # loopback only; a socket's path may not be long
        settings["max_connections"] = "200"
        if not self.durable:  # as for etcd: guards against a power cut, not against a killed process
            settings |= {"fsync": "off", "full_page_writes": "off"}
        options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
        return [_program("postgres"), "-D", str(self._data), *options]

    def is_ready(self) -> bool:
        asked = subprocess.run(
            [_program("pg_isready"), "-h", "127.0.0.1", "-p", str(self.port), "-q"],
            env=clean_environment(self.hidden_variables),
            check=False,
        )
        return asked.returncode == 0

    def kill(self) -> None:
        """As a crash of the machine's process would: its children notice, and are waited for.

        A new server refuses the data while one of them lives.
        """
        children = _children(self.pid) if self.pid else []
        super().kill()
        deadline = time.monotonic() + 10
        while any(Path(f"/proc/{child}").exists() for child in children) and time.monotonic() < deadline:
            time.sleep(0.05)

    @property
    def _data(self) -> Path:
        return self.folder / "data"


def why_missing() -> str | None:
    """A sentence saying how to get PostgreSQL; None when it is there."""
    absent = [name for name in ("initdb", "postgres", "pg_isready") if _find(name) is None]
    if absent:
        return (
            f"PostgreSQL is missing ({', '.join(absent)}); run `python3 tools/real/debian.py`, or install it"
        )
    if os.geteuid() == 0 and not any(entry.pw_name == SYSTEM_USER for entry in pwd.getpwall()):
        return f"PostgreSQL does not run as root, and there is no user {SYSTEM_USER} to run it as"
    return None


def _program(name: str) -> str:
    found = _find(name)
    if found is None:
        raise FileNotFoundError(why_missing())
    return found


def _find(name: str) -> str | None:
    """On PATH, or where Debian keeps what it leaves off PATH: the newest version's folder."""
    folders = Path("/usr/lib/postgresql").glob("*/bin")
    newest_first = sorted(folders, key=lambda folder: float(folder.parent.name), reverse=True)
    places = [os.environ.get("PATH", ""), *map(str, newest_first)]
    return shutil.which(name, path=os.pathsep.join(places))


def _children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []
