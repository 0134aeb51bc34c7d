"""What cannot be applied, and how a server says so."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kube_emulator.testing import APPLY, Api

from .objects import (
    Space,
    config_map,
    deployment,
    fields_of,
    model,
)

Obj = dict[str, Any]


async def test_an_apply_needs_a_manager(api: Api, space: Space):
    answer = await api.patch(f"{space.config_maps}/a", config_map("a"), type=APPLY)

    answer.refused(422, "Invalid")
    assert answer.message == (
        'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"zzz": 1}, ".spec.zzz: field not declared in schema"),
        ({"image": 3}, ".spec.image: expected string, got &value.valueUnstructured{Value:3}"),
        (
            {"scaling": {"replicas": "x"}},
            ".spec.scaling.replicas: expected numeric (int or float), got string",
        ),
        ({"engine": []}, ".spec.engine: expected map, got &{[]}"),
        ({"env": {}}, ".spec.env: expected list, got &{map[]}"),
        ({"engine": {"enforceEager": "x"}}, ".spec.engine.enforceEager: expected boolean, got &{x}"),
    ],
)
async def test_what_does_not_fit_the_schema_cannot_be_typed(api: Api, custom: Space, change: Obj, fault: str):
    answer = await api.apply(f"{custom.models}/m", model("m", **change), manager="one")

    prefix = "failed to create typed patch object (/m; models.example.com/v1, Kind=ModelServer): "
    assert (answer.code, answer.message) == (500, prefix + fault)


async def test_an_applied_object_must_be_valid(api: Api, custom: Space):
    answer = await api.apply(f"{custom.models}/m", model("m", serving={"mode": "both"}), manager="one")

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["spec.serving.mode"]


async def test_managed_fields_cannot_be_applied(api: Api, space: Space):
    answer = await api.apply(f"{space.config_maps}/a", config_map("a", managedFields=[]), manager="one")

    assert answer.refused(400, "BadRequest")["message"] == "metadata.managedFields must be nil"


async def test_kind_and_version_are_needed(api: Api, space: Space):
    none = await api.apply(f"{space.config_maps}/a", {"metadata": {"name": "a"}}, manager="one")
    other = await api.apply(f"{space.config_maps}/a", config_map("a") | {"apiVersion": "v2"}, manager="one")

    assert none.refused(400, "BadRequest")["message"] == "invalid object type: /, Kind="
    assert other.refused(400, "BadRequest")["message"] == "invalid object type: /v2, Kind=ConfigMap"


async def test_the_name_is_needed_to_create_and_must_fit_the_path(api: Api, space: Space):
    path = f"{space.config_maps}/a"
    nameless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}

    create = await api.apply(path, nameless, manager="one")
    await api.apply(path, config_map("a"), manager="one")
    change = await api.apply(path, nameless | {"data": {"x": "1"}}, manager="one")
    other = await api.apply(path, config_map("b"), manager="one")

    assert "name must be provided" in create.refused(400, "BadRequest")["message"]
    assert change.ok()["data"] == {"x": "1"}
    assert "does not match the name on the URL" in other.refused(400, "BadRequest")["message"]


async def test_an_apply_that_names_a_uid_does_not_create(api: Api, space: Space):
    answer = await api.apply(f"{space.config_maps}/a", config_map("a", uid="u"), manager="one")

    assert answer.refused(409, "Conflict")["message"] == (
        'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid u, '
        "and no "
        "existing object was found"
    )


async def test_an_apply_may_name_the_version_it_is_for(api: Api, space: Space):
    path = f"{space.config_maps}/a"
    old = (await api.apply(path, config_map("a", {"x": "1"}), manager="one")).ok()["metadata"][
        "resourceVersion"
    ]

    fresh = await api.apply(path, config_map("a", {"x": "2"}, resourceVersion=old), manager="one")
    stale = await api.apply(path, config_map("a", {"x": "3"}, resourceVersion=old), manager="one")

    fresh.ok()
    stale.refused(409, "Conflict")


async def test_a_rehearsed_apply_changes_nothing(api: Api, custom: Space):
    path = f"{custom.models}/m"
    old = (await api.apply(path, model("m", image="x"), manager="one")).ok()

    rehearsed = await api.apply(path, model("m", image="y"), manager="one", query={"dryRun": "All"})

    assert rehearsed.ok()["spec"]["image"] == "y"
    assert (await api.get(path)).body == old


async def test_an_apply_in_yaml_is_read(api: Api, space: Space):
    body = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"

    answer = await api.patch(f"{space.config_maps}/a", body, type=APPLY, query={"fieldManager": "one"})

    assert answer.ok()["data"] == {"x": "1"}


async def test_the_applied_object_is_not_changed_by_defaults_of_others(api: Api, space: Space):
    path = f"{space.replica_sets}/d"
    body = deployment("d", kind="ReplicaSet", replicas=None)
    before = copy.deepcopy(body)

    obj = (await api.apply(path, body, manager="one")).ok()

    assert obj["spec"]["replicas"] == 1
    fields = fields_of(obj, "one")
    assert fields is not None
    assert "f:replicas" not in fields["f:spec"]
    assert body == before


async def test_a_null_is_not_dropped_but_refused(api: Api, custom: Space):
    answer = await api.apply(f"{custom.models}/m", model("m", image=None), manager="one")

    answer.refused(422, "Invalid")
    assert [cause["message"] for cause in answer.causes] == [
        'Invalid value: "null": spec.image in body must be of type string: "null"'
    ]


async def test_an_object_emptied_by_an_apply_becomes_null_and_is_refused(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", provider={"name": "x"}), manager="one")

    emptied = await api.apply(path, model("m", provider={}), manager="one")
    left_out = await api.apply(path, model("m"), manager="one")

    emptied.refused(422, "Invalid")
    assert [cause["field"] for cause in emptied.causes] == ["spec.provider"]
    assert "provider" not in left_out.ok()["spec"]


async def test_a_null_where_there_is_a_default_takes_the_default(api: Api, custom: Space):
    answer = await api.apply(f"{custom.models}/m", model("m", engine={"enforceEager": None}), manager="one")

    assert answer.ok()["spec"]["engine"]["enforceEager"] is False
