"""How many words a flag takes on an engine's command line, as far as any table of that engine knows.

Apart from `grammars`, which say what one version of a program reads: who judges a command line without
knowing which version will read it asks for the fewest words, so that nothing passes for the value of a flag
that takes none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from airunway.engines.flag_table import NEGATION, FlagKind, canonical, stored_tables

ANY_NUMBER = 1_000_000
_WITH_ALL = "dynamo"
"""Its workers read their own flags beside an engine's."""


def words_taken(written: str, engine: str) -> int:
    """The fewest words that a flag, written with its dashes and without `=`, takes for its values.

    `engine`: as `spec.engine.type` says it. The beginning of a name counts as each that it may stand for. A
    long name that nobody knows takes one, a short one none: `-O3` has its value in it.
    """
    flags = _flags(engine)
    is_long = written.startswith("--")
    name = f"{'--' if is_long else '-'}{canonical(written).partition('.')[0]}"
    if name in flags:
        return flags[name]
    if not is_long:
        return 0
    meant = [count for flag, count in flags.items() if flag.startswith(name)]
    return min(meant, default=0 if name.startswith(f"--{NEGATION}") else 1)


@cache
def _flags(project: str) -> Mapping[str, int]:
    """Of the options of a project, and of Dynamo beside it, with their dashes."""
    beside = _flags(_WITH_ALL) if project != _WITH_ALL else {}
    found: dict[str, int] = {}
    for table in stored_tables(project):
        options = {f"--{name}": kind for name, kind in table.flags.items()}
        options |= {alias: table.flags[name] for alias, name in table.aliases.items()}
        options |= {f"--{NEGATION}{name}": kind for name, kind in table.flags.items() if kind.is_switch}
        for option, kind in options.items():
            found[option] = min(_words(kind), found.get(option, ANY_NUMBER))
    return {**beside, **found}


def _words(kind: FlagKind) -> int:
    if kind.is_switch:
        return 0
    return ANY_NUMBER if kind in (FlagKind.LIST, FlagKind.NUMBERS) else 1
