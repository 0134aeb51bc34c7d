"""The standard functions and operators with their types, and the names of types.

Order matters where several fit: the first gives the result type, unless later ones disagree. Comparisons of
numbers of different types are declared but mostly switched off: see `Overload.mixed`. null may stand for a
timestamp or duration there, so `x < null` compiles, and fails where it is evaluated: see `NULL` below.
Source: common/stdlib of cel-go 0.26 with default options.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunway.selection.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DYN,
    INT,
    NULL,
    STRING,
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
    pairs += [(kind, kind) for kind in (STRING, BYTES, NULL)]
    return [Overload(pair, BOOL, mixed=pair[0] != pair[1]) for pair in pairs]


def _to(result: Type, *kinds: Type) -> list[Overload]:
    return [Overload((kind,), result) for kind in kinds]


FUNCTIONS: dict[str, list[Overload]] = {
    "_?_:_": [Overload((BOOL, A, A), A)],
    "!_": [Overload((BOOL,), BOOL)],
    "-_": [Overload((DOUBLE,), DOUBLE), Overload((INT,), INT)],
    **{name: [Overload((A, A), BOOL)] for name in ("_==_", "_!=_")},
    **{name: _compared() for name in ("_<_", "_<=_", "_>_", "_>=_")},
    "_+_": [*_same(BYTES, DOUBLE, INT, LIST, STRING, UINT), Overload((NULL, NULL), DYN)],
    "_-_": [*_same(DOUBLE, INT, UINT), Overload((NULL, NULL), DYN)],
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
    "int": _to(INT, INT, DOUBLE, STRING, UINT, NULL),
    "string": _to(STRING, STRING, BOOL, BYTES, DOUBLE, INT, UINT, NULL),
    "uint": _to(UINT, UINT, DOUBLE, INT, STRING),
    "matches": [Overload((STRING, STRING), BOOL), Overload((STRING, STRING), BOOL, True)],
    **{name: [Overload((STRING, STRING), BOOL, True)] for name in ("contains", "endsWith", "startsWith")},
}

TYPE_NAMES: dict[str, Type] = {
    "bool": BOOL,
    "bytes": BYTES,
    "double": DOUBLE,
    "int": INT,
    "list": list_of(DYN),
    "map": map_of(DYN, DYN),
    "null_type": NULL,
    "string": STRING,
    "type": type_of(DYN),
    "uint": UINT,
}
"""Names that stand for a type, like `int` in `type(x) == int`."""

BOUND_ONE_BY_ONE = {"bool", "bytes", "double", "int", "string", "uint"}
"""Functions whose overloads are implemented one by one, see `Call.only`."""

OF_TIMES = {
    *("timestamp", "duration", "google"),  # the names of their types begin with it
    *("getFullYear", "getMonth", "getDayOfYear", "getDayOfMonth", "getDate", "getDayOfWeek"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
}
"""What the reference declares for timestamps and durations. A spec holds neither: no rule can need them."""
