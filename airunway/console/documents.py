"""Manifests as text: many YAML documents, each with the line it begins at.

What is not YAML is refused with name, line and cause. As the API server reads it: a date stays text, and a
key given twice is an error, not the last one's victory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

EXPANDED_LIMIT = 2_000_000
"""Nodes after aliases are followed: a few nested aliases can stand for billions."""

SHALLOW = 500
"""Letters that can begin a level of nesting; a text without more of them is nested less deep than that."""


class UnreadableDocument(Exception):
    """A text that is no manifest; the message says where and why."""


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


class _KeysOnce(yaml.constructor.SafeConstructor):
    """Refuses a key given twice."""

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


class _Loader(_KeysOnce, yaml.SafeLoader):
    """In Python; it has words for what is wrong, and the place."""


class _QuickLoader(_KeysOnce, getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """In C, where deep nesting would end the process."""


_Loader.yaml_implicit_resolvers = _QuickLoader.yaml_implicit_resolvers = {
    letter: [(tag, expression) for tag, expression in resolvers if not tag.endswith(":timestamp")]
    for letter, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_text(text: str, *, name: str) -> Iterator[Document]:
    """The documents of one text; the items of a `List` one by one. Raises UnreadableDocument."""
    if sum(map(text.count, "[{:-?")) <= SHALLOW:
        try:
            found = list(_read(text, name, _QuickLoader))
        except UnreadableDocument:
            pass  # the other one says why
        else:
            yield from found
            return
    yield from _read(text, name, _Loader)


def _read(text: str, name: str, loader_type: Any) -> Iterator[Document]:
    loader: Any = None
    try:
        loader = loader_type(text)
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said there is one
            source = f"{name}:{node.start_mark.line + 1}"
            if _expanded(node, {}) > EXPANDED_LIMIT:
                raise UnreadableDocument(f"{source}: aliases expand to more than {EXPANDED_LIMIT} values")
            yield from _objects(loader.construct_document(node), source)
    except yaml.YAMLError as err:
        raise UnreadableDocument(_yaml_problem(err, name)) from err
    except RecursionError:
        raise UnreadableDocument(f"{name}: nested too deeply to be a manifest") from None
    except ValueError as err:  # a number or a date that YAML's types cannot hold
        raise UnreadableDocument(f"{name}: {err}") from err
    finally:
        if loader is not None:
            loader.dispose()


def _objects(value: Any, source: str) -> Iterator[Document]:
    if value is None:
        return  # an empty document, as between two separators
    if not isinstance(value, dict):
        raise UnreadableDocument(
            f"{source}: expected an object with apiVersion and kind, found {_word(value)}"
        )
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
