"""The code can be found and read: class names are unique, files and functions stay short."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PRODUCT = ("airunway", "activities", "workflows", "workers", "providers")
ROOMS = (*PRODUCT, "benchmarks", "emulator", "examples", "tests", "tools")
GENERATED = ("_pb2.py", "_pb2_grpc.py")
MAX_FILE_LINES, MAX_FUNCTION_LINES = 350, 50


@cache
def sources(*rooms: str) -> dict[str, str]:
    """Path in the repository to text, generated code left out."""
    files = (file for room in rooms for file in sorted((ROOT / room).rglob("*.py")))
    ours = (file for file in files if not file.name.endswith(GENERATED) and "build" not in file.parts)
    return {str(file.relative_to(ROOT)): file.read_text() for file in ours}


def functions(text: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def lines_of(node: ast.AST) -> int:
    end = getattr(node, "end_lineno", 0)
    return int(end - getattr(node, "lineno", 0) + 1)


def test_a_class_name_means_one_thing() -> None:
    places: defaultdict[str, list[str]] = defaultdict(list)
    for name, text in sources(*PRODUCT).items():
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                places[node.name].append(name)

    assert {name: found for name, found in places.items() if len(found) > 1} == {}


def test_no_file_is_long() -> None:
    lengths = {name: len(text.splitlines()) for name, text in sources(*ROOMS).items()}

    assert {name: length for name, length in lengths.items() if length > MAX_FILE_LINES} == {}


def test_no_function_is_long() -> None:
    found = {
        f"{name}: {node.name}": lines_of(node)
        for name, text in sources(*ROOMS).items()
        for node in functions(text)
    }

    assert {name: length for name, length in found.items() if length > MAX_FUNCTION_LINES} == {}
