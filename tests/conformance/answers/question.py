"""What a group of vectors asks, and how the two answers to it are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.diff import Document
from tests.conformance.loader import OWN, Vector, load, load_from

RECORDED = Path(__file__).resolve().parent.parent / "departures" / "recorded"


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question about the vectors of some files of a group.

    `answers`: vector -> (recorded answer, our answer). `rules`: the groups of the departures that may
    apply, `group` itself unless others are given. `refusable`: an answer may be that we refuse.
    """

    name: str
    group: str
    files: tuple[str, ...]
    answers: Callable[[Vector], tuple[Document, Document]]
    rules: tuple[str, ...] = ()
    refusable: bool = False

    @property
    def rule_groups(self) -> tuple[str, ...]:
        return self.rules or (self.group,)

    def cases(self) -> list[Any]:
        """The vectors as pytest parameters whose ids are the vectors' names."""
        return [
            pytest.param(vector, id=vector.name) for file in self.files for vector in load(self.group, file)
        ]

    def own_vectors(self, file: str) -> tuple[Vector, ...]:
        """The vectors of this tree, whatever folder the tests are pointed at."""
        return load_from(OWN, self.group, file)

    def record(self, file: str) -> Path:
        """Where the departures of one file are recorded."""
        return RECORDED / f"{self.name}.{file}.json"
