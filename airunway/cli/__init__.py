"""The `airunway` command."""

from __future__ import annotations

import os
import sys

from airunway.cli.leaving import leaving
from airunway.cli.quick import shown_quickly


def main() -> None:
    """Run the command line and end the process.

    Without Python's own clean-up at the end: threads of Temporal's client may call back into it, which
    aborts the process after its work is done.
    """
    status = 0
    try:
        run()
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass  # nobody reads any more
    os._exit(status)


def run() -> None:
    """Run the command line; may leave with an exit status."""
    with leaving():
        if shown_quickly(sys.argv[1:]):
            return
    from airunway.cli import app

    app.main()


def complete_for_kubectl() -> None:
    """What `kubectl` calls as `kubectl_complete-airunway` when it completes words of its plugin."""
    from airunway.cli.completion import kubectl_words
    from airunway.cli.output import line

    for word in kubectl_words(sys.argv[1:]):
        line(word)
    sys.stdout.flush()
    os._exit(0)


__all__ = ["complete_for_kubectl", "main", "run"]
