"""Several Events of one status write as one of each type: each costs a call of the API server. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from airunway.messages.deployment import EventSpec

_ROUTINE = ("ProviderSelected", "ModelImageReady", "ResourceCreated")
"""Reasons of steps on the way, in their order: any other reason tells more, and a later one of these."""


def folded(events: Iterable[EventSpec]) -> list[EventSpec]:
    """At most one Normal and one Warning Event, with all their messages in the order given."""
    given = list(events)
    return [
        _as_one([event for event in given if event.warning is warning])
        for warning in (False, True)
        if any(event.warning is warning for event in given)
    ]


def _as_one(events: Sequence[EventSpec]) -> EventSpec:
    # Of warnings the first is the cause of the others; of good news the last is how far it came.
    telling = events[0] if events[0].warning else max(reversed(events), key=_weight)
    messages = dict.fromkeys(event.message for event in events)
    return EventSpec(reason=telling.reason, message="; ".join(messages), warning=telling.warning)


def _weight(event: EventSpec) -> int:
    return _ROUTINE.index(event.reason) if event.reason in _ROUTINE else len(_ROUTINE)
