"""A log is read on a terminal: what objects say is in it as text."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from airunway.workers.logs import close_logging, configure_logging
from airunway.workers.settings import Settings

NASTY = "a\x1b[2J\x1b]8;;http://evil\x07\x9bm\u202e\r\nforged line\x7f\u2028"


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    handlers, level = logging.getLogger().handlers[:], logging.getLogger().level
    yield
    close_logging()
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    structlog.reset_defaults()


def log_everything(form: str, file: Path) -> str:
    configure_logging(Settings(log_format=form), file=file)  # type: ignore[arg-type]
    structlog.get_logger(NASTY).warning(NASTY, name=NASTY, values=[NASTY], **{NASTY: 1})
    logging.getLogger("library").warning("says %s", NASTY)
    try:
        raise ValueError(NASTY)
    except ValueError:
        structlog.get_logger("x").exception("failed")
        logging.getLogger("library").exception("failed")
    close_logging()
    return file.read_text()


def test_lines_for_people(tmp_path: Path) -> None:
    text = log_everything("text", tmp_path / "log")

    assert text.replace("\n", "").isprintable()
    assert not [line for line in text.split("Traceback")[0].splitlines() if line.startswith("forged")]
    assert "Traceback" in text


def test_lines_for_machines(tmp_path: Path) -> None:
    text = log_everything("json", tmp_path / "log")

    assert text.replace("\n", "").isprintable()
    lines = [json.loads(line) for line in text.splitlines()]
    assert lines[0]["name"] == NASTY
    assert lines[1]["event"] == f"says {NASTY}"


def test_a_notice_is_one_line(tmp_path: Path) -> None:
    notices: list[str] = []
    configure_logging(Settings(), file=tmp_path / "log", notice=notices.append)

    structlog.get_logger("x").warning(NASTY, error=NASTY)

    assert len(notices) == 1
    assert notices[0].isprintable()
