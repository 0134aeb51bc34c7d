"""No text of others steers a terminal: whatever every command shows, with hostile texts in every field of
it."""

from __future__ import annotations

import ast
import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunway.cli import (
    app,
    output,
)
from airunway.cli.formats import HistoryFormat, OutputFormat
from tests.cli.shown import LINE, SHOWN, poisoned, show_history

CLI = Path(app.__file__).parent

NASTY = [
    "\x1b[2J\x1b[H",  # clears the screen
    "\x1b]8;;http://evil.example\x07harmless\x1b]8;;\x07",  # a link under other words
    "\x1b]52;c;ZXZpbA==\x07",  # writes the clipboard
    "\x9b31m\x9d8;;x\x9c",  # the same by C1 controls
    "\u202egnp.exe\u2066\u200f",  # letters in another order
    "\r\nerror: forged\n\n",  # another line
    "\b\b\b\x7f\x00\v\f\x85\u2028\u2029",
    "\U000e0041\ufeff\u200b\u00ad\ud800",  # seen by nobody
    "a\u3164b\u115f\uffa0\u2800\u034f\ufe0f\U000e0101",  # neither, though Python calls them printable
    "[red]markup[/red][link=http://evil.example]x[/link]:smile:",
]
TEXTS = st.lists(
    st.sampled_from([*NASTY, "a", " ", "ü", "\U0001f600", "'", '"', "\\", "#", "-", ": "]), max_size=6
).map("".join)
UNSEEN = frozenset(
    "\u034f\u115f\u1160\u17b4\u17b5\u180b\u2800\u3164\ufe00\ufe0f\uffa0\U000e0100\U000e0101\U000e01ef"
)
HOSTILE = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


def is_plain(text: str) -> bool:
    """Whether a terminal only writes it: lines of printable letters that are seen."""
    return text.replace("\n", "").isprintable() and not UNSEEN & set(text)


@HOSTILE
@given(text=TEXTS)
@pytest.mark.parametrize("command", SHOWN)
def test_a_pipe_gets_printable_lines(command: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show, value = SHOWN[command]

    show(poisoned(value, text))

    out, err = capsys.readouterr()
    assert is_plain(out)
    assert is_plain(err)


class Terminal(io.StringIO):
    """Standard output, as if it was a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("text", NASTY)
@pytest.mark.parametrize("command", SHOWN)
def test_a_terminal_gets_no_sequence_but_our_own(
    command: str, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    show, value = SHOWN[command]
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())

    show(poisoned(value, text))

    ours = re.compile(r"\x1b\[(?:[0-9;]*m|\?25[lh]|[0-9]*[AK]|2K)")  # colours; rich's cursor
    left = ours.sub("", terminal.getvalue())
    assert is_plain(left.replace("\r", ""))
    for sequence in ("\x1b[2J", "\x1b]", "\x9b", "\x9d"):
        assert sequence not in terminal.getvalue()


@pytest.mark.parametrize("command", SHOWN)
def test_no_line_is_made_up(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    show, value = SHOWN[command]

    show(poisoned(value, "x\nforged: yes\r\nforged: again"))

    lines = "".join(capsys.readouterr()).splitlines()
    assert not [line for line in lines if line.startswith("forged")]


@pytest.mark.parametrize("command", SHOWN)
def test_markup_is_shown_as_it_is_written(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    show, value = SHOWN[command]

    show(poisoned(value, "[red]a[/red]:smile:"))

    assert "[red]a[/red]:smile:" in "".join("".join(capsys.readouterr()).split("\n"))


# -- for programs ------------------------------------------------------------------------------------------

DOCUMENTS = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


@HOSTILE
@given(value=DOCUMENTS)
def test_json_is_printable_and_says_the_same(value: Any, capsys: pytest.CaptureFixture[str]) -> None:
    output.data(value, OutputFormat.JSON)

    out = capsys.readouterr().out
    assert is_plain(out)
    assert json.loads(out) == value


@HOSTILE
@given(values=st.lists(DOCUMENTS, min_size=1, max_size=3))
def test_yaml_is_printable_and_says_the_same(values: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    whole = json.loads(json.dumps(values).replace("\\ud800", "?"))  # which YAML cannot say

    output.documents(whole, OutputFormat.YAML)

    out = capsys.readouterr().out
    assert is_plain(out)
    assert list(yaml.safe_load_all(out)) == whole


@pytest.mark.parametrize("form", [HistoryFormat.JSON, HistoryFormat.JSONL])
@pytest.mark.parametrize("text", NASTY)
def test_a_history_for_programs(form: HistoryFormat, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_history(poisoned(LINE, text), form, 0)

    out = capsys.readouterr().out
    assert is_plain(out)
    found = json.loads(out)
    assert (found[0] if form is HistoryFormat.JSON else found)["message"] == text


# -- the only way ------------------------------------------------------------------------------------------


def _calls(tree: ast.AST) -> list[str]:
    return [ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("file", sorted(CLI.rglob("*.py")), ids=lambda file: str(file.relative_to(CLI)))
def test_nothing_but_output_prints(file: Path) -> None:
    tree = ast.parse(file.read_text())
    forbidden = re.compile(
        r"(print|input|Console|Prompt.*|Confirm.*|.*\.from_markup|typer\.(echo|secho|confirm|prompt)|click\..*"
        r"|sys\.(stdout|stderr)\.(write|writelines)|os\.write|.*traceback\.print_.*|warnings\.warn)"
    )

    if file != CLI / "output.py":
        assert [call for call in _calls(tree) if forbidden.fullmatch(call)] == []


def test_a_wrong_call_is_not_quoted_raw(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["airunway", "\x1b]8;;http://evil.example\x07status"])

    with pytest.raises(SystemExit) as ended:
        app.main()

    assert ended.value.code == 2
    assert is_plain(capsys.readouterr().err)
