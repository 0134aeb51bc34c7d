"""The syntax tree of an expression, with the standard macros already expanded.

`depth` is the length of the longest path to a leaf, `nesting` the same of written expressions; both are
bounded. `closed`: written in parentheses.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from airunway.selection.cel.errors import CompileError

MAX_DEPTH = 250
"""Operators, selectors and calls on top of each other; as deep as the reference goes."""


@dataclass(slots=True, kw_only=True)
class Node:
    """Any expression."""

    depth: int = field(default=0, init=False)
    nesting: int = field(default=0, init=False)
    closed: bool = field(default=False, init=False)

    def _over(self, *children: Node | None) -> None:
        for child in children:
            if child is not None:
                self.depth = max(self.depth, child.depth + 1)
                self.nesting = max(self.nesting, child.nesting)
        if self.depth > MAX_DEPTH:
            raise CompileError(f"nested deeper than {MAX_DEPTH} levels")


@dataclass(slots=True, kw_only=True)
class Literal(Node):
    """A constant: null, bool, int, UInt, float, str or bytes."""

    value: Any


@dataclass(slots=True, kw_only=True)
class Ident(Node):
    """A variable or the name of a type."""

    name: str


@dataclass(slots=True, kw_only=True)
class Select(Node):
    """`operand.field`, or with `test` the macro `has(operand.field)`."""

    operand: Node
    field: str
    test: bool = False

    def __post_init__(self) -> None:
        self._over(self.operand)


@dataclass(slots=True, kw_only=True)
class Call(Node):
    """A function or operator; `target` is set for `target.function(args)`.

    `only`: set by the checker when types leave a single overload, whose first argument has this type. Where
    the reference binds overloads one by one, a value of another type then has none.
    """

    function: str
    args: list[Node]
    target: Node | None = None
    only: str = ""

    def __post_init__(self) -> None:
        self._over(self.target, *self.args)

    def append(self, arg: Node) -> None:
        """Add an argument."""
        self.args.append(arg)
        self._over(arg)


@dataclass(slots=True, kw_only=True)
class ListLiteral(Node):
    """`[items]`."""

    items: list[Node]

    def __post_init__(self) -> None:
        self._over(*self.items)


@dataclass(slots=True, kw_only=True)
class MapLiteral(Node):
    """`{key: value}`."""

    entries: list[tuple[Node, Node]]

    def __post_init__(self) -> None:
        self._over(*(node for entry in self.entries for node in entry))


@dataclass(slots=True, kw_only=True)
class Fold(Node):
    """A macro over a list or the keys of a map: all, exists, exists_one, filter, map.

    `condition` is the predicate (None for plain `map`), `transform` what `map` collects.
    """

    kind: str
    range: Node
    variable: str
    condition: Node | None
    transform: Node | None = None

    def __post_init__(self) -> None:
        self._over(self.range, self.condition, self.transform)
