"""What libraries log while a command works reaches the terminal as plain as what the command prints."""

from __future__ import annotations

import subprocess
import sys

import pytest

STRUCTLOG = "structlog.get_logger('x').warning({0!r}, error={0!r})"
LIBRARY = "logging.getLogger('x').warning('%s', {0!r})"
TRACEBACK = "structlog.get_logger('x').exception('failed', exc_info=ValueError({0!r}))"
HOSTILE = "\x1b[2J\x9d8;;http://evil.example\x9cx\u202ey"


def said_by(line: str) -> tuple[str, str]:
    """Both outputs of a command that logs."""
    program = f"""
import logging
import structlog
from airunway.cli.output import line
from airunway.cli.running import run

async def work() -> None:
    {line.format(HOSTILE)}
    structlog.get_logger("x").info("nobody's care")
    line("the answer")

run(work())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, encoding="utf-8", timeout=120, check=True
    )
    return done.stdout, done.stderr


@pytest.mark.parametrize("line", [STRUCTLOG, LIBRARY, TRACEBACK], ids=["structlog", "logging", "traceback"])
def test_the_words_of_servers_are_shown_plainly_beside_the_answer(line: str) -> None:
    answer, beside = said_by(line)

    assert answer == "the answer\n"
    assert beside.replace("\n", "").isprintable()
    assert beside.startswith("airunway: ")
    assert "evil.example" in beside
    assert "nobody's care" not in beside
