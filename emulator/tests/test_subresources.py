"""Scale, token, eviction, binding, and reviews of one's own access."""

from __future__ import annotations

from pathlib import Path

import pytest

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .objects import Space, deployment, pod


async def test_a_scale_shows_replicas_and_selector(api: Api, space: Space):
    created = (await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))).ok()

    scale = (await api.get(f"{space.stateful_sets}/d/scale")).ok()

    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["metadata"]["uid"] == created["metadata"]["uid"]
    assert (scale["spec"], scale["status"]) == ({}, {"replicas": 0, "selector": "app=d"})


async def test_a_scale_sets_the_replicas(api: Api, space: Space):
    path = f"{space.stateful_sets}/d"
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))

    patched = (await api.patch(f"{path}/scale", {"spec": {"replicas": 3}})).ok()
    replaced = (await api.put(f"{path}/scale", patched | {"spec": {"replicas": 2}})).ok()

    assert (patched["spec"], replaced["spec"]) == ({"replicas": 3}, {"replicas": 2})
    obj = (await api.get(path)).ok()
    assert (obj["spec"]["replicas"], obj["metadata"]["generation"]) == (2, 3)


async def test_a_stale_scale_conflicts(api: Api, space: Space):
    path = f"{space.stateful_sets}/d"
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))
    old = (await api.get(f"{path}/scale")).ok()
    await api.patch(path, {"spec": {"minReadySeconds": 1}})

    answer = await api.put(f"{path}/scale", old | {"spec": {"replicas": 2}})

    answer.refused(409, "Conflict")


async def test_a_negative_scale_is_refused(api: Api, space: Space):
    await api.create(space.stateful_sets, deployment("d", kind="StatefulSet"))

    answer = await api.patch(f"{space.stateful_sets}/d/scale", {"spec": {"replicas": -1}})

    answer.refused(422, "Invalid")
    assert [cause["field"] for cause in answer.causes] == ["spec.replicas"]


async def test_a_pod_is_bound_to_a_node(api: Api, space: Space):
    await api.create(space.pods, pod("p"))
    body = {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": {"name": "p"},
        "target": {"kind": "Node", "name": "n"},
    }

    answer = await api.create(f"{space.pods}/p/binding", body)

    assert answer.code == 201
    obj = (await api.get(f"{space.pods}/p")).ok()
    assert obj["spec"]["nodeName"] == "n"
    assert [(c["type"], c["status"]) for c in obj["status"]["conditions"]] == [("PodScheduled", "True")]
    await api.delete(f"{space.pods}/p", {"gracePeriodSeconds": 0})


async def test_the_administrator_may_do_everything(api: Api):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    body = {"spec": {"resourceAttributes": {"verb": "delete", "resource": "pods", "namespace": "default"}}}

    answer = await api.create(path, body)

    assert answer.code == 201
    assert answer.body["status"] == {"allowed": True}
    assert answer.body["spec"]["resourceAttributes"]["verb"] == "delete"


async def test_a_client_may_ask_who_it_is(api: Api):
    answer = await api.create("/apis/authentication.k8s.io/v1/selfsubjectreviews", {})

    assert "system:masters" in answer.ok()["status"]["userInfo"]["groups"]


async def test_a_pod_without_a_node_has_no_lines_yet(api: Api, space: Space):
    await api.create(space.pods, pod("p"))

    answer = await api.get(f"{space.pods}/p/log")

    assert (answer.code, answer.body) == (204, "")
    (await api.get(f"{space.pods}/gone/log")).refused(404, "NotFound")


@pytest.mark.parametrize("part", ["exec?command=ls", "portforward"])
async def test_a_pod_without_a_node_has_nothing_to_look_into(api: Api, space: Space, part: str):
    await api.create(space.pods, pod("p"))
    name, _, query = part.partition("?")
    asked = dict([query.split("=")]) if query else {}

    answer = await api.get(f"{space.pods}/p/{name}", query=asked)

    answer.refused(400, "BadRequest")
    assert answer.message == "pod p does not have a host assigned"


async def test_a_command_in_a_pod_that_seems_to_run_is_refused_with_the_reason(
    emulated: EmulatedCluster, tmp_path: Path
):
    async with Api(emulated.kubeconfig(tmp_path / "kubeconfig")) as api:
        pods = Space("default").pods
        placed = pod("p") | {"spec": pod("p")["spec"] | {"nodeName": "n"}}
        (await api.create(pods, placed)).ok()

        for part in ("exec", "attach"):
            answer = await api.get(f"{pods}/p/{part}")

            answer.refused(400, "BadRequest")
            assert "the emulated cluster runs no containers" in answer.message
