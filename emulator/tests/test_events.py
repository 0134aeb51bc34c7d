"""Events: what happened to whom."""

from __future__ import annotations

from kube_emulator.testing import Api

from .objects import Obj, Space


def core_event(space: Space, name: str, target: str = "m") -> Obj:
    return {
        "metadata": {"name": name},
        "involvedObject": {"kind": "ModelServer", "name": target, "namespace": space.name, "uid": "u-1"},
        "reason": "Chosen",
        "message": "a class was chosen",
        "type": "Normal",
    }


async def test_a_core_event(api: Api, space: Space):
    obj = (await api.create(space.events, core_event(space, "e"))).ok()

    del obj["metadata"]
    assert obj == {
        "kind": "Event",
        "apiVersion": "v1",
        "involvedObject": {"kind": "ModelServer", "name": "m", "namespace": space.name, "uid": "u-1"},
        "reason": "Chosen",
        "message": "a class was chosen",
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "",
        "reportingInstance": "",
    }


async def test_events_are_selected_by_what_they_are_about(api: Api, space: Space):
    await api.create(space.events, core_event(space, "one", "m"))
    await api.create(space.events, core_event(space, "two", "n"))
    target = {"name": "m", "namespace": space.name, "kind": "ModelServer", "uid": "u-1"}
    selector = ",".join(f"involvedObject.{part}={value}" for part, value in target.items())

    found = (await api.get(space.events, query={"fieldSelector": selector})).ok()
    others = (await api.get(space.events, query={"fieldSelector": "reason!=Chosen"})).ok()

    assert [event["metadata"]["name"] for event in found["items"]] == ["one"]
    assert others["items"] == []


async def test_an_event_must_be_about_something_in_its_namespace(api: Api, space: Space):
    body = core_event(space, "e")
    body["involvedObject"]["namespace"] = "default"

    answer = await api.create(space.events, body)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["involvedObject.namespace"]


async def test_an_event_is_counted_up_by_a_patch(api: Api, space: Space):
    await api.create(space.events, core_event(space, "e") | {"count": 1})

    obj = (await api.patch(f"{space.events}/e", {"count": 2, "lastTimestamp": "2024-01-02T03:04:05Z"})).ok()

    assert (obj["count"], obj["lastTimestamp"]) == (2, "2024-01-02T03:04:05Z")
