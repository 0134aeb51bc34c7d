"""What schemas can say that those of the project do not: each test serves a definition of its own."""

from __future__ import annotations

from typing import Any

import pytest

from kube_emulator.testing import APPLY, Api

from .objects import Obj, widget


async def test_unknown_fields_may_be_kept_below_a_point(api: Api, served_kind: Any):
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "open": {
                    "type": "object",
                    "x-kubernetes-preserve-unknown-fields": True,
                    "properties": {"closed": {"type": "object", "properties": {"a": {"type": "string"}}}},
                },
                "shut": {"type": "object", "properties": {"a": {"type": "string"}}},
            },
        }
    )
    spec = {"open": {"x": 1, "closed": {"a": "1", "y": 2}}, "shut": {"a": "1", "z": 3}}

    obj = (await api.create(path, widget(version, spec))).ok()

    assert obj["spec"] == {"open": {"x": 1, "closed": {"a": "1"}}, "shut": {"a": "1"}}


async def test_an_integer_or_a_text_is_kept_as_it_came(api: Api, served_kind: Any):
    either = {"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]}
    path, version = await served_kind({"type": "object", "properties": {"port": either, "size": either}})

    obj = (await api.create(path, widget(version, {"port": 80, "size": "1Gi"}))).ok()
    wrong = await api.create(path, widget(version, {"port": True}, name="v"))

    assert obj["spec"] == {"port": 80, "size": "1Gi"}
    wrong.refused(422, "Invalid")


async def test_nested_defaults_fill_in_from_the_top(api: Api, served_kind: Any):
    path, version = await served_kind(
        {
            "type": "object",
            "default": {},
            "properties": {
                "outer": {
                    "type": "object",
                    "default": {"b": 2},
                    "properties": {"a": {"type": "integer", "default": 1}, "b": {"type": "integer"}},
                },
                "map": {
                    "type": "object",
                    "additionalProperties": {
                        "type": "object",
                        "properties": {"x": {"type": "integer", "default": 7}},
                    },
                },
            },
        }
    )

    empty = widget(version, {})
    del empty["spec"]
    bare = (await api.create(path, empty)).ok()
    mapped = (await api.create(path, widget(version, {"map": {"k": {}}}, name="v"))).ok()

    assert bare["spec"] == {"outer": {"a": 1, "b": 2}}
    assert mapped["spec"] == {"outer": {"a": 1, "b": 2}, "map": {"k": {"x": 7}}}


async def test_a_nullable_field_keeps_its_null(api: Api, served_kind: Any):
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "a": {"type": "string", "nullable": True, "default": "d"},
                "b": {"type": "string", "default": "d"},
                "c": {"type": "string"},
            },
        }
    )

    obj = (await api.create(path, widget(version, {"a": None, "b": None, "c": None}))).ok()

    assert obj["spec"] == {"a": None, "b": "d"}


async def test_a_set_has_no_duplicates_and_merges_by_value(api: Api, served_kind: Any):
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "tags": {"type": "array", "x-kubernetes-list-type": "set", "items": {"type": "string"}}
            },
        }
    )

    twice = await api.create(path, widget(version, {"tags": ["a", "a"]}))
    await api.apply(f"{path}/w", widget(version, {"tags": ["a"]}), manager="one")
    both = (await api.apply(f"{path}/w", widget(version, {"tags": ["b"]}), manager="two")).ok()
    less = (await api.apply(f"{path}/w", widget(version, {"tags": ["c"]}), manager="one")).ok()

    assert [cause["reason"] for cause in twice.causes] == ["FieldValueDuplicate"]
    assert both["spec"]["tags"] == ["a", "b"]
    assert sorted(less["spec"]["tags"]) == ["b", "c"]


async def test_an_atomic_map_belongs_to_one_manager_whole(api: Api, served_kind: Any):
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "ref": {
                    "type": "object",
                    "x-kubernetes-map-type": "atomic",
                    "properties": {"name": {"type": "string"}, "key": {"type": "string"}},
                }
            },
        }
    )
    await api.apply(f"{path}/w", widget(version, {"ref": {"name": "a", "key": "k"}}), manager="one")

    conflict = await api.apply(f"{path}/w", widget(version, {"ref": {"name": "b"}}), manager="two")
    forced = await api.apply(f"{path}/w", widget(version, {"ref": {"name": "b"}}), manager="two", force=True)

    assert [cause["field"] for cause in conflict.causes] == [".spec.ref"]
    assert forced.ok()["spec"]["ref"] == {"name": "b"}


async def test_a_list_may_have_several_merge_keys_with_defaults(api: Api, served_kind: Any):
    item = {
        "type": "object",
        "required": ["port"],
        "properties": {
            "port": {"type": "integer"},
            "protocol": {"type": "string", "default": "TCP"},
            "name": {"type": "string"},
        },
    }
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "ports": {
                    "type": "array",
                    "items": item,
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["port", "protocol"],
                }
            },
        }
    )
    await api.apply(f"{path}/w", widget(version, {"ports": [{"port": 80, "name": "web"}]}), manager="one")

    other = await api.apply(
        f"{path}/w", widget(version, {"ports": [{"port": 80, "protocol": "UDP"}]}), manager="two"
    )
    same = await api.apply(
        f"{path}/w",
        widget(version, {"ports": [{"port": 80, "protocol": "TCP", "name": "no"}]}),
        manager="two",
    )

    assert [(port["port"], port["protocol"]) for port in other.ok()["spec"]["ports"]] == [
        (80, "TCP"),
        (80, "UDP"),
    ]
    assert [cause["field"] for cause in same.causes] == ['.spec.ports[port=80,protocol="TCP"].name']


