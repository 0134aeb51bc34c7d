"""Server-side apply and lists: items by key, sets, and lists that belong to one manager whole."""

from __future__ import annotations

from typing import Any

from kube_emulator.testing import Api

from .objects import (
    Space,
    config_map,
    deployment,
    fields_of,
    model,
)

Obj = dict[str, Any]


def volumes(*names: str, size: str = "1Gi") -> Obj:
    return {
        "model": {
            "id": "owner/name",
            "storage": {"volumes": [{"name": name, "size": size} for name in names]},
        }
    }


async def test_items_of_a_map_list_belong_to_who_applied_them(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", **volumes("a", "b")), manager="one")

    both = (await api.apply(path, model("m", **volumes("c")), manager="two")).ok()
    less = (await api.apply(path, model("m", **volumes("b")), manager="one")).ok()

    assert [volume["name"] for volume in both["spec"]["model"]["storage"]["volumes"]] == ["a", "b", "c"]
    assert [volume["name"] for volume in less["spec"]["model"]["storage"]["volumes"]] == ["b", "c"]
    assert fields_of(less, "two") == {
        "f:spec": {
            "f:model": {
                "f:id": {},
                "f:storage": {"f:volumes": {'k:{"name":"c"}': {".": {}, "f:name": {}, "f:size": {}}}},
            }
        }
    }


async def test_a_conflict_names_the_item_by_its_key(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", **volumes("a")), manager="one")

    answer = await api.apply(path, model("m", **volumes("a", size="2Gi")), manager="two")

    assert [cause["field"] for cause in answer.causes] == ['.spec.model.storage.volumes[name="a"].size']


async def test_an_atomic_list_belongs_to_one_manager_whole(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", engine={"extraArgs": ["a", "b"]}), manager="one")

    conflict = await api.apply(path, model("m", engine={"extraArgs": ["a"]}), manager="two")
    forced = await api.apply(path, model("m", engine={"extraArgs": ["c"]}), manager="two", force=True)

    assert [cause["field"] for cause in conflict.causes] == [".spec.engine.extraArgs"]
    assert forced.ok()["spec"]["engine"]["extraArgs"] == ["c"]


async def test_the_appliers_order_wins_and_others_keep_their_place(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", **volumes("a", "b", "c")), manager="one")
    await api.apply(path, model("m", **volumes("x")), manager="two")

    obj = (await api.apply(path, model("m", **volumes("c", "a", "b")), manager="one")).ok()

    names = [volume["name"] for volume in obj["spec"]["model"]["storage"]["volumes"]]
    assert [name for name in names if name != "x"] == ["c", "a", "b"]


async def test_an_item_without_its_key_or_twice_is_not_the_clients_fault(api: Api, custom: Space):
    path = f"{custom.models}/m"
    nameless = model("m", model={"storage": {"volumes": [{"size": "1Gi"}]}})

    without = await api.apply(path, nameless, manager="one")
    twice = await api.apply(path, model("m", **volumes("a", "a")), manager="one")

    prefix = "failed to create typed patch object (/m; models.example.com/v1, Kind=ModelServer): "
    assert (without.code, without.message) == (
        500,
        prefix
        + ".spec.model.storage.volumes: element 0: associative list with keys has an element that omits all "
        'key fields ["name"] (and doesn\'t have default values for any key fields)',
    )
    assert (twice.code, twice.message) == (
        500,
        prefix + '.spec.model.storage.volumes: duplicate entries for key [name="a"]',
    )


async def test_a_set_is_owned_by_value(api: Api, space: Space):
    path = f"{space.config_maps}/a"
    await api.apply(path, config_map("a", finalizers=["a.b/c"]), manager="one")

    obj = (await api.apply(path, config_map("a", finalizers=["d.e/f"]), manager="two")).ok()

    assert obj["metadata"]["finalizers"] == ["a.b/c", "d.e/f"]
    assert fields_of(obj, "two") == {"f:metadata": {"f:finalizers": {'v:"d.e/f"': {}}}}
    await api.patch(path, {"metadata": {"finalizers": None}})


async def test_ports_of_a_container_are_told_apart_by_number_and_protocol(api: Api, space: Space):
    path = f"{space.replica_sets}/d"
    ports = [{"containerPort": 80}, {"containerPort": 80, "protocol": "UDP"}]

    obj = (await api.apply(path, deployment("d", kind="ReplicaSet", ports=ports), manager="one")).ok()

    fields = fields_of(obj, "one")
    assert fields is not None
    container = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]['k:{"name":"main"}']
    assert container["f:ports"] == {
        'k:{"containerPort":80,"protocol":"TCP"}': {".": {}, "f:containerPort": {}},
        'k:{"containerPort":80,"protocol":"UDP"}': {".": {}, "f:containerPort": {}, "f:protocol": {}},
    }


async def test_containers_of_two_managers_live_side_by_side(api: Api, space: Space):
    path = f"{space.replica_sets}/d"
    await api.apply(path, deployment("d", kind="ReplicaSet"), manager="one")
    side = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": "d"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "example.com/side"}]}}},
    }

    added = (await api.apply(path, side, manager="two")).ok()
    side["spec"] = {}
    removed = (await api.apply(path, side, manager="two")).ok()

    assert [c["name"] for c in added["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    assert [c["name"] for c in removed["spec"]["template"]["spec"]["containers"]] == ["main"]


async def test_free_form_fields_are_owned_leaf_by_leaf(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", provider={"overrides": {"a": {"x": 1}, "list": [1]}}), manager="one")

    obj = (await api.apply(path, model("m", provider={"overrides": {"a": {"y": 2}}}), manager="two")).ok()
    conflict = await api.apply(path, model("m", provider={"overrides": {"list": [2]}}), manager="two")

    assert obj["spec"]["provider"]["overrides"] == {"a": {"x": 1, "y": 2}, "list": [1]}
    assert [cause["field"] for cause in conflict.causes] == [".spec.provider.overrides.list"]
