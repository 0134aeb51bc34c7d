"""Flags of llama.cpp's server, from its `common/arg.cpp`."""

from __future__ import annotations

import re
from pathlib import Path

from tools.generate.flag_sources.argument_calls import Flag

_NAMES = re.compile(r"\{([^{}]*)\}")
_TEXT = re.compile(r'"(-[^"]*)"')
_HANDLER = re.compile(r"\[[^\]]*\]\s*\((common_params[^)]*)\)")
_EXAMPLES = re.compile(r"\.set_examples\(\{([^}]*)\}\)")


def flags(source: Path) -> list[Flag]:
    """Those that every program has, and those of the server alone."""
    text = source.read_text(encoding="utf-8")
    starts = [match.start() for match in re.finditer(r"add_opt\(common_arg\(", text)]
    found = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        flag = _flag(text[start:end])
        if flag:
            found.append(flag)
    return found


def _flag(entry: str) -> Flag | None:
    examples = _EXAMPLES.search(entry)
    if examples and "LLAMA_EXAMPLE_SERVER" not in examples[1] and "LLAMA_EXAMPLE_COMMON" not in examples[1]:
        return None
    groups = _NAMES.findall(entry)
    handler = _HANDLER.search(entry)
    if not groups or not handler:
        return None
    names = _TEXT.findall(groups[0])
    if not names:
        return None
    return _kind(handler[1]), names


def _kind(parameters: str) -> str:
    values = [part for part in parameters.split(",")[1:] if part.strip()]
    if not values:
        return "switch"
    if len(values) > 1:
        return "list"
    if "bool" in values[0]:
        return "negatable"
    return "number" if "int " in f"{values[0]} " else "text"
