"""Logs: one line an event on standard error, as text for people or JSON for machines."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog
from temporalio.service import RPCError

from airunway.api.plain_text import json_text, one_line, plain_lines
from airunway.clients.errors import ServerError, Unreachable
from airunway.clients.outages import KUBERNETES, OUTAGES, TEMPORAL, Outage
from airunway.workers.log_context import RECORDED, about_now, add_context
from airunway.workers.settings import Settings
from airunway.workers.temporal_outage import CORE_LOGGER, NO_ANSWER

# They log every request and every poll; only what goes wrong there matters here.
QUIET = ("aiohttp", "asyncio", "kubernetes", "temporalio", "urllib3")
_OF_SEVERAL_LINES = ("exception", "stack")


def configure_logging(
    settings: Settings, *, file: Path | None = None, notice: Callable[[str], None] | None = None
) -> None:
    """Send structlog's and the standard library's records the same way.

    `file`: append there instead of standard error. `notice`: also gets each warning, as one short line.
    """
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        *([add_context] if settings.log_format == "json" else []),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.FileHandler(file) if file else logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                *_renderers(settings, colors=file is None and sys.stderr.isatty()),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [OutageHandler([handler, _NoticeHandler(notice)] if notice else [handler])]
    root.setLevel(level)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(level, logging.WARNING))


def close_logging() -> None:
    """Close what `configure_logging` opened."""
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
        handler.close()


class OutageHandler(logging.Handler):
    """Passes records on, but those that come of an outage: the part that is away says that once by itself.

    That is for what libraries log, which know nothing of `clients.outages`: the SDK a traceback for each step
    that failed, its core a line for each poller.
    """

    def __init__(self, handlers: Sequence[logging.Handler]) -> None:
        super().__init__()
        self._handlers = handlers

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a record on, at once or when it turned out that nothing is away that its author misses."""
        setattr(record, RECORDED, about_now())  # now, in the context of its author
        self._pass_on_unless_away(record, [OUTAGES.named(part) for part in _missed_by(record)])

    def _pass_on_unless_away(self, record: logging.LogRecord, parts: Sequence[Outage | None]) -> None:
        if not parts:
            for handler in self._handlers:
                if record.levelno >= handler.level:
                    handler.handle(record)
        elif (part := parts[0]) is None:
            self._pass_on_unless_away(record, parts[1:])
        else:
            part.suspect(lambda: self._pass_on_unless_away(record, parts[1:]))

    def close(self) -> None:
        """Close what it passes to."""
        for handler in self._handlers:
            handler.close()
        super().close()


def _missed_by(record: logging.LogRecord) -> list[str]:
    """The parts that a record's author may have missed."""
    if record.name.startswith(CORE_LOGGER):
        # Else it is about steps and tasks that take too long, which whatever they wait for may cause.
        return [TEMPORAL] if "gRPC call" in record.getMessage() else [KUBERNETES, TEMPORAL]
    err = record.exc_info[1] if record.exc_info else None
    while err is not None:
        if isinstance(err, (Unreachable, ServerError)):
            return [KUBERNETES]
        if isinstance(err, RPCError) and err.status in NO_ANSWER:
            return [TEMPORAL]
        if isinstance(err, asyncio.CancelledError):  # a step whose time was over while it waited
            return [KUBERNETES, TEMPORAL]
        err = err.__cause__ or (None if err.__suppress_context__ else err.__context__)
    return []


class _NoticeHandler(logging.Handler):
    """Hands each warning on as one line; the same one again within a burst is left out."""

    def __init__(self, notice: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self._notice = notice
        self._last = ""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand a record on."""
        line = one_line(_short(record))
        if line != self._last:
            self._last = line
            self._notice(line)


def _short(record: logging.LogRecord) -> str:
    if isinstance(record.msg, dict):  # a structlog event
        error = record.msg.get("error")
        return f"{record.msg.get('event', '')}{f': {error}' if error else ''}".splitlines()[0]
    return (record.getMessage().splitlines() or [record.name])[0]


def _renderers(settings: Settings, *, colors: bool) -> list[structlog.typing.Processor]:
    if settings.log_format == "json":
        return [structlog.processors.JSONRenderer(serializer=json_text)]
    return [_in_plain_text, structlog.dev.ConsoleRenderer(colors=colors, pad_event_to=0)]


def _in_plain_text(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    """What a record says, so that no object's name or message steers the terminal that the log is read on."""
    return {
        one_line(str(key)): plain_lines(value)
        if key in _OF_SEVERAL_LINES and isinstance(value, str)
        else one_line(value if isinstance(value, str) else repr(value))
        for key, value in event.items()
    }
