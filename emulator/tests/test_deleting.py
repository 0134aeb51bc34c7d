"""Deletion: answers, preconditions, finalizers."""

from __future__ import annotations

import pytest

from kube_emulator.testing import Api

from .objects import Space, config_map, deployment, model, pod, service


async def test_a_deleted_object_is_gone_and_the_answer_names_it(api: Api, custom: Space):
    obj = (await api.create(custom.models, model("m"))).ok()

    answer = await api.delete(f"{custom.models}/m")

    uid = obj["metadata"]["uid"]
    assert answer.ok() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {"name": "m", "group": "models.example.com", "kind": "modelservers", "uid": uid},
    }
    (await api.get(f"{custom.models}/m")).refused(404, "NotFound")


async def test_some_kinds_answer_with_the_object_itself(api: Api, space: Space):
    for path, body in ((space.services, service("x")), (space.pods, pod("x"))):
        created = (await api.create(path, body)).ok()

        deleted = (await api.delete(f"{path}/x")).ok()

        assert (deleted["kind"], deleted["metadata"]["uid"]) == (created["kind"], created["metadata"]["uid"])


async def test_a_missing_object_cannot_be_deleted(api: Api, space: Space):
    status = (await api.delete(f"{space.config_maps}/a")).refused(404, "NotFound")

    assert status["message"] == 'configmaps "a" not found'


async def test_preconditions_must_hold(api: Api, space: Space):
    obj = (await api.create(space.config_maps, config_map("a"))).ok()
    path, meta = f"{space.config_maps}/a", obj["metadata"]

    other_uid = await api.delete(path, {"preconditions": {"uid": "u"}})
    other_version = await api.delete(path, {"preconditions": {"resourceVersion": "1"}})
    right = await api.delete(
        path, {"preconditions": {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}}
    )

    assert "does not match the UID in record" in other_uid.refused(409, "Conflict")["message"]
    assert "does not match the ResourceVersion in record" in other_version.refused(409, "Conflict")["message"]
    right.ok()


async def test_an_unknown_policy_is_refused(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    answer = await api.delete(f"{space.config_maps}/a", {"propagationPolicy": "Sideways"})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["propagationPolicy"]


async def test_a_rehearsed_deletion_deletes_nothing(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    (await api.delete(f"{space.config_maps}/a", query={"dryRun": "All"})).ok()
    (await api.delete(f"{space.config_maps}/a", {"dryRun": ["All"]})).ok()
    (await api.delete(space.config_maps, {"dryRun": ["All"]})).ok()
    refused = await api.delete(f"{space.config_maps}/a", {"dryRun": ["Some"]})

    (await api.get(f"{space.config_maps}/a")).ok()
    refused.refused(422, "Invalid")
    assert [cause["field"] for cause in refused.causes] == ["dryRun"]


async def test_a_finalizer_holds_an_object_back(api: Api, custom: Space):
    body = model("m")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(custom.models, body)

    marked = (await api.delete(f"{custom.models}/m")).ok()
    again = (await api.delete(f"{custom.models}/m")).ok()

    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["deletionGracePeriodSeconds"] == 0
    assert marked["metadata"]["generation"] == 2
    assert again == marked
    assert (await api.create(custom.models, model("m"))).message == (
        'object is being deleted: modelservers.models.example.com "m" already exists'
    )
    assert (await api.get(f"{custom.models}/m")).ok() == marked
    await api.patch(f"{custom.models}/m", {"metadata": {"finalizers": None}})


async def test_the_last_finalizer_taken_off_removes_the_object(api: Api, custom: Space):
    body = model("m")
    body["metadata"]["finalizers"] = ["example.com/one", "example.com/two"]
    await api.create(custom.models, body)
    path = f"{custom.models}/m"
    await api.delete(path)

    one_left = (await api.patch(path, {"metadata": {"finalizers": ["example.com/two"]}})).ok()
    still = await api.get(path)
    none_left = (await api.patch(path, {"metadata": {"finalizers": []}})).ok()

    assert one_left["metadata"]["finalizers"] == ["example.com/two"]
    still.ok()
    assert "finalizers" not in none_left["metadata"]
    (await api.get(path)).refused(404, "NotFound")


async def test_a_finalizer_taken_off_by_put_removes_the_object_too(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", finalizers=["example.com/hold"]))
    marked = (await api.delete(f"{space.config_maps}/a")).ok()

    del marked["metadata"]["finalizers"]
    (await api.put(f"{space.config_maps}/a", marked)).ok()

    (await api.get(f"{space.config_maps}/a")).refused(404, "NotFound")


async def test_no_finalizer_can_be_added_to_what_is_being_deleted(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", finalizers=["example.com/hold"]))
    path = f"{space.config_maps}/a"
    await api.delete(path)

    answer = await api.patch(path, {"metadata": {"finalizers": ["example.com/hold", "example.com/more"]}})

    answer.refused(422, "Invalid")
    assert answer.causes[0]["field"] == "metadata.finalizers"
    assert "no new finalizers can be added if the object is being deleted" in answer.message
    await api.patch(path, {"metadata": {"finalizers": None}})


async def test_what_is_being_deleted_can_still_be_changed(api: Api, custom: Space):
    body = model("m")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(custom.models, body)
    await api.delete(f"{custom.models}/m")

    spec = await api.patch(f"{custom.models}/m", {"spec": {"image": "x"}})
    status = await api.patch(f"{custom.models}/m/status", {"status": {"phase": "Terminating"}})

    assert spec.ok()["spec"]["image"] == "x"
    assert status.ok()["status"]["phase"] == "Terminating"
    await api.patch(f"{custom.models}/m", {"metadata": {"finalizers": None}})


async def test_the_name_is_free_again_and_gets_another_uid(api: Api, space: Space):
    first = (await api.create(space.config_maps, config_map("a"))).ok()
    await api.delete(f"{space.config_maps}/a")

    second = (await api.create(space.config_maps, config_map("a"))).ok()

    assert second["metadata"]["uid"] != first["metadata"]["uid"]


async def test_a_whole_collection_is_deleted_by_selector(api: Api, space: Space):
    for name, value in (("a", "x"), ("b", "x"), ("c", "y")):
        await api.create(space.secrets, {"metadata": {"name": name, "labels": {"app": value}}})

    (await api.delete(space.secrets, query={"labelSelector": "app=x"})).ok()

    left = (await api.get(space.secrets)).ok()
    assert [item["metadata"]["name"] for item in left["items"]] == ["c"]


@pytest.mark.parametrize("policy", ["Background", "Foreground", "Orphan"])
async def test_every_policy_ends_an_object_without_dependents(api: Api, space: Space, policy: str):
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))

    (await api.delete(f"{space.stateful_sets}/d", {"propagationPolicy": policy})).ok()

    await api.until(f"{space.stateful_sets}/d", lambda answer: answer.code == 404)
