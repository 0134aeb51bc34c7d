"""Schemas of custom resources: pruning, defaults, nulls, and what is valid."""

from __future__ import annotations

import uuid

import pytest

from kube_emulator.testing import JSON_PATCH, Api

from .objects import CLASSES, Obj, Space, model, ready_condition


async def test_unknown_fields_are_pruned(api: Api, custom: Space):
    body = model("m", nope=1, engine={"type": "vllm", "nope": {"a": 1}})

    obj = (await api.create(custom.models, body)).ok()

    assert "nope" not in obj["spec"]
    assert "nope" not in obj["spec"]["engine"]


async def test_a_free_form_field_keeps_everything(api: Api, custom: Space):
    overrides = {"a": {"b": [1, "2", {"c": None}]}, "n": None, "f": 1.5}

    obj = (await api.create(custom.models, model("m", provider={"overrides": overrides}))).ok()

    assert obj["spec"]["provider"]["overrides"] == overrides


async def test_defaults_are_filled_in_where_the_parent_is_present(api: Api, custom: Space):
    bare = (await api.create(custom.models, model("bare"))).ok()
    full = (
        await api.create(
            custom.models, model("full", engine={}, resources={"gpu": {}}, scaling={}, serving={})
        )
    ).ok()

    assert bare["spec"] == {"model": {"id": "owner/name", "source": "huggingface"}}
    assert full["spec"]["engine"] == {
        "enablePrefixCaching": True,
        "enforceEager": False,
        "trustRemoteCode": False,
    }
    assert full["spec"]["resources"] == {"gpu": {"count": 0, "type": "nvidia.com/gpu"}}
    assert full["spec"]["scaling"] == {"replicas": 1}
    assert full["spec"]["serving"] == {"mode": "aggregated"}


async def test_defaults_reach_items_of_lists(api: Api, custom: Space):
    body = model("m", model={"storage": {"volumes": [{"name": "a", "size": 5}]}})

    obj = (await api.create(custom.models, body)).ok()

    assert obj["spec"]["model"]["storage"]["volumes"] == [
        {"name": "a", "size": 5, "purpose": "custom", "readOnly": False}
    ]


async def test_a_null_counts_as_absent(api: Api, custom: Space):
    body = model("m", resources={"gpu": {"count": None, "type": None}, "cpu": None})

    obj = (await api.create(custom.models, body)).ok()

    assert obj["spec"]["resources"] == {"gpu": {"count": 0, "type": "nvidia.com/gpu"}}


async def test_a_null_set_by_a_json_patch_is_dropped_too(api: Api, custom: Space):
    await api.create(custom.models, model("m", image="x"))
    patch = [{"op": "add", "path": "/spec/image", "value": None}]

    obj = (await api.patch(f"{custom.models}/m", patch, type=JSON_PATCH)).ok()

    assert "image" not in obj["spec"]


INVALID = [
    pytest.param(
        {"model": {"id": 3}},
        "spec.model.id",
        "FieldValueTypeInvalid",
        'Invalid value: "integer": spec.model.id in body must be of type string: "integer"',
        id="a number for a text",
    ),
    pytest.param(
        {"scaling": {"replicas": "1"}},
        "spec.scaling.replicas",
        "FieldValueTypeInvalid",
        'Invalid value: "string": spec.scaling.replicas in body must be of type integer: "string"',
        id="a text for a number",
    ),
    pytest.param(
        {"scaling": {"replicas": 1.5}},
        "spec.scaling.replicas",
        "FieldValueTypeInvalid",
        'Invalid value: "float64": spec.scaling.replicas in body must be of type int32: "float64"',
        id="a fraction",
    ),
    pytest.param(
        {"engine": {"enforceEager": "true"}},
        "spec.engine.enforceEager",
        "FieldValueTypeInvalid",
        'Invalid value: "string": spec.engine.enforceEager in body must be of type boolean: "string"',
        id="a text for a flag",
    ),
    pytest.param(
        {"engine": []},
        "spec.engine",
        "FieldValueTypeInvalid",
        'Invalid value: "array": spec.engine in body must be of type object: "array"',
        id="a list for an object",
    ),
    pytest.param(
        {"serving": {"mode": ""}},
        "spec.serving.mode",
        "FieldValueNotSupported",
        'Unsupported value: "": supported values: "aggregated", "disaggregated"',
        id="an empty enumerated text",
    ),
    pytest.param(
        {"scaling": {"replicas": -1}},
        "spec.scaling.replicas",
        "FieldValueInvalid",
        "Invalid value: -1: spec.scaling.replicas in body should be greater than or equal to 0",
        id="below the minimum",
    ),
    pytest.param(
        {"model": {"storage": {"volumes": [{"name": "A"}]}}},
        "spec.model.storage.volumes[0].name",
        "FieldValueInvalid",
        'Invalid value: "A": spec.model.storage.volumes[0].name in body should match '
        "'^[a-z0-9]([a-z0-9\\-]*[a-z0-9])?$'",
        id="a text that does not match",
    ),
    pytest.param(
        {"model": {"storage": {"volumes": [{"name": "a" * 64}]}}},
        "spec.model.storage.volumes[0].name",
        "FieldValueTooLong",
        "Too long: may not be more than 63 bytes",
        id="a text that is too long",
    ),
    pytest.param(
        {"model": {"storage": {"volumes": [{"name": f"v{number}"} for number in range(9)]}}},
        "spec.model.storage.volumes",
        "FieldValueTooMany",
        "Too many: 9: must have at most 8 items",
        id="too many items",
    ),
    pytest.param(
        {"model": {"storage": {"volumes": [{"name": "a"}, {"name": "a"}]}}},
        "spec.model.storage.volumes[1]",
        "FieldValueDuplicate",
        'Duplicate value: {"name":"a"}',
        id="a key that is there twice",
    ),
    pytest.param(
        {"env": [{"value": "x"}]},
        "spec.env[0].name",
        "FieldValueRequired",
        "Required value",
        id="a missing field",
    ),
    pytest.param(
        {"engine": {"args": {"a": 1}}},
        "spec.engine.args.a",
        "FieldValueTypeInvalid",
        'Invalid value: "integer": spec.engine.args.a in body must be of type string: "integer"',
        id="a wrong map value",
    ),
    pytest.param(
        {"engine": {"contextLength": 2**40}},
        "<nil>",
        "FieldValueInvalid",
        'Invalid value: "": Checked value must be of type integer with format int32 in '
        "spec.engine.contextLength",
        id="a number beyond its format",
    ),
]


