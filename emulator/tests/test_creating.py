"""What creation fills in, and what it refuses."""

from __future__ import annotations

import re
import uuid

import pytest

from kube_emulator.testing import Api

from .objects import Space, config_map, model, service

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_new_object_gets_uid_version_and_time(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a", {"k": "v"}))

    obj = answer.ok()
    meta = obj["metadata"]
    assert answer.code == 201
    assert uuid.UUID(meta["uid"])
    assert int(meta["resourceVersion"]) > 0
    assert TIME.fullmatch(meta["creationTimestamp"])
    assert (meta["name"], meta["namespace"], obj["data"]) == ("a", space.name, {"k": "v"})
    assert "generation" not in meta


async def test_what_the_client_says_about_system_fields_is_ignored(api: Api, space: Space):
    body = config_map(
        "a",
        uid="mine",
        creationTimestamp="2001-01-01T00:00:00Z",
        generation=7,
        deletionTimestamp="2001-01-01T00:00:00Z",
    )

    meta = (await api.create(space.config_maps, body)).ok()["metadata"]

    assert meta["uid"] != "mine"
    assert not meta["creationTimestamp"].startswith("2001")
    assert "deletionTimestamp" not in meta


async def test_a_custom_resource_starts_at_generation_one_without_status(api: Api, custom: Space):
    obj = (await api.create(custom.models, model("m") | {"status": {"phase": "Running"}})).ok()

    assert obj["metadata"]["generation"] == 1
    assert "status" not in obj


async def test_a_generated_name_extends_the_given_prefix(api: Api, space: Space):
    body = {"metadata": {"generateName": "job-"}}

    names = {(await api.create(space.config_maps, body)).ok()["metadata"]["name"] for _ in range(3)}

    assert len(names) == 3
    assert all(re.fullmatch(r"job-[a-z0-9]{5}", name) for name in names)


async def test_a_taken_name_is_refused(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a"))

    answer = await api.create(space.config_maps, config_map("a"))

    status = answer.refused(409, "AlreadyExists")
    assert status["message"] == 'configmaps "a" already exists'
    assert status["details"] == {"name": "a", "kind": "configmaps"}


async def test_a_group_is_named_in_messages_and_details(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    status = (await api.create(custom.models, model("m"))).refused(409, "AlreadyExists")

    assert status["message"] == 'modelservers.models.example.com "m" already exists'
    assert status["details"] == {"name": "m", "group": "models.example.com", "kind": "modelservers"}


async def test_a_missing_namespace_is_not_found(api: Api):
    answer = await api.create("/api/v1/namespaces/nowhere/configmaps", config_map("a"))

    assert answer.refused(404, "NotFound")["message"] == 'namespaces "nowhere" not found'


async def test_body_and_path_must_name_the_same_namespace(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a", namespace="default"))

    answer.refused(400, "BadRequest")
    assert answer.message == (
        "the namespace of the provided object does not match the namespace sent on the request"
    )


async def test_a_name_is_needed(api: Api, space: Space):
    answer = await api.create(space.config_maps, {"metadata": {}})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["metadata.name"]
    assert "name or generateName is required" in answer.message


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        pytest.param({"name": "Upper"}, "metadata.name", id="an upper-case name"),
        pytest.param({"name": "a_b"}, "metadata.name", id="a name with an underscore"),
        pytest.param({"name": "a" * 254}, "metadata.name", id="a name of 254 letters"),
        pytest.param({"name": "a", "labels": {"a b": "c"}}, "metadata.labels", id="a label key with a space"),
        pytest.param(
            {"name": "a", "labels": {"a": "b c"}}, "metadata.labels", id="a label value with a space"
        ),
        pytest.param(
            {"name": "a", "labels": {"a": "b" * 64}}, "metadata.labels", id="a label value of 64 letters"
        ),
        pytest.param(
            {"name": "a", "annotations": {"a b": ""}}, "metadata.annotations", id="a bad annotation key"
        ),
        pytest.param(
            {"name": "a", "finalizers": ["bare"]}, "metadata.finalizers[0]", id="a finalizer without domain"
        ),
    ],
)
async def test_bad_metadata_is_refused(api: Api, space: Space, metadata: dict[str, object], field: str):
    answer = await api.create(space.config_maps, {"metadata": metadata})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == [field]
    assert answer.causes[0]["reason"] == "FieldValueInvalid"


async def test_a_namespace_and_a_service_are_named_by_a_label(api: Api, space: Space):
    namespace = await api.create("/api/v1/namespaces", {"metadata": {"name": "with.dot"}})
    svc = await api.create(space.services, service("with.dot"))
    shouted = await api.create("/api/v1/namespaces", {"metadata": {"name": "UPPER"}})

    assert "must not contain dots" in namespace.refused(422, "Invalid")["message"]
    assert "must not contain dots" in svc.refused(422, "Invalid")["message"]
    assert "lowercase RFC 1123 label" in shouted.refused(422, "Invalid")["message"]


async def test_an_owner_reference_must_be_whole(api: Api, space: Space):
    body = config_map("a", ownerReferences=[{"kind": "ConfigMap", "name": "", "uid": "u"}])

    answer = await api.create(space.config_maps, body)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == [
        "metadata.ownerReferences[0].apiVersion",
        "metadata.ownerReferences[0].name",
    ]


async def test_a_new_object_cannot_come_with_a_version(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("a", resourceVersion="3"))

    assert (answer.code, answer.message) == (
        500,
        "resourceVersion should not be set on objects to be created",
    )


async def test_a_rehearsal_stores_nothing(api: Api, space: Space):
    rehearsed = await api.create(space.config_maps, config_map("a"), query={"dryRun": "All"})

    obj = rehearsed.ok()
    assert obj["metadata"]["uid"]
    assert "resourceVersion" not in obj["metadata"]
    (await api.get(f"{space.config_maps}/a")).refused(404, "NotFound")


async def test_a_body_in_yaml_is_read(api: Api, space: Space):
    body = b"kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\ndata: {when: 2024-01-01}\n"

    obj = (await api.create(space.config_maps, body, type="application/yaml")).ok()

    assert obj["data"] == {"when": "2024-01-01"}
