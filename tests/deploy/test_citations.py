"""What code and documents cite of docs/contract is there, and users are told reasons, not sections."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.deploy.citations import (
    CITATION,
    CONTRACT,
    FILES,
    ROOT,
    Text,
    may_cite,
    places_cited,
    places_in,
    texts_of_prose,
    texts_of_python,
)

OWN = {Path(__file__).with_name("citations.py"), Path(__file__)}  # say what a citation looks like
FORM = "cite as: core.md §3, install.md §A4.3 or kaito.md, weak spot 6"


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    """All that the repository's files say and that may hold a citation."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    paths = [ROOT / name for name in listed.stdout.split("\0") if name.endswith((".py", ".md", ".yaml"))]
    found: list[Text] = []
    for path in paths:
        if path in OWN or not path.is_file() or not may_cite(path.read_text()):
            continue
        if path.suffix == ".py":
            found += texts_of_python(path)
        elif path.suffix == ".md" or "deploy" in path.parts:
            found += texts_of_prose(path)
    return found


def test_every_citation_leads_somewhere(texts: list[Text]) -> None:
    lost = [
        f"{text}: {match['file']} has no {place}"
        for text in texts
        for match in CITATION.finditer(text.words)
        for place in places_cited(match["places"])
        if place not in places_in(match["file"])
    ]

    assert not lost


def test_sections_are_cited_in_one_form(texts: list[Text]) -> None:
    astray = []
    for text in texts:
        if CONTRACT in text.path.parents:
            continue  # there, a section without a file is one of the same file
        if may_cite(CITATION.sub("", text.words)):
            astray.append(str(text))

    assert not astray, FORM


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_contract_points_at_sections_of_its_own(name: str) -> None:
    lost = [
        f"{text}: no {place}"
        for text in texts_of_prose(FILES[name])
        for place in places_cited(CITATION.sub("", text.words))
        if place not in places_in(name)
    ]

    assert not lost


def test_users_read_reasons_instead_of_citations(texts: list[Text]) -> None:
    assert not [str(text) for text in texts if text.literal and may_cite(text.words)]


@pytest.mark.parametrize(
    ("words", "file", "cited"),
    [
        ("Source: core.md §3.", "core.md", ["§3"]),
        ("install.md §A4.3, §A5 say", "install.md", ["§A4.3", "§A5"]),
        ("kaito.md, weak spot 6", "kaito.md", ["weak spot 6"]),
        ("(llmd.md §8 to §10)", "llmd.md", ["§8", "§10"]),
        ("kaito.md §8.5, weak spots 3 and 14", "kaito.md", ["§8.5", "weak spot 3", "weak spot 14"]),
        ("`core.md` §17, and", "core.md", ["§17"]),
    ],
)
def test_a_citation_is_read_whole(words: str, file: str, cited: list[str]) -> None:
    match = CITATION.search(words)

    assert match is not None
    assert (match["file"], list(places_cited(match["places"]))) == (file, cited)
