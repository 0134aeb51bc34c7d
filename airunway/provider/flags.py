"""Server flags in `engine.args` and `engine.extraArgs`: their names, compared as the server reads them.

vLLM reads `--max_model_len` and `--max-model-len` as one flag, `-tp` as `--tensor-parallel-size`, and
`--no-enable-prefix-caching` as the opposite of `--enable-prefix-caching`. Source: vllm.md §9, weak spot 8.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError

SHORT_FORMS = {
    "tp": "tensor-parallel-size",
    "pp": "pipeline-parallel-size",
    "dp": "data-parallel-size",
}
_NEGATION = "no-"
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


def canonical(flag: str) -> str:
    """A long flag's name as the server knows it: `max_model_len` and `--max-model-len=1` are one."""
    return flag.strip().lstrip("-").partition("=")[0].strip().replace("_", "-")


def explicit_flags(deployment: ModelDeployment) -> set[str]:
    """Canonical names of the flags that the user sets or negates, in either field."""
    given = {canonical(key) for key in engine_args(deployment)}
    for token in extra_args(deployment):
        if flag_of(token):
            given.add(canonical(token))
        elif canonical(token) in SHORT_FORMS and token.startswith("-"):
            given.add(SHORT_FORMS[canonical(token)])
    return given | {name.removeprefix(_NEGATION) for name in given}


def value_of(deployment: ModelDeployment, flag: str) -> str:
    """The last value that the user gives a flag, in either field and any spelling; empty without one."""
    found = ""
    for key, value in sorted(engine_args(deployment).items()):
        found = value if _long_name(canonical(key)) == flag else found
    tokens = extra_args(deployment)
    for index, token in enumerate(tokens):
        name = canonical(token)
        is_short = token.startswith("-") and name in SHORT_FORMS
        if (flag_of(token) or is_short) and _long_name(name) == flag:
            _, given, value = token.partition("=")
            found = value if given else next(iter(tokens[index + 1 : index + 2]), "")
    return found


def _long_name(name: str) -> str:
    return SHORT_FORMS.get(name, name)


def refuse_reserved(deployment: ModelDeployment, reserved: frozenset[str]) -> None:
    """Raise RenderError when the user sets a flag that the provider needs for itself."""
    for key in engine_args(deployment):
        if canonical(key) in reserved:
            raise RenderError(f"spec.engine.args: {canonical(key)!r} is set by the provider")
    for token in extra_args(deployment):
        if token.startswith("-") and not token.startswith("---") and canonical(token) in reserved:
            raise RenderError(f"spec.engine.extraArgs: --{canonical(token)} is set by the provider")


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


def rendered_args(args: Mapping[str, str]) -> list[str]:
    """`--<key> <value>` per entry, keys sorted bytewise; an empty value is a bare flag."""
    rendered = []
    for key in sorted(args):
        rendered += [f"--{key}", args[key]] if args[key] else [f"--{key}"]
    return rendered


def command_line(
    deployment: ModelDeployment,
    *flags: tuple[str, str | None] | None,
    reserved: frozenset[str],
) -> list[str]:
    """Flags that follow from other fields, then the user's of both fields.

    A flag that the user sets, in any spelling, replaces the one that follows from another field. Raises
    RenderError for a flag that cannot be given.
    """
    refuse_reserved(deployment, reserved)
    refuse_duplicates(deployment)
    refuse_bad_keys(deployment)
    return [
        *derived(explicit_flags(deployment), *flags),
        *rendered_args(engine_args(deployment)),
        *extra_args(deployment),
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