@pytest.mark.parametrize(("change", "field", "reason", "message"), INVALID)
async def test_invalid_values_are_refused(
    api: Api, custom: Space, change: Obj, field: str, reason: str, message: str
):
    answer = await api.create(custom.models, model("m", **change))

    status = answer.refused(422, "Invalid")
    assert {"reason": reason, "message": message, "field": field} in answer.causes
    assert status["details"]["name"] == "m"
    assert (status["details"]["group"], status["details"]["kind"]) == ("models.example.com", "ModelServer")


async def test_a_single_fault_is_the_message(api: Api, custom: Space):
    answer = await api.create(custom.models, model("m", serving={"mode": "x"}))

    assert answer.message == (
        'ModelServer.models.example.com "m" is invalid: spec.serving.mode: Unsupported value: "x": supported '
        "values: "
        '"aggregated", "disaggregated"'
    )


async def test_all_faults_are_named_together(api: Api, custom: Space):
    answer = await api.create(custom.models, model("m", serving={"mode": "x"}, scaling={"replicas": -1}))

    answer.refused(422, "Invalid")
    assert {cause["field"] for cause in answer.causes} == {"spec.serving.mode", "spec.scaling.replicas"}
    assert answer.message.startswith('ModelServer.models.example.com "m" is invalid: [spec.')


async def test_required_fields_at_the_top(api: Api, custom: Space):
    empty = {"apiVersion": "models.example.com/v1", "kind": "ModelServer", "metadata": {"name": "m"}}

    no_spec = await api.create(custom.models, empty)
    no_model = await api.create(custom.models, empty | {"spec": {}})

    assert [cause["field"] for cause in no_spec.causes] == ["spec"]
    assert [cause["field"] for cause in no_model.causes] == ["spec.model"]


async def test_a_status_is_validated_too(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    answer = await api.patch(f"{custom.models}/m/status", {"status": {"conditions": [{"type": "Ready"}]}})

    answer.refused(422, "Invalid")
    assert {cause["field"].rpartition(".")[2] for cause in answer.causes} == {
        "lastTransitionTime",
        "message",
        "reason",
        "status",
    }


async def test_conditions_are_unique_by_type(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    conditions = [ready_condition(), ready_condition(status="False")]

    answer = await api.patch(f"{custom.models}/m/status", {"status": {"conditions": conditions}})

    assert [(cause["reason"], cause["field"]) for cause in answer.causes] == [
        ("FieldValueDuplicate", "status.conditions[1]")
    ]


async def test_kind_and_version_are_needed(api: Api, custom: Space):
    answer = await api.create(custom.models, {"metadata": {"name": "m"}, "spec": {"model": {}}})

    assert "Object 'Kind' is missing in" in answer.refused(400, "BadRequest")["message"]


async def test_a_cluster_scoped_kind_has_no_namespace(api: Api, custom: Space):
    name = f"p-{uuid.uuid4().hex[:8]}"
    body = {
        "apiVersion": "models.example.com/v1",
        "kind": "ModelClass",
        "metadata": {"name": name},
    }

    obj = (await api.create(CLASSES, body)).ok()

    assert "namespace" not in obj["metadata"]
    await api.delete(f"{CLASSES}/{name}")
