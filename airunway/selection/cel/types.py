"""Static types and their unification, as the type checker of cel-go 0.26 does it.

A type is a tuple of its kind and parameters: `("int",)`, `("list", element)`, `("map", key, value)`,
`("type", of)`, `("param", name)`. `dyn` fits everything; what a rule reads from `spec` is `dyn`.
"""

from __future__ import annotations

from typing import TypeAlias

Type: TypeAlias = "tuple[str | Type, ...]"

BOOL: Type = ("bool",)
BYTES: Type = ("bytes",)
DOUBLE: Type = ("double",)
DYN: Type = ("dyn",)
INT: Type = ("int",)
NULL: Type = ("null_type",)
STRING: Type = ("string",)
UINT: Type = ("uint",)


def list_of(element: Type) -> Type:
    """The type of lists of one element type."""
    return ("list", element)


def map_of(key: Type, value: Type) -> Type:
    """The type of maps."""
    return ("map", key, value)


def type_of(of: Type) -> Type:
    """The type of a type."""
    return ("type", of)


def param(name: str) -> Type:
    """A type parameter."""
    return ("param", name)


def params(of: Type) -> tuple[Type, ...]:
    """The parameters of a list, map or type."""
    return tuple(part for part in of[1:] if isinstance(part, tuple))


class Substitutions:
    """What the type parameters of one expression stand for. A failed attempt leaves no trace."""

    def __init__(self) -> None:
        self._bound: dict[Type, Type] = {}
        self._undo: list[tuple[Type, Type | None]] = []
        self._count = 0

    def fresh(self) -> Type:
        """A type parameter that stands for nothing yet."""
        self._count += 1
        return param(f"_{self._count}")

    def assignable(self, left: tuple[Type, ...], right: tuple[Type, ...]) -> bool:
        """Whether each type fits its counterpart; binds parameters when all do."""
        self._undo = []
        if len(left) == len(right) and all(self._fits(a, b) for a, b in zip(left, right, strict=True)):
            return True
        for name, before in reversed(self._undo):
            if before is None:
                del self._bound[name]
            else:
                self._bound[name] = before
        return False

    def apply(self, of: Type) -> Type:
        """The type with every bound parameter replaced."""
        if of in self._bound:
            return self.apply(self._bound[of])
        if of[0] in ("list", "map", "type"):
            return (of[0], *(self.apply(part) for part in params(of)))
        return of

    def _bind(self, name: Type, of: Type) -> None:
        self._undo.append((name, self._bound.get(name)))
        self._bound[name] = of

    def _fits(self, left: Type, right: Type) -> bool:
        if right[0] == "param":
            fits, bound = self._substitutes(left, right)
            if fits or bound:
                return fits
        if left[0] == "param":
            return self._substitutes(right, left)[0]
        if "dyn" in (left[0], right[0]):
            return True
        if left[0] != right[0]:
            return False
        if left[0] == "type":
            return True
        return all(self._fits(a, b) for a, b in zip(params(left), params(right), strict=True))

    def _substitutes(self, of: Type, name: Type) -> tuple[bool, bool]:
        """Whether a parameter can stand for a type, and whether it stood for one already."""
        if of == name:
            return True, True
        bound = self._bound.get(name)
        if bound is not None:
            if of == bound:
                return True, True
            if not self._fits(of, bound):
                return False, True
            wider = most_general(of, bound)
            if self._not_within(name, wider):
                self._bind(name, wider)
            return True, True
        if self._not_within(name, of):
            self._bind(name, of)
            return True, False
        return False, False

    def _not_within(self, name: Type, of: Type) -> bool:
        if name == of:
            return False
        if of[0] == "param":
            bound = self._bound.get(of)
            return bound is None or self._not_within(name, bound)
        return all(self._not_within(name, part) for part in params(of))


def most_general(left: Type, right: Type) -> Type:
    """The wider of two types that fit each other."""
    return left if _wider(left, right) else right


def _wider(left: Type, right: Type) -> bool:
    if left[0] in ("dyn", "param"):
        return True
    if right[0] in ("dyn", "param") or left[0] != right[0]:
        return False
    if left[0] in ("list", "map"):
        return all(_wider(a, b) for a, b in zip(params(left), params(right), strict=True))
    return left[0] == "type" or left == right
