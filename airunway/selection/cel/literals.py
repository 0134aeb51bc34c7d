"""Text and bytes literals: taken out of an expression before celpy parses it, and trailing commas.

celpy finds literals with regular expressions that take exponential time on some texts, and it takes escapes
that CEL does not have. So each is read here, and celpy sees the number of it in quotes. Nor does celpy know
the comma that may end a list or map.
"""

from __future__ import annotations

import re

from airunway.selection.cel.errors import CompileError

_ESCAPE = r"""\\(?:[abfnrtv"'\\?`]|[0-3][0-7]{2}|[xX][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8})"""
_PARTS = re.compile(
    rf"""
      (?P<text> [bB]?(?:
          [rR](?: \"\"\"[\s\S]*?\"\"\" | '''[\s\S]*?''' | "[^"\n\r]*" | '[^'\n\r]*' )
        | \"\"\"(?:{_ESCAPE}|[^\\])*?\"\"\" | '''(?:{_ESCAPE}|[^\\])*?'''
        | "(?:{_ESCAPE}|[^\\"\n\r])*" | '(?:{_ESCAPE}|[^\\'\n\r])*' ) )
    | (?P<comment> //[^\n]* )
    | (?P<other> [A-Za-z_][A-Za-z0-9_]* | [^A-Za-z_"'/]+ | / )
    """,
    re.VERBOSE,
)
_TRAILING_COMMA = re.compile(r",(?=[\t \r\n\f]*[\]}])")
_SIMPLE_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}
_ESCAPES = re.compile(_ESCAPE)


def taken_out(text: str) -> tuple[str, list[str | bytes]]:
    """The expression with a number in place of each literal, and the literals. Raises CompileError."""
    parts: list[str] = []
    found: list[str | bytes] = []
    at = 0
    while at < len(text):
        match = _PARTS.match(text, at)
        if match is None:
            raise CompileError(f"syntax error at {at + 1}: {text[at : at + 20]!r}")
        if match.lastgroup == "text":
            parts.append(f'"{len(found)}"')
            found.append(_value(match.group()))
        else:
            parts.append(match.group() if match.lastgroup == "other" else " ")
        at = match.end()
    return _TRAILING_COMMA.sub("", "".join(parts)), found


def _value(text: str) -> str | bytes:
    is_bytes = text[0] in "bB"
    body = text[1:] if is_bytes else text
    raw = body[0] in "rR"
    body = body[1:] if raw else body
    quote = 3 if body.startswith(('"""', "'''")) else 1
    body = body[quote : len(body) - quote]
    if raw:
        return body.encode() if is_bytes else body
    if not is_bytes:
        return _ESCAPES.sub(lambda match: chr(_code_point(match.group())), body)
    parts, at = [], 0
    for match in _ESCAPES.finditer(body):
        parts += [body[at : match.start()].encode(), bytes([_byte(match.group())])]
        at = match.end()
    return b"".join([*parts, body[at:].encode()])


def _code_point(escape: str) -> int:
    code = _escaped(escape)
    if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise CompileError(f"invalid unicode code point {escape}")
    return code


def _byte(escape: str) -> int:
    if escape[1] in "uU":
        raise CompileError(f"{escape} is not possible in bytes")
    return _escaped(escape)


def _escaped(escape: str) -> int:
    head = escape[1]
    if head in _SIMPLE_ESCAPES:
        return ord(_SIMPLE_ESCAPES[head])
    if head in "xXuU":
        return int(escape[2:], 16)
    return int(escape[1:], 8) if head in "0123" else ord(head)
