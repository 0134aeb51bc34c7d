from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.api import structural
from airunway.selection.admission import deployment_schema

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "apiVersion": {"type": "string"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "maxLength": 5, "minLength": 1, "pattern": "^[a-z]+$"},
                "mode": {"type": "string", "enum": ["fast", "slow"], "default": "fast"},
                "count": {"type": "integer", "format": "int32", "minimum": 0},
                "big": {"type": "integer", "format": "int64"},
                "on": {"type": "boolean"},
                "size": {"x-kubernetes-int-or-string": True, "pattern": "^[0-9]+Gi$"},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "labels": {"type": "object", "additionalProperties": {"type": "string"}},
                "maybe": {"type": "string", "nullable": True, "default": "given"},
                "block": {"type": "object", "properties": {"flag": {"type": "boolean", "default": True}}},
                "list": {
                    "type": "array",
                    "maxItems": 3,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                    "items": {
                        "type": "object",
                        "properties": {
                            "name": {"type": "string"},
                            "kind": {"type": "string", "default": "x"},
                        },
                    },
                },
            },
        },
    },
}


def processed(spec: Any, **top: Any) -> tuple[dict[str, Any], list[str]]:
    obj = {"metadata": {"name": "n", "anything": 1}, "spec": spec, **top}
    unknown = structural.prune(obj, SCHEMA)
    structural.apply_defaults(obj, SCHEMA)
    return obj, unknown


def findings(spec: Any) -> list[tuple[str, str]]:
    return [(error.type.value, error.field) for error in structural.validate({"spec": spec}, SCHEMA)]


def test_unknown_fields_are_removed_and_named() -> None:
    obj, unknown = processed(
        {"name": "a", "extra": 1, "list": [{"name": "b", "odd": {}}], "free": {"any": {"thing": 1}}}, other=1
    )

    assert unknown == ["other", "spec.extra", "spec.list[0].odd"]
    assert "extra" not in obj["spec"]
    assert obj["spec"]["free"] == {"any": {"thing": 1}}
    assert obj["metadata"] == {"name": "n", "anything": 1}


def test_nothing_below_a_field_for_anything_is_unknown() -> None:
    obj, unknown = processed({"name": "a", "free": [{"any": 1}, [{"thing": 2}]]})

    assert unknown == []
    assert obj["spec"]["free"] == [{"any": 1}, [{"thing": 2}]]


def test_defaults_need_their_parent_and_nulls_count_as_absent() -> None:
    obj, _ = processed({"name": "a", "mode": None, "count": None, "maybe": None, "list": [{"name": "b"}]})

    assert obj["spec"] == {
        "name": "a",
        "mode": "fast",
        "maybe": None,
        "list": [{"name": "b", "kind": "x"}],
    }
    assert processed({"block": {}})[0]["spec"]["block"] == {"flag": True}


