"""The folder in which `airunway up` keeps its state: its owner's alone.

It holds a database with every history, objects that may be Secrets, and the way into servers without a login.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from airunway.cli.problems import UsageError

LOCK_FILE = "lock"
_FOLDER, _FILE = 0o700, 0o600


def make_private(folder: Path) -> None:
    """Make the folder, or close it to others with all that is in it.

    Raises UsageError for a folder of somebody else, or of other things: those are not ours to close. OSError
    where it cannot be made.
    """
    folder.mkdir(mode=_FOLDER, parents=True, exist_ok=True)
    found = folder.stat()
    if found.st_uid != os.getuid():
        raise UsageError(
            f"--state-dir {folder}: belongs to somebody else, who could read and change the state"
        )
    is_open = stat.S_IMODE(found.st_mode) & 0o077
    if is_open and not (folder / LOCK_FILE).exists() and any(folder.iterdir()):
        raise UsageError(
            f"--state-dir {folder}: others may read this folder, and it holds other things; name one that is "
            f"empty or new, or close it: chmod 700 {folder}"
        )
    folder.chmod(_FOLDER)
    if is_open:
        _close(folder)


def _close(folder: Path) -> None:
    for entry in folder.rglob("*"):
        if not entry.is_symlink():
            entry.chmod(_FOLDER if entry.is_dir() else _FILE)
