"""What one reconcile of a ModelDeployment decides: engine, provider, conditions, or why not.

A value without clock and without copies of the inputs: it travels through workflow histories, the audit
log and `airunway plan`. `airunway.selection.decide` makes it. Source: core.md §3 (exits A-E), core.md §20.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.plain_text import beginning
from airunway.api.status import Phase

MAX_TEXT_LENGTH = 8000
"""Characters of a message: a condition takes 32 768, a workflow history should take less."""


def cut(text: str) -> str:
    """A text of a length that can be written."""
    return beginning(text, MAX_TEXT_LENGTH)


class SelectionFallback(StrEnum):
    """What becomes of a provider that fits but has no rule that matches."""

    NONE = "none"
    """It is explicit-only: taken when spec.provider.name asks for it, never automatically."""
    CAPABILITIES = "capabilities"
    """It counts with score 0, as in the reference."""


class InstallPolicy(StrEnum):
    """What becomes of a deployment whose provider lacks its upstream operator."""

    ASK = "ask"
    """It waits, and its status shows the command to run."""
    AUTO = "auto"
    """The operator is installed."""
    NEVER = "never"
    """Such a provider is no candidate."""


class Outcome(StrEnum):
    """How a decision ended."""

    OK = "ok"
    """Valid, and a provider is recorded; the deployment can be handed over."""
    IMAGE_CONFLICT = "image_conflict"
    ENGINE_FAILED = "engine_failed"
    INVALID = "invalid"
    PROVIDER_CHANGE = "provider_change"
    PROVIDER_FAILED = "provider_failed"
    NO_PROVIDER = "no_provider"
    """The selector is off and nothing is named."""

    @property
    def waits_for_providers(self) -> bool:
        """Whether another provider config could change it, so that it is decided again when one changes."""
        return self in (Outcome.ENGINE_FAILED, Outcome.INVALID, Outcome.PROVIDER_FAILED)


class EngineDecision(BaseModel):
    """`status.engine`, as decided."""

    type: str
    reason: str = ""


class ProviderDecision(BaseModel):
    """`status.provider.name` and `.selectedReason`, as decided."""

    name: str
    reason: str = ""


class ServingImageFinding(BaseModel):
    """`status.image` after an image conflict, which replaces what was there."""

    requested: str
    message: str


class InstallationNeed(BaseModel):
    """A provider that lacks nothing but its upstream operator."""

    provider: str
    policy: InstallPolicy
    reason: str = ""
    """Why this provider."""


class Candidate(BaseModel):
    """One registered provider in a selection, and what kept it from being chosen."""

    provider: str
    score: int | None = None
    """None: not in the running."""
    rule: str = ""
    """The condition that gave the score (cut); empty when none matched."""
    why_not: str = ""
    """Empty for the one that was chosen."""
    would_accept: bool = False
    """It would take the deployment if spec.provider.name asked for it."""
    rule_errors: list[str] = Field(default_factory=list)
    """Rules that could not be evaluated, as `rule <index>: <cause>` (cut)."""


class Decision(BaseModel):
    """The result of one reconcile.

    `phase` None leaves the phase; `message` None leaves the message, empty clears it. `engine` and
    `provider` are the complete state, None when there is none: a writer that applies its
    whole status sends them as they are. `conditions` are set, in this order; other types stay unless
    `remove_conditions` names them. `clear_image` removes `status.image`, an earlier conflict's finding.
    """

    outcome: Outcome
    observed_generation: int = 0
    phase: Phase | None = None
    message: str | None = None
    engine: EngineDecision | None = None
    provider: ProviderDecision | None = None
    conditions: list[Condition] = Field(default_factory=list)
    image: ServingImageFinding | None = None
    clear_image: bool = False
    remove_conditions: list[str] = Field(default_factory=list)
    newly_selected: bool = False
    """The provider was chosen just now: the hand-over."""
    handed_over: bool = False
    """A provider was recorded before, so phase and message are shared with it."""
    candidates: list[Candidate] = Field(default_factory=list)
    """The registered providers by name (at most 50), when one had to be chosen."""
    installation: InstallationNeed | None = None
    """What has to be installed before the deployment can be served."""
    warnings: list[str] = Field(default_factory=list)
    """What a person should know although nothing is refused."""

    @property
    def finding(self) -> str:
        """The cause of a failure without prefix: the message of the condition that says so."""
        failed = [entry for entry in self.conditions if entry.status is ConditionStatus.FALSE]
        return failed[-1].message if failed else ""
