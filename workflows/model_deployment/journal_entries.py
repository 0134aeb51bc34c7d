"""What of a deployment's life goes into its journal: decisions and changes, never an unchanged look."""

from __future__ import annotations

from collections.abc import Sequence

from temporalio import workflow

from airunway.api.decision import Decision, Outcome
from airunway.messages.deployment import AppliedObject
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.journal import MAX_ENTRIES
from airunway.messages.upstream import PlannedWrite

UNCHANGED = "unchanged"
MAX_PATHS = 8
MAX_COMMANDS, MAX_MEANINGLESS = 8, 4
"""Entries of each kind that signals cause: anybody may send any number, and the journal has to tell more."""


class JournalWriter:
    """Records in the state's journal, with the time and the generation."""

    def __init__(self, state: DeploymentState) -> None:
        self._state = state

    def record(
        self, what: str, message: str, *, by: str = "", why: str = "", most: int = MAX_ENTRIES
    ) -> None:
        """One decision or change; `by` empty: the system itself. `most`: of its kind, the last are kept."""
        generation = self._state.generation
        self._state.journal.record(
            what, message, at=workflow.now(), generation=generation, by=by, why=why, most=most
        )

    def decision(self, decision: Decision, *, rule: str, is_new: bool) -> None:
        """Engine and provider, where they are others than before; or why there are none.

        Called before the decision is adopted. `is_new`: of a generation that was not decided on before.
        """
        state = self._state
        if decision.outcome is not Outcome.OK:
            words = decision.message or decision.finding
            if is_new or words != state.finding:
                self.record("Refused", words, why=decision.outcome.value)
        engine, provider = decision.engine, decision.provider
        if engine is not None and (is_new or engine.type != state.engine):
            self.record("EngineSelected", engine.type, why=engine.reason)
        if provider is not None and (is_new or provider.name != state.provider):
            why = f"{provider.reason}; rule {rule}" if rule else provider.reason
            self.record("ProviderSelected", provider.name, why=why)

    def warnings(self, warnings: Sequence[str]) -> None:
        """Each warning once."""
        for words in dict.fromkeys(warnings):
            if words not in self._state.warnings:
                self.record("Warning", words)
        self._state.warnings = list(warnings)

    def applied(
        self, planned: Sequence[PlannedWrite], objects: Sequence[AppliedObject], deleted: Sequence[str]
    ) -> None:
        """What was done to upstream objects."""
        why = {(entry.kind, entry.name): entry.why for entry in planned}
        for entry in objects:
            if entry.action in ("", UNCHANGED):
                continue
            reason = why.get((entry.kind, entry.name), "")
            what = "DriftRepaired" if entry.action == "repaired" else "Applied"
            self.record(what, f"{entry.kind} {entry.name} {entry.action}{_paths(entry.changed)}", why=reason)
        for name in deleted:
            kind, _, short = name.partition(" ")
            self.record("Deleted", name, why=why.get((kind, short), ""))

    def server_warnings(self, before: Sequence[AppliedObject], now: Sequence[AppliedObject]) -> None:
        """What the API server warned of with these writes and not with those before."""
        known = {(entry.kind, entry.name, text) for entry in before for text in entry.warnings}
        for entry in now:
            for text in entry.warnings:
                if (entry.kind, entry.name, text) not in known:
                    self.record("Warning", f"{entry.kind} {entry.name}: {text}", by="the API server")

    def warned(self, name: str, warnings: Sequence[str]) -> None:
        """What the API server warned of when an object of that kind and name was created."""
        for text in warnings:
            self.record("Warning", f"{name}: {text}", by="the API server")

    def phase(self, phase: str, message: str) -> None:
        """Another phase than the journal knows."""
        before, self._state.journal_phase = self._state.journal_phase, phase
        if phase and phase != before:
            self.record("PhaseChanged", f"{before or 'new'} → {phase}", why=message)


def _paths(changed: Sequence[str]) -> str:
    if not changed:
        return ""
    more = f" and {len(changed) - MAX_PATHS} more" if len(changed) > MAX_PATHS else ""
    return f": {', '.join(changed[:MAX_PATHS])}{more}"