@pytest.mark.parametrize(
    ("rule", "good", "bad", "reason"),
    [
        pytest.param({"type": "integer", "maximum": 5}, 5, 6, "FieldValueInvalid", id="maximum"),
        pytest.param(
            {"type": "integer", "minimum": 5, "exclusiveMinimum": True},
            6,
            5,
            "FieldValueInvalid",
            id="exclusive",
        ),
        pytest.param({"type": "number", "multipleOf": 0.5}, 1.5, 1.3, "FieldValueInvalid", id="multiple"),
        pytest.param({"type": "string", "minLength": 2}, "ab", "a", "FieldValueInvalid", id="shortest text"),
        pytest.param(
            {"type": "string", "maxLength": 2},
            "äö",
            "abc",
            "FieldValueTooLong",
            id="longest text, in letters",
        ),
        pytest.param(
            {"type": "string", "enum": ["a", "b"]}, "a", "c", "FieldValueNotSupported", id="enumeration"
        ),
        pytest.param(
            {"type": "string", "format": "date-time"},
            "2024-01-02T03:04:05Z",
            "today",
            "FieldValueTypeInvalid",
            id="time",
        ),
        pytest.param(
            {"type": "array", "items": {"type": "string"}, "minItems": 1},
            ["a"],
            [],
            "FieldValueInvalid",
            id="fewest items",
        ),
        pytest.param(
            {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 1},
            {"a": "1"},
            {"a": "1", "b": "2"},
            "FieldValueTooMany",
            id="most keys",
        ),
        pytest.param(
            {"type": "string", "allOf": [{"pattern": "^a"}, {"pattern": "b$"}]},
            "ab",
            "a",
            "FieldValueInvalid",
            id="all of",
        ),
        pytest.param(
            {"type": "string", "anyOf": [{"pattern": "^a"}, {"pattern": "b$"}]},
            "xb",
            "x",
            "FieldValueInvalid",
            id="any of",
        ),
        pytest.param({"type": "string", "not": {"pattern": "^a"}}, "b", "a", "FieldValueInvalid", id="not"),
    ],
)
async def test_limits(api: Api, served_kind: Any, rule: Obj, good: Any, bad: Any, reason: str):
    path, version = await served_kind({"type": "object", "properties": {"x": rule}})

    accepted = await api.create(path, widget(version, {"x": good}))
    refused = await api.create(path, widget(version, {"x": bad}, name="v"))

    accepted.ok()
    refused.refused(422, "Invalid")
    assert reason in {cause["reason"] for cause in refused.causes}


async def test_an_embedded_resource_keeps_its_type_and_metadata(api: Api, served_kind: Any):
    embedded = {
        "type": "object",
        "x-kubernetes-embedded-resource": True,
        "x-kubernetes-preserve-unknown-fields": True,
    }
    path, version = await served_kind({"type": "object", "properties": {"template": embedded}})
    template = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "p", "labels": {"a": "b"}},
        "spec": {"x": 1},
    }

    obj = (await api.create(path, widget(version, {"template": template}))).ok()

    assert obj["spec"]["template"] == template


async def test_an_applied_yaml_body_with_comments_is_read(api: Api, served_kind: Any):
    path, version = await served_kind({"type": "object", "properties": {"x": {"type": "string"}}})
    text = f"# a comment\napiVersion: {version}\nkind: Widget\nmetadata:\n  name: w\nspec:\n  x: 'yes'\n"
    body = text.encode()

    answer = await api.patch(f"{path}/w", body, type=APPLY, query={"fieldManager": "one"})

    assert answer.ok()["spec"] == {"x": "yes"}


async def test_what_else_is_wrong_keeps_rules_from_being_checked(api: Api, served_kind: Any):
    rule = {"rule": "self.count < 10", "message": "too many"}
    path, version = await served_kind(
        {
            "type": "object",
            "properties": {
                "count": {"type": "integer"},
                "word": {"type": "string", "enum": ["a", "b"]},
                "parts": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["name"],
                        "properties": {"name": {"type": "string"}},
                    },
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["name"],
                },
            },
            "x-kubernetes-validations": [rule],
        }
    )

    answer = await api.create(path, widget(version, {"count": 1.5, "word": [], "parts": ["x"]}))

    answer.refused(422, "Invalid")
    skipped = (
        "Invalid value: null: some validation rules were not checked because the object was invalid; correct"
        " the existing errors to complete validation"
    )
    assert sorted((cause["field"], cause["message"]) for cause in answer.causes) == [
        ("<nil>", 'Invalid value: "": Checked value must be of type integer (default format) in spec.count'),
        ("<nil>", skipped),
        (
            "spec.count",
            'Invalid value: "number": spec.count in body must be of type integer: "number"',
        ),
        (
            "spec.parts[0]",
            'Invalid value: "string": spec.parts[0] in body must be of type object: "string"',
        ),
        ("spec.parts[0]", 'Invalid value: "x": must be an object for an array of list-type map'),
        ("spec.word", 'Invalid value: "array": spec.word in body must be of type string: "array"'),
        ("spec.word", 'Unsupported value: []: supported values: "a", "b"'),
    ]
