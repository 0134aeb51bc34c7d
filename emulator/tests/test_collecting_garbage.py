"""Dependents follow their owners: in the background, in the foreground, or not at all."""

from __future__ import annotations

from kube_emulator.testing import Api

from .objects import Obj, Space, config_map, owner


async def owner_with_dependents(api: Api, space: Space, *, blocks: bool = False) -> Obj:
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    for name in ("one", "two"):
        references = [owner(boss, blocks=blocks)]
        (await api.create(space.secrets, {"metadata": {"name": name, "ownerReferences": references}})).ok()
    return boss


async def gone(api: Api, path: str) -> None:
    await api.until(path, lambda answer: answer.code == 404)


async def collector_is_up_to_date(api: Api, space: Space) -> None:
    """The real collector follows a watch: who is orphaned before it was seen would be taken for left behind.

    It sees objects of a kind in their order, so a later one that it collects shows that it knows the earlier.
    """
    probe = (await api.create(space.config_maps, config_map("probe"))).ok()
    await api.create(space.secrets, {"metadata": {"name": "probe", "ownerReferences": [owner(probe)]}})
    await api.delete(f"{space.config_maps}/probe", {"propagationPolicy": "Background"})
    await gone(api, f"{space.secrets}/probe")


async def test_dependents_are_deleted_after_their_owner(api: Api, space: Space):
    await owner_with_dependents(api, space)

    await api.delete(f"{space.config_maps}/owner", {"propagationPolicy": "Background"})

    (await api.get(f"{space.config_maps}/owner")).refused(404, "NotFound")
    await gone(api, f"{space.secrets}/one")
    await gone(api, f"{space.secrets}/two")


async def test_dependents_of_dependents_go_too(api: Api, space: Space):
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    middle = (await api.create(space.config_maps, config_map("middle", ownerReferences=[owner(boss)]))).ok()
    await api.create(space.secrets, {"metadata": {"name": "leaf", "ownerReferences": [owner(middle)]}})

    await api.delete(f"{space.config_maps}/owner")

    await gone(api, f"{space.secrets}/leaf")
    await gone(api, f"{space.config_maps}/middle")


async def test_in_the_foreground_the_owner_goes_last(api: Api, space: Space):
    await owner_with_dependents(api, space, blocks=True)
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    await api.patch(f"{space.secrets}/one", held)

    marked = (await api.delete(f"{space.config_maps}/owner", {"propagationPolicy": "Foreground"})).ok()
    await api.until(f"{space.secrets}/one", lambda answer: "deletionTimestamp" in answer.ok()["metadata"])
    await gone(api, f"{space.secrets}/two")
    waiting = await api.get(f"{space.config_maps}/owner")
    await api.patch(f"{space.secrets}/one", {"metadata": {"finalizers": None}})

    assert marked["metadata"]["finalizers"] == ["foregroundDeletion"]
    waiting.ok()
    await gone(api, f"{space.config_maps}/owner")


async def test_orphans_stay_and_lose_their_owner(api: Api, space: Space):
    await owner_with_dependents(api, space)
    await collector_is_up_to_date(api, space)

    marked = (await api.delete(f"{space.config_maps}/owner", {"propagationPolicy": "Orphan"})).ok()
    await gone(api, f"{space.config_maps}/owner")

    assert marked["metadata"]["finalizers"] == ["orphan"]
    for name in ("one", "two"):
        assert "ownerReferences" not in (await api.get(f"{space.secrets}/{name}")).ok()["metadata"]


async def test_a_dependent_of_two_owners_lives_until_both_are_gone(api: Api, space: Space):
    first = (await api.create(space.config_maps, config_map("first"))).ok()
    second = (await api.create(space.config_maps, config_map("second"))).ok()
    references = [owner(first), owner(second)]
    await api.create(space.secrets, {"metadata": {"name": "shared", "ownerReferences": references}})

    await api.delete(f"{space.config_maps}/first")
    left = await api.until(
        f"{space.secrets}/shared", lambda answer: len(answer.ok()["metadata"]["ownerReferences"]) == 1
    )
    await api.delete(f"{space.config_maps}/second")

    assert left.body["metadata"]["ownerReferences"] == [owner(second)]
    await gone(api, f"{space.secrets}/shared")


async def test_a_dependent_made_after_its_owner_was_deleted_goes_at_once(api: Api, space: Space):
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    await api.delete(f"{space.config_maps}/owner")

    await api.create(space.secrets, {"metadata": {"name": "late", "ownerReferences": [owner(boss)]}})

    await gone(api, f"{space.secrets}/late")


async def test_a_reference_to_another_life_of_the_owner_does_not_count(api: Api, space: Space):
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    reference = owner(boss) | {"uid": "00000000-0000-0000-0000-000000000000"}

    await api.create(space.secrets, {"metadata": {"name": "stray", "ownerReferences": [reference]}})

    await gone(api, f"{space.secrets}/stray")


async def test_a_dependents_finalizer_is_respected(api: Api, space: Space):
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    body = {
        "metadata": {"name": "held", "ownerReferences": [owner(boss)], "finalizers": ["example.com/hold"]}
    }
    await api.create(space.secrets, body)

    await api.delete(f"{space.config_maps}/owner")
    await api.until(f"{space.secrets}/held", lambda answer: "deletionTimestamp" in answer.ok()["metadata"])
    await api.patch(f"{space.secrets}/held", {"metadata": {"finalizers": None}})

    await gone(api, f"{space.secrets}/held")


async def test_an_adopted_object_follows_its_new_owner(api: Api, space: Space):
    boss = (await api.create(space.config_maps, config_map("owner"))).ok()
    await api.create(space.secrets, {"metadata": {"name": "child"}})
    await api.patch(f"{space.secrets}/child", {"metadata": {"ownerReferences": [owner(boss)]}})

    await api.delete(f"{space.config_maps}/owner")

    await gone(api, f"{space.secrets}/child")
