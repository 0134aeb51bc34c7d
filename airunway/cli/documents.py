"""Manifests from files and standard input: many YAML documents, each with the line it begins at.

What is not YAML is refused with file, line and cause. As the API server reads it: a date stays text, and a
key given twice is an error, not the last one's victory.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from airunway.cli.manifest_files import SIZE_LIMIT_BYTES, built_by_kustomize, manifest_files
from airunway.cli.options import Manifests
from airunway.cli.problems import UsageError

EXPANDED_LIMIT = 2_000_000
"""Nodes after aliases are followed: a few nested aliases can stand for billions."""


@dataclass(frozen=True)
class Document:
    """One object of a file. `source` is file and line, for messages."""

    source: str
    body: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its kind; empty when it has none."""
        return str(self.body.get("kind") or "")

    @property
    def api_version(self) -> str:
        """Its apiVersion; empty when it has none."""
        return str(self.body.get("apiVersion") or "")

    @property
    def name(self) -> str:
        """metadata.name or, without one, generateName and dots."""
        meta = self.body.get("metadata")
        if not isinstance(meta, dict):
            return ""
        generated = f"{meta['generateName']}..." if meta.get("generateName") else ""
        return str(meta.get("name") or generated)


class _Loader(yaml.SafeLoader):
    """SafeLoader that keeps dates as text and refuses a key given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge" or not isinstance(key_node, yaml.ScalarNode):
                continue
            if key_node.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key_node.value!r} is given twice", key_node.start_mark
                )
            seen.add(key_node.value)
        return super().construct_mapping(node, deep=deep)


_Loader.yaml_implicit_resolvers = {
    letter: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_manifests(given: Manifests) -> list[Document]:
    """Every document that was named: of files, of folders, of a kustomization. Raises UsageError."""
    found = [
        document
        for name in manifest_files(given.files, recursive=given.recursive)
        for document in read_text(_text_of(name), name=_shown(name))
    ]
    if given.kustomize is not None:
        found += read_text(built_by_kustomize(given.kustomize), name=f"{given.kustomize} (kustomize)")
    return found


def read_text(text: str, *, name: str) -> Iterator[Document]:
    """The documents of one text; the items of a `List` one by one. Raises UsageError."""
    loader: _Loader | None = None
    try:
        loader = _Loader(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said there is one
            source = f"{name}:{node.start_mark.line + 1}"
            if _expanded(node, {}) > EXPANDED_LIMIT:
                raise UsageError(f"{source}: aliases expand to more than {EXPANDED_LIMIT} values")
            yield from _objects(loader.construct_document(node), source)
    except yaml.YAMLError as err:
        raise UsageError(_yaml_problem(err, name)) from err
    except RecursionError:
        raise UsageError(f"{name}: nested too deeply to be a manifest") from None
    except ValueError as err:  # a number or a date that YAML's types cannot hold
        raise UsageError(f"{name}: {err}") from err
    finally:
        if loader is not None:
            loader.dispose()


def _text_of(name: str) -> str:
    try:
        if name == "-":
            data = sys.stdin.buffer.read(SIZE_LIMIT_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                data = file.read(SIZE_LIMIT_BYTES + 1)
    except FileNotFoundError:
        raise UsageError(f"{name}: no such file") from None
    except OSError as err:
        raise UsageError(f"{name}: cannot be read: {err.strerror}") from err
    if len(data) > SIZE_LIMIT_BYTES:
        raise UsageError(f"{_shown(name)}: larger than {SIZE_LIMIT_BYTES // 1024 // 1024} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as err:
        line = data[: err.start].count(b"\n") + 1
        raise UsageError(f"{_shown(name)}:{line}: not UTF-8 text") from err


def _shown(name: str) -> str:
    return "standard input" if name == "-" else name


def _objects(value: Any, source: str) -> Iterator[Document]:
    if value is None:
        return  # an empty document, as between two separators
    if not isinstance(value, dict):
        raise UsageError(f"{source}: expected an object with apiVersion and kind, found {_word(value)}")
    if value.get("kind") == "List" and isinstance(value.get("items"), list):
        for item in value["items"]:
            yield from _objects(item, source)
        return
    yield Document(source, value)


def _word(value: Any) -> str:
    return {list: "a list", str: "text", bool: "a truth value"}.get(type(value), "a number")


def _yaml_problem(err: yaml.YAMLError, name: str) -> str:
    if isinstance(err, yaml.MarkedYAMLError):
        mark = err.problem_mark or err.context_mark
        where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        return f"{where}: not YAML: {err.problem or err.context}"
    return f"{name}: not YAML: {str(err).splitlines()[0]}"


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for once every alias is followed; counts each node once."""
    if id(node) in known:
        return known[id(node)]
    known[id(node)] = EXPANDED_LIMIT + 1  # an alias to an enclosing node never ends
    total = 1
    if isinstance(node, yaml.SequenceNode):
        total += sum(_expanded(child, known) for child in node.value)
    elif isinstance(node, yaml.MappingNode):
        total += sum(_expanded(key, known) + _expanded(child, known) for key, child in node.value)
    known[id(node)] = total
    return total
