"""Where the servers' binaries are, and what to do when they are not there.

Nothing is built from here: a first build takes longer than a test may.
"""

from collections.abc import Sequence

from tools.real import build


def binary(name: str) -> str:
    """The path of a binary, as a command line wants it. Raises FileNotFoundError saying how to build it."""
    reason = why_missing([name])
    if reason:
        raise FileNotFoundError(reason)
    return str(build.path_of(name))


def why_missing(names: Sequence[str]) -> str | None:
    """A sentence naming what is missing and the command that builds it; None when all is there."""
    absent = build.missing(names)
    if not absent:
        return None
    return f"not built: {', '.join(absent)}; run `python3 tools/real/build.py {' '.join(absent)}`"
