"""PUT: what it replaces, and how two writers keep out of each other's way."""

from __future__ import annotations

from kube_emulator.testing import Api

from .objects import Space, config_map, crds, deployment, lease, model, service


async def test_a_put_replaces_the_object_and_moves_its_version(api: Api, space: Space):
    old = (await api.create(space.config_maps, config_map("a", {"x": "1", "y": "2"}, labels={"l": "v"}))).ok()

    new = (await api.put(f"{space.config_maps}/a", config_map("a", {"x": "3"}))).ok()

    assert new["data"] == {"x": "3"}
    assert "labels" not in new["metadata"]
    assert new["metadata"]["uid"] == old["metadata"]["uid"]
    assert new["metadata"]["creationTimestamp"] == old["metadata"]["creationTimestamp"]
    assert int(new["metadata"]["resourceVersion"]) > int(old["metadata"]["resourceVersion"])


async def test_a_put_with_an_old_version_conflicts(api: Api, space: Space):
    old = (await api.create(space.config_maps, config_map("a"))).ok()
    await api.patch(f"{space.config_maps}/a", {"data": {"x": "1"}})

    answer = await api.put(f"{space.config_maps}/a", old)

    status = answer.refused(409, "Conflict")
    assert status["details"] == {"name": "a", "kind": "configmaps"}
    assert status["message"] == (
        'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your '
        "changes to "
        "the latest version and try again"
    )


async def test_a_put_with_the_current_version_passes(api: Api, space: Space):
    obj = (await api.create(space.config_maps, config_map("a"))).ok()

    (await api.put(f"{space.config_maps}/a", obj | {"data": {"x": "1"}})).ok()


async def test_a_put_that_changes_nothing_keeps_the_version(api: Api, custom: Space):
    for path, body in ((custom.config_maps, config_map("a", {"x": "1"})), (custom.models, model("a"))):
        obj = (await api.create(path, body)).ok()

        same = (await api.put(f"{path}/a", obj)).ok()

        assert same == obj


async def test_a_custom_resource_is_only_replaced_with_its_version(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    answer = await api.put(f"{custom.models}/m", model("m", image="x"))

    answer.refused(422, "Invalid")
    assert answer.causes == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 0: must be specified for an update",
            "field": "metadata.resourceVersion",
        }
    ]


async def test_a_put_of_another_life_of_the_object_conflicts(api: Api, space: Space):
    old = (await api.create(space.config_maps, config_map("a"))).ok()
    await api.delete(f"{space.config_maps}/a")
    await api.create(space.config_maps, config_map("a"))

    answer = await api.put(f"{space.config_maps}/a", config_map("a", uid=old["metadata"]["uid"]))

    assert "Precondition failed: UID in precondition" in answer.refused(409, "Conflict")["message"]


async def test_the_name_in_the_body_must_be_the_one_in_the_path(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    other = await api.put(f"{space.config_maps}/a", config_map("b"))
    none = await api.put(f"{space.config_maps}/a", {"metadata": {}})

    assert other.refused(400, "BadRequest")["message"] == (
        "the name of the object (b) does not match the name on the URL (a)"
    )
    assert none.refused(400, "BadRequest")["message"] == (
        "the name of the object (a based on URL) was undeterminable: name must be provided"
    )


async def test_a_put_of_a_missing_object_is_not_found(api: Api, custom: Space):
    plain = await api.put(f"{custom.config_maps}/a", config_map("a"))
    custom_one = await api.put(f"{custom.models}/a", model("a"))

    plain.refused(404, "NotFound")
    custom_one.refused(404, "NotFound")


async def test_a_put_may_create_a_lease(api: Api, space: Space):
    answer = await api.put(f"{space.leases}/l", lease("l", holderIdentity="me"))

    assert answer.code == 201
    assert answer.body["spec"] == {"holderIdentity": "me"}


async def test_a_lease_is_only_replaced_with_its_version(api: Api, space: Space):
    held = (await api.create(space.leases, lease("l", holderIdentity="me"))).ok()

    blind = await api.put(f"{space.leases}/l", lease("l", holderIdentity="you"))
    seeing = await api.put(f"{space.leases}/l", held | {"spec": {"holderIdentity": "you"}})

    blind.refused(422, "Invalid")
    assert seeing.ok()["spec"] == {"holderIdentity": "you"}


async def test_only_one_of_two_writers_with_the_same_version_wins(api: Api, space: Space):
    held = (await api.create(space.leases, lease("l"))).ok()

    first = await api.put(f"{space.leases}/l", held | {"spec": {"holderIdentity": "one"}})
    second = await api.put(f"{space.leases}/l", held | {"spec": {"holderIdentity": "two"}})

    assert (first.code, second.code) == (200, 409)


async def test_a_change_of_spec_counts_a_generation_and_one_of_metadata_does_not(api: Api, custom: Space):
    path = f"{custom.models}/m"
    await api.create(custom.models, model("m"))

    labelled = (await api.patch(path, {"metadata": {"labels": {"a": "b"}}})).ok()
    changed = (await api.patch(path, {"spec": {"image": "x"}})).ok()

    assert labelled["metadata"]["generation"] == 1
    assert changed["metadata"]["generation"] == 2


async def test_a_deployment_counts_changes_of_spec_and_of_annotations(api: Api, space: Space):
    await api.create(space.deployments, deployment("d"))
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))

    async def generation(kind: str, patch: dict[str, object]) -> int:
        answer = await api.patch(f"{kind}/d", patch)
        return int(answer.ok()["metadata"]["generation"])

    spec, labels = {"spec": {"minReadySeconds": 5}}, {"metadata": {"labels": {"a": "b"}}}
    annotations = {"metadata": {"annotations": {"a": "b"}}}
    stateful = [await generation(space.stateful_sets, patch) for patch in (spec, labels, annotations)]
    plain = [await generation(space.deployments, patch) for patch in (labels, spec, annotations)]

    assert stateful == [2, 2, 2]
    assert plain == [1, 2, 3]


async def test_a_service_keeps_its_address_when_an_update_does_not_mention_it(api: Api, space: Space):
    old = (await api.create(space.services, service("s", type="NodePort"))).ok()

    new = (await api.put(f"{space.services}/s", service("s", type="NodePort", ports=[{"port": 81}]))).ok()

    assert new["spec"]["clusterIP"] == old["spec"]["clusterIP"]
    assert new["spec"]["ports"][0]["nodePort"] == old["spec"]["ports"][0]["nodePort"]


async def test_a_put_rehearsed_changes_nothing(api: Api, space: Space):
    old = (await api.create(space.config_maps, config_map("a", {"x": "1"}))).ok()

    rehearsed = await api.put(f"{space.config_maps}/a", config_map("a", {"x": "2"}), query={"dryRun": "All"})

    assert rehearsed.ok()["data"] == {"x": "2"}
    assert (await api.get(f"{space.config_maps}/a")).body == old


async def test_definitions_are_accepted_whole(api: Api, custom: Space):
    for crd in crds():
        stored = (
            await api.get(
                f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd['metadata']['name']}"
            )
        ).ok()

        assert stored["spec"]["versions"] == crd["spec"]["versions"]
