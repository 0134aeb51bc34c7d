"""`metadata.managedFields`: how writes of every sort are written down."""

from __future__ import annotations

from kube_emulator.testing import STRATEGIC, Api

from .objects import Space, config_map, deployment, fields_of, managers_of, model, service


async def test_a_creation_is_an_update_by_the_program_in_the_user_agent(api: Api, space: Space):
    obj = (await api.create(space.config_maps, config_map("a", {"x": "1"}), agent="tool/2.0 (linux)")).ok()

    entry = obj["metadata"]["managedFields"][0]
    assert entry["time"].endswith("Z")
    del entry["time"]
    assert entry == {
        "manager": "tool",
        "operation": "Update",
        "apiVersion": "v1",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:x": {}}},
    }


async def test_a_named_manager_comes_before_the_user_agent(api: Api, space: Space):
    obj = (
        await api.create(space.config_maps, config_map("a", {"x": "1"}), query={"fieldManager": "me"})
    ).ok()

    assert managers_of(obj) == [("me", "Update", "")]


async def test_built_in_structs_are_not_owned_but_their_fields_are(api: Api, space: Space):
    obj = (
        await api.create(
            space.replica_sets, deployment("d", kind="ReplicaSet", ports=[{"containerPort": 80}])
        )
    ).ok()

    assert fields_of(obj, "conformance", "Update") == {
        "f:spec": {
            "f:replicas": {},
            "f:selector": {},
            "f:template": {
                "f:metadata": {"f:labels": {".": {}, "f:app": {}}},
                "f:spec": {
                    "f:containers": {
                        'k:{"name":"main"}': {
                            ".": {},
                            "f:image": {},
                            "f:imagePullPolicy": {},
                            "f:name": {},
                            "f:ports": {
                                ".": {},
                                'k:{"containerPort":80,"protocol":"TCP"}': {
                                    ".": {},
                                    "f:containerPort": {},
                                    "f:protocol": {},
                                },
                            },
                            "f:resources": {},
                            "f:terminationMessagePath": {},
                            "f:terminationMessagePolicy": {},
                        }
                    },
                    "f:dnsPolicy": {},
                    "f:restartPolicy": {},
                    "f:schedulerName": {},
                    "f:securityContext": {},
                    "f:terminationGracePeriodSeconds": {},
                },
            },
        }
    }


async def test_every_step_to_a_custom_field_is_owned(api: Api, custom: Space):
    obj = (await api.create(custom.models, model("m", nodeSelector={"a": "b"}))).ok()

    assert fields_of(obj, "conformance", "Update") == {
        "f:spec": {
            ".": {},
            "f:model": {".": {}, "f:id": {}, "f:source": {}},
            "f:nodeSelector": {".": {}, "f:a": {}},
        }
    }


async def test_a_later_update_by_the_same_program_joins_its_entry(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))

    obj = (await api.patch(f"{space.config_maps}/a", {"data": {"y": "2"}})).ok()

    assert managers_of(obj) == [("conformance", "Update", "")]
    assert fields_of(obj, "conformance", "Update") == {"f:data": {".": {}, "f:x": {}, "f:y": {}}}


async def test_a_change_by_another_program_moves_the_field_to_it(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1", "y": "1"}))

    obj = (await api.patch(f"{space.config_maps}/a", {"data": {"y": "2"}}, agent="other/1")).ok()

    assert fields_of(obj, "conformance", "Update") == {"f:data": {".": {}, "f:x": {}}}
    assert fields_of(obj, "other", "Update") == {"f:data": {"f:y": {}}}


async def test_a_removed_field_belongs_to_nobody(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1", "y": "1"}))

    obj = (await api.patch(f"{space.config_maps}/a", {"data": {"y": None}}, agent="other/1")).ok()

    assert managers_of(obj) == [("conformance", "Update", "")]
    assert fields_of(obj, "conformance", "Update") == {"f:data": {".": {}, "f:x": {}}}


async def test_writes_of_spec_and_status_are_two_entries(api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    obj = (await api.patch(f"{custom.models}/m/status", {"status": {"message": "x"}})).ok()

    assert managers_of(obj) == [("conformance", "Update", ""), ("conformance", "Update", "status")]
    assert fields_of(obj, "conformance", "Update", "status") == {"f:status": {".": {}, "f:message": {}}}


async def test_appliers_come_before_updaters(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))

    obj = (await api.apply(f"{space.config_maps}/a", config_map("a", {"y": "1"}), manager="zz")).ok()

    assert managers_of(obj) == [("zz", "Apply", ""), ("conformance", "Update", "")]


async def test_update_and_apply_by_one_name_are_two_managers(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}), query={"fieldManager": "me"})

    same = await api.apply(f"{space.config_maps}/a", config_map("a", {"x": "1"}), manager="me")
    other = await api.apply(f"{space.config_maps}/a", config_map("a", {"x": "2"}), manager="me")

    assert managers_of(same.ok()) == [("me", "Apply", ""), ("me", "Update", "")]
    other.refused(409, "Conflict")


