"""YAML of others: no file stands for more than it is long, none ends the process, none takes the time of
all."""

from __future__ import annotations

import pytest

from airunway.clients.bounded_yaml import MAX_NODES, BadYaml, read_yaml, read_yaml_off_loop


def laughs(pattern: str, first: str) -> str:
    """Nine lines, each of nine times what the line before stands for."""
    lines = [f"a0: &a0 {first}"]
    for level in range(1, 10):
        lines.append(f"a{level}: &a{level} " + pattern.format(",".join([f"*a{level - 1}"] * 9)))
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(laughs("[{}]", "[x,x]"), "more than", id="a billion laughs in lists"),
        pytest.param(laughs("{{b: [{}]}}", "{b: 1}"), "more than", id="in maps"),
        pytest.param(laughs("{{<<: [{}]}}", "{b: 1}"), "more than", id="by merge keys"),
        pytest.param("a: &a [*a]", "lies in", id="a list in itself"),
        pytest.param("a: &a {b: {c: *a}}", "lies in", id="a map in itself"),
        pytest.param("[" * 100_000, "deeper", id="deep enough to end the parser's process"),
        pytest.param("- " * 50_000, "deeper", id="deep without brackets"),
        pytest.param("? " * 50_000, "deeper", id="deep in keys"),
        pytest.param("[" + "1," * (MAX_NODES + 1) + "1]", "more than", id="many values"),
        pytest.param("a: " + ":".join(["1"] * 10_000), "digits", id="a number to the base of sixty"),
        pytest.param("a: 0x" + "f" * 10_000, "digits", id="a long number"),
        pytest.param('a: !!int "' + ":".join(["1"] * 10_000) + '"', "digits", id="one by a tag, in quotes"),
        pytest.param("a: !!int " + ":".join(["1"] * 10_000), "digits", id="one by a tag"),
        pytest.param(
            "%TAG !n! tag:yaml.org,2002:\n---\na: !n!int '" + ":".join(["1"] * 10_000) + "'",
            "digits",
            id="one by a tag of another name",
        ),
        pytest.param("a: !!bool maybe", "cannot be read", id="a truth that is none"),
        pytest.param("a: !!timestamp never", "cannot be read", id="a time that is none"),
        pytest.param('a: !!int ""', "cannot be read", id="a number of no digits"),
        pytest.param("a: 2026-99-99", "cannot be read", id="no day"),
        pytest.param("a: !!python/object:os.system x", "not YAML", id="code"),
        pytest.param("a: [", "not YAML", id="no YAML"),
        pytest.param("? {a: 1}\n: b", "not YAML", id="a map as a key"),
    ],
)
def test_what_is_refused(text: str, message: str) -> None:
    with pytest.raises(BadYaml, match=message):
        read_yaml(text)


async def test_documents_and_a_few_aliases_are_read() -> None:
    text = (
        "---\nname: &name x\nsame: *name\nlist: &list [1, 2]\n"
        "again: {deep: *list, <<: {more: 3}}\n---\nb: 1\n"
    )

    assert await read_yaml_off_loop(text) == [
        {"name": "x", "same": "x", "list": [1, 2], "again": {"deep": [1, 2], "more": 3}},
        {"b": 1},
    ]


def test_an_anchor_counts_for_its_own_document_only() -> None:
    with pytest.raises(BadYaml):
        read_yaml("a: &a 1\n---\nb: *a\n")


def test_the_message_quotes_nothing() -> None:
    with pytest.raises(BadYaml) as raised:
        read_yaml("token: hf_secret: [")

    assert "secret" not in str(raised.value)
