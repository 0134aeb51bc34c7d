"""Who we are in Temporal's histories. Apart from the connection, which loads the SDK's whole client."""

from __future__ import annotations

import getpass
import os
import socket


def process_identity(role: str) -> str:
    """What histories and pollers call a process of ours: `airunway-worker/<pod, or host>`."""
    return f"{role}/{os.environ.get('POD_NAME') or socket.gethostname()}"


def person_identity() -> str:
    """What histories call somebody at the command line: `<user>@<host>`."""
    try:
        user = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in containers
        user = f"uid-{os.getuid()}"
    return f"{user}@{socket.gethostname()}"
