"""YAML of others, read within bounds: bytes, nodes with their aliases counted out, and depth.

A file of a few lines can stand for billions of nodes by aliases (as copies, as soon as somebody writes it as
JSON, or right away by merge keys), and one that is nested deep enough ends the process within the parser,
which is C. So the events of the text are counted before anything is made of them.
"""

from __future__ import annotations

import asyncio
from typing import Any

import yaml

from airunway.api.bounds import MAX_DEPTH

MAX_BYTES = 16 * 1024 * 1024
MAX_NODES = 1_000_000
"""The largest manifests that charts of providers render have some hundred thousand."""
_MAX_NUMBER = 100
"""Digits; YAML's numbers to the base of sixty take quadratic time."""
_NUMBER = frozenset("+-0123456789_:.xXabcdefABCDEF")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class BadYaml(ValueError):
    """What should be YAML is none, or more of it than anything of its kind has. Never quotes it."""


async def read_yaml_off_loop(text: str) -> list[Any]:
    """See `read_yaml`, in a thread: even a small file takes milliseconds."""
    return await asyncio.to_thread(read_yaml, text)


def read_yaml(text: str) -> list[Any]:
    """The documents of a text. Raises BadYaml."""
    if len(text) > MAX_BYTES:
        raise BadYaml(f"a YAML text has more than {MAX_BYTES} characters")
    try:
        _refuse_bombs(text)
        return list(yaml.load_all(text, Loader=_LOADER))
    except yaml.YAMLError as err:
        mark = getattr(err, "problem_mark", None)
        raise BadYaml("not YAML" + (f", line {mark.line + 1}" if mark else "")) from err
    except BadYaml:
        raise
    except (ValueError, ArithmeticError, LookupError, AttributeError, TypeError, RecursionError) as err:
        # A tag promises what its text is not, as `!!bool maybe`: the library looks it up, or takes it apart.
        raise BadYaml(f"YAML with a value that cannot be read: {type(err).__name__}") from err


def _refuse_bombs(text: str) -> None:
    """Count nodes as if each alias was a copy, over all documents."""
    total = 0
    opened: list[tuple[str | None, int]] = []
    """Anchor of each map and list that is open, and the nodes before it."""
    sizes: dict[str, int] = {}
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.DocumentStartEvent):
            sizes = {}
        elif isinstance(event, yaml.AliasEvent):
            # Within itself it has no size yet: a value that holds itself has no end.
            if event.anchor not in sizes:
                raise BadYaml("a YAML alias stands for nothing, or for what it lies in")
            total += sizes[event.anchor]
        elif isinstance(event, yaml.ScalarEvent):
            total += 1
            if _may_be_number(event) and len(event.value) > _MAX_NUMBER and _NUMBER.issuperset(event.value):
                raise BadYaml(f"a YAML number has more than {_MAX_NUMBER} digits")
            if event.anchor:
                sizes[event.anchor] = 1
        elif isinstance(event, yaml.CollectionStartEvent):
            opened.append((event.anchor, total))
            total += 1
            if event.anchor:
                sizes.pop(event.anchor, None)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            if anchor:
                sizes[anchor] = total - before
        if total > MAX_NODES:
            raise BadYaml(f"a YAML text stands for more than {MAX_NODES} values")
        if len(opened) > MAX_DEPTH:
            raise BadYaml(f"a YAML text is nested deeper than {MAX_DEPTH} levels")


def _may_be_number(event: yaml.ScalarEvent) -> bool:
    """Whether it is read as one, if it looks so: without quotes, or by a tag, whatever its quotes are."""
    return bool(event.implicit[0]) or bool(event.tag)
