"""The three patches that carry no ownership: JSON patch, merge patch, strategic merge."""

from __future__ import annotations

from typing import Any

import pytest

from kube_emulator.testing import JSON_PATCH, MERGE, STRATEGIC, Api

from .objects import Space, config_map, deployment, model

REJECTED = "the server rejected our request due to an error in our request"


async def test_a_merge_patch_merges_objects_removes_nulls_and_replaces_lists(api: Api, custom: Space):
    await api.create(
        custom.models, model("m", engine={"args": {"a": "1", "b": "2"}, "extraArgs": ["x", "y"]})
    )
    patch = {"spec": {"engine": {"args": {"a": None, "c": "3"}, "extraArgs": ["z"]}}}

    obj = (await api.patch(f"{custom.models}/m", patch)).ok()

    assert obj["spec"]["engine"]["args"] == {"b": "2", "c": "3"}
    assert obj["spec"]["engine"]["extraArgs"] == ["z"]
    assert obj["spec"]["model"]["id"] == "owner/name"


@pytest.mark.parametrize("form", [MERGE, STRATEGIC])
async def test_a_patch_that_changes_nothing_keeps_the_version(api: Api, space: Space, form: str):
    old = (await api.create(space.config_maps, config_map("a", {"x": "1"}))).ok()

    same = (await api.patch(f"{space.config_maps}/a", {"data": {"x": "1"}}, type=form)).ok()

    assert same == old


async def test_a_json_patch_does_its_operations_in_order(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1", "y": "2", "z": "3"}))
    patch = [
        {"op": "test", "path": "/data/x", "value": "1"},
        {"op": "replace", "path": "/data/x", "value": "10"},
        {"op": "remove", "path": "/data/y"},
        {"op": "add", "path": "/data/w", "value": "4"},
        {"op": "copy", "from": "/data/x", "path": "/data/v"},
        {"op": "move", "from": "/data/z", "path": "/data/u"},
        {"op": "add", "path": "/metadata/annotations", "value": {"a~b/c": "d"}},
        {"op": "replace", "path": "/metadata/annotations/a~0b~1c", "value": "e"},
    ]

    answer = await api.patch(f"{space.config_maps}/a", patch[:6], type=JSON_PATCH)

    assert answer.ok()["data"] == {"x": "10", "w": "4", "v": "10", "u": "3"}


async def test_a_json_pointer_escapes_slash_and_tilde(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", annotations={"example.com/key": "1"}))
    patch = [{"op": "replace", "path": "/metadata/annotations/example.com~1key", "value": "2"}]

    obj = (await api.patch(f"{space.config_maps}/a", patch, type=JSON_PATCH)).ok()

    assert obj["metadata"]["annotations"] == {"example.com/key": "2"}


async def test_a_json_patch_reaches_list_items_by_index_and_end(api: Api, custom: Space):
    await api.create(custom.models, model("m", engine={"extraArgs": ["a", "b"]}))
    patch = [
        {"op": "add", "path": "/spec/engine/extraArgs/0", "value": "first"},
        {"op": "add", "path": "/spec/engine/extraArgs/-", "value": "last"},
        {"op": "remove", "path": "/spec/engine/extraArgs/1"},
    ]

    obj = (await api.patch(f"{custom.models}/m", patch, type=JSON_PATCH)).ok()

    assert obj["spec"]["engine"]["extraArgs"] == ["first", "b", "last"]


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param({"op": "test", "path": "/data/x", "value": "2"}, id="a failed test"),
        pytest.param({"op": "remove", "path": "/data/none"}, id="removing what is not there"),
        pytest.param({"op": "add", "path": "/none/x", "value": "1"}, id="adding below nothing"),
        pytest.param({"op": "move", "from": "/data/none", "path": "/data/x"}, id="moving what is not there"),
        pytest.param({"op": "dance", "path": "/data/x"}, id="an unknown operation"),
    ],
)
async def test_a_json_patch_that_does_not_fit_is_refused_whole(
    api: Api, space: Space, operation: dict[str, Any]
):
    old = (await api.create(space.config_maps, config_map("a", {"x": "1"}))).ok()
    patch = [{"op": "add", "path": "/data/y", "value": "1"}, operation]

    answer = await api.patch(f"{space.config_maps}/a", patch, type=JSON_PATCH)

    assert answer.refused(422, "Invalid")["message"] == REJECTED
    assert (await api.get(f"{space.config_maps}/a")).body == old


async def test_replacing_an_absent_key_adds_it(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))

    answer = await api.patch(
        f"{space.config_maps}/a", [{"op": "replace", "path": "/data/y", "value": "2"}], type=JSON_PATCH
    )

    assert answer.ok()["data"] == {"x": "1", "y": "2"}


