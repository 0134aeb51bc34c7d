"""Flags of the vLLM engine: as one text for an image of the user's, as options for Ray Serve LLM.

Source: kuberay.md §7.6 and weak spot 5. Flags compare as in the Direct vLLM provider: what the user sets,
in any spelling, replaces what follows from another field.
"""

from __future__ import annotations

import json
import math
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import RenderError, flags, rendering

RESERVED = frozenset({"host", "port"})
"""Ray Serve listens, not the engine."""
SPANNING = ("pipeline-parallel-size", "data-parallel-size")
"""Flags that multiply the workers of an engine."""

_PREFIX_CACHING = "enable-prefix-caching"
_NEGATION = "no-"
_TEXT_OPTIONS = frozenset(
    {"model", "served-model-name", "tokenizer", "revision", "code-revision", "tokenizer-revision"}
)
"""Options whose value is a text even when it looks like a number."""
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_NEGATIVE_NUMBER = re.compile(r"-[0-9.]")
_SIZE = re.compile(r"[0-9]{1,9}")
_SWITCH = {"true": True, "True": True, "false": False, "False": False}


def refuse_bad_flags(deployment: ModelDeployment) -> None:
    """Raise RenderError for flags that no engine can be given."""
    flags.refuse_reserved(deployment, RESERVED)
    flags.refuse_duplicates(deployment)
    flags.refuse_bad_keys(deployment)


def tensor_parallel_size(deployment: ModelDeployment, *, gpus: int, workers: int) -> int:
    """GPUs over which an engine is spread when the user does not say it: all of one worker.

    1 when the pipeline or data parallel size of the user's would then ask for more workers than there are.
    """
    spans = 1
    for flag in SPANNING:
        size = flags.value_of(deployment, flag)
        spans *= max(1, int(size)) if _SIZE.fullmatch(size) else 1
    return gpus if spans <= max(1, workers) else 1


def argument_text(deployment: ModelDeployment, *, tensor_parallel: int) -> str:
    """The command line as one text, each token quoted for a shell where it needs it."""
    explicit = flags.explicit_flags(deployment)
    tokens = [
        *flags.derived(
            explicit,
            *_from_fields(deployment, tensor_parallel, caches_explicitly=_PREFIX_CACHING in explicit),
        ),
        *flags.rendered_args(flags.engine_args(deployment)),
        *flags.extra_args(deployment),
    ]
    return shlex.join(tokens)


def engine_options(deployment: ModelDeployment, *, tensor_parallel: int) -> dict[str, Any]:
    """The same flags as options by vLLM's names (`max_model_len`), with values of their own types.

    Raises RenderError for an argument that is neither a flag nor the value of one.
    """
    options: dict[str, Any] = {}
    for flag in _from_fields(deployment, tensor_parallel, caches_explicitly=False):
        if flag is not None:
            options |= _option(flag[0], [] if flag[1] is None else [flag[1]])
    for key, value in sorted(flags.engine_args(deployment).items()):
        options |= _option(key, [value] if value else [])
    for name, values in _parsed(flags.extra_args(deployment)):
        options |= _option(name, values)
    return options


def _from_fields(
    deployment: ModelDeployment, tensor_parallel: int, *, caches_explicitly: bool
) -> list[tuple[str, str | None] | None]:
    model, engine = deployment.spec.model, deployment.spec.engine
    length = engine.context_length if engine else None
    # True is the CRD's default and the engine's own, so only an explicit false says something.
    uncached = bool(engine and engine.enable_prefix_caching is False) and not caches_explicitly
    return [
        ("model", rendering.model_id(deployment)) if rendering.model_id(deployment) else None,
        ("max-model-len", str(length)) if length is not None else None,
        ("served-model-name", model.served_name) if model.served_name else None,
        ("trust-remote-code", None) if engine and engine.trust_remote_code else None,
        ("enforce-eager", None) if engine and engine.enforce_eager else None,
        (_NEGATION + _PREFIX_CACHING, None) if uncached else None,
        ("tensor-parallel-size", str(tensor_parallel)) if tensor_parallel > 1 else None,
    ]


def _parsed(tokens: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Flags of `engine.extraArgs` with the values that follow each."""
    name: str = ""
    values: list[str] = []
    for number, token in enumerate(tokens, start=1):
        flag = flags.flag_of(token) or _short_form(token)
        if flag:
            if name:
                yield name, values
            name, values = flag, [token.partition("=")[2]] if "=" in token else []
        elif not name or (token.startswith("-") and not _NEGATIVE_NUMBER.match(token)):
            raise RenderError(
                f"spec.engine.extraArgs: entry {number} is no flag that Ray Serve LLM can be given; "
                "write --flag or --flag=value"
            )
        else:
            values.append(token)
    if name:
        yield name, values


def _short_form(token: str) -> str:
    name = flags.canonical(token)
    return flags.SHORT_FORMS.get(name, "") if token.startswith("-") else ""


def _option(flag: str, values: Sequence[str]) -> dict[str, Any]:
    name = flags.canonical(flag)
    name = flags.SHORT_FORMS.get(name, name)
    if not values:
        is_negated = name.startswith(_NEGATION)
        return {name.removeprefix(_NEGATION).replace("-", "_"): not is_negated}
    typed = [value if name in _TEXT_OPTIONS else _typed(value) for value in values]
    return {name.replace("-", "_"): typed[0] if len(typed) == 1 else typed}


def _typed(text: str) -> Any:
    """A flag's value as vLLM's own parser would see it: number, switch, JSON, or the text itself."""
    if text in _SWITCH:
        return _SWITCH[text]
    if not (_NUMBER.fullmatch(text) or text.startswith(("{", "["))):
        return text
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        json.dumps(value, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def _refuse_constant(word: str) -> Any:
    raise ValueError(word)
