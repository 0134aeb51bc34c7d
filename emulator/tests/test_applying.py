"""Server-side apply: creating, changing, taking away, sharing, and conflicts."""

from __future__ import annotations

from typing import Any

from kube_emulator.testing import Api

from .objects import Space, config_map, deployment, fields_of, managers_of, model, pod, pod_spec

Obj = dict[str, Any]


async def test_an_apply_creates_what_is_missing(api: Api, custom: Space):
    answer = await api.apply(f"{custom.models}/m", model("m"), manager="one")

    assert answer.code == 201
    assert managers_of(answer.body) == [("one", "Apply", "")]
    assert fields_of(answer.body, "one") == {"f:spec": {"f:model": {"f:id": {}}}}


async def test_an_apply_again_changes_nothing_at_all(api: Api, custom: Space):
    for path, body in (
        (f"{custom.models}/m", model("m", engine={"extraArgs": ["a"]})),
        (f"{custom.config_maps}/c", config_map("c", {"a": "b"})),
        (f"{custom.pods}/p", pod("p") | {"spec": pod_spec(ports=[{"containerPort": 80}])}),
    ):
        await api.apply(path, body, manager="one")
        first = (await api.get(path)).ok()

        second = await api.apply(path, body, manager="one")

        assert second.code == 200
        assert second.body["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"], path


async def test_a_null_takes_no_keys_away(api: Api, space: Space):
    path, body = f"{space.deployments}/d", deployment("d")
    await api.apply(path, body, manager="one")

    body["spec"]["strategy"] = {"rollingUpdate": None}
    kept = await api.apply(path, body, manager="one")
    body["spec"]["strategy"] = {"type": "Recreate", "rollingUpdate": None}
    refused = await api.apply(path, body, manager="one")

    filled_in = {"maxSurge": "25%", "maxUnavailable": "25%"}
    assert kept.ok()["spec"]["strategy"] == {"type": "RollingUpdate", "rollingUpdate": filled_in}
    assert "may not be specified when strategy" in refused.refused(422, "Invalid")["message"]


async def test_a_field_of_another_manager_conflicts(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="one"), manager="one")

    answer = await api.apply(path, model("m", image="two"), manager="two")

    status = answer.refused(409, "Conflict")
    assert status["message"] == 'Apply failed with 1 conflict: conflict with "one": .spec.image'
    assert status["details"] == {
        "causes": [
            {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.image"}
        ]
    }


async def test_all_conflicts_are_named_at_once(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="one", nodeSelector={"a": "1"}), manager="one")

    answer = await api.apply(path, model("m", image="two", nodeSelector={"a": "2"}), manager="two")

    assert answer.refused(409, "Conflict")["message"] == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .spec.image\n- .spec.nodeSelector.a'
    )


async def test_an_updater_is_named_with_its_version_and_subresource(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.create(custom.models, model("m", image="one"))
    await api.patch(f"{path}/status", {"status": {"message": "one"}})

    spec = await api.apply(path, model("m", image="two"), manager="two")
    status = await api.apply(f"{path}/status", model("m", status={"message": "two"}), manager="two")

    assert spec.message == (
        'Apply failed with 1 conflict: conflict with "conformance" using models.example.com/v1: .spec.image'
    )
    assert status.message == (
        'Apply failed with 1 conflict: conflict with "conformance" with subresource "status" using '
        "models.example.com/v1: .status.message"
    )


async def test_force_takes_the_field_over(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="one"), manager="one")

    obj = (await api.apply(path, model("m", image="two"), manager="two", force=True)).ok()

    assert obj["spec"]["image"] == "two"
    assert fields_of(obj, "one") == {"f:spec": {"f:model": {"f:id": {}}}}
    assert fields_of(obj, "two") == {"f:spec": {"f:image": {}, "f:model": {"f:id": {}}}}


async def test_the_same_value_is_shared_without_conflict(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="same"), manager="one")

    obj = (await api.apply(path, model("m", image="same"), manager="two")).ok()

    assert (
        fields_of(obj, "one") == fields_of(obj, "two") == {"f:spec": {"f:image": {}, "f:model": {"f:id": {}}}}
    )


async def test_a_field_no_longer_applied_is_removed(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="x", nodeSelector={"a": "1", "b": "2"}), manager="one")

    obj = (await api.apply(path, model("m", nodeSelector={"b": "2"}), manager="one")).ok()

    assert obj["spec"]["nodeSelector"] == {"b": "2"}
    assert "image" not in obj["spec"]


async def test_a_field_no_longer_applied_stays_when_another_applies_it_too(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="x"), manager="one")
    await api.apply(path, model("m", image="x"), manager="two")

    obj = (await api.apply(path, model("m"), manager="one")).ok()

    assert obj["spec"]["image"] == "x"
    assert fields_of(obj, "one") == {"f:spec": {"f:model": {"f:id": {}}}}


async def test_a_field_no_longer_applied_goes_back_to_its_default(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", engine={"enablePrefixCaching": False}), manager="one")

    obj = (await api.apply(path, model("m", engine={}), manager="one")).ok()

    assert obj["spec"]["engine"]["enablePrefixCaching"] is True


async def test_a_field_somebody_else_set_is_left_alone(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m"), manager="one")
    await api.patch(path, {"spec": {"image": "x"}, "metadata": {"annotations": {"a": "b"}}})

    obj = (await api.apply(path, model("m"), manager="one")).ok()

    assert obj["spec"]["image"] == "x"
    assert obj["metadata"]["annotations"] == {"a": "b"}


async def test_an_update_of_an_applied_field_takes_it_away(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.apply(path, model("m", image="one"), manager="one")
    updated = (await api.patch(path, {"spec": {"image": "two"}})).ok()

    answer = await api.apply(path, model("m", image="one"), manager="one")

    assert fields_of(updated, "one") == {"f:spec": {"f:model": {"f:id": {}}}}
    assert fields_of(updated, "conformance", "Update") == {"f:spec": {"f:image": {}}}
    answer.refused(409, "Conflict")
