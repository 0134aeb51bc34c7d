"""Who waits for what a workflow does, and who has not been notified of the latest yet.

Shared by the workflows that many deployments wait for: a provider's installation, a model image.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Generic, TypeVar

from pydantic import BaseModel
from temporalio import workflow
from temporalio.exceptions import FailureError

Entry = TypeVar("Entry")

MAX_WAITERS = 2_000
"""They travel from run to run. Who is one too many asks again, as everybody who hears nothing for a while."""
MAX_TURNED_AWAY = 1_000
"""Who have yet to be told that they have no place: nobody hands them on."""
AT_ONCE = 100
"""Notified in one task: a workflow may have 2,000 signals under way."""


class Waiters(Generic[Entry]):
    """Workflows that wait, by their ids, each with what it said when it joined.

    They join and leave by signal, and are notified by `signal`. A workflow that is gone is dropped.
    """

    def __init__(self, signal: str, entries: Mapping[str, Entry] | None = None) -> None:
        self._signal = signal
        self._entries: dict[str, Entry] = dict(entries or {})
        self._pending: set[str] = set()
        self._turned_away: dict[str, None] = {}

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def ids(self) -> list[str]:
        """The workflows, in the order in which they joined."""
        return list(self._entries)

    @property
    def entries(self) -> list[Entry]:
        """What they said when they joined."""
        return list(self._entries.values())

    @property
    def pending(self) -> frozenset[str]:
        """Who has yet to be notified of the latest."""
        return frozenset(self._pending)

    @property
    def has_pending(self) -> bool:
        """Whether somebody is pending."""
        return bool(self._pending)

    def join(self, workflow_id: str, entry: Entry) -> bool:
        """Wait too, if there is a place; answers whether there is.

        Who joins again is counted once, and may be notified again.
        """
        if workflow_id not in self._entries and len(self._entries) >= MAX_WAITERS:
            return False
        self._entries[workflow_id] = entry
        return True

    def leave(self, workflow_id: str) -> None:
        """Wait no more."""
        self._entries.pop(workflow_id, None)
        self._pending.discard(workflow_id)
        self._turned_away.pop(workflow_id, None)

    def turn_away(self, workflow_id: str) -> None:
        """Have it told once how things stand, though it does not wait here."""
        if len(self._turned_away) < MAX_TURNED_AWAY:
            self._turned_away[workflow_id] = None

    def clear(self) -> None:
        """Nobody waits any more."""
        self._entries.clear()
        self._pending.clear()

    def mark_pending(self, workflow_id: str) -> None:
        """Have it notified of the latest, if it waits."""
        if workflow_id in self._entries:
            self._pending.add(workflow_id)

    def mark_all_pending(self) -> None:
        """Have everybody notified of the latest."""
        self._pending = set(self._entries)

    @property
    def has_turned_away(self) -> bool:
        """Whether somebody has yet to be told that it has no place."""
        return bool(self._turned_away)

    async def tell_turned_away(self, report: BaseModel) -> None:
        """Tell those who have no place, of many some."""
        chosen = list(self._turned_away)[:AT_ONCE]
        for workflow_id in chosen:
            del self._turned_away[workflow_id]
        await asyncio.gather(*(self._notify(workflow_id, report) for workflow_id in chosen))

    async def notify_some(self, report: BaseModel) -> dict[str, Entry]:
        """Notify those who are pending, of many some; answers who they were. See `dismiss`.

        Together: one after the other, each would cost tasks of its own, and many waiters a history that is
        too long to be replayed.
        """
        chosen = sorted(self._pending)[:AT_ONCE]
        self._pending.difference_update(chosen)
        entries = {workflow_id: self._entries[workflow_id] for workflow_id in chosen}
        there = await asyncio.gather(*(self._notify(workflow_id, report) for workflow_id in chosen))
        return {key: entry for (key, entry), is_there in zip(entries.items(), there, strict=True) if is_there}

    async def _notify(self, workflow_id: str, report: BaseModel) -> bool:
        try:
            await workflow.get_external_workflow_handle(workflow_id).signal(self._signal, report)
        except FailureError:
            self.leave(workflow_id)  # it is gone
            return False
        return True

    async def notify_pending(self, report: BaseModel) -> dict[str, Entry]:
        """Notify all who are pending; answers who they were."""
        notified: dict[str, Entry] = {}
        while self._pending:
            notified |= await self.notify_some(report)
        return notified

    def dismiss(self, notified: Mapping[str, Entry]) -> None:
        """Those who were notified of the outcome wait no more; but who joined again meanwhile does."""
        for workflow_id, entry in notified.items():
            if self._entries.get(workflow_id) is entry:
                self.leave(workflow_id)
