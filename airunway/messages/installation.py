"""What the activities of installations take and answer, and how each is called. Pure, as `signatures`.

A request names a provider; what its config says is read again by each activity. No chart value enters a
history: those that a person lays over the config's lie in a Secret, and travel as its name.
"""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from pydantic import BaseModel, Field

from airunway.api.chart_release import ChartRelease
from airunway.api.names import INSTALLER_QUEUE, installation_workflow_id
from airunway.messages.refs import SentRef
from airunway.messages.requests import DeploymentRequest, StepRequest
from airunway.messages.step import Answer, Request, Step, until_it_works
from airunway.messages.words import NameText, Words

MAX_LINES = 60
"""Lines of output that one step's answer keeps: enough to see why, few enough for a history."""
MAX_LINE_LENGTH = 400


class Operation(StrEnum):
    """What is asked of a provider's installation."""

    INSTALL = "install"
    """Install what the config says; nothing when it is so."""
    UPGRADE = "upgrade"
    """The same for a provider that is installed."""
    UNINSTALL = "uninstall"
    REPAIR = "repair"
    """Repair releases that an interrupted Helm left behind; nothing else."""


class InstallationRequest(StepRequest):
    """One operation on one provider, asked by the workflow of its installation."""

    provider: NameText
    operation: Operation = Operation.INSTALL
    id: NameText = ""
    """By which the one who asked finds the outcome."""
    values_secret: NameText = ""
    """Secret with values to lay over the config's; empty: `names.values_secret(provider)`, if any."""
    without_values: bool = False
    """As if there were no such Secret: what it would be like when it is forgotten."""
    values_version: NameText = ""
    """Its resourceVersion when this was asked; for the record."""
    delete_crds: bool = False
    """Uninstall only: the CRDs go too. Refused while there are custom resources."""
    requested_by: Words = ""
    """For the record: a person's words, or the workflow id of a deployment."""

    def asking_workflow(self, cluster: str) -> str:
        """The installation's own."""
        return installation_workflow_id(cluster, self.provider)


class StepRecord(BaseModel):
    """A step that was done, in the shape that AI Runway's clients know (install.md §B3)."""

    step: str
    success: bool = True
    output: str = ""
    error: str = ""


class PreflightAnswer(BaseModel):
    """What there is, and what has to be done. Nothing was written."""

    charts: list[ChartRelease] = Field(default_factory=list)
    steps: list[StepRecord] = Field(default_factory=list)
    state: str = ""
    installed: bool = False
    message: str = ""
    warnings: list[str] = Field(default_factory=list)
    used: list[str] = Field(default_factory=list)
    """ModelDeployments that use the provider (uninstall)."""
    deleted_with_it: list[str] = Field(default_factory=list)
    """CRDs and custom resources that would go with the charts (uninstall)."""
    diff: list[str] = Field(default_factory=list)
    commands: list[str] = Field(default_factory=list)
    """The same by hand."""


class PreflightRequest(StepRequest):
    """Inspect a provider, and refuse what must not be done. `with_diff`: say what would change."""

    request: InstallationRequest
    with_diff: bool = False

    def asking_workflow(self, cluster: str) -> str:
        """The installation's own."""
        return self.request.asking_workflow(cluster)

    def may_be_asked_by(self, workflow_id: str, *, cluster: str) -> bool:
        """Also by a person's plan of an operation, which has a workflow beside it: a preflight only reads."""
        return f"{workflow_id}/".startswith(f"{self.asking_workflow(cluster)}/")


class ChartRequest(StepRequest):
    """Do something about one chart of a provider, which is as it was seen in the preflight."""

    request: InstallationRequest
    chart: ChartRelease

    def asking_workflow(self, cluster: str) -> str:
        """The installation's own."""
        return self.request.asking_workflow(cluster)


class ChartAnswer(BaseModel):
    """What was done."""

    steps: list[StepRecord] = Field(default_factory=list)
    chart: ChartRelease | None = None
    """The chart with its release as it was left; None: there is no release, or nobody asked."""
    changed: bool = True
    lines: list[str] = Field(default_factory=list)
    """What was said on the way, Helm's words among it: the last lines, secrets taken out."""


class ReadyAnswer(BaseModel):
    """The operator as it is after waiting."""

    state: str
    installed: bool
    message: str


class JoinRequest(DeploymentRequest):
    """A deployment waits for a provider's installation: start it, or join the one that runs."""

    ref: SentRef
    provider: NameText
    again: bool = False
    """Try a failed step again."""

    @property
    def waiter(self) -> str:
        """Id of the workflow that is notified."""
        return self.ref.workflow_id


class JoinAnswer(BaseModel):
    """`workflow_id`: where the installation can be followed. `installer` false: nobody does installations."""

    workflow_id: str
    installer: bool = True


class InstallReport(BaseModel):
    """How an installation ended, for those who waited: the payload of `INSTALL_REPORT`.

    A hint to read that from the installation itself (`READ_INSTALLATION`): anybody may send one.
    """

    provider: NameText
    succeeded: bool
    message: Words = ""


# -- how they are called --------------------------------------------------------------------------------


# Well above the interval of heartbeats (a second): a worker that is busy is not taken for dead.
_SILENCE = timedelta(seconds=12)

OPERATION_LIMIT = timedelta(hours=2)
"""One step's retries altogether."""


def _installer_step(
    name: str, request: type[Request], answer: type[Answer], attempt_timeout: timedelta
) -> Step[Request, Answer]:
    return Step(
        name=name,
        request=request,
        answer=answer,
        attempt_timeout=attempt_timeout,
        deadline=OPERATION_LIMIT,
        # A chart repository that is away comes back; who does not want to wait sends `retry` or `cancel`.
        retry=until_it_works(at_first=1, at_most=30),
        heartbeat=_SILENCE,
        beats_itself=True,
        queue=INSTALLER_QUEUE,
        ends_when_left=True,  # what Helm leaves can be repaired only when Helm has ended
    )


JOIN_INSTALLATION = Step(
    name="install_provider",
    request=JoinRequest,
    answer=JoinAnswer,
    attempt_timeout=timedelta(seconds=30),
)
"""Of the core, for a deployment: start a provider's installation or join it."""

PREFLIGHT = _installer_step("preflight_provider", PreflightRequest, PreflightAnswer, timedelta(minutes=3))
APPLY_CRDS = _installer_step("apply_crds", ChartRequest, ChartAnswer, timedelta(minutes=3))
# Helm has limits of its own, for every thing it waits for; whether it lives is known by heartbeats.
INSTALL_CHART = _installer_step("install_chart", ChartRequest, ChartAnswer, OPERATION_LIMIT)
UNINSTALL_CHART = _installer_step("uninstall_chart", ChartRequest, ChartAnswer, OPERATION_LIMIT)
REPAIR_RELEASE = _installer_step("repair_release", ChartRequest, ChartAnswer, timedelta(minutes=30))
AWAIT_OPERATOR = _installer_step("await_operator", InstallationRequest, ReadyAnswer, timedelta(minutes=12))
FINISH_UNINSTALL = _installer_step("finish_uninstall", InstallationRequest, ChartAnswer, timedelta(minutes=3))
