"""What is logged while a command works that keeps no log of its own: plain lines on standard error.

Libraries, and those parts of this system that are written for processes, log what goes wrong. Where nobody
says where to, structlog prints to standard output, between the answer's lines, and both print the words of
servers as they are.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from types import ModuleType
from typing import Any


class PlainFormatter(logging.Formatter):
    """A record without anything that a terminal obeys. Lines stay lines: there may be a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        """See logging.Formatter."""
        from airunway.api.plain_text import plain_lines

        return plain_lines(super().format(record))


@contextmanager
def logged_plainly() -> Iterator[None]:
    """Meanwhile. A command that keeps a log says itself where that goes, before or then."""
    last, structlog = logging.lastResort, sys.modules.get("structlog")
    if last is not None:
        last.setFormatter(PlainFormatter("airunway: %(message)s"))
    if structlog is not None and not structlog.is_configured():  # who has not loaded it logs nothing by it
        _configure(structlog)
    try:
        yield
    finally:
        if last is not None:
            last.setFormatter(None)
        if structlog is not None and structlog.get_config()["processors"][-1] is _line:
            structlog.reset_defaults()


def _configure(structlog: ModuleType) -> None:
    structlog.configure(
        processors=[structlog.processors.format_exc_info, _line],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def _line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    """The event, and what is told with it."""
    from airunway.api.plain_text import one_line

    words, trace = str(event.pop("event", "")), str(event.pop("exception", ""))
    told = ", ".join(f"{key}: {value}" for key, value in event.items())
    said = one_line(f"{words} ({told})" if told else words)
    return f"{said}\n{trace}" if trace else said
