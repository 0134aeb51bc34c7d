"""What ProviderInstallationWorkflow is sent and asked, and its state. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from airunway.api.chart_release import ChartRelease
from airunway.messages.commands import INTERNAL
from airunway.messages.installation import InstallationRequest, StepRecord
from airunway.messages.requests import DeploymentRequest
from airunway.messages.step import Step
from airunway.messages.words import Message, Reason

PROVIDER_INSTALLATION_WORKFLOW = "ProviderInstallationWorkflow"

REQUEST_INSTALLATION = f"{INTERNAL}request"
"""Signal with an InstallationRequest: do it after what is under way."""
JOIN_INSTALLATION_SIGNAL = f"{INTERNAL}join"
"""Signal with a JoinRequest: a deployment waits for the provider."""

RETRY = "retry"
"""Command: leave what is being tried or has failed, and begin the operation again."""
CANCEL = "cancel"
"""Command: stop. What Helm leaves half-way is repaired; what was done stays."""

MAX_STEPS = 60
MAX_LINES = 200
MAX_LINE = 2_000
"""Characters; who asks and why take 1,200."""
MAX_OUTCOMES = 20
MAX_WAITING = 20
"""Requests that wait for their turn. Administrators ask for few things; anybody may send any number."""


class InstallationStage(StrEnum):
    """Where an installation stands."""

    IDLE = "idle"
    RUNNING = "running"
    FAILED = "failed"
    """A step failed for good: it waits for `retry`, `cancel` or another request."""
    CANCELLING = "cancelling"


class InstallationOutcome(BaseModel):
    """How one request ended."""

    succeeded: bool
    cancelled: bool = False
    changed: bool = False
    message: Message = ""
    kind: Reason = ""
    """Type of the failure, e.g. `MissingRights`."""
    ended: datetime | None = None
    waits_for_retry: bool = False
    """It failed, and the signal `retry` would try it again."""


class InstallationState(BaseModel):
    """Everything a run hands to the next when it continues as new."""

    queue: list[InstallationRequest] = Field(default_factory=list)
    waiters: list[str] = Field(default_factory=list)
    """Workflows that get a report when the provider is installed, or cannot be."""
    outcomes: dict[str, InstallationOutcome] = Field(default_factory=dict)
    """By request id; the newest are kept."""
    last_install: InstallationOutcome | None = None
    """See `InstallationView`."""


class InstallationInput(BaseModel):
    """Input: what to do comes by signals, so that starting and joining are the same."""

    provider: str
    state: InstallationState = Field(default_factory=InstallationState)


class InstallationView(BaseModel):
    """Answer of the query `state`, and the result."""

    provider: str
    stage: InstallationStage = InstallationStage.IDLE
    request: InstallationRequest | None = None
    step: str = ""
    """What is being done, in words."""
    activity: str = ""
    """Type of the activity that runs, for whoever wants to follow its heartbeats."""
    charts: list[ChartRelease] = Field(default_factory=list)
    steps: list[StepRecord] = Field(default_factory=list)
    lines: list[str] = Field(default_factory=list)
    """Progress, oldest first; the last ones."""
    line_count: int = 0
    """Lines altogether."""
    warnings: list[str] = Field(default_factory=list)
    commands: list[str] = Field(default_factory=list)
    message: str = ""
    waiters: list[str] = Field(default_factory=list)
    queued: int = 0
    outcomes: dict[str, InstallationOutcome] = Field(default_factory=dict)
    last_install: InstallationOutcome | None = None
    """How the latest installation or upgrade ended, or stands while it waits for a retry; None while one is
    done and before the first."""


class ReadInstallationRequest(DeploymentRequest):
    """How did the installation of a provider end that a deployment waits for?"""

    provider: str


class ReadInstallationAnswer(BaseModel):
    """What the workflow of the installation says itself; None: there is none, or it goes on."""

    outcome: InstallationOutcome | None = None


READ_INSTALLATION = Step(
    name="read_installation",
    request=ReadInstallationRequest,
    answer=ReadInstallationAnswer,
    attempt_timeout=timedelta(seconds=30),
    deadline=timedelta(minutes=1),
    inline=True,
)
"""Of the core, for a deployment that was notified of an installation's end."""


def details_of(view: InstallationView) -> str:
    """The Markdown that the Temporal UI shows."""
    lines = [f"### provider {view.provider}: {view.stage.value}", "", view.step]
    if view.charts:
        lines += ["", "| release | chart | action | status |", "|---|---|---|---|"]
        lines += [
            f"| {chart.key} | {chart.title} | {chart.action.value} | {chart.status} |"
            for chart in view.charts
        ]
    return "\n".join(lines)
