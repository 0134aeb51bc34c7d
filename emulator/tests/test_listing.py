"""Lists: selectors, pages, versions."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, config_map, model, pod


def names(body: Obj) -> list[str]:
    return [
        item["metadata"]["name"] for item in body["items"] if item["metadata"]["name"] != "kube-root-ca.crt"
    ]


async def fill(api: Api, space: Space) -> None:
    for name, labels in (
        ("a", {"app": "x", "tier": "1"}),
        ("b", {"app": "x"}),
        ("c", {"app": "y"}),
        ("d", {}),
    ):
        (await api.create(space.secrets, {"metadata": {"name": name, "labels": labels}})).ok()


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("app=x", ["a", "b"]),
        ("app==x", ["a", "b"]),
        ("app!=x", ["c", "d"]),
        ("app", ["a", "b", "c"]),
        ("!app", ["d"]),
        ("app in (x,y)", ["a", "b", "c"]),
        ("app in (y, z)", ["c"]),
        ("app notin (x)", ["c", "d"]),
        ("app=x,tier", ["a"]),
        ("app=x,!tier", ["b"]),
        ("tier>0", ["a"]),
        ("tier<1", []),
        ("", ["a", "b", "c", "d"]),
    ],
)
async def test_label_selectors(api: Api, space: Space, selector: str, wanted: list[str]):
    await fill(api, space)

    answer = await api.get(space.secrets, query={"labelSelector": selector})

    assert names(answer.ok()) == wanted


@pytest.mark.parametrize(
    ("selector", "wanted"),
    [
        ("metadata.name=b", ["b"]),
        ("metadata.name!=b", ["a", "c", "d"]),
        ("type=Opaque", ["a", "b", "c", "d"]),
        ("type=other", []),
    ],
)
async def test_field_selectors(api: Api, space: Space, selector: str, wanted: list[str]):
    await fill(api, space)

    answer = await api.get(space.secrets, query={"fieldSelector": selector})

    assert names(answer.ok()) == wanted


async def test_objects_of_all_namespaces_are_selected_by_namespace(api: Api, space: Space):
    await fill(api, space)

    answer = await api.get("/api/v1/secrets", query={"fieldSelector": f"metadata.namespace={space.name}"})

    assert names(answer.ok()) == ["a", "b", "c", "d"]


async def test_pods_are_selected_by_phase_and_node(api: Api, space: Space):
    await api.create(space.pods, pod("p"))

    pending = await api.get(space.pods, query={"fieldSelector": "status.phase=Pending,spec.nodeName="})
    running = await api.get(space.pods, query={"fieldSelector": "status.phase=Running"})

    assert (names(pending.ok()), names(running.ok())) == (["p"], [])


async def test_an_unknown_field_cannot_be_selected_by(api: Api, custom: Space):
    plain = await api.get(custom.config_maps, query={"fieldSelector": "data.x=1"})
    secret = await api.get(custom.secrets, query={"fieldSelector": "data.x=1"})
    own = await api.get(custom.models, query={"fieldSelector": "spec.image=1"})

    assert plain.refused(400, "BadRequest")["message"] == (
        '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"'
    )
    assert secret.refused(400, "BadRequest")["message"] == "field label not supported: data.x"
    assert own.refused(400, "BadRequest")["message"] == "field label not supported: spec.image"


@pytest.mark.parametrize("selector", ["a!b", "app in x", "=x", "app=x y"])
async def test_a_malformed_selector_is_a_bad_request(api: Api, space: Space, selector: str):
    (await api.get(space.secrets, query={"labelSelector": selector})).refused(400, "BadRequest")


async def test_a_list_names_its_kind_and_version(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    plain = (await api.get(custom.secrets)).ok()
    own = (await api.get(custom.models)).ok()

    assert (plain["kind"], plain["apiVersion"], plain["items"]) == ("SecretList", "v1", [])
    assert (own["kind"], own["apiVersion"]) == ("ModelServerList", "models.example.com/v1")
    assert int(plain["metadata"]["resourceVersion"]) > 0
    assert own["items"] == [(await api.get(f"{custom.models}/m")).ok()]


async def test_items_of_built_in_lists_do_not_repeat_their_kind(api: Api, space: Space):
    await fill(api, space)

    items = (await api.get(space.secrets)).ok()["items"]
    one = (await api.get(f"{space.secrets}/a")).ok()

    assert items[0] == {key: value for key, value in one.items() if key not in ("kind", "apiVersion")}


async def test_a_list_comes_in_pages_of_one_moment(api: Api, space: Space):
    await fill(api, space)

    first = (await api.get(space.secrets, query={"limit": 2})).ok()
    await api.delete(f"{space.secrets}/c")
    await api.create(space.secrets, {"metadata": {"name": "e"}})
    second = (
        await api.get(space.secrets, query={"limit": 2, "continue": first["metadata"]["continue"]})
    ).ok()

    assert (names(first), names(second)) == (["a", "b"], ["c", "d"])
    assert first["metadata"]["remainingItemCount"] == 2
    assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    assert "continue" not in second["metadata"]


async def test_a_page_of_selected_objects_does_not_count_the_rest(api: Api, space: Space):
    await fill(api, space)

    page = (await api.get(space.secrets, query={"limit": 1, "labelSelector": "app=x"})).ok()

    assert names(page) == ["a"]
    assert page["metadata"]["continue"]
    assert "remainingItemCount" not in page["metadata"]


async def test_a_list_can_be_had_as_of_an_exact_version(api: Api, space: Space):
    await fill(api, space)
    then = (await api.get(space.secrets)).ok()["metadata"]["resourceVersion"]
    await api.delete(f"{space.secrets}/a")
    await api.patch(f"{space.secrets}/b", {"metadata": {"labels": {"app": "z"}}})

    query = {"resourceVersion": then, "resourceVersionMatch": "Exact"}
    answer = (await api.get(space.secrets, query=query)).ok()

    assert names(answer) == ["a", "b", "c", "d"]
    assert answer["items"][1]["metadata"]["labels"] == {"app": "x"}
    assert answer["metadata"]["resourceVersion"] == then


async def test_version_zero_takes_any_state(api: Api, space: Space):
    await fill(api, space)

    await api.until(f"{space.secrets}?resourceVersion=0", lambda answer: len(names(answer.ok())) == 4)


async def test_a_version_from_the_future_times_out(api: Api, space: Space):
    listed = await api.get(space.secrets, query={"resourceVersion": 10**12})

    status = listed.refused(504, "Timeout")
    assert status["message"].startswith(f"Timeout: Too large resource version: {10**12}, current: ")
    assert status["details"]["causes"] == [
        {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    ]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"resourceVersion": "x"}, 400),
        ({"limit": "x"}, 400),
        ({"continue": "x"}, 400),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Exact", "resourceVersion": "0"}, 422),
        ({"resourceVersionMatch": "Nearly", "resourceVersion": "1"}, 422),
    ],
)
async def test_list_options_that_make_no_sense(api: Api, space: Space, query: Obj, code: int):
    answer = await api.get(space.secrets, query=query)

    assert answer.code == code, answer.body


async def test_config_maps_come_in_order_of_their_names(api: Api, space: Space):
    for name in ("b", "a", "c"):
        await api.create(space.config_maps, config_map(name))

    assert names((await api.get(space.config_maps)).ok()) == ["a", "b", "c"]
