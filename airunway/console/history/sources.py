"""The journal of a workflow and the Events of a deployment, as lines. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from airunway.clients.kubernetes import Object
from airunway.console.history.line import HistoryLine, Source
from airunway.messages.journal import JournalEntry


def journal_lines(entries: Sequence[JournalEntry], workflow_id: str) -> list[HistoryLine]:
    """In the order of time."""
    lines = [
        HistoryLine(
            time=_in_utc(entry.at),
            source=Source.JOURNAL,
            workflow_id=workflow_id,
            what=entry.what,
            generation=entry.generation,
            by=entry.by,
            message=entry.message,
            why=entry.why,
            details={"times": entry.times} if entry.times > 1 else {},
        )
        for entry in entries
    ]
    return sorted(lines, key=lambda line: line.time)


def event_lines(events: Iterable[Object], name: str) -> list[HistoryLine]:
    """Of the Events about the ModelDeployment of this name, in the order of time."""
    lines = []
    for event in events:
        if (event.get("involvedObject") or {}).get("name") != name:
            continue
        at = _time_of(event)
        if at is None:
            continue
        source = event.get("source") or {}
        details = {"type": event.get("type") or "", "count": event.get("count") or 0}
        lines.append(
            HistoryLine(
                time=at,
                source=Source.EVENT,
                what=str(event.get("reason") or ""),
                by=str(event.get("reportingComponent") or source.get("component") or ""),
                message=str(event.get("message") or ""),
                details={key: value for key, value in details.items() if value},
            )
        )
    return sorted(lines, key=lambda line: line.time)


def _time_of(event: Object) -> datetime | None:
    """When it happened last; each API version has its own field for it."""
    for field in ("lastTimestamp", "eventTime", "firstTimestamp"):
        given = event.get(field)
        if given:
            return _in_utc(datetime.fromisoformat(given))
    given = event["metadata"].get("creationTimestamp")
    return _in_utc(datetime.fromisoformat(given)) if given else None


def _in_utc(time: datetime) -> datetime:
    return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
