"""Texts in what anybody may send: as long as they need to be, and without what steers a reader's eye. Pure.

They travel in state, status, journal and Events, and whoever reaches Temporal may send megabytes. Words that
only people read are cut; a name that is none of Kubernetes' makes a payload one of another shape.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, StringConstraints

from airunway.api.plain_text import beginning, one_line

MAX_WORDS = 600
"""Characters of words for people."""
MAX_MESSAGE = 2_000
"""Of why something failed, which may hold what a program wrote."""
MAX_NAME = 253
"""Of a name, a uid or an id, as Kubernetes has them; thousands of names are handed from run to run."""
MAX_WORKFLOW_ID = 1_000
"""As Temporal takes."""
MAX_LIST = 16
"""Words in a list of words."""


def _cut(text: str) -> str:
    return one_line(beginning(text, MAX_WORDS))


def _first(texts: list[str]) -> list[str]:
    return texts[:MAX_LIST]


def _cut_message(text: str) -> str:
    return beginning(text, MAX_MESSAGE)


def _reason(text: str) -> str:
    return text if not text or _REASON.fullmatch(text) else UNREADABLE


def refuse_no_name(text: str) -> str:
    """The text; raises ValueError for what no name, uid or id is."""
    if len(text) > MAX_NAME:
        raise ValueError(f"a name has at most {MAX_NAME} characters")
    if not _NAME.fullmatch(text):
        raise ValueError("a name has another pattern")
    return text


UNREADABLE = "Unreadable"
"""Stands for a reason that no condition may have."""
_NAME = re.compile(r"[ !#-\[\]-~]*")
_REASON = re.compile(r"[A-Za-z]([A-Za-z0-9_,:]{0,126}[A-Za-z0-9_])?")

Words = Annotated[str, AfterValidator(_cut)]
WordList = Annotated[list[Words], AfterValidator(_first)]
Message = Annotated[str, AfterValidator(_cut_message)]
Reason = Annotated[str, AfterValidator(_reason)]
NameText = Annotated[str, AfterValidator(refuse_no_name)]
"""A byte a letter, in JSON too."""
WorkflowIdText = Annotated[str, StringConstraints(max_length=MAX_WORKFLOW_ID)]
