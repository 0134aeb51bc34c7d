"""Watches: changes in order, from a version, with selectors, bookmarks and an end."""

from __future__ import annotations

import pytest

from kube_emulator.testing import TABLE, Api

from .objects import Space, config_map, model


def labelled(name: str, value: str) -> dict[str, object]:
    return {"metadata": {"name": name, "labels": {"app": value}}}


async def version_of(api: Api, path: str) -> str:
    return str((await api.get(path)).ok()["metadata"]["resourceVersion"])


async def test_every_change_is_reported_once_and_in_order(api: Api, custom: Space):
    start = await version_of(api, custom.models)

    async with api.watch(custom.models, resourceVersion=start) as events:
        await api.create(custom.models, model("a"))
        await api.create(custom.models, model("b"))
        await api.patch(f"{custom.models}/a", {"spec": {"image": "x"}})
        await api.patch(f"{custom.models}/a/status", {"status": {"message": "x"}})
        await api.delete(f"{custom.models}/a")
        received = await events.types_and_names(5)

    assert received == [
        ("ADDED", "a"),
        ("ADDED", "b"),
        ("MODIFIED", "a"),
        ("MODIFIED", "a"),
        ("DELETED", "a"),
    ]
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events.seen]
    assert versions == sorted(set(versions))


async def test_an_event_has_the_whole_object(api: Api, custom: Space):
    start = await version_of(api, custom.models)

    async with api.watch(custom.models, resourceVersion=start) as events:
        created = (await api.create(custom.models, model("a"))).ok()
        event = await events.next()

    assert event == {"type": "ADDED", "object": created}


