"""JSON of others, read within bounds: bytes, elements, depth, and the time that nothing else gets.

The decoder of the standard library is C code that lets no other thread run. So a large document is read in
pieces, an element of its lists at a time, and `read_json_off_loop` does that in a thread: the event loop has
its turn in between. What is nested too deep raises for most documents; a Kubernetes list must not be lost for
one of its objects, so `lenient` leaves the part out instead.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

from airunway.api.bounds import MAX_DEPTH, is_deeper_than

OFF_LOOP_BYTES = 128 * 1024
"""From here on reading takes more than a millisecond."""
_PIECES_BYTES = 1024 * 1024
"""Up to here a document is read at once: some 20 ms, 150 ms for one that is made to be slow."""
_SPACE = re.compile(r"[ \t\n\r]*")
_STRUCTURE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*+"?|[\[\]{}]', re.DOTALL)
"""A text without an end reaches to the end, so that nobody looks for one at each of its quotes."""
LEFT_OUT = f"(left out: nested deeper than {MAX_DEPTH} levels)"


class BadDocument(ValueError):
    """What should be JSON is none, or more of it than anything of its kind has. Never quotes it."""


async def read_json_off_loop(data: bytes, *, max_elements: int = 0, lenient: bool = False) -> Any:
    """See `read_json`; a large document is read in a thread."""
    if len(data) <= OFF_LOOP_BYTES:
        return read_json(data, max_elements=max_elements, lenient=lenient)
    return await asyncio.to_thread(read_json, data, max_elements=max_elements, lenient=lenient)


def read_json(data: bytes, *, max_elements: int = 0, lenient: bool = False) -> Any:
    """The value. Raises BadDocument.

    `max_elements`: values of maps and lists, as far as their commas tell; 0: as many as there are bytes for.
    """
    if max_elements and data.count(b",") + data.count(b"[") + data.count(b"{") > max_elements:
        raise BadDocument(f"a JSON document has more than {max_elements} elements")
    try:
        text = data.decode()
        value = _Pieces(text).value() if len(text) > _PIECES_BYTES else _DECODER.decode(text)
    except RecursionError:
        if not lenient:
            raise BadDocument(f"a JSON document is nested deeper than {MAX_DEPTH} levels") from None
        value = _lenient(text)
    except ValueError as err:
        raise BadDocument(f"not JSON: {type(err).__name__}") from err
    return _bounded(value, data, lenient=lenient)


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _lenient(text: str) -> Any:
    try:
        return _DECODER.decode(_flattened(text))
    except (ValueError, RecursionError) as err:
        raise BadDocument(f"not JSON: {type(err).__name__}") from err


def _bounded(value: Any, data: bytes, *, lenient: bool) -> Any:
    # Most documents have too few brackets to be deep; an empty map is none that something lies in.
    opened = data.count(b"{") + data.count(b"[") - data.count(b"{}") - data.count(b"[]")
    if opened < MAX_DEPTH or not is_deeper_than(value, MAX_DEPTH):
        return value
    if not lenient:
        raise BadDocument(f"a JSON document is nested deeper than {MAX_DEPTH} levels")
    _cut(value)
    return value


def _cut(value: Any) -> None:
    """Put LEFT_OUT in place of what lies deeper than MAX_DEPTH."""
    level = [value]
    for depth in range(MAX_DEPTH):
        following = []
        for holder in level:
            for key, child in list(holder.items() if isinstance(holder, dict) else enumerate(holder)):
                if isinstance(child, (dict, list)):
                    following.append(child)
                    if depth == MAX_DEPTH - 1:
                        holder[key] = LEFT_OUT
        level = following


def _flattened(text: str) -> str:
    """A JSON text with LEFT_OUT in place of what lies deeper than MAX_DEPTH."""
    parts, depth, kept_to = [], 0, 0
    for found in _STRUCTURE.finditer(text):
        sign = found[0]
        if sign in "[{":
            depth += 1
            if depth == MAX_DEPTH + 1:
                parts += [text[kept_to : found.start()], json.dumps(LEFT_OUT)]
        elif sign in "]}":
            if depth == MAX_DEPTH + 1:
                kept_to = found.end()
            depth -= 1
    if depth > MAX_DEPTH:
        raise BadDocument("not JSON: it ends within a list or map")
    return "".join([*parts, text[kept_to:]])


class _Pieces:
    """Reads the map or list that a document is, and the lists right in it, an element at a time."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._decode = _DECODER.raw_decode
        self._at = 0

    def value(self) -> Any:
        """The document. Raises ValueError, RecursionError."""
        value = self._map() if self._next() == "{" else self._list() if self._next() == "[" else self._piece()
        if self._next():
            raise ValueError("more than one value")
        return value

    def _next(self) -> str:
        found = _SPACE.match(self._text, self._at)
        assert found is not None
        self._at = found.end()
        return self._text[self._at : self._at + 1]

    def _take(self, *wanted: str) -> str:
        sign = self._next()
        if sign not in wanted:
            raise ValueError("unexpected sign")
        self._at += 1
        return sign

    def _map(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self._take("{")
        if self._next() == "}":
            self._at += 1
            return found
        while True:
            if self._next() != '"':
                raise ValueError("a key is wanted")
            key = self._piece()
            self._take(":")
            found[key] = self._list() if self._next() == "[" else self._piece()
            if self._take(",", "}") == "}":
                return found

    def _list(self) -> list[Any]:
        found: list[Any] = []
        self._take("[")
        if self._next() == "]":
            self._at += 1
            return found
        while True:
            self._next()
            found.append(self._piece())
            if self._take(",", "]") == "]":
                return found

    def _piece(self) -> Any:
        if not self._next():
            raise ValueError("a value is wanted")
        value, self._at = self._decode(self._text, self._at)
        return value
