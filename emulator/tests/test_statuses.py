"""Spec and status are written apart: each endpoint leaves the other's half alone."""

from __future__ import annotations

from kube_emulator.testing import JSON_PATCH, Api

from .objects import Space, deployment, job, model, pod, ready_condition


async def test_a_status_write_leaves_spec_and_generation(api: Api, custom: Space):
    created = (await api.create(custom.models, model("m"))).ok()
    body = created | {"spec": {"model": {"id": "other"}}, "status": {"phase": "Running"}}

    obj = (await api.put(f"{custom.models}/m/status", body)).ok()

    assert obj["spec"] == created["spec"]
    assert obj["status"] == {"phase": "Running"}
    assert obj["metadata"]["generation"] == 1
    assert obj["metadata"]["resourceVersion"] != created["metadata"]["resourceVersion"]


async def test_a_status_write_leaves_the_metadata_of_a_custom_resource(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    patch = {"metadata": {"labels": {"a": "b"}, "finalizers": ["a.b/c"]}, "status": {"message": "x"}}

    obj = (await api.patch(f"{custom.models}/m/status", patch)).ok()

    assert "labels" not in obj["metadata"]
    assert "finalizers" not in obj["metadata"]
    assert obj["status"] == {"message": "x"}


async def test_a_plain_write_leaves_the_status(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    await api.patch(f"{custom.models}/m/status", {"status": {"message": "x"}})

    obj = (await api.patch(f"{custom.models}/m", {"spec": {"image": "y"}, "status": {"message": "z"}})).ok()

    assert obj["status"] == {"message": "x"}
    assert obj["spec"]["image"] == "y"


async def test_a_status_can_be_removed(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    path = f"{custom.models}/m/status"
    await api.patch(path, {"status": {"message": "x"}})

    obj = (await api.patch(path, [{"op": "remove", "path": "/status"}], type=JSON_PATCH)).ok()

    assert "status" not in obj


async def test_a_status_write_that_changes_nothing_keeps_the_version(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    first = (await api.patch(f"{custom.models}/m/status", {"status": {"message": "x"}})).ok()

    second = (await api.patch(f"{custom.models}/m/status", {"status": {"message": "x"}})).ok()

    assert second == first


async def test_a_status_is_read_at_its_endpoint_with_the_whole_object(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    assert (await api.get(f"{custom.models}/m/status")).ok() == (await api.get(f"{custom.models}/m")).ok()


async def test_a_stale_status_write_conflicts(api: Api, custom: Space):
    old = (await api.create(custom.models, model("m"))).ok()
    await api.patch(f"{custom.models}/m", {"spec": {"image": "x"}})

    answer = await api.put(f"{custom.models}/m/status", old | {"status": {"message": "x"}})

    answer.refused(409, "Conflict")


async def test_a_built_in_kind_keeps_the_status_given_at_its_own_endpoint(api: Api, space: Space):
    await api.create(space.pods, pod("p") | {"status": {"phase": "Running"}})

    pending = (await api.get(f"{space.pods}/p")).ok()
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    running = (await api.patch(f"{space.pods}/p/status", {"status": ready})).ok()

    assert pending["status"]["phase"] == "Pending"
    assert running["status"]["phase"] == "Running"
    assert running["status"]["conditions"][0]["status"] == "True"


async def test_labels_written_with_a_deployments_status_are_dropped_and_annotations_kept(
    api: Api, space: Space
):
    await api.create(space.deployments, deployment("d"))
    patch = {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}, "status": {"replicas": 0}}

    obj = (await api.patch(f"{space.deployments}/d/status", patch)).ok()

    assert "labels" not in obj["metadata"]
    assert obj["metadata"]["annotations"]["c"] == "d"


async def test_conditions_of_a_deployment_merge_by_type_in_an_apply(api: Api, space: Space):
    path = f"{space.stateful_sets}/d"
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))
    body = {"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "d"}}

    def with_condition(kind: str) -> dict[str, object]:
        return body | {"status": {"replicas": 0, "conditions": [{"type": kind, "status": "True"}]}}

    await api.apply(f"{path}/status", with_condition("One"), manager="one")
    obj = (await api.apply(f"{path}/status", with_condition("Two"), manager="two")).ok()

    assert {condition["type"] for condition in obj["status"]["conditions"]} == {"One", "Two"}


async def test_a_finished_job_is_known_by_its_status(api: Api, space: Space):
    await api.create(space.jobs, job("j"))
    now = "2024-01-02T03:04:05Z"
    conditions = [
        {"type": "SuccessCriteriaMet", "status": "True", "lastProbeTime": now, "lastTransitionTime": now},
        {"type": "Complete", "status": "True", "lastProbeTime": now, "lastTransitionTime": now},
    ]
    status = {"succeeded": 1, "startTime": now, "completionTime": now, "conditions": conditions}

    answer = await api.patch(f"{space.jobs}/j/status", {"status": status})

    assert answer.ok()["status"]["succeeded"] == 1


async def test_the_conditions_of_a_custom_resource_keep_their_order(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    wanted = [ready_condition(kind) for kind in ("Zeta", "Alpha", "Mid")]

    obj = (await api.patch(f"{custom.models}/m/status", {"status": {"conditions": wanted}})).ok()

    assert [condition["type"] for condition in obj["status"]["conditions"]] == ["Zeta", "Alpha", "Mid"]
