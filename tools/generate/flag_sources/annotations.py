"""What the type of a configuration's field makes of its flag, as vLLM's `get_kwargs` decides it.

Only the syntax is read: the classes need torch and much else to be imported.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

_NUMBERS = {"int", "float"}
_LISTS = {"list", "List", "tuple", "Tuple", "set", "Set", "Sequence"}
_DICTS = {"dict", "Dict"}
_DATACLASS = {"config", "dataclass"}


class Classes:
    """Classes and type aliases of some files, by name."""

    def __init__(self, files: Iterable[Path]) -> None:
        self._classes: dict[str, ast.ClassDef] = {}
        self._aliases: dict[str, ast.expr] = {}
        for file in files:
            self._read(ast.parse(file.read_text(encoding="utf-8")))

    def _read(self, module: ast.Module) -> None:
        for node in ast.walk(module):
            if isinstance(node, ast.ClassDef):
                self._classes[node.name] = node
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript | ast.BinOp):
                self._aliases |= {t.id: node.value for t in node.targets if isinstance(t, ast.Name)}
            elif (
                isinstance(node, ast.AnnAssign)
                and isinstance(node.target, ast.Name)
                and node.value is not None
                and ast.unparse(node.annotation).endswith("TypeAlias")
            ):
                self._aliases[node.target.id] = node.value

    def kinds(self, name: str) -> dict[str, str]:
        """Field to the kind of its flag, inherited ones first."""
        found: dict[str, str] = {}
        node = self._classes[name]
        for base in node.bases:
            if isinstance(base, ast.Name) and base.id in self._classes:
                found |= self.kinds(base.id)
        for entry in node.body:
            if isinstance(entry, ast.AnnAssign) and isinstance(entry.target, ast.Name):
                found[entry.target.id] = self._kind(entry.annotation)
        return found

    def _kind(self, annotation: ast.expr) -> str:
        atoms = list(self._atoms(annotation))
        heads = {_head(atom) for atom in atoms} - {"None", "SkipValidation"}
        if any(self._is_dataclass(head) for head in heads):
            return "json"
        if heads == {"bool", "str"} and "None" in {_head(atom) for atom in atoms}:
            return "optional"
        if "bool" in heads:
            return "negatable"
        if "Literal" in heads:
            return "number" if all(_is_numbers(atom) for atom in atoms) else "text"
        for atom in atoms:
            if _head(atom) in _LISTS:
                return "numbers" if self._of_numbers(atom) else "list"
        if heads & _NUMBERS:
            return "number"
        if heads & _DICTS:
            return "json" if heads <= _DICTS else "text"
        return "text"

    def _of_numbers(self, collection: ast.expr) -> bool:
        if not isinstance(collection, ast.Subscript):
            return False
        element = collection.slice
        element = element.elts[0] if isinstance(element, ast.Tuple) else element
        return {_head(atom) for atom in self._atoms(element)} <= _NUMBERS

    def _is_dataclass(self, name: str) -> bool:
        node = self._classes.get(name)
        return node is not None and any(_head(entry) in _DATACLASS for entry in node.decorator_list)

    def _atoms(self, annotation: ast.expr) -> Iterator[ast.expr]:
        """The alternatives of a union, with aliases and wrappers resolved."""
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            yield from self._atoms(ast.parse(annotation.value, mode="eval").body)
        elif isinstance(annotation, ast.BinOp):
            yield from self._atoms(annotation.left)
            yield from self._atoms(annotation.right)
        elif isinstance(annotation, ast.Subscript) and _head(annotation) in ("Optional", "Union"):
            inner = annotation.slice
            for entry in inner.elts if isinstance(inner, ast.Tuple) else [inner]:
                yield from self._atoms(entry)
            if _head(annotation) == "Optional":
                yield ast.Constant(value=None)
        elif isinstance(annotation, ast.Subscript) and _head(annotation) in ("Annotated", "SkipValidation"):
            inner = annotation.slice
            yield from self._atoms(inner.elts[0] if isinstance(inner, ast.Tuple) else inner)
        elif isinstance(annotation, ast.Name) and annotation.id in self._aliases:
            yield from self._atoms(self._aliases[annotation.id])
        else:
            yield annotation


def _is_numbers(atom: ast.expr) -> bool:
    """Whether it is None, or a `Literal` of nothing but numbers."""
    if _head(atom) != "Literal" or not isinstance(atom, ast.Subscript):
        return _head(atom) == "None"
    options = atom.slice.elts if isinstance(atom.slice, ast.Tuple) else [atom.slice]
    return all(isinstance(entry, ast.Constant) and isinstance(entry.value, int) for entry in options)


def _head(node: ast.expr) -> str:
    """`list` of `list[int]`, `dataclass` of `@dataclass(...)`, `Literal` of `typing.Literal[...]`."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Subscript):
        return _head(node.value)
    if isinstance(node, ast.Call):
        return _head(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
