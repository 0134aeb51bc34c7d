"""The documentation is a site: its links lead somewhere, its reference is fresh, its commands work."""

from __future__ import annotations

import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from mkdocs.commands.build import build
from mkdocs.config import load_config
from mkdocs.exceptions import Abort

from airunway.messages.failure_endings import ENDINGS
from airunway.web.derive.condition_words import _WORDS
from tests.deploy.manifests import ROOT
from tools.generate import reference
from tools.generate.reference_conditions import reasons_by_type, reasons_of_conditions
from tools.site_hooks import for_site

DOCS = ROOT / "docs"
SITE: dict[str, Any] = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
TESTED = re.compile(r"^```sh test\n(.*?)^```$", re.MULTILINE | re.DOTALL)
pytestmark = pytest.mark.filterwarnings("default")  # mkdocs and its theme are somebody else's


def blocks() -> Iterator[Any]:
    for file in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))):
        for number, found in enumerate(TESTED.finditer(file.read_text())):
            yield pytest.param(found[1], id=f"{file.relative_to(ROOT)}-{number}")


@pytest.mark.parametrize("name", reference.PAGES)
def test_the_reference_is_that_of_now(name: str) -> None:
    assert (DOCS / "reference" / name).read_text() == reference.rendered(name), (
        "stale; run: python3 dev.py generate"
    )


def test_every_page_of_the_reference_is_generated() -> None:
    assert {file.name for file in (DOCS / "reference").iterdir()} == set(reference.PAGES)


def test_reasons_are_found_however_they_are_written() -> None:
    import ast

    code = """
WHY = "Because"
KIND, MORE = "E", "Four"
condition("A", "True", WHY)
condition(KIND, "True", MORE)
Condition(type="B", status=x, reason="One" if y else "Two")
failed("Three", words, ["C", "D"])
condition(computed, "True", "Lost")

def _false(reason: str, message: str) -> Condition:
    return condition("F", "False", reason, message)

_false("Five", "words")
"""

    assert reasons_by_type([ast.parse(code)]) == {
        "A": {"Because"},
        "B": {"One", "Two"},
        "C": {"Three"},
        "D": {"Three"},
        "E": {"Four"},
        "F": {"Five"},
    }


def test_the_reference_has_every_condition_and_every_reason_of_a_failure() -> None:
    found = reasons_of_conditions()

    assert _WORDS.keys() - found.keys() == set()
    assert ENDINGS.keys() - {reason for reasons in found.values() for reason in reasons} == set()


@pytest.mark.timeout(600)
def test_the_site_builds_without_a_warning(tmp_path: Path) -> None:
    build(load_config(str(ROOT / "mkdocs.yml"), strict=True, site_dir=str(tmp_path / "site")))

    assert (tmp_path / "site" / "reference" / "conditions.html").exists()


@pytest.mark.parametrize(
    "link",
    ["nowhere.md", "index.md#nothing", "../nowhere.txt"],
    ids=["a page", "a heading", "a file outside"],
)
@pytest.mark.timeout(300)
def test_a_link_that_leads_nowhere_stops_it(tmp_path: Path, link: str) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "index.md").write_text(f"# Home\n\n[there]({link})\n")
    config = load_config(
        str(ROOT / "mkdocs.yml"),
        strict=True,
        docs_dir=str(tmp_path / "docs"),
        site_dir=str(tmp_path / "site"),
        nav=[{"Home": "index.md"}],
        not_in_nav="",
    )

    with pytest.raises(Abort):
        build(config)


def test_nothing_of_the_site_is_loaded_from_elsewhere() -> None:
    assert SITE["theme"]["font"] is False
    assert "extra_javascript" not in SITE


def test_links_out_of_the_folder_become_paths(caplog: pytest.LogCaptureFixture) -> None:
    page = "[README](../README.md#x), [page](a.md), [out](https://x.example)\n```sh test\nls\n```\n"

    with caplog.at_level(logging.WARNING):
        shown = for_site(page, source="docs/index.md")

    assert shown == "README (`README.md`), [page](a.md), [out](https://x.example)\n```sh\nls\n```\n"
    assert not caplog.records


@pytest.mark.parametrize("block", list(blocks()))
def test_commands_that_are_marked_so_work(block: str, tmp_path: Path) -> None:
    # dev.py would look first whether all is installed: that it is, these tests know.
    script = block.replace("python3 dev.py airunway", f"{sys.executable} -m airunway.cli")
    environment = {**os.environ, "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "none")}

    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip()


def test_some_commands_are_marked_so() -> None:
    assert list(blocks())
