"""Spans of what this process does, for whoever traces; nothing at all when nobody does.

Without OpenTelemetry, which few installations have: `workers.temporal.telemetry` hands its tracer in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol


class Tracer(Protocol):
    """What is needed of OpenTelemetry's."""

    def start_as_current_span(self, name: str, **options: Any) -> Any:
        """A context in which the span is the current one."""


def _never() -> bool:
    return False


class Spans:
    """The tracer of this process."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None
        self._is_inside: Callable[[], bool] = _never

    def send_to(self, tracer: Tracer | None, is_inside: Callable[[], bool] | None = None) -> None:
        """Trace from now on; None: no more. `is_inside`: whether a span is the current one."""
        self._tracer, self._is_inside = tracer, is_inside or _never

    @contextmanager
    def span(self, name: str, *, only_inside: bool = False, **attributes: str) -> Iterator[None]:
        """A span while the context is open. `only_inside`: part of another one, or none.

        What is raised is told by its kind: its words may be long, and are in the log.
        """
        if self._tracer is None or (only_inside and not self._is_inside()):
            yield
            return
        options: dict[str, Any] = {"record_exception": False, "set_status_on_exception": False}
        said = {key.replace("__", "."): value for key, value in attributes.items()}
        with self._tracer.start_as_current_span(name, attributes=said, **options) as current:
            try:
                yield
            except Exception as err:
                current.set_attribute("error.type", type(err).__name__)
                raise


SPANS = Spans()
"""As there is one tracer for a process, there is one of these."""
