"""What built-in kinds refuse: wrong types, missing parts, and changes of what is fixed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from kube_emulator.testing import Api

from .objects import Obj, Space, config_map, deployment, job, pod, service


@pytest.mark.parametrize(
    ("change", "place", "found", "wanted"),
    [
        ({"replicas": "1"}, "DeploymentSpec.spec.replicas", "string", "int32"),
        ({"paused": "no"}, "DeploymentSpec.spec.paused", "string", "bool"),
        ({"template": []}, "DeploymentSpec.spec.template", "array", "v1.PodTemplateSpec"),
    ],
)
async def test_a_wrong_type_cannot_be_decoded(
    api: Api, space: Space, change: Obj, place: str, found: str, wanted: str
):
    body = deployment("d")
    body["spec"] |= change

    answer = await api.create(space.deployments, body)

    assert answer.refused(400, "BadRequest")["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal '
        f"{found} into Go struct field {place} of type {wanted}"
    )


async def test_a_wrong_map_value_cannot_be_decoded(api: Api, space: Space):
    answer = await api.create(space.config_maps, config_map("c", {"a": 1}))

    assert answer.refused(400, "BadRequest")["message"] == (
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go '
        "struct field "
        "ConfigMap.data of type string"
    )


async def test_a_workload_needs_a_selector_that_fits_its_template(api: Api, space: Space):
    nothing = await api.create(space.deployments, {"metadata": {"name": "d"}, "spec": {}})
    body = deployment("d")
    body["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    other = await api.create(space.deployments, body)

    nothing.refused(422, "Invalid")
    assert {cause["field"] for cause in nothing.causes} == {
        "spec.selector",
        "spec.template.metadata.labels",
        "spec.template.spec.containers",
    }
    assert [cause["message"] for cause in other.causes] == [
        'Invalid value: {"app":"d"}: `selector` does not match template `labels`'
    ]


@pytest.mark.parametrize(
    ("container", "field"),
    [
        ({"name": ""}, "name"),
        ({"image": ""}, "image"),
        ({"env": [{"name": "", "value": "x"}]}, "env[0].name"),
        ({"volumeMounts": [{"name": "none", "mountPath": "/x"}]}, "volumeMounts[0].name"),
        ({"ports": [{"containerPort": 0}]}, "ports[0].containerPort"),
    ],
)
async def test_a_container_must_be_whole(api: Api, space: Space, container: Obj, field: str):
    body = pod("p")
    body["spec"]["containers"][0] |= container

    answer = await api.create(space.pods, body)

    answer.refused(422, "Invalid")
    assert f"spec.containers[0].{field}" in {cause["field"] for cause in answer.causes}


@pytest.mark.parametrize(
    ("strategy", "field", "message"),
    [
        pytest.param(
            {"type": "Recreate", "rollingUpdate": {"maxSurge": 1}},
            "spec.strategy.rollingUpdate",
            "Forbidden: may not be specified when strategy `type` is 'Recreate'",
            id="bounds without a rolling update",
        ),
        pytest.param(
            {"type": "Nope"},
            "spec.strategy",
            'Unsupported value: {"Type":"Nope","RollingUpdate":null}: supported values: "Recreate", '
            '"RollingUpdate"',
            id="an unknown strategy",
        ),
        pytest.param(
            {"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}},
            "spec.strategy.rollingUpdate.maxUnavailable",
            "Invalid value: 0: may not be 0 when `maxSurge` is 0",
            id="bounds that let nothing move",
        ),
    ],
)
async def test_a_strategy_must_make_sense(api: Api, space: Space, strategy: Obj, field: str, message: str):
    body = deployment("d")
    body["spec"]["strategy"] = strategy

    answer = await api.create(space.deployments, body)

    answer.refused(422, "Invalid")
    assert [(cause["field"], cause["message"]) for cause in answer.causes] == [(field, message)]


async def test_a_bound_of_zero_is_kept(api: Api, space: Space):
    body = deployment("d")
    body["spec"]["strategy"] = {"rollingUpdate": {"maxSurge": 0}}

    obj = (await api.create(space.deployments, body)).ok()

    assert obj["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": "25%"}


async def test_a_change_to_recreate_has_to_take_the_bounds_away(api: Api, space: Space):
    await api.create(space.deployments, deployment("d"))

    kept = await api.patch(f"{space.deployments}/d", {"spec": {"strategy": {"type": "Recreate"}}})
    bare = {"spec": {"strategy": {"type": "Recreate", "rollingUpdate": None}}}
    taken = await api.patch(f"{space.deployments}/d", bare)

    assert kept.refused(422, "Invalid")["message"] == (
        'Deployment.apps "d" is invalid: spec.strategy.rollingUpdate: Forbidden: may not be specified when '
        "strategy `type` is 'Recreate'"
    )
    assert taken.ok()["spec"]["strategy"] == {"type": "Recreate"}


async def test_two_containers_have_two_names(api: Api, space: Space):
    body = pod("p")
    body["spec"]["containers"] *= 2

    answer = await api.create(space.pods, body)

    assert [(cause["reason"], cause["field"]) for cause in answer.causes] == [
        ("FieldValueDuplicate", "spec.containers[1].name")
    ]


async def test_a_volume_has_one_source(api: Api, space: Space):
    body = pod("p")
    body["spec"]["volumes"] = [{"name": "v", "emptyDir": {}, "secret": {"secretName": "s"}}]

    answer = await api.create(space.pods, body)

    assert [(cause["field"], cause["message"]) for cause in answer.causes] == [
        ("spec.volumes[0].secret", "Forbidden: may not specify more than 1 volume type")
    ]


async def test_a_jobs_pods_cannot_restart_always(api: Api, space: Space):
    body = job("j")
    del body["spec"]["template"]["spec"]["restartPolicy"]

    answer = await api.create(space.jobs, body)

    answer.refused(422, "Invalid")
    assert answer.causes == [
        {
            "reason": "FieldValueRequired",
            "message": 'Required value: valid values: "OnFailure", "Never"',
            "field": "spec.template.spec.restartPolicy",
        }
    ]


async def test_ports_of_a_service(api: Api, space: Space):
    none = await api.create(space.services, service("s", ports=[]))
    unnamed = await api.create(space.services, service("s", ports=[{"port": 1}, {"port": 2}]))
    wild = await api.create(space.services, service("s", ports=[{"port": 99999}]))

    assert [cause["field"] for cause in none.causes] == ["spec.ports"]
    assert [cause["field"] for cause in unnamed.causes] == ["spec.ports[0].name", "spec.ports[1].name"]
    assert {cause["field"] for cause in wild.causes} == {"spec.ports[0].port", "spec.ports[0].targetPort"}


def changed(obj: Obj, path: str, value: Any) -> Obj:
    out = copy.deepcopy(obj)
    *steps, last = path.split(".")
    target = out
    for step in steps:
        target = target[step]
    target[last] = value
    return out


async def test_a_workloads_selector_is_fixed(api: Api, space: Space):
    await api.create(space.deployments, deployment("d"))
    labels = {"app": "d", "more": "x"}
    patch = {"spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}}}

    answer = await api.patch(f"{space.deployments}/d", patch)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["spec.selector"]
    assert answer.message.endswith(": field is immutable")


async def test_a_jobs_template_is_fixed(api: Api, space: Space):
    created = (await api.create(space.jobs, job("j", suspend=False))).ok()
    body = changed(created, "spec.template.spec.containers", [{"name": "main", "image": "other"}])
    del body["metadata"]["resourceVersion"]

    answer = await api.put(f"{space.jobs}/j", body)

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["spec.template"]


async def test_a_pods_spec_is_fixed_but_for_its_images(api: Api, space: Space):
    created = (await api.create(space.pods, pod("p"))).ok()
    spec = copy.deepcopy(created["spec"])
    spec["containers"][0]["image"] = "other:1"
    image = await api.patch(f"{space.pods}/p", {"spec": {"containers": spec["containers"]}})
    spec["containers"][0]["args"] = ["x"]
    args = await api.patch(f"{space.pods}/p", {"spec": {"containers": spec["containers"]}})

    image.ok()
    args.refused(422, "Invalid")
    assert [cause["field"] for cause in args.causes] == ["spec"]
    assert "pod updates may not change fields other than" in args.message


async def test_most_of_a_stateful_set_is_fixed(api: Api, space: Space):
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))

    name = await api.patch(f"{space.stateful_sets}/d", {"spec": {"serviceName": "other"}})
    count = await api.patch(f"{space.stateful_sets}/d", {"spec": {"minReadySeconds": 1}})

    assert name.refused(422, "Invalid")["message"] == (
        'StatefulSet.apps "d" is invalid: spec.serviceName: Invalid value: "other": field is immutable'
    )
    count.ok()


async def test_an_immutable_config_map_cannot_be_changed(api: Api, space: Space):
    await api.create(space.config_maps, config_map("c", {"a": "1"}) | {"immutable": True})

    data = await api.patch(f"{space.config_maps}/c", {"data": {"a": "2"}})
    flag = await api.patch(f"{space.config_maps}/c", {"immutable": None})
    label = await api.patch(f"{space.config_maps}/c", {"metadata": {"labels": {"a": "b"}}})

    assert data.refused(422, "Invalid")["message"].endswith("field is immutable when `immutable` is set")
    flag.refused(422, "Invalid")
    label.ok()


async def test_a_secrets_type_is_fixed(api: Api, space: Space):
    await api.create(space.secrets, {"metadata": {"name": "s"}})

    answer = await api.patch(f"{space.secrets}/s", {"type": "example.com/other"})

    assert answer.refused(422, "Invalid")["message"] == (
        'Secret "s" is invalid: type: Invalid value: "example.com/other": field is immutable'
    )


async def test_a_services_address_is_fixed(api: Api, space: Space):
    created = (await api.create(space.services, service("s"))).ok()
    other = created["spec"]["clusterIP"].rpartition(".")[0] + ".99"

    answer = await api.patch(f"{space.services}/s", {"spec": {"clusterIP": other, "clusterIPs": [other]}})

    answer.refused(422, "Invalid")
    assert "may not change once set" in answer.message


async def test_a_claims_size_is_wanted(api: Api, space: Space):
    answer = await api.create(f"{space.core}/persistentvolumeclaims", {"metadata": {"name": "c"}, "spec": {}})

    answer.refused(422, "Invalid")
    assert {cause["field"] for cause in answer.causes} >= {"spec.accessModes", "spec.resources[storage]"}


async def test_a_bindings_role_is_fixed(api: Api, space: Space):
    path = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space.name}/rolebindings"
    await api.create(path, {"metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}})

    answer = await api.patch(f"{path}/b", {"roleRef": {"name": "other"}})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["roleRef"]