async def test_a_deletion_reports_the_last_state_under_a_new_version(api: Api, space: Space):
    created = (await api.create(space.secrets, {"metadata": {"name": "a"}, "data": {"x": "MQ=="}})).ok()

    async with api.watch(space.secrets, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        await api.delete(f"{space.secrets}/a")
        event = await events.next()

    assert (event["type"], event["object"]["data"]) == ("DELETED", {"x": "MQ=="})
    assert int(event["object"]["metadata"]["resourceVersion"]) > int(created["metadata"]["resourceVersion"])


async def test_a_watch_resumes_from_the_version_it_last_saw(api: Api, custom: Space):
    await api.create(custom.models, model("a"))
    middle = (await api.create(custom.models, model("b"))).ok()["metadata"]["resourceVersion"]
    await api.create(custom.models, model("c"))
    await api.delete(f"{custom.models}/a")

    async with api.watch(custom.models, resourceVersion=middle) as events:
        received = await events.types_and_names(2)

    assert received == [("ADDED", "c"), ("DELETED", "a")]


async def test_a_watch_without_version_starts_with_what_is_there(api: Api, custom: Space):
    await api.create(custom.models, model("b"))
    await api.create(custom.models, model("a"))

    async with api.watch(custom.models) as events:
        received = await events.types_and_names(2)
        await api.create(custom.models, model("c"))
        later = await events.types_and_names(1)

    assert sorted(received) == [("ADDED", "a"), ("ADDED", "b")]
    assert later == [("ADDED", "c")]


async def test_a_watch_of_one_namespace_does_not_report_others(api: Api, space: Space):
    start = await version_of(api, space.config_maps)

    async with api.watch(space.config_maps, resourceVersion=start) as events:
        await api.create("/api/v1/namespaces/default/configmaps", config_map(f"x-{space.name}"))
        await api.create(space.config_maps, config_map("mine"))
        received = await events.next()

    assert received["object"]["metadata"]["namespace"] == space.name
    await api.delete(f"/api/v1/namespaces/default/configmaps/x-{space.name}")


async def test_a_watch_of_all_namespaces_reports_each(api: Api, custom: Space):
    start = await version_of(api, "/apis/models.example.com/v1/modelservers")

    async with api.watch("/apis/models.example.com/v1/modelservers", resourceVersion=start) as events:
        await api.create(custom.models, model("a"))
        # A namespace of an earlier test may still be emptied meanwhile.
        while (await events.next())["object"]["metadata"]["namespace"] != custom.name:
            pass


async def test_a_watch_of_one_name(api: Api, custom: Space):
    start = await version_of(api, custom.models)

    async with api.watch(custom.models, resourceVersion=start, fieldSelector="metadata.name=b") as events:
        await api.create(custom.models, model("a"))
        await api.create(custom.models, model("b"))
        received = await events.types_and_names(1)

    assert received == [("ADDED", "b")]


async def test_an_object_that_leaves_the_selector_is_deleted_for_the_watch(api: Api, space: Space):
    start = await version_of(api, space.secrets)

    async with api.watch(space.secrets, resourceVersion=start, labelSelector="app=x") as events:
        await api.create(space.secrets, labelled("other", "y"))
        await api.create(space.secrets, labelled("a", "y"))
        await api.patch(f"{space.secrets}/a", labelled("a", "x"))
        await api.patch(f"{space.secrets}/a", {"data": {"k": "dg=="}})
        gone = (await api.patch(f"{space.secrets}/a", labelled("a", "y"))).ok()
        await api.patch(f"{space.secrets}/a", labelled("a", "x"))
        received = await events.types_and_names(4)

    assert received == [("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "a")]
    left = events.seen[2]["object"]
    assert left["metadata"]["labels"] == {"app": "x"}  # as it was while it was selected
    assert left["metadata"]["resourceVersion"] == gone["metadata"]["resourceVersion"]


async def test_a_watch_ends_when_its_time_is_up(api: Api, space: Space):
    start = await version_of(api, space.config_maps)

    async with api.watch(f"{space.secrets}", resourceVersion=start, timeoutSeconds=1) as events:
        assert await events.rest() == []


async def test_a_bookmark_comes_before_the_time_is_up(api: Api, custom: Space):
    created = (await api.create(custom.models, model("a"))).ok()

    async with api.watch(
        custom.models,
        resourceVersion=created["metadata"]["resourceVersion"],
        allowWatchBookmarks="true",
        timeoutSeconds=4,
    ) as events:
        bookmarks = [event for event in await events.rest() if event["type"] == "BOOKMARK"]

    assert bookmarks
    bookmark = bookmarks[-1]["object"]
    assert (bookmark["kind"], bookmark["apiVersion"]) == ("ModelServer", "models.example.com/v1")
    assert int(bookmark["metadata"]["resourceVersion"]) >= int(created["metadata"]["resourceVersion"])
    assert "name" not in bookmark["metadata"]


async def test_no_bookmarks_come_unasked(api: Api, custom: Space):
    start = await version_of(api, custom.models)

    async with api.watch(custom.models, resourceVersion=start, timeoutSeconds=3) as events:
        assert [event for event in await events.rest() if event["type"] == "BOOKMARK"] == []


async def test_initial_events_end_with_a_marked_bookmark(api: Api, custom: Space):
    await api.create(custom.models, model("a"))
    await api.create(custom.models, model("b"))

    async with api.watch(
        custom.models,
        sendInitialEvents="true",
        resourceVersionMatch="NotOlderThan",
        allowWatchBookmarks="true",
    ) as events:
        received = await events.types_and_names(2)
        bookmark = await events.next()
        await api.create(custom.models, model("c"))
        later = await events.types_and_names(1)

    assert sorted(received) == [("ADDED", "a"), ("ADDED", "b")]
    assert bookmark["type"] == "BOOKMARK"
    assert bookmark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert later == [("ADDED", "c")]


@pytest.mark.parametrize(
    "query",
    [
        {"resourceVersionMatch": "NotOlderThan"},
        {"sendInitialEvents": "true"},
        {"sendInitialEvents": "true", "resourceVersionMatch": "Exact"},
    ],
)
async def test_watch_options_that_do_not_go_together(api: Api, space: Space, query: dict[str, str]):
    answer = await api.get(space.secrets, query={"watch": "true", **query})

    answer.refused(422, "Invalid")
    assert {cause["field"] for cause in answer.causes} == {"resourceVersionMatch"}


async def test_a_version_that_is_no_number_is_refused(api: Api, space: Space):
    answer = await api.get(space.secrets, query={"watch": "true", "resourceVersion": "x"})

    assert answer.code == 500
    assert (
        answer.message
        == 'resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax'
    )


async def test_a_write_that_changes_nothing_is_not_reported(api: Api, space: Space):
    created = (await api.create(space.secrets, labelled("a", "x"))).ok()

    async with api.watch(space.secrets, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        await api.patch(f"{space.secrets}/a", labelled("a", "x"))
        await api.patch(f"{space.secrets}/a", labelled("a", "y"))
        event = await events.next()

    assert event["object"]["metadata"]["labels"] == {"app": "y"}


async def test_a_watch_as_a_table_describes_its_columns_once(api: Api, custom: Space):
    start = await version_of(api, custom.models)

    async with api.watch(custom.models, resourceVersion=start, accept=TABLE) as events:
        await api.create(custom.models, model("a"))
        await api.create(custom.models, model("b"))
        first, second = await events.next(), await events.next()

    assert [column["name"] for column in first["object"]["columnDefinitions"]][:2] == ["Name", "Phase"]
    assert not second["object"].get("columnDefinitions")
    assert [event["object"]["rows"][0]["cells"][0] for event in (first, second)] == ["a", "b"]


async def test_a_finalizer_taken_off_reports_the_deletion(api: Api, space: Space):
    created = (await api.create(space.secrets, {"metadata": {"name": "a", "finalizers": ["a.b/c"]}})).ok()

    async with api.watch(space.secrets, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        await api.delete(f"{space.secrets}/a")
        await api.patch(f"{space.secrets}/a", {"metadata": {"finalizers": None}})
        received = await events.types_and_names(2)

    assert received == [("MODIFIED", "a"), ("DELETED", "a")]
    assert events.seen[0]["object"]["metadata"]["deletionTimestamp"]
