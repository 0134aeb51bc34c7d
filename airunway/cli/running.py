"""Running the work of a command. Apart, so that naming a command costs no event loop."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(work: Coroutine[Any, Any, T]) -> T:
    """Do it to its end, or until Ctrl-C; answers what it answers."""
    import asyncio

    from airunway.cli.library_logs import logged_plainly

    with logged_plainly():
        return asyncio.run(work)
