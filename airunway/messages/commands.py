"""What a person may ask of a deployment's workflow: payload and answer, and the names. Pure.

Each command is an update, which is answered or refused with a reason, and a signal of the same name for the
form in Temporal's UI, which is recorded and never answered. An annotation leads to the same code.
"""

from __future__ import annotations

from pydantic import BaseModel

from airunway.messages.words import Words

RETRY = "retry"
"""Try what failed again, without a change of the spec."""
CANCEL_BUILD = "cancel_build"
"""Stop waiting for the model's image; the build ends unless somebody else waits for it."""
PAUSE = "pause"
"""Do nothing for this deployment until `resume`; what runs goes on running."""
RESUME = "resume"
COMMANDS = (RETRY, CANCEL_BUILD, PAUSE, RESUME)

INTERNAL = "internal_"
"""Begins the name of every signal that one part of this system sends to another."""


class Asked(BaseModel):
    """Who asks, and why; both for the record: journal, Event and history."""

    by: Words = ""
    """A person's name and host, `annotation`, or whatever a client says; it proves nothing."""
    reason: Words = ""

    @property
    def words(self) -> str:
        """`alice@laptop: the node is back`, as far as it was said."""
        by = self.by or "somebody"
        return f"{by}: {self.reason}" if self.reason else by


SOMEBODY = Asked()
"""Who asks without saying who, and why."""


class CommandAnswer(BaseModel):
    """What was done, in a sentence: `trying generation 4 again`."""

    message: str
