"""What code and documents cite of docs/contract is there, and users are told reasons, not sections."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.citations import (
    CITATION,
    CONTRACT,
    FILES,
    POINTER,
    ROOT,
    Text,
    places_cited,
    places_in,
    texts_of_prose,
    texts_of_python,
)

TRACKED = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
PATHS = [ROOT / name for name in TRACKED.stdout.split("\0") if (ROOT / name).is_file()]
PYTHON = [path for path in PATHS if path.suffix == ".py" and path.parent.name != "wire"]
PROSE = [path for path in PATHS if path.suffix == ".md" or path.match("deploy/**/*.yaml")]
OWN = {Path(__file__).with_name("citations.py"), Path(__file__)}  # say what a citation looks like


def texts() -> list[Text]:
    found = [text for path in PYTHON if path not in OWN for text in texts_of_python(path)]
    return found + [text for path in PROSE for text in texts_of_prose(path)]


TEXTS = texts()


def test_every_citation_leads_somewhere() -> None:
    lost = [
        f"{text}: {match['file']} has no {place}"
        for text in TEXTS
        for match in CITATION.finditer(text.words)
        for place in places_cited(match["places"])
        if place not in places_in(match["file"])
    ]

    assert not lost


def test_sections_are_cited_in_one_form() -> None:
    astray = []
    for text in TEXTS:
        if CONTRACT in text.path.parents:
            continue  # there, a section without a file is one of the same file
        rest = CITATION.sub("", text.words)
        files = re.search(rf"(?<![\w/-])(?:{'|'.join(map(re.escape, FILES))})", rest)
        if POINTER.search(rest) or files:
            astray.append(str(text))

    assert not astray


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_contract_points_at_sections_of_its_own(name: str) -> None:
    lost = [
        f"{text}: no {place}"
        for text in texts_of_prose(FILES[name])
        for place in places_cited(CITATION.sub("", text.words))
        if place not in places_in(name)
    ]

    assert not lost


def test_users_read_reasons_instead_of_citations() -> None:
    assert not [
        str(text)
        for text in TEXTS
        if text.literal and (CITATION.search(text.words) or POINTER.search(text.words))
    ]


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
