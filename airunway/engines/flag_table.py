"""What is known of one program's flags: their names and what may follow each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any

NEGATION = "no-"
_TABLES = "airunway.engines.tables"
MIN_ABBREVIATION = 2
"""Characters. One letter is a name of one dash, or a slip."""


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
    """A flag that was found. `negated`: it was written in its `no-` form; `short`: by a name of one dash;
    `abbreviated`: by the beginning of its name."""

    name: str
    kind: FlagKind
    negated: bool = False
    short: str = ""
    abbreviated: bool = False


@dataclass(frozen=True)
class FlagTable:
    """The flags of one program, or of one part of it. `aliases`: other spellings, with their dashes.

    `abbreviable`: the program takes the beginning of these options' names for the whole, if it is that of no
    other: options without dashes, each with the flag that it sets, and whether to the contrary.
    """

    title: str
    flags: Mapping[str, FlagKind]
    aliases: Mapping[str, str] = field(default_factory=dict)
    abbreviable: Mapping[str, tuple[str, bool]] = field(default_factory=dict)

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
        if not given.startswith("--") and short in self.aliases:
            return Match(self.aliases[short], self.flags[self.aliases[short]], short=short)
        if given.startswith("-") and not given.startswith("--"):
            return None
        meant = self.meant_by(name)
        if len(meant) != 1:
            return None
        ((flag, negated),) = meant
        return Match(flag, self.flags[flag], negated=negated, abbreviated=True)

    def meant_by(self, name: str) -> set[tuple[str, bool]]:
        """Flags that an abbreviation may stand for, and whether for their contrary."""
        if len(name) < MIN_ABBREVIATION:
            return set()
        return {flag for option, flag in self.abbreviable.items() if option.startswith(name)}

    def taking_abbreviations(self) -> FlagTable:
        """The same as a program that takes the beginning of an option for the whole."""
        long = {name: name for name in self.flags}
        long |= {alias[2:]: name for alias, name in self.aliases.items() if alias.startswith("--")}
        options = {option: (name, False) for option, name in long.items()}
        options |= {
            f"{NEGATION}{option}": (name, True)
            for option, name in long.items()
            if self.flags[name] is FlagKind.NEGATABLE
        }
        return replace(self, abbreviable=options)

    def beside(self, others: Iterable[FlagTable]) -> FlagTable:
        """One table of several; what is in this one, or in an earlier one, holds."""
        flags, aliases = dict(self.flags), dict(self.aliases)
        for other in others:
            flags = {**other.flags, **flags}
            aliases = {**other.aliases, **aliases}
        return FlagTable(self.title, flags, aliases, self.abbreviable)

    def _long_name(self, name: str) -> str:
        return name if name in self.flags else self.aliases.get(f"--{name}", "")


@cache
def stored_table(project: str, version: str, part: str, *, title: str) -> FlagTable:
    """A generated table. Raises FileNotFoundError or KeyError for what was never generated."""
    found = _document(project, version)["parts"][part]
    flags = {name: FlagKind(kind) for kind, names in found["kinds"].items() for name in names}
    return FlagTable(title, flags, found["aliases"])


@cache
def stored_tables(project: str) -> tuple[FlagTable, ...]:
    """Every generated table of a project: all its versions, and all parts of each."""
    files = sorted(file.name.removesuffix(".json") for file in resources.files(_TABLES).iterdir())
    versions = [version for of, _, version in (file.partition("-") for file in files) if of == project]
    return tuple(
        stored_table(project, version, part, title=project)
        for version in versions
        for part in sorted(_document(project, version)["parts"])
    )


@cache
def _document(project: str, version: str) -> Any:
    folder = resources.files("airunway.engines.tables")
    return json.loads(folder.joinpath(f"{project}-{version}.json").read_text(encoding="utf-8"))
