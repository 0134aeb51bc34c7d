"""Flags of the vLLM engine: as one text for an image of the user's, as options for Ray Serve LLM.

Source: kuberay.md §7.6 and weak spot 5. Flags compare as in the Direct vLLM provider: what the user sets,
in any spelling, replaces what follows from another field.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.engines import arguments
from airunway.engines.flag_table import NEGATION, canonical
from airunway.engines.grammars import RAY_VLLM, Grammar, ray_serve_llm, vllm_release, vllm_serve
from airunway.provider import ArgumentRules, RenderError, flags, rendering
from airunway.provider.argument_rules import said_by_fields

RESERVED = frozenset({"host", "port"})
"""Ray Serve listens, not the engine."""
SPANNING = ("pipeline-parallel-size", "data-parallel-size")
"""Flags that multiply the workers of an engine."""

_PREFIX_CACHING = "enable-prefix-caching"
_SERVED_NAME = "served-model-name"
"""A list to vLLM, one name to Ray Serve LLM."""
_NEGATIVE_NUMBER = re.compile(r"-[0-9.]")
_SIZE = re.compile(r"[0-9]{1,9}")


def refuse_bad_flags(deployment: ModelDeployment) -> None:
    """Raise RenderError for flags that no engine can be given."""
    flags.refuse_reserved(deployment, RESERVED, _grammar(deployment))
    flags.refuse_duplicates(deployment)
    flags.refuse_bad_keys(deployment)


def tensor_parallel_size(deployment: ModelDeployment, *, gpus: int, workers: int) -> int:
    """GPUs over which an engine is spread when the user does not say it: all of one worker.

    1 when the pipeline or data parallel size of the user's would then ask for more workers than there are.
    """
    spans = 1
    for flag in SPANNING:
        size = flags.value_of(deployment, flag, _grammar(deployment))
        spans *= max(1, int(size)) if _SIZE.fullmatch(size) else 1
    return gpus if spans <= max(1, workers) else 1


def argument_text(deployment: ModelDeployment, *, tensor_parallel: int) -> str:
    """The command line as one text, each token quoted for a shell where it needs it."""
    explicit = flags.explicit_flags(deployment, _grammar(deployment))
    tokens = [
        *flags.derived(
            explicit,
            *_from_fields(deployment, tensor_parallel, caches_explicitly=_PREFIX_CACHING in explicit),
        ),
        *flags.rendered_args(flags.engine_args(deployment), _grammar(deployment)),
        *arguments.normalised(_grammar(deployment), flags.extra_args(deployment)),
    ]
    return shlex.join(tokens)


def engine_options(deployment: ModelDeployment, *, tensor_parallel: int) -> dict[str, Any]:
    """The same flags as options by vLLM's names (`max_model_len`), with values of their own types.

    Raises RenderError for an argument that is neither a flag nor the value of one.
    """
    grammar = _grammar(deployment)
    options: dict[str, Any] = {}
    for flag in _from_fields(deployment, tensor_parallel, caches_explicitly=False):
        if flag is not None:
            options |= _option(grammar, flag[0], [] if flag[1] is None else [flag[1]])
    for key, value in sorted(flags.engine_args(deployment).items()):
        options |= _option(grammar, key, [value] if value else [])
    tokens = arguments.normalised(grammar, flags.extra_args(deployment))
    for name, values in _parsed(grammar, tokens):
        options |= _option(grammar, name, values)
    return options


def argument_rules(deployment: ModelDeployment) -> ArgumentRules:
    """How the engine reads its arguments, as options or as one text."""
    is_own = bool(rendering.serving_image_override(deployment))
    grammar = _grammar(deployment) if is_own else ray_serve_llm()
    return ArgumentRules(grammar=grammar, owned=said_by_fields(deployment))


def _grammar(deployment: ModelDeployment) -> Grammar:
    return vllm_serve(vllm_release(rendering.serving_image_override(deployment), default=RAY_VLLM))


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
        (NEGATION + _PREFIX_CACHING, None) if uncached else None,
        ("tensor-parallel-size", str(tensor_parallel)) if tensor_parallel > 1 else None,
    ]


def _parsed(grammar: Grammar, tokens: Sequence[str]) -> Iterator[tuple[str, list[str]]]:
    """Flags of `engine.extraArgs` with the values that follow each."""
    name: str = ""
    values: list[str] = []
    for number, token in enumerate(tokens, start=1):
        flag = f"--{flags.flag_of(token)}" if flags.flag_of(token) else _short_form(grammar, token)
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


def _short_form(grammar: Grammar, token: str) -> str:
    found = grammar.meant.find(token) if token.startswith("-") else None
    return f"--{found.name}" if found else ""


def _option(grammar: Grammar, flag: str, values: Sequence[str]) -> dict[str, Any]:
    """One option by the name of its field, with the value that vLLM's own parser would give it."""
    found = grammar.meant.find(flag)
    if found is None and not values:
        name = canonical(flag)
        return {name.removeprefix(NEGATION).replace("-", "_"): not name.startswith(NEGATION)}
    name = found.name if found else canonical(flag)
    value = arguments.typed(found, values)
    if name == _SERVED_NAME and isinstance(value, list) and len(value) == 1:
        value = value[0]
    return {name.replace("-", "_"): value}
