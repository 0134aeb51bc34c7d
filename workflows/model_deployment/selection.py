"""The decision of one reconcile: validate, select the engine, evaluate the providers' rules; take it over."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from temporalio import workflow

from airunway.api.decision import Decision, Outcome
from airunway.messages.decision import (
    EVALUATE_PROVIDER_RULES,
    SELECT_ENGINE,
    VALIDATE,
    Observation,
    Recorded,
    SelectionRequest,
    ValidateRequest,
)
from airunway.messages.deployment import ProviderView
from airunway.messages.deployment_state import DeploymentState
from airunway.messages.refs import DeploymentRef
from airunway.workflows.model_deployment.inbox import Inbox
from airunway.workflows.model_deployment.journal_entries import JournalWriter
from airunway.workflows.model_deployment.status_updates import (
    adopt_decision,
    adopt_manager,
    adopt_provider_health,
    show_pause,
)
from airunway.workflows.steps import call


@dataclass(frozen=True)
class Decided:
    """A decision, and the version of the deployment that it was made on."""

    seen: Observation
    decision: Decision
    provider: ProviderView | None = None
    """The chosen one; None when none was chosen, or the decision ended before."""
    configs_digest: str = ""
    rule: str = ""

    @property
    def accepted(self) -> bool:
        """Whether this generation is to be applied."""
        return self.decision.outcome is Outcome.OK

    def remembered(self) -> Decided:
        """The same for a later reconcile, when the version may be another."""
        return replace(self, seen=self.seen.model_copy(update={"resource_version": ""}))


class Selection:
    """The deciding steps for one deployment."""

    def __init__(self, ref: DeploymentRef, state: DeploymentState) -> None:
        self._ref, self._state = ref, state

    async def validate(self) -> Observation:
        """Read the deployment, and validate its spec."""
        request = ValidateRequest(
            ref=self._ref, want_status=not self._state.uid, recorded=self._standing_selection()
        )
        return await call(VALIDATE, request, summary=f"read {self._ref} and validate its spec")

    async def select(self, seen: Observation) -> Decided | None:
        """Engine and provider for what was seen; None: it is another version by now."""
        if seen.refused is not None:
            return Decided(seen, seen.refused)
        request = SelectionRequest(
            ref=self._ref,
            uid=seen.uid,
            generation=seen.generation,
            resource_version=seen.resource_version,
            recorded=self._standing_selection(),
        )
        # One computation answers both, so they are asked in one go; what the rules say counts if there is an
        # engine to run it on.
        engine, chosen = await asyncio.gather(
            call(SELECT_ENGINE, request, summary=f"engine for generation {seen.generation}"),
            call(EVALUATE_PROVIDER_RULES, request, summary=f"provider for generation {seen.generation}"),
        )
        if engine.superseded:
            return None
        if engine.refused is not None:
            return Decided(seen, engine.refused)
        if chosen.superseded or chosen.decision is None:
            return None
        return Decided(seen, chosen.decision, chosen.provider, chosen.configs_digest, chosen.rule)

    def _standing_selection(self) -> Recorded | None:
        """A selection that was made but not written stands, unless it was made for another object.

        And one that objects were made by: with another provider they would be nobody's.
        """
        state = self._state
        is_made = bool(state.applied) and not state.externally_managed
        if not state.provider or (state.selection_written and not is_made):
            return None
        provider = state.status.provider
        return Recorded(
            uid=state.uid,
            engine=state.engine,
            provider=state.provider,
            reason=(provider.selected_reason if provider else None) or "",
            is_made=is_made,
        )


def adopt_decided(decided: Decided, state: DeploymentState, inbox: Inbox, journal: JournalWriter) -> None:
    """Take over a decision, and what the chosen provider's config says, into state and journal."""
    seen, provider, now = decided.seen, decided.provider, workflow.now()
    first = not state.accepted and not state.finding
    is_new = first or seen.generation != state.generation
    if is_new:
        how = "made by" if seen.generation == 1 else "edited by"
        words = f"generation {seen.generation}" + (f", {how} {seen.edited_by}" if seen.edited_by else "")
        journal.record("GenerationSeen", words, by=inbox.by, why=inbox.cause)
    journal.decision(decided.decision, rule=decided.rule, is_new=is_new)
    adopt_decision(state, decided.decision, generation=seen.generation, now=now)
    journal.warnings([*seen.warnings, *decided.decision.warnings])
    show_pause(state, now=now)
    if provider is None:
        return
    adopt_manager(state, provider, phase_of_others=seen.phase_of_others, now=now)
    if not state.externally_managed:
        adopt_provider_health(state, provider, now=now)
