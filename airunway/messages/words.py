"""Texts in what anybody may send: as long as they need to be, and without what steers a reader's eye. Pure.

They travel in state, status, journal and Events, and whoever reaches Temporal may send megabytes. Words that
only people read are cut; a name that is longer than any can be makes a payload one of another shape.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from airunway.api.plain_text import one_line

MAX_WORDS = 600
"""Characters of words for people."""
MAX_NAME = 512
"""Of a name, a uid or an id. Those of Kubernetes have 253 at most."""
MAX_WORKFLOW_ID = 1_000
"""As Temporal takes."""
MAX_LIST = 16
"""Words in a list of words."""


def _cut(text: str) -> str:
    return one_line(text if len(text) <= MAX_WORDS else text[: MAX_WORDS - 1] + "…")


def _first(texts: list[str]) -> list[str]:
    return texts[:MAX_LIST]


Words = Annotated[str, AfterValidator(_cut)]
WordList = Annotated[list[Words], AfterValidator(_first)]
NameText = Annotated[str, StringConstraints(max_length=MAX_NAME)]
WorkflowIdText = Annotated[str, StringConstraints(max_length=MAX_WORKFLOW_ID)]
