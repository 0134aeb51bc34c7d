"""What every command shows of the cluster and of Temporal, by the functions that show it, and an example of
each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from typing import Any

from pydantic import BaseModel

from airunway.api.chart_release import ChartAction, ChartRelease
from airunway.cli import (
    app,
    output,
    plan_report,
    provider_follow,
    provider_plan,
    provider_report,
    provider_run,
    status_detail,
    status_fleet,
    status_list,
    up_display,
    verify,
    versions_report,
)
from airunway.cli.build_progress import BuildNow, bars
from airunway.cli.doctor import report as doctor_report
from airunway.cli.doctor.findings import DoctorFinding, DoctorVerdict
from airunway.cli.formats import HistoryFormat, OutputFormat
from airunway.cli.history.printing import Printer
from airunway.cli.migrate import report as migrate_report
from airunway.cli.migrate.moves import MoveOutcome
from airunway.cli.options import OperationOptions
from airunway.cli.problems import CliError
from airunway.console.history.line import HistoryLine, Source
from airunway.console.plan import OtherProvider, PlannedChoice, PlannedDeployment
from airunway.console.rows import deployment_row
from airunway.console.workflow_report import WorkflowReport
from airunway.console.workflow_state import WorkflowState
from airunway.installation.metadata import ManualStep, ProviderMetadata
from airunway.installation.state import InstallationStatus, State
from airunway.messages.installation import InstallationRequest, Operation, PreflightAnswer
from airunway.messages.installation_workflow import InstallationOutcome, InstallationView
from airunway.messages.model_image import BuildProgress
from airunway.messages.refs import DeploymentRef
from airunway.workers.verification import Difference, KindResult, Verification
from airunway.workers.version_routing import Routing

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
REQUEST = InstallationRequest(provider="kaito", operation=Operation.INSTALL, id="1")
OPTIONS = OperationOptions(operation="install", provider="kaito")
KEPT = {"creationTimestamp", "lastTransitionTime", "since"}  # the API server and Temporal write them


def poisoned(value: Any, text: str) -> Any:
    """The same value with a text in place of every text in it."""
    if isinstance(value, Enum):
        return value
    if isinstance(value, str):
        return text
    if isinstance(value, dict):
        return {key: entry if key in KEPT else poisoned(entry, text) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(poisoned(entry, text) for entry in value)
    if isinstance(value, BaseModel):
        names = type(value).model_fields
        return value.model_copy(update={name: poisoned(getattr(value, name), text) for name in names})
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{entry.name: poisoned(getattr(value, entry.name), text) for entry in fields(value)}
        )
    return value


OBJECT = {
    "metadata": {
        "namespace": "default",
        "name": "chat",
        "creationTimestamp": "2026-01-05T08:00:00Z",
        "annotations": {"airunway.ai/reconcile-paused": "true"},
    },
    "status": {
        "phase": "Running",
        "message": "m",
        "engine": {"type": "vllm", "selectedReason": "r"},
        "provider": {"name": "kaito", "selectedReason": "r"},
        "replicas": {"desired": 1, "ready": 1},
        "endpoint": {"service": "s", "port": 80},
        "conditions": [
            {
                "type": "T",
                "status": "S",
                "reason": "R",
                "lastTransitionTime": "2026-01-05T08:00:00Z",
                "message": "M",
            }
        ],
    },
}
STATE = WorkflowState(
    workflow_id="w",
    run_id="r",
    status="terminated",
    started_at=NOW,
    closed_by="b",
    closed_because="c",
    build_id="1",
)
VIEW = {"step": "waiting", "state": {"paused_by": {"by": "alice", "reason": "r"}}}
REPORT = WorkflowReport(id="w", link="l", state=STATE, view=VIEW, trouble="")
LINE = HistoryLine(
    time=NOW,
    source=Source.IMAGE,
    workflow_id="w",
    what="apply",
    by="a/b/c",
    message="m",
    why="y",
    details={"x": "y"},
)
PLANNED = PlannedDeployment(
    source="f.yaml:1",
    namespace="default",
    name="chat",
    errors=["e"],
    warnings=["w"],
    engine=PlannedChoice(name="vllm", reason="r"),
    provider=PlannedChoice(name="kaito", reason="r"),
    others=[OtherProvider(name="vllm", why_not="w", would_accept=True)],
    ignored_fields=["spec.x"],
    builds="b",
    objects=[{"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": "default", "name": "p"}}],
    note="n",
)
CHART = ChartRelease(
    release="r",
    namespace="n",
    chart="c/c",
    action=ChartAction.INSTALL,
    reason="y",
    status="failed",
    installed_version="1",
)
PREFLIGHT = PreflightAnswer(
    charts=[CHART],
    state="s",
    message="m",
    warnings=["w"],
    used=["u"],
    deleted_with_it=["d"],
    diff=["+ x"],
    commands=["helm x"],
)
ROW = provider_report.ProviderRow(
    metadata=ProviderMetadata(
        id="kaito",
        name="K",
        description="d",
        default_namespace="n",
        documentation_url="u",
        steps=(ManualStep(title="t", description="d", command="c"),),
        warnings=("w",),
    ),
    status=InstallationStatus(
        state=State.READY,
        installed=True,
        crd_found=True,
        operator_running=True,
        ready=True,
        message="m",
        version="v",
    ),
    config={
        "spec": {
            "selectionRules": [{"condition": "true", "priority": 1}],
            "capabilities": {"engines": [{"name": "vllm", "servingModes": ["m"], "apiFormats": ["a"]}]},
        }
    },
    versions={"n/r": "1"},
)
FLEET = status_fleet.FleetRow(
    cluster="c",
    namespace="n",
    name="x",
    phase="p",
    model="m",
    engine="e",
    provider="p",
    since=str(NOW),
    workflow="w",
)
BUILD = BuildNow(name="n", progress=BuildProgress(step="s", total_bytes=10, done_bytes=1, trouble="t"))
ROUTING = Routing(current="1", ramping=None, percentage=0, builds=(), token=b"")
VERSION = {"build": "1", "status": "current", "percentage": 1.0, "openRuns": 1, "polled": False, "since": "s"}
DIFFERENT = Verification([KindResult("t", 1, 2, 0)], Difference("t", "w", "r", "words"))


class _Display(up_display.LineDisplay):
    """A display that knows one deployment."""

    def __init__(self, row: Any) -> None:
        super().__init__([])
        self._rows = {("default", "chat"): row}
        self._awaited = {("default", "chat")}


def show_up(obj: Any) -> None:
    row = deployment_row(obj)
    display = _Display(row)
    display.row_changed(row)
    display.notice(row.message)
    display.phase(row.message)
    display.notice("\n".join(display.not_running()))
    words = obj["status"]["message"]
    published = {("default", "chat"): {"url": words, "modelName": words}}
    display._published = dict(published)
    display.first_published()
    table = up_display.TableDisplay([], output.console())
    table._rows = {("default", "chat"): row}
    table._published = dict(published)
    output.console().print(table._render())
    table.notice(row.message)


def show_history(line: HistoryLine, form: HistoryFormat, width: int) -> None:
    printer = Printer(form, width=width)
    printer.begin()
    printer.line(line)
    printer.end()


def show_following(view: InstallationView) -> None:
    printer = provider_follow._ProgressPrinter(quiet=False)
    printer.lines(view)
    printer.heartbeat("a", 1, view.lines, view.message)


def show_outcome(outcome: InstallationOutcome) -> None:
    provider_run._finish(InstallationView(provider="kaito"), outcome, OPTIONS)


def show_error(text: str) -> None:
    app._report(CliError(text))
    app._report(RuntimeError(text))


SHOWN: dict[str, tuple[Callable[[Any], object], Any]] = {
    "status": (
        lambda obj: output.table(*status_list.fleet_rows([obj], {("default", "chat"): "w"})),
        OBJECT,
    ),
    "status --watch": (lambda build: output.console().print(bars([build])), BUILD),
    "status NAME": (
        lambda given: (
            status_detail._print_facts(
                given[0], DeploymentRef(cluster="c", namespace="n", name="x"), given[1]
            ),
            status_detail._print_conditions(given[0]),
        ),
        [OBJECT, REPORT],
    ),
    "status --all-clusters": (lambda row: status_fleet._print([row]), FLEET),
    "history": (lambda line: show_history(line, HistoryFormat.TABLE, 0), LINE),
    "history on a terminal": (lambda line: show_history(line, HistoryFormat.TABLE, 120), LINE),
    "list -o wide": (
        lambda obj: output.table(*status_list.fleet_rows([obj], {}, wide=True), folds=False),
        OBJECT,
    ),
    "doctor": (doctor_report.show, DoctorFinding("check", DoctorVerdict.WARN, "message", "advice")),
    "migrate run": (
        lambda outcome: migrate_report.show("run", outcome),
        MoveOutcome(deployments=1, made_anew=["a"], other_phases=["b"], not_taken_over=["c"]),
    ),
    "retry, pause, resume, cancel-build": (lambda text: output.line(f"default/chat: {text}"), "answer"),
    "plan": (lambda planned: plan_report.print_plans([planned, planned], OutputFormat.TABLE), PLANNED),
    "providers show": (provider_report._print_one, ROW),
    "providers install --dry-run": (lambda answer: provider_plan.show_plan(answer, OPTIONS), PREFLIGHT),
    "providers uninstall": (
        lambda answer: provider_plan.show_plan(
            answer, replace(OPTIONS, operation="uninstall", delete_crds=True)
        ),
        PREFLIGHT,
    ),
    "providers install, nothing to do": (
        lambda answer: provider_plan.show_nothing(answer, OPTIONS),
        PREFLIGHT,
    ),
    "providers install, followed": (
        show_following,
        InstallationView(provider="kaito", lines=["l", "  m"], line_count=2, message="f"),
    ),
    "providers install, its end": (show_outcome, InstallationOutcome(succeeded=True, message="m")),
    "up": (show_up, OBJECT),
    "versions": (lambda row: versions_report._print_table("d", ROUTING, [row]), VERSION),
    "versions verify": (verify._print_table, DIFFERENT),
    "an error": (show_error, "e"),
    "a remark": (output.note, "n"),
}
