"""Server flags in `engine.args` and `engine.extraArgs`: their names, compared as the server reads them.

vLLM reads `--max_model_len` and `--max-model-len` as one flag, `-tp` as `--tensor-parallel-size`, and
`--no-enable-prefix-caching` as the opposite of `--enable-prefix-caching`: a `Grammar` knows what is one.
Source: vllm.md §9, weak spot 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airunway.api.model_deployment import ModelDeployment
from airunway.engines import arguments
from airunway.engines.flag_table import NEGATION, canonical
from airunway.engines.grammars import Grammar
from airunway.provider.contract import RenderError

_KEY = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def engine_args(deployment: ModelDeployment) -> dict[str, str]:
    """`spec.engine.args`; empty when absent."""
    engine = deployment.spec.engine
    return dict(engine.args or {}) if engine else {}


def extra_args(deployment: ModelDeployment) -> list[str]:
    """`spec.engine.extraArgs`; empty when absent."""
    engine = deployment.spec.engine
    return list(engine.extra_args or ()) if engine else []


def flag_of(token: str) -> str:
    """Flag name of an argument as written: `--a_b=1` gives `a_b`; empty for values, `-x` and `---x`."""
    if not token.startswith("--") or token.startswith("---"):
        return ""
    return token[2:].partition("=")[0].strip()


def explicit_flags(deployment: ModelDeployment, grammar: Grammar) -> set[str]:
    """Long names of the flags that the user sets or negates, in either field."""
    given = {long_name(grammar, key) for key in engine_args(deployment)}
    given |= {long_name(grammar, token) for token in extra_args(deployment) if _is_flag(grammar, token)}
    return given | {name.removeprefix(NEGATION) for name in given}


def value_of(deployment: ModelDeployment, flag: str, grammar: Grammar) -> str:
    """The last value that the user gives a flag, in either field and any spelling; empty without one."""
    found = ""
    for key, value in sorted(engine_args(deployment).items()):
        found = value if long_name(grammar, key) == flag else found
    tokens = extra_args(deployment)
    for index, token in enumerate(tokens):
        if _is_flag(grammar, token) and long_name(grammar, token) == flag:
            _, given, value = token.partition("=")
            found = value if given else next(iter(tokens[index + 1 : index + 2]), "")
    return found


def long_name(grammar: Grammar, written: str) -> str:
    """The name by which the tables know a flag; as it is written when none does. Keeps a `no-`."""
    found = grammar.meant.find(written)
    if found is None:
        return canonical(written)
    return f"{NEGATION}{found.name}" if found.negated else found.name


def _is_flag(grammar: Grammar, token: str) -> bool:
    return bool(flag_of(token)) or (token.startswith("-") and grammar.meant.find(token) is not None)


def refuse_reserved(deployment: ModelDeployment, reserved: frozenset[str], grammar: Grammar) -> None:
    """Raise RenderError when the user sets a flag that the provider needs for itself, or its beginning."""
    for key in engine_args(deployment):
        if name := _reserved(key, reserved, grammar):
            raise RenderError(f"spec.engine.args: {name!r} is set by the provider")
    for token in extra_args(deployment):
        is_option = token.startswith("-") and not token.startswith("---")
        if is_option and (name := _reserved(token, reserved, grammar)):
            raise RenderError(f"spec.engine.extraArgs: --{name} is set by the provider")


def _reserved(written: str, reserved: frozenset[str], grammar: Grammar) -> str:
    names = (canonical(written), long_name(grammar, written))
    return next((name for name in names if name in reserved), "")


def refuse_duplicates(deployment: ModelDeployment) -> None:
    """Raise RenderError when one flag, as written, stands in both fields (crds.md §4.3, rule V2)."""
    keys = engine_args(deployment).keys()
    for token in extra_args(deployment):
        flag = flag_of(token)
        if flag and flag in keys:
            raise RenderError(f"spec.engine.extraArgs: --{flag} is also set in spec.engine.args")


def refuse_bad_keys(deployment: ModelDeployment) -> None:
    """Raise RenderError for a key of `engine.args` that is no flag name."""
    for key in engine_args(deployment):
        if not _KEY.fullmatch(key):
            name = key.partition("=")[0]  # what follows may be a key
            raise RenderError(f"spec.engine.args: {name!r} is not a flag name; write it without dashes")


def rendered_args(args: Mapping[str, str], grammar: Grammar) -> list[str]:
    """The entries as the engine reads them, keys sorted bytewise.

    `--<key> <value>`, and for an empty value a bare flag; switches by their word, lists by their items.
    """
    return [token for key in sorted(args) for token in arguments.written(grammar, key, args[key])]


def command_line(
    deployment: ModelDeployment,
    *flags: tuple[str, str | None] | None,
    grammar: Grammar,
    reserved: frozenset[str],
) -> list[str]:
    """Flags that follow from other fields, then the user's of both fields.

    A flag that the user sets, in any spelling, replaces the one that follows from another field. Raises
    RenderError for a flag that cannot be given.
    """
    refuse_reserved(deployment, reserved, grammar)
    refuse_duplicates(deployment)
    refuse_bad_keys(deployment)
    return [
        *derived(explicit_flags(deployment, grammar), *flags),
        *rendered_args(engine_args(deployment), grammar),
        *arguments.normalised(grammar, extra_args(deployment)),
    ]


def derived(explicit: Iterable[str], *flags: tuple[str, str | None] | None) -> list[str]:
    """Flags that follow from other fields, without those the user sets. None entries do not apply.

    Each is (name, value); a value of None makes a bare flag.
    """
    taken = frozenset(explicit)
    rendered = []
    for entry in flags:
        if entry is not None and entry[0] not in taken:
            rendered += [f"--{entry[0]}"] if entry[1] is None else [f"--{entry[0]}", entry[1]]
    return rendered
