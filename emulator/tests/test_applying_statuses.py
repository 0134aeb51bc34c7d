"""Server-side apply of a status, at its own endpoint."""

from __future__ import annotations

from typing import Any

from kube_emulator.testing import Api

from .objects import (
    Space,
    fields_of,
    model,
    ready_condition,
)

Obj = dict[str, Any]


async def test_status_is_applied_at_its_own_endpoint(api: Api, custom: Space):
    path = f"{custom.models}/m"
    created = (await api.create(custom.models, model("m"))).ok()
    status = {"phase": "Running", "conditions": [ready_condition()]}

    obj = (await api.apply(f"{path}/status", model("m", status=status), manager="controller")).ok()

    assert obj["status"] == status
    assert obj["metadata"]["generation"] == created["metadata"]["generation"]
    assert fields_of(obj, "controller", subresource="status") == {
        "f:status": {
            "f:conditions": {
                'k:{"type":"Ready"}': {
                    ".": {},
                    "f:lastTransitionTime": {},
                    "f:message": {},
                    "f:reason": {},
                    "f:status": {},
                    "f:type": {},
                }
            },
            "f:phase": {},
        }
    }


async def test_conditions_of_two_controllers_live_side_by_side(api: Api, custom: Space):
    path = f"{custom.models}/m/status"
    await api.create(custom.models, model("m"))
    await api.apply(path, model("m", status={"conditions": [ready_condition("Ready")]}), manager="one")

    obj = (
        await api.apply(path, model("m", status={"conditions": [ready_condition("Other")]}), manager="two")
    ).ok()
    less = (await api.apply(path, model("m", status={}), manager="one")).ok()

    assert [condition["type"] for condition in obj["status"]["conditions"]] == ["Ready", "Other"]
    assert [condition["type"] for condition in less["status"]["conditions"]] == ["Other"]


async def test_a_status_apply_does_not_own_or_change_the_spec(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    body = model("m", image="stolen") | {"status": {"message": "x"}}

    obj = (await api.apply(f"{custom.models}/m/status", body, manager="controller")).ok()

    assert "image" not in obj["spec"]
    assert fields_of(obj, "controller", subresource="status") == {"f:status": {"f:message": {}}}


async def test_a_plain_apply_does_not_own_or_change_the_status(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.create(custom.models, model("m"))
    await api.patch(f"{path}/status", {"status": {"message": "true"}})

    obj = (await api.apply(path, model("m") | {"status": {"message": "stolen"}}, manager="user")).ok()

    assert obj["status"] == {"message": "true"}
    assert fields_of(obj, "user") == {"f:spec": {"f:model": {"f:id": {}}}}


async def test_a_status_apply_of_a_missing_object_is_not_found(api: Api, custom: Space):
    answer = await api.apply(
        f"{custom.models}/m/status", model("m", status={"message": "x"}), manager="controller"
    )

    answer.refused(404, "NotFound")


async def test_a_status_apply_again_changes_nothing(api: Api, custom: Space):
    path = f"{custom.models}/m/status"
    await api.create(custom.models, model("m"))
    first = (await api.apply(path, model("m", status={"conditions": [ready_condition()]}), manager="c")).ok()

    second = (await api.apply(path, model("m", status={"conditions": [ready_condition()]}), manager="c")).ok()

    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
