"""Events: one store, two API groups."""

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


def new_event(space: Space, name: str) -> Obj:
    return {
        "metadata": {"name": name},
        "regarding": {"kind": "ModelServer", "name": "m", "namespace": space.name},
        "reason": "Chosen",
        "note": "a class was chosen",
        "type": "Normal",
        "action": "Choosing",
        "eventTime": "2024-01-02T03:04:05.000006Z",
        "reportingController": "models.example.com/core",
        "reportingInstance": "one",
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


async def test_a_core_event_is_seen_in_the_new_group(api: Api, space: Space):
    created = (await api.create(space.events, core_event(space, "e"))).ok()

    obj = (await api.get(f"{space.new_events}/e")).ok()

    assert (obj["apiVersion"], obj["note"]) == ("events.k8s.io/v1", "a class was chosen")
    assert obj["regarding"] == created["involvedObject"]
    assert obj["metadata"]["uid"] == created["metadata"]["uid"]
    assert "message" not in obj


async def test_a_new_event_is_seen_in_the_core_group(api: Api, space: Space):
    created = (await api.create(space.new_events, new_event(space, "e"))).ok()

    obj = (await api.get(f"{space.events}/e")).ok()

    assert created["note"] == obj["message"] == "a class was chosen"
    assert obj["reportingComponent"] == "models.example.com/core"
    assert obj["eventTime"] == "2024-01-02T03:04:05.000006Z"
    assert [event["metadata"]["name"] for event in (await api.get(space.events)).ok()["items"]] == ["e"]


async def test_a_new_event_is_counted_up_in_its_series(api: Api, space: Space):
    await api.create(space.new_events, new_event(space, "e"))
    series = {"count": 2, "lastObservedTime": "2024-01-02T03:05:05.000000Z"}

    obj = (await api.patch(f"{space.new_events}/e", {"series": series})).ok()

    assert obj["series"] == series
    assert (await api.get(f"{space.events}/e")).ok()["series"] == series


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


async def test_a_watch_tells_of_events_of_both_groups(api: Api, space: Space):
    start = (await api.get(space.events)).ok()["metadata"]["resourceVersion"]

    async with api.watch(space.events, resourceVersion=start) as events:
        await api.create(space.events, core_event(space, "one"))
        await api.create(space.new_events, new_event(space, "two"))
        told = await events.types_and_names(2)

    assert told == [("ADDED", "one"), ("ADDED", "two")]
    assert {event["object"]["apiVersion"] for event in events.seen} == {"v1"}


async def test_an_event_is_counted_up_by_a_patch(api: Api, space: Space):
    await api.create(space.events, core_event(space, "e") | {"count": 1})

    obj = (await api.patch(f"{space.events}/e", {"count": 2, "lastTimestamp": "2024-01-02T03:04:05Z"})).ok()

    assert (obj["count"], obj["lastTimestamp"]) == (2, "2024-01-02T03:04:05Z")
