"""How lines are printed, and which time `--since` means."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import typer

from airunway.cli.formats import HistoryFormat
from airunway.cli.history.command import since_time
from airunway.cli.history.printing import Printer, table_rows
from airunway.console.history.line import HistoryLine, Source
from airunway.console.history.sources import event_lines
from tests.cli.conftest import Airunway

NOON = datetime(2026, 11, 29, 12, 0, 1, 500, tzinfo=UTC)
LINE = HistoryLine(
    time=NOON,
    source=Source.HISTORY,
    workflow_id="modeldeployment/here/ml/chat",
    run_id="r",
    what="apply_upstream",
    generation=3,
    by="ann@desk",
    message="created Workspace chat; configured Service chat",
    why="somebody changed it",
    details={"event_id": 7},
)


def test_a_line_of_json_has_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(HistoryFormat.JSONL)

    printer.begin()
    printer.line(LINE)
    printer.end()

    assert json.loads(capsys.readouterr().out) == {
        "time": "2026-11-29T12:00:01.000500Z",
        "source": "history",
        "workflow_id": "modeldeployment/here/ml/chat",
        "run_id": "r",
        "what": "apply_upstream",
        "generation": 3,
        "by": "ann@desk",
        "message": "created Workspace chat; configured Service chat",
        "why": "somebody changed it",
        "details": {"event_id": 7},
    }


@pytest.mark.parametrize("count", [0, 1, 2])
def test_json_is_one_list(count: int, capsys: pytest.CaptureFixture[str]) -> None:
    printer = Printer(HistoryFormat.JSON)

    printer.begin()
    for _ in range(count):
        printer.line(LINE)
    printer.end()

    assert len(json.loads(capsys.readouterr().out)) == count


def test_a_pipe_gets_whole_lines() -> None:
    (row,) = table_rows(LINE, width=0)

    assert row.split()[:4] == ["2026-11-29T12:00:01Z", "3", "ann@desk", "apply_upstream"]
    assert row.endswith("created Workspace chat; configured Service chat [somebody changed it]")


def test_a_terminal_wraps_the_message_under_itself() -> None:
    rows = table_rows(LINE, width=125)

    assert len(rows) > 1
    assert all(len(row) <= 125 for row in rows)
    begin = rows[0].index("created")
    assert all(row[:begin].strip() == "" for row in rows[1:])


def test_a_long_identity_is_not_cut() -> None:
    by = "airunway-worker/airunway-worker-7c9d8f5b6-x2x4z"

    rows = table_rows(LINE.model_copy(update={"by": by}), width=130)

    assert by in rows[0]


def test_nobody_steers_the_terminal() -> None:
    hostile = LINE.model_copy(update={"message": "fine\n\x1b[2J\x1b]0;owned\x07", "by": "\x1b[31mann"})

    (row,) = table_rows(hostile, width=0)

    assert row.isprintable()
    assert "fine" in row


def test_lines_of_other_workflows_say_so() -> None:
    rows = table_rows(LINE.model_copy(update={"source": Source.IMAGE, "what": "retry"}), width=0)

    assert "image: retry" in rows[0]


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("2h", NOON - timedelta(hours=2)),
        ("45s", NOON - timedelta(seconds=45)),
        ("7d", NOON - timedelta(days=7)),
        ("2026-11-29T11:00:00Z", datetime(2026, 11, 29, 11, tzinfo=UTC)),
        ("2026-11-29T11:00:00", datetime(2026, 11, 29, 11, tzinfo=UTC)),
        ("2026-11-29T12:00:00+01:00", datetime(2026, 11, 29, 11, tzinfo=UTC)),
    ],
)
def test_since_when(text: str, want: datetime) -> None:
    assert since_time(text, now=NOON) == want


@pytest.mark.parametrize("text", ["soon", "2y", "-2h", "999999999d"])
def test_a_time_that_is_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="a time ago like 2h"):
        since_time(text, now=NOON)


def test_following_has_no_end_and_json_needs_one(airunway: Airunway) -> None:
    result = airunway("history", "chat", "--follow", "-o", "json")

    assert result.status == 2
    assert "-o jsonl" in result.err


def test_events_of_others_are_left_out() -> None:
    def event(name: str) -> dict[str, object]:
        return {
            "metadata": {"creationTimestamp": "2026-11-29T12:00:00Z"},
            "involvedObject": {"name": name},
            "reason": "Retry",
            "message": "m",
            "source": {"component": "airunway"},
        }

    lines = event_lines([event("chat"), event("other")], "chat")

    assert [(line.what, line.by, line.source) for line in lines] == [("Retry", "airunway", Source.EVENT)]