def test_a_default_is_not_shared_between_objects() -> None:
    schema = {"type": "object", "properties": {"list": {"type": "array", "default": [1]}}}
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}

    structural.apply_defaults(first, schema)
    first["list"].append(2)
    structural.apply_defaults(second, schema)

    assert second == {"list": [1]}


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        ({"name": "abc", "count": 2.0, "big": 2**62, "size": 7, "labels": {"a": "b"}}, []),
        ({}, [("FieldValueRequired", "spec.name")]),
        ({"name": "abcdef"}, [("FieldValueTooLong", "spec.name")]),
        ({"name": ""}, [("FieldValueInvalid", "spec.name"), ("FieldValueInvalid", "spec.name")]),
        ({"name": "a\n"}, [("FieldValueInvalid", "spec.name")]),
        ({"name": 7}, [("FieldValueTypeInvalid", "spec.name")]),
        ({"name": "a", "mode": "odd"}, [("FieldValueNotSupported", "spec.mode")]),
        ({"name": "a", "mode": 1}, [("FieldValueTypeInvalid", "spec.mode")]),
        ({"name": "a", "count": -1}, [("FieldValueInvalid", "spec.count")]),
        ({"name": "a", "count": 1.5}, [("FieldValueTypeInvalid", "spec.count")]),
        ({"name": "a", "count": 2**31}, [("FieldValueInvalid", "spec.count")]),
        ({"name": "a", "count": True}, [("FieldValueTypeInvalid", "spec.count")]),
        ({"name": "a", "big": 2**63}, [("FieldValueInvalid", "spec.big")]),
        ({"name": "a", "on": "true"}, [("FieldValueTypeInvalid", "spec.on")]),
        ({"name": "a", "on": None}, [("FieldValueTypeInvalid", "spec.on")]),
        ({"name": "a", "maybe": None}, []),
        ({"name": "a", "size": "7"}, [("FieldValueInvalid", "spec.size")]),
        ({"name": "a", "size": True}, [("FieldValueTypeInvalid", "spec.size")]),
        ({"name": "a", "labels": {"a": 1}}, [("FieldValueTypeInvalid", "spec.labels.a")]),
        ({"name": "a", "list": [{"name": "b"}, {"name": "b"}]}, [("FieldValueDuplicate", "spec.list[1]")]),
        ({"name": "a", "list": [{"name": c} for c in "abcd"]}, [("FieldValueTooMany", "spec.list")]),
        ({"name": "a", "list": ["b"]}, [("FieldValueTypeInvalid", "spec.list[0]")]),
        ([], [("FieldValueTypeInvalid", "spec")]),
        (float("nan"), [("FieldValueTypeInvalid", "spec")]),
    ],
)
def test_findings_name_the_field(spec: Any, want: list[tuple[str, str]]) -> None:
    assert findings(spec) == want


def test_a_finding_says_what_is_allowed() -> None:
    [wrong] = structural.validate({"spec": {"name": "a", "mode": "odd"}}, SCHEMA)
    [mistyped] = structural.validate({"spec": {"name": "a", "mode": 3}}, SCHEMA)

    assert wrong.line == 'spec.mode: Unsupported value: "odd": supported values: "fast", "slow"'
    assert mistyped.line == (
        'spec.mode: Invalid type: 3: must be a string, not an integer; supported values: "fast", "slow"'
    )


json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*SCHEMA["properties"]["spec"]["properties"], "spec", "odd"]), inner, max_size=4
        )
    ),
    max_leaves=15,
)


@given(json_values)
def test_any_data_can_be_processed(value: Any) -> None:
    obj, _ = processed(value)
    again = copy.deepcopy(obj)

    assert structural.prune(again, SCHEMA) == []
    structural.apply_defaults(again, SCHEMA)
    assert repr(again) == repr(obj), "a second time changes nothing"
    for error in structural.validate(obj, SCHEMA):
        assert error.field.startswith("spec")
        assert "\n" not in error.line


@given(json_values)
def test_any_data_can_be_processed_with_the_schema_of_deployments(value: Any) -> None:
    obj = {"spec": {"model": value, "env": [value], "resources": value}}

    structural.prune(obj, deployment_schema())
    structural.apply_defaults(obj, deployment_schema())

    assert isinstance(structural.validate(obj, deployment_schema()), list)


def test_a_value_that_contains_itself_has_an_end() -> None:
    loop: dict[str, Any] = {}
    loop["spec"] = loop
    bomb: list[Any] = ["x"]
    for _ in range(40):
        bomb = [bomb, bomb]

    [nested] = structural.too_deep({"spec": loop})
    [large] = structural.too_deep({"spec": {"env": bomb}})

    assert nested.field.startswith("spec.spec.spec") and "nested deeper" in nested.line
    assert large.field.startswith("spec.env[1]") and "more than" in large.line
    assert structural.too_deep({"spec": {"a": [1, {"b": 2}]}}) == []


def test_depth_is_bounded() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"free": deep}

    found = findings({"name": "a", "free": deep})

    assert found == []