async def test_an_empty_list_makes_the_server_forget_all_managers(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))

    obj = (await api.patch(f"{space.config_maps}/a", {"metadata": {"managedFields": [{}]}})).ok()

    assert "managedFields" not in obj["metadata"]


async def test_an_object_nobody_owned_gets_an_owner_before_the_first_apply(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))
    await api.patch(f"{space.config_maps}/a", {"metadata": {"managedFields": [{}]}})

    obj = (await api.apply(f"{space.config_maps}/a", config_map("a", {"y": "1"}), manager="me")).ok()

    assert managers_of(obj) == [("me", "Apply", ""), ("before-first-apply", "Update", "")]
    assert fields_of(obj, "before-first-apply", "Update") == {"f:data": {".": {}, "f:x": {}}}


async def test_an_update_of_an_object_nobody_owned_is_not_written_down(api: Api, space: Space):
    await api.create(space.config_maps, config_map("a", {"x": "1"}))
    await api.patch(f"{space.config_maps}/a", {"metadata": {"managedFields": [{}]}})

    obj = (await api.patch(f"{space.config_maps}/a", {"data": {"x": "2"}})).ok()

    assert "managedFields" not in obj["metadata"]


async def test_a_scale_is_written_down_under_its_subresource(api: Api, space: Space):
    await api.create(space.replica_sets, deployment("d", kind="ReplicaSet"))
    await api.patch(f"{space.replica_sets}/d/scale", {"spec": {"replicas": 0}})

    obj = (await api.get(f"{space.replica_sets}/d")).ok()

    assert ("conformance", "Update", "") in managers_of(obj)


async def test_kubectls_last_applied_annotation_follows_its_server_side_apply(api: Api, space: Space):
    last = "kubectl.kubernetes.io/last-applied-configuration"
    await api.create(space.config_maps, config_map("a", {"x": "1"}, annotations={last: "{}"}))

    obj = (
        await api.apply(f"{space.config_maps}/a", config_map("a", {"x": "1"}), manager="kubectl", force=True)
    ).ok()

    assert '"data":{"x":"1"}' in obj["metadata"]["annotations"][last]


async def test_a_service_is_owned_as_the_client_sent_it_plus_defaults(api: Api, space: Space):
    obj = (await api.create(space.services, service("s"))).ok()

    assert fields_of(obj, "conformance", "Update") == {
        "f:spec": {
            "f:internalTrafficPolicy": {},
            "f:ports": {
                ".": {},
                'k:{"port":80,"protocol":"TCP"}': {
                    ".": {},
                    "f:port": {},
                    "f:protocol": {},
                    "f:targetPort": {},
                },
            },
            "f:selector": {},
            "f:sessionAffinity": {},
            "f:type": {},
        }
    }


async def test_a_strategic_patch_is_written_down_like_any_update(api: Api, space: Space):
    await api.create(space.replica_sets, deployment("d", kind="ReplicaSet"), agent="maker/1")
    patch = {
        "spec": {
            "template": {"spec": {"containers": [{"name": "main", "env": [{"name": "A", "value": "1"}]}]}}
        }
    }

    obj = (await api.patch(f"{space.replica_sets}/d", patch, type=STRATEGIC, agent="patcher/1")).ok()

    env = {".": {}, 'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}}
    assert fields_of(obj, "patcher", "Update") == {
        "f:spec": {"f:template": {"f:spec": {"f:containers": {'k:{"name":"main"}': {"f:env": env}}}}}
    }