async def test_a_strategic_patch_merges_lists_by_their_key(api: Api, space: Space):
    await api.create(
        space.deployments, deployment("d", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    )
    containers = [
        {"name": "main", "env": [{"name": "B", "value": "3"}, {"name": "C", "value": "4"}]},
        {"name": "side", "image": "example.com/side"},
    ]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    obj = (await api.patch(f"{space.deployments}/d", patch, type=STRATEGIC)).ok()

    by_name = {container["name"]: container for container in obj["spec"]["template"]["spec"]["containers"]}
    assert by_name.keys() == {"main", "side"}
    assert {env["name"]: env["value"] for env in by_name["main"]["env"]} == {"A": "1", "B": "3", "C": "4"}
    assert by_name["main"]["image"] == "example.com/app:1"


async def test_a_strategic_patch_deletes_and_replaces_by_directive(api: Api, space: Space):
    await api.create(
        space.deployments, deployment("d", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    )
    path = f"{space.deployments}/d"

    def with_container(container: dict[str, Any]) -> dict[str, Any]:
        return {"spec": {"template": {"spec": {"containers": [container]}}}}

    deleting = with_container({"name": "main", "env": [{"name": "A", "$patch": "delete"}]})
    deleted = (await api.patch(path, deleting, type=STRATEGIC)).ok()
    replacing = with_container({"name": "main", "env": [{"$patch": "replace"}, {"name": "Z", "value": "9"}]})
    replaced = (await api.patch(path, replacing, type=STRATEGIC)).ok()

    assert deleted["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "B", "value": "2"}]
    assert replaced["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "Z", "value": "9"}]


async def test_a_strategic_patch_keeps_only_named_keys_on_request(api: Api, space: Space):
    await api.create(space.deployments, deployment("d"))
    patch = {"spec": {"strategy": {"$retainKeys": ["type"], "type": "Recreate"}}}

    obj = (await api.patch(f"{space.deployments}/d", patch, type=STRATEGIC)).ok()

    assert obj["spec"]["strategy"] == {"type": "Recreate"}


async def test_a_strategic_patch_orders_items_as_it_says(api: Api, space: Space):
    await api.create(
        space.deployments, deployment("d", env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
    )
    container = {
        "name": "main",
        "$setElementOrder/env": [{"name": "B"}, {"name": "C"}, {"name": "A"}],
        "env": [{"name": "C", "value": "3"}],
    }

    obj = (
        await api.patch(
            f"{space.deployments}/d",
            {"spec": {"template": {"spec": {"containers": [container]}}}},
            type=STRATEGIC,
        )
    ).ok()

    names = [env["name"] for env in obj["spec"]["template"]["spec"]["containers"][0]["env"]]
    assert names == ["B", "C", "A"]


async def test_a_strategic_patch_without_an_order_puts_its_items_first(api: Api, space: Space):
    await api.create(space.deployments, deployment("d"))
    containers = [{"name": "side", "image": "example.com/side"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}

    obj = (await api.patch(f"{space.deployments}/d", patch, type=STRATEGIC)).ok()

    names = [container["name"] for container in obj["spec"]["template"]["spec"]["containers"]]
    assert names == ["side", "main"]


async def test_a_strategic_patch_removes_finalizers_from_a_plain_list(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", finalizers=["a.b/c", "d.e/f"]))
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["a.b/c"]}}

    obj = (await api.patch(f"{space.config_maps}/a", patch, type=STRATEGIC)).ok()

    assert obj["metadata"]["finalizers"] == ["d.e/f"]
    await api.patch(f"{space.config_maps}/a", {"metadata": {"finalizers": None}})


async def test_custom_resources_have_no_strategic_patch(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    answer = await api.patch(f"{custom.models}/m", {}, type=STRATEGIC)

    assert answer.refused(415, "UnsupportedMediaType")["message"] == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


async def test_a_patch_may_name_the_version_it_is_for(api: Api, space: Space):
    obj = (await api.create(space.config_maps, config_map("a"))).ok()
    version = obj["metadata"]["resourceVersion"]

    fresh = await api.patch(
        f"{space.config_maps}/a", {"metadata": {"resourceVersion": version}, "data": {"x": "1"}}
    )
    stale = await api.patch(
        f"{space.config_maps}/a", {"metadata": {"resourceVersion": version}, "data": {"x": "2"}}
    )

    assert fresh.ok()["data"] == {"x": "1"}
    stale.refused(409, "Conflict")


async def test_a_patch_cannot_change_identity(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))
    path = f"{space.config_maps}/a"

    name = await api.patch(path, {"metadata": {"name": "b"}})
    uid = await api.patch(path, {"metadata": {"uid": "u"}})
    namespace = await api.patch(path, {"metadata": {"namespace": "default"}})

    name.refused(400, "BadRequest")
    assert uid.refused(422, "Invalid")["message"] == (
        'ConfigMap "a" is invalid: metadata.uid: Invalid value: "u": field is immutable'
    )
    namespace.refused(400, "BadRequest")


async def test_a_missing_object_cannot_be_patched(api: Api, space: Space):
    (await api.patch(f"{space.config_maps}/a", {})).refused(404, "NotFound")


@pytest.mark.parametrize(
    ("form", "body", "message"),
    [
        (MERGE, b"{", "invalid JSON patch"),
        (
            MERGE,
            b"[]",
            "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface "
            "{}",
        ),
        (JSON_PATCH, b"[", "invalid JSON patch"),
        (STRATEGIC, b"{", "invalid JSON patch"),
    ],
)
async def test_what_is_no_patch_is_a_bad_request(
    api: Api, space: Space, form: str, body: bytes, message: str
):
    await api.create(space.config_maps, config_map("a"))

    answer = await api.patch(f"{space.config_maps}/a", body, type=form)

    assert answer.refused(400, "BadRequest")["message"] == message


async def test_an_unknown_patch_format_is_refused(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    (await api.patch(f"{space.config_maps}/a", {}, type="application/json")).refused(
        415, "UnsupportedMediaType"
    )


async def test_force_is_only_for_apply(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    answer = await api.patch(f"{space.config_maps}/a", {}, query={"force": "true"})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["force"]
