"""Where the servers' programs are: in the folder `KUBEBUILDER_ASSETS` names, or else on PATH.

A project that keeps them elsewhere passes its own `Finder`. Nothing is downloaded or built from here.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence

ASSETS = "KUBEBUILDER_ASSETS"  # what Kubebuilder and controller-runtime call that folder, too

Finder = Callable[[str], str]  # from a program's name to its path; raises FileNotFoundError saying what to do


def find(name: str) -> str:
    """The path of a program. Raises FileNotFoundError."""
    path = _path_of(name)
    if path is None:
        raise FileNotFoundError(why_missing([name]))
    return path


def why_missing(names: Sequence[str]) -> str | None:
    """A sentence naming what is missing and where it is looked for; None when all is there."""
    absent = [name for name in names if _path_of(name) is None]
    if not absent:
        return None
    return f"{', '.join(absent)} not found: neither in the folder {ASSETS} names nor on PATH"


def _path_of(name: str) -> str | None:
    assets = os.environ.get(ASSETS)
    return (shutil.which(name, path=assets) if assets else None) or shutil.which(name)
