"""pip for an environment that need not hold it: to put it into each takes longer than all that is installed.

Apart from `tools/packages.py`, which installs by it, and from `tools/uv.py`, which is fetched by it and is
set up as it is. Nothing here needs more than Python itself.
"""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

FIRST_FOR_OTHERS = (22, 3)
"""Since then pip installs into another environment than its own: `--python`."""
_PLACES = ("lib/python*/site-packages/pip", "Lib/site-packages/pip")


class PackageProblem(Exception):
    """What stands in the way, and what to do about it."""


def find(python: Path) -> list[str] | None:
    """How pip is called for this Python's environment: its own, else that of the Python which runs this.

    None where there is neither.
    """
    if any(found for place in _PLACES for found in python.parent.parent.glob(place)):
        return [str(python), "-m", "pip"]
    return [sys.executable, "-m", "pip", "--python", str(python)] if _is_for_others() else None


def ensure(python: Path) -> list[str]:
    """The same; where there is none it is put into the environment. Raises PackageProblem."""
    found = find(python)
    if found is not None:
        return found
    command = [str(python), "-m", "ensurepip", "--default-pip"]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise PackageProblem(
            "there is no pip here, and this Python cannot make one (Debian ships it without); on Debian or "
            f"Ubuntu: apt install python{version}-venv (or python3-venv)"
        )
    return [str(python), "-m", "pip"]


def _is_for_others() -> bool:
    try:
        numbers = re.findall(r"\d+", importlib.metadata.version("pip"))
    except importlib.metadata.PackageNotFoundError:
        return False
    return tuple(map(int, numbers[:2])) >= FIRST_FOR_OTHERS
