"""Fields and YAML text of one ModelDeployment follow each other."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.console.documents import UnreadableDocument
from airunway.web.pages.deploy_form import (
    BY_NAME,
    MAX_TEXT_BYTES,
    body_of,
    example_body,
    fields_of,
    text_of,
    with_fields,
)


def test_text_and_object_are_the_same_thing() -> None:
    assert body_of(text_of(example_body())) == example_body()


def test_the_fields_show_what_the_object_says() -> None:
    shown = fields_of(example_body())

    assert set(shown) == set(BY_NAME)
    assert (shown["name"], shown["model"], shown["gpus"], shown["engine"]) == (
        "my-model",
        "Qwen/Qwen3-0.6B",
        "1",
        "",
    )


def test_a_field_changes_its_place_and_nothing_else() -> None:
    body = {**example_body(), "extra": {"kept": [1]}}

    changed = with_fields(body, {**fields_of(body), "replicas": "3", "engine": "vllm"})

    assert changed["spec"]["scaling"] == {"replicas": 3}
    assert changed["spec"]["engine"] == {"type": "vllm"}
    assert changed["extra"] == {"kept": [1]}
    assert body["spec"].get("scaling") is None


def test_an_emptied_field_is_taken_away_with_what_held_it() -> None:
    assert "resources" not in with_fields(example_body(), {"gpus": ""})["spec"]


@pytest.mark.parametrize(
    ("given", "want"),
    [("2", 2), ("-1", -1), ("two", "two"), ("²", "²"), ("9" * 40, "9" * 40), ("1.5", "1.5")],
)
def test_what_should_be_a_number_stays_what_was_typed(given: str, want: Any) -> None:
    assert with_fields(example_body(), {"replicas": given})["spec"]["scaling"]["replicas"] == want


@pytest.mark.parametrize("value", [[], "text", None, 7, {"model": "text"}, {"model": {"id": ["a"]}}])
def test_a_spec_of_another_shape_is_no_trouble(value: Any) -> None:
    body = {**example_body(), "spec": value}

    assert fields_of(body)["model"] == ""
    assert with_fields(body, {"model": "a/b"})["spec"]["model"] == {"id": "a/b"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "holds 0 objects"),
        ("kind: Pod\napiVersion: v1\n", "kind ModelDeployment are wanted"),
        ("a: [", "not YAML"),
        ("- 1\n", "expected an object"),
        (text_of(example_body()) + "---\n" + text_of(example_body()), "holds 2 objects"),
        ("a: &a [*a]\n", "aliases"),
        ("x" * (MAX_TEXT_BYTES + 1), "longer than 64 KiB"),
        ("[" * 5000, "nested too deeply"),
    ],
)
def test_what_is_no_deployment_is_refused(text: str, words: str) -> None:
    with pytest.raises(UnreadableDocument, match=words):
        body_of(text)
