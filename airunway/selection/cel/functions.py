"""What the declared functions do with values. Semantics: cel-go 0.26 with default options.

Each takes the meter first and charges it for work that grows with the data. Raises CelError.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import re2  # type: ignore[import-untyped]  # google-re2 has no stubs

from airunway.selection.cel import arithmetic, conversions
from airunway.selection.cel.errors import CelError, Fault, no_overload
from airunway.selection.cel.values import (
    MISSING,
    CelMap,
    Meter,
    TypeValue,
    UInt,
    compare,
    equal,
    is_map,
    map_find,
    type_name,
)

MAX_PATTERN_LENGTH = 1000
_PATTERN_MEMORY = 1 << 20
_PATTERN_COST = 2000
_Compiled = type(re2.compile(""))


def contained(charge: Meter, item: Any, within: Any) -> bool:
    """Whether a list has an equal element, or a map the key."""
    if isinstance(within, list):
        charge(len(within))
        return any(equal(item, entry, charge) for entry in within)
    if is_map(within):
        if isinstance(item, bytes) and isinstance(within, CelMap) and len(within):
            raise Fault("bytes cannot be the key of a map")
        return map_find(within, item) is not MISSING
    raise no_overload("in")


def index(charge: Meter, within: Any, key: Any) -> Any:
    """An element of a list, or the value of a key."""
    if not isinstance(key, str | bool | int | float):
        raise CelError(f"invalid qualifier type: {type_name(key)}")
    if is_map(within):
        value = map_find(within, key)
        if value is MISSING:
            raise CelError(f"no such key: {str(key)[:40]}")
        return value
    if not isinstance(within, list):
        raise CelError(f"no such key: {str(key)[:40]}")
    if type(key) is float and key.is_integer():
        key = int(key)
    if type(key) not in (int, UInt):
        raise CelError(f"unsupported index type '{type_name(key)}' in list")
    if not 0 <= key < len(within):
        raise CelError(f"index out of bounds: {key}")
    return within[key]


def size(charge: Meter, value: Any) -> int:
    """Characters, bytes, elements or entries."""
    if isinstance(value, str | bytes | list | dict | CelMap):
        return len(value)
    raise no_overload("size")


def matches(charge: Meter, text: Any, pattern: Any) -> bool:
    """RE2, anywhere in the text. The pattern may be compiled already."""
    if type(text) is not str:
        raise no_overload("matches")
    if isinstance(pattern, str):
        charge(_PATTERN_COST)
        pattern = compiled(pattern)
    elif not isinstance(pattern, _Compiled):
        raise no_overload("matches")
    charge(len(text) >> 4)  # RE2 takes time in proportion to the text
    try:
        return pattern.search(text) is not None
    except UnicodeError:
        raise CelError("text is not valid Unicode") from None


def compiled(pattern: str) -> Any:
    """A pattern ready for `matches`. Raises CelError."""
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise CelError(f"pattern is longer than {MAX_PATTERN_LENGTH} characters")
    options = re2.Options()
    options.log_errors = False
    options.max_mem = _PATTERN_MEMORY
    try:
        return re2.compile(pattern, options=options)
    except (re2.error, UnicodeError) as err:
        raise CelError(f"error parsing regexp: {str(err)[:80]}") from None


def _texts(function: str, test: Callable[[str, str], bool]) -> Callable[..., bool]:
    def run(charge: Meter, text: Any, part: Any) -> bool:
        if type(text) is not str or type(part) is not str:
            raise no_overload(function)
        charge(len(text) >> 6)
        return test(text, part)

    return run


def _typed(charge: Meter, value: Any) -> TypeValue:
    return TypeValue(type_name(value))


RUNTIME: dict[str, Callable[..., Any]] = {
    "!_": arithmetic.inverse,
    "-_": arithmetic.negate,
    "_==_": lambda charge, left, right: equal(left, right, charge),
    "_!=_": lambda charge, left, right: not equal(left, right, charge),
    "_<_": lambda charge, left, right: compare(left, right, charge) < 0,
    "_<=_": lambda charge, left, right: compare(left, right, charge) <= 0,
    "_>_": lambda charge, left, right: compare(left, right, charge) > 0,
    "_>=_": lambda charge, left, right: compare(left, right, charge) >= 0,
    "_+_": arithmetic.add,
    "_-_": arithmetic.subtract,
    "_*_": arithmetic.multiply,
    "_/_": arithmetic.divide,
    "_%_": arithmetic.modulo,
    "_in_": contained,
    "_[_]": index,
    "size": size,
    "type": _typed,
    "bool": conversions.to_bool,
    "bytes": conversions.to_bytes,
    "double": conversions.to_double,
    "int": conversions.to_int,
    "string": conversions.to_string,
    "uint": conversions.to_uint,
    "matches": matches,
    "contains": _texts("contains", lambda text, part: part in text),
    "endsWith": _texts("endsWith", str.endswith),
    "startsWith": _texts("startsWith", str.startswith),
}
"""What each declared function does. Not here: `dyn`, which is celpy's, and `||`, `&&` and `? :`, which do not
evaluate all arguments."""


class Metered(dict[str, Callable[..., Any]]):
    """The functions in the form of celpy's table, bound to a meter when they are first called.

    A name like `bytes@string` is the one overload whose first argument has this type.
    """

    def __init__(self, charge: Meter) -> None:
        super().__init__()
        self._charge = charge

    def __missing__(self, name: str) -> Callable[..., Any]:
        function, _, kind = name.partition("@")
        bound = partial(RUNTIME[function], self._charge)
        self[name] = _only(bound, kind, function) if kind else bound
        return self[name]


def _only(run: Callable[..., Any], kind: str, function: str) -> Callable[..., Any]:
    def checked(first: Any, *rest: Any) -> Any:
        if type_name(first) != kind:
            raise no_overload(f"{function}({type_name(first)})")
        return run(first, *rest)

    return checked
