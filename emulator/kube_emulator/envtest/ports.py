"""Ports nobody else takes, for servers that must come back on the same one after a restart."""

import fcntl
import os
import random
import socket
import tempfile
from pathlib import Path

# Below the range the kernel gives to outgoing connections (32768 and up, by default): a port from
# there may be taken by any client while its server is down for a restart.
LOWEST, HIGHEST = 18000, 32000

_held: list[int] = []  # open lock files: closing one would give its port away


def free_port() -> int:
    """A free loopback port, kept for this process as long as it lives, also against parallel test runs."""
    for port in random.sample(range(LOWEST, HIGHEST), 200):
        if _lock(port):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            return port
    raise RuntimeError(f"no free port found between {LOWEST} and {HIGHEST}")


def kept_port(folder: Path, use: str) -> int:
    """The port a folder's server has for this use: the one of its last run, or a free one noted there.

    Addresses get into a server's data and into its clients' settings.
    """
    note = folder / f"{use}.port"
    if not note.exists():
        note.write_text(str(free_port()))
    return int(note.read_text())


def _lock(port: int) -> bool:
    folder = Path(tempfile.gettempdir()) / f"envtest-ports-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(folder / str(port), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return False
    _held.append(lock)
    return True
