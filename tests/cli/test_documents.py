"""Manifests are read as the API server reads them, and refused with file, line and cause."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.cli.documents import read_documents, read_manifests
from airunway.cli.options import Manifests
from airunway.cli.problems import UsageError
from airunway.console import documents
from airunway.sandbox import samples


def test_each_document_knows_where_it_begins() -> None:
    documents = list(read_documents("kind: A\n---\n\nkind: B\n---\n---\nkind: C\n", name="f.yaml"))

    assert [(document.kind, document.source) for document in documents] == [
        ("A", "f.yaml:1"),
        ("B", "f.yaml:4"),
        ("C", "f.yaml:7"),
    ]


def test_the_items_of_a_list_are_documents() -> None:
    text = "kind: List\nitems:\n- {kind: A, metadata: {name: a}}\n- {kind: B, metadata: {generateName: b-}}\n"

    assert [document.name for document in read_documents(text, name="f")] == ["a", "b-..."]


def test_json_is_yaml() -> None:
    (document,) = read_documents('{"kind": "A", "apiVersion": "v1"}', name="f")

    assert (document.kind, document.api_version) == ("A", "v1")


def test_a_date_stays_text() -> None:
    (document,) = read_documents("kind: 2026-01-02\n", name="f")

    assert document.body == {"kind": "2026-01-02"}


@pytest.mark.parametrize(
    ("text", "want"),
    [
        pytest.param("a: [", "f:1:5: not YAML", id="unfinished"),
        pytest.param("a: 1\na: 2\n", "f:2:1: not YAML: the key 'a' is given twice", id="a key twice"),
        pytest.param("- a\n", "f:1: expected an object with apiVersion and kind, found a list", id="a list"),
        pytest.param("hello\n", "f:1: expected an object with apiVersion and kind, found text", id="text"),
        pytest.param("a: !!python/object:os.system x\n", "f:1:4: not YAML", id="a foreign type"),
        pytest.param("a: &x [*x, *x]\n", "f:1: aliases expand", id="an alias of itself"),
        pytest.param("[" * 5000, "f: nested too deeply", id="nested too deeply"),
        pytest.param("a: \x00", "f: not YAML", id="a character that YAML does not have"),
    ],
)
def test_what_is_no_manifest_is_refused(text: str, want: str) -> None:
    with pytest.raises(UsageError) as refused:
        list(read_documents(text, name="f"))

    assert str(refused.value).startswith(want)
    assert "\n" not in str(refused.value)


SPELLINGS = "a: [yes, 0o7, 0x1F, 1_000, 1:30, .5, .inf, ~, '', 'it''s', 2026-01-02, 12e3, \"\\u202e\"]\n"
MERGED = "a: &it {x: 1}\nb: {<<: *it, y: 2}\nc: *it\nd: |\n  two\n   lines\ne: >-\n  folded\n  text\n? f\n"
SAMPLES = sorted(Path(samples.__file__).parent.rglob("*.yaml"))


@pytest.mark.parametrize("text", [SPELLINGS, MERGED, *(path.read_text() for path in SAMPLES)])
def test_what_is_read_in_c_is_what_is_read_in_python(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    quick = list(read_documents(text, name="f"))

    monkeypatch.setattr(documents, "SHALLOW", -1)

    assert list(read_documents(text, name="f")) == quick
    assert quick


def test_aliases_that_stand_for_billions_are_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]

    with pytest.raises(UsageError, match="aliases expand"):
        list(read_documents("\n".join(lines), name="f"))


def test_a_file_that_is_not_text_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"kind: A\nname: \xff\n")

    with pytest.raises(UsageError, match=r"f\.yaml:2: not UTF-8 text"):
        read_manifests(Manifests((str(file),)))


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        list(read_documents(text, name="f"))
    except UsageError as refused:
        assert "\n" not in str(refused)
