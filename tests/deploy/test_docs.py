"""What the documents name exists, and what exists is in them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import typer

from airunway.cli.app import app
from airunway.workers.environment import OF_OTHERS
from airunway.workers.settings import Settings
from tools.generate import settings_table

ROOT = Path(__file__).parent.parent.parent
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
DOCUMENTS += sorted((ROOT / "docs").glob("*.md"))
SETTINGS_PAGE = (ROOT / "docs" / "settings.md").read_text()
COMMANDS = set(typer.main.get_command(app).commands)  # type: ignore[attr-defined]
DEV_COMMANDS = set(re.findall(r'^    "([a-z-]+)":', (ROOT / "dev.py").read_text(), re.MULTILINE))


def test_the_table_of_settings_is_that_of_now() -> None:
    assert settings_table.updated(SETTINGS_PAGE) == SETTINGS_PAGE, "stale; run: python3 dev.py generate"


def test_every_variable_that_the_code_reads_is_documented() -> None:
    read = set()
    for folder in ("providers", "activities", "workers", "airunway/clients"):
        for file in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'"(AIRUNWAY_[A-Z_]+)"', file.read_text()))
    read -= OF_OTHERS

    documented = set(re.findall(r"`(AIRUNWAY_[A-Z_]+)(?:=1)?`", SETTINGS_PAGE))
    settings = {f"AIRUNWAY_{name.upper()}" for name in Settings.model_fields}
    # Those that only must not be refused are nobody's to set here, but for the command line's.
    assert (read - OF_OTHERS) | settings | {"AIRUNWAY_TRACEBACK"} <= documented


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text()):
        name, _, anchor = target.partition("#")
        if name.startswith("http"):
            continue
        file = (document.parent / name) if name else document
        assert file.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.+)$", file.read_text(), re.MULTILINE)
            assert anchor in [re.sub(r"[^a-z0-9 -]", "", h.lower()).replace(" ", "-") for h in headings]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_commands_that_are_named_exist(document: Path) -> None:
    text = document.read_text()

    assert set(re.findall(r"(?:`|^|dev\.py )airunway ([a-z]+(?:-[a-z]+)*)", text, re.MULTILINE)) <= COMMANDS
    assert set(re.findall(r"dev\.py ([a-z][a-z-]+)", text)) <= DEV_COMMANDS


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_paths_that_are_named_exist(document: Path) -> None:
    for path in re.findall(r"`([a-z_.-]+/[a-z_./-]*)`", document.read_text()):
        if (ROOT / path.partition("/")[0]).is_dir():
            assert (ROOT / path).exists(), path


def test_the_readme_has_two_commands_for_a_fresh_machine() -> None:
    (block,) = re.findall(r"nothing else:\n\n```sh\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

    assert [line.split("#")[0].strip() for line in block.strip().splitlines()] == [
        "python3 dev.py up",
        "python3 dev.py test",
    ]


def test_make_knows_the_same_commands() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    assert set(targets.split()) == DEV_COMMANDS - {"airunway"}
