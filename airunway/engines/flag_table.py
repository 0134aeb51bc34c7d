"""What is known of one program's flags: their names and what may follow each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

NEGATION = "no-"


class FlagKind(StrEnum):
    """What follows a flag on the command line."""

    SWITCH = "switch"
    """Nothing, and it cannot be negated: it is there or not."""
    NEGATABLE = "negatable"
    """Nothing; `--no-<flag>` says the opposite."""
    TEXT = "text"
    NUMBER = "number"
    JSON = "json"
    """One JSON document. vLLM also takes it by parts: `--flag.key value`."""
    OPTIONAL = "optional"
    """A value or nothing."""
    LIST = "list"
    """All its values in one go: `--flag a b`."""
    NUMBERS = "numbers"
    """As `LIST`, of numbers."""
    REPEATED = "repeated"
    """The flag once for each value."""

    @property
    def is_switch(self) -> bool:
        """Whether nothing may follow it."""
        return self in (FlagKind.SWITCH, FlagKind.NEGATABLE)

    @property
    def is_list(self) -> bool:
        """Whether it takes several values."""
        return self in (FlagKind.LIST, FlagKind.NUMBERS, FlagKind.REPEATED)


def canonical(written: str) -> str:
    """A flag's name as the tables have it: `max_model_len` and `--max-model-len=1` are one."""
    return written.strip().lstrip("-").partition("=")[0].strip().replace("_", "-")


@dataclass(frozen=True)
class Match:
    """A flag that was found. `negated`: it was written in its `no-` form; `short`: by a name of one dash."""

    name: str
    kind: FlagKind
    negated: bool = False
    short: str = ""


@dataclass(frozen=True)
class FlagTable:
    """The flags of one program, or of one part of it. `aliases`: other spellings, with their dashes."""

    title: str
    flags: Mapping[str, FlagKind]
    aliases: Mapping[str, str] = field(default_factory=dict)

    def find(self, written: str) -> Match | None:
        """The flag that is written with or without dashes, with `_` or `-`, long, short or negated."""
        name, given = canonical(written).partition(".")[0], written.strip()
        if given.startswith("--") or not given.startswith("-"):
            long_name = self._long_name(name)
            if long_name:
                return Match(long_name, self.flags[long_name])
            positive = self._long_name(name.removeprefix(NEGATION)) if name.startswith(NEGATION) else ""
            if positive and self.flags[positive].is_switch:
                return Match(positive, self.flags[positive], negated=True)
        short = f"-{name}"
        if given.startswith("--") or short not in self.aliases:
            return None
        return Match(self.aliases[short], self.flags[self.aliases[short]], short=short)

    def beside(self, others: Iterable[FlagTable]) -> FlagTable:
        """One table of several; what is in this one, or in an earlier one, holds."""
        flags, aliases = dict(self.flags), dict(self.aliases)
        for other in others:
            flags = {**other.flags, **flags}
            aliases = {**other.aliases, **aliases}
        return FlagTable(self.title, flags, aliases)

    def _long_name(self, name: str) -> str:
        return name if name in self.flags else self.aliases.get(f"--{name}", "")


@cache
def stored_table(project: str, version: str, part: str, *, title: str) -> FlagTable:
    """A generated table. Raises FileNotFoundError or KeyError for what was never generated."""
    found = _document(project, version)["parts"][part]
    flags = {name: FlagKind(kind) for kind, names in found["kinds"].items() for name in names}
    return FlagTable(title, flags, found["aliases"])


@cache
def _document(project: str, version: str) -> Any:
    folder = resources.files("airunway.engines.tables")
    return json.loads(folder.joinpath(f"{project}-{version}.json").read_text(encoding="utf-8"))
