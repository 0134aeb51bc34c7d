"""The standard functions and operators with their types, and the names of types.

Order matters where several fit: the first gives the result type, unless later ones disagree. Comparisons of
numbers of different types are declared but mostly switched off: see `Overload.mixed`.
Source: common/stdlib of cel-go 0.26 with default options.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunway.selection.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    NULL,
    STRING,
    TIMESTAMP,
    UINT,
    Type,
    list_of,
    map_of,
    param,
    type_of,
)

A, B = param("A"), param("B")
LIST, MAP = list_of(A), map_of(A, B)


@dataclass(frozen=True, slots=True)
class Overload:
    """One signature. `member`: written as `first.function(rest)`.

    `mixed`: a comparison of, say, an int with a double. The reference switches these off, and by mistake on
    again for what it checks after entering the first macro of an expression.
    """

    args: tuple[Type, ...]
    result: Type
    member: bool = False
    mixed: bool = False

    @property
    def generic(self) -> bool:
        """Whether it has type parameters."""
        return any(part[0] in ("param", "list", "map") for part in self.args)


def _same(*kinds: Type) -> list[Overload]:
    return [Overload((kind, kind), kind) for kind in kinds]


def _compared() -> list[Overload]:
    pairs = [(BOOL, BOOL), (INT, INT), (INT, DOUBLE), (INT, UINT), (UINT, UINT), (UINT, DOUBLE), (UINT, INT)]
    pairs += [(DOUBLE, DOUBLE), (DOUBLE, INT), (DOUBLE, UINT)]
    pairs += [(kind, kind) for kind in (STRING, BYTES, TIMESTAMP, DURATION)]
    return [Overload(pair, BOOL, mixed=pair[0] != pair[1]) for pair in pairs]


def _to(result: Type, *kinds: Type) -> list[Overload]:
    return [Overload((kind,), result) for kind in kinds]


def _accessor(*, of_duration: bool) -> list[Overload]:
    found = [Overload((TIMESTAMP,), INT, True), Overload((TIMESTAMP, STRING), INT, True)]
    return [*found, Overload((DURATION,), INT, True)] if of_duration else found


FUNCTIONS: dict[str, list[Overload]] = {
    "_?_:_": [Overload((BOOL, A, A), A)],
    "!_": [Overload((BOOL,), BOOL)],
    "-_": [Overload((DOUBLE,), DOUBLE), Overload((INT,), INT)],
    **{name: [Overload((A, A), BOOL)] for name in ("_==_", "_!=_")},
    **{name: _compared() for name in ("_<_", "_<=_", "_>_", "_>=_")},
    "_+_": [
        *_same(BYTES, DOUBLE, DURATION),
        Overload((DURATION, TIMESTAMP), TIMESTAMP),
        Overload((TIMESTAMP, DURATION), TIMESTAMP),
        *_same(INT, LIST, STRING, UINT),
    ],
    "_-_": [
        *_same(DOUBLE, DURATION, INT),
        Overload((TIMESTAMP, DURATION), TIMESTAMP),
        Overload((TIMESTAMP, TIMESTAMP), DURATION),
        *_same(UINT),
    ],
    "_*_": _same(DOUBLE, INT, UINT),
    "_/_": _same(DOUBLE, INT, UINT),
    "_%_": _same(INT, UINT),
    "_in_": [Overload((A, LIST), BOOL), Overload((A, MAP), BOOL)],
    "_[_]": [Overload((LIST, INT), A), Overload((MAP, A), B)],
    "size": [
        overload
        for kind in (BYTES, LIST, MAP, STRING)
        for overload in (Overload((kind,), INT), Overload((kind,), INT, True))
    ],
    "type": [Overload((A,), type_of(A))],
    "dyn": [Overload((A,), DYN)],
    "bool": _to(BOOL, BOOL, STRING),
    "bytes": _to(BYTES, BYTES, STRING),
    "double": _to(DOUBLE, DOUBLE, INT, STRING, UINT),
    "duration": _to(DURATION, DURATION, INT, STRING),
    "int": _to(INT, INT, DOUBLE, DURATION, STRING, TIMESTAMP, UINT),
    "string": _to(STRING, STRING, BOOL, BYTES, DOUBLE, DURATION, INT, TIMESTAMP, UINT),
    "timestamp": _to(TIMESTAMP, TIMESTAMP, INT, STRING),
    "uint": _to(UINT, UINT, DOUBLE, INT, STRING),
    "matches": [Overload((STRING, STRING), BOOL), Overload((STRING, STRING), BOOL, True)],
    **{name: [Overload((STRING, STRING), BOOL, True)] for name in ("contains", "endsWith", "startsWith")},
    **{
        name: _accessor(of_duration=False)
        for name in ("getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek")
    },
    **{
        name: _accessor(of_duration=True)
        for name in ("getHours", "getMinutes", "getSeconds", "getMilliseconds")
    },
}

TYPE_NAMES: dict[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "google.protobuf.Duration": DURATION,
    "google.protobuf.Timestamp": TIMESTAMP,
    "int": INT,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "string": STRING,
    "type": type_of(DYN),
    "uint": UINT,
}
"""Names that stand for a type, like `int` in `type(x) == int`."""

BOUND_ONE_BY_ONE = {name for name in FUNCTIONS if name.startswith("get")} | {
    *("bool", "bytes", "double", "duration", "int", "string", "timestamp", "uint")
}
"""Functions whose overloads are implemented one by one, see `Call.only`."""
