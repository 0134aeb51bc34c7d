"""The steps that decide about a deployment: validate, select the engine, evaluate providers' rules. Pure.

Names are the activity types that a person reads in Temporal's UI. A request says what to read, never what was
seen there; the three steps of one reconcile act on one version of the deployment, which the requests name.
Answers are the audit log: they hold what a person needs to understand the decision later, and never a secret.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from pydantic import BaseModel, Field

from airunway.api.decision import Decision
from airunway.messages.deployment import Limits, ProviderView, StatusOnWire
from airunway.messages.requests import DeploymentRequest
from airunway.messages.step import Step
from airunway.messages.words import Words


class Recorded(BaseModel):
    """A selection that was made but not yet written to the status, or that objects were made by.

    It stands for the object of that uid, whatever the configs say now (core.md §20, weak spot 5).
    """

    uid: str
    engine: str = ""
    provider: str
    reason: str = ""
    """Why that provider."""
    is_made: bool = False
    """Objects were made by it: it stands whatever somebody else has written into the status."""


class ValidateRequest(DeploymentRequest):
    """Read a deployment and validate it. `want_status`: also answer its present status (first reconcile)."""

    want_status: bool = False
    recorded: Recorded | None = None


class Observation(BaseModel):
    """A deployment as it is now, and whether its spec is valid."""

    found: bool
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    deleted_at: datetime | None = None
    finalizers: list[str] = Field(default_factory=list)
    paused: bool = False
    """By its annotation."""
    retry: str = ""
    """Value of the annotation `airunway.ai/retry`: a new one asks for a retry, once."""
    cancel_build: str = ""
    """Value of the annotation `airunway.ai/cancel-build`: a new one stops the build, once."""
    model: str = ""
    """spec.model.id, for people."""
    edited_by: Words = ""
    """Who wrote the spec last and when, as the API server noted it; see `api.spec_editor`."""
    gateway_enabled: bool | None = None
    """spec.gateway.enabled; None: published where that is possible."""
    serves_gateway: bool | None = None
    """Whether the cluster serves the gateway's kinds, as this process knows; None: it has not asked yet."""
    is_pretence: bool = False
    """It runs for tests, with a pretended backend that is not published."""
    status: StatusOnWire | None = None
    """As the cluster has it, when it was asked for."""
    status_of_others: bool = False
    """AI Runway's own controllers wrote it, and this system never did."""
    phase_of_others: str = ""
    """The phase that a provider controller outside wrote; empty: this system says it, or nobody."""
    holder: ProviderView | None = None
    """The provider that a deletion waits for: whose finalizer is held, one of this system first."""
    refused: Decision | None = None
    """The whole decision, when it ends here: the spec is not valid."""
    warnings: list[str] = Field(default_factory=list)
    """What a person should know although nothing is refused."""
    limits: Limits | None = None
    search_attributes: list[str] = Field(default_factory=list)
    """Those of ours that the Temporal namespace has now; only these may be set."""


class SelectionRequest(DeploymentRequest):
    """Select for one version of a deployment."""

    uid: str
    generation: int
    resource_version: str
    recorded: Recorded | None = None


class EngineCandidate(BaseModel):
    """An engine that was considered, and what kept it from being chosen; empty for the one that was."""

    engine: str
    providers: list[str] = Field(default_factory=list)
    """Those that offer it and could be used."""
    why_not: str = ""


class EngineSelection(BaseModel):
    """The engine, and why."""

    superseded: bool = False
    """The deployment is no longer at that version: reconcile again."""
    engine: str = ""
    reason: str = ""
    candidates: list[EngineCandidate] = Field(default_factory=list)
    refused: Decision | None = None
    """The whole decision, when it ends here: no engine fits."""


class ProviderSelection(BaseModel):
    """The whole decision. Its `candidates` hold every provider with score, rule and why not."""

    superseded: bool = False
    decision: Decision | None = None
    """None when superseded."""
    rule: str = ""
    """The rule (CEL) that won; empty when none had to be asked, or none matched."""
    provider: ProviderView | None = None
    """The chosen provider as its config says."""
    configs_digest: str = ""
    """Changes when a provider's offer or readiness changes: a reason to try again after a failure."""


_SHORT = timedelta(seconds=30)

VALIDATE = Step(
    name="validate", request=ValidateRequest, answer=Observation, attempt_timeout=_SHORT, inline=True
)
SELECT_ENGINE = Step(
    name="select_engine",
    request=SelectionRequest,
    answer=EngineSelection,
    attempt_timeout=_SHORT,
    inline=True,
)
EVALUATE_PROVIDER_RULES = Step(
    name="evaluate_provider_rules",
    request=SelectionRequest,
    answer=ProviderSelection,
    attempt_timeout=_SHORT,
    inline=True,
)
