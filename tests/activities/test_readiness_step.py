"""Reading what was applied: what it says, and whether it is as it was left."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from airunway.clients.kubernetes import PODS
from tests.activities.acme_variants import CONFIG_MAP, TWO_OBJECTS
from tests.activities.deployment_site import REF, DeploymentSite, readiness_request, render_request
from tests.e2e.acme import SERVER


async def test_an_object_as_it_was_left_is_read_and_its_pods_once_it_serves(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    state = {"status": {"ready": True, "observedGeneration": 1}}
    await place.cluster.patch(SERVER, REF.name, state, namespace=REF.namespace, subresource="status")
    calls = place.calls()

    read = await worker.provider.read_readiness(readiness_request(made, done.objects))

    server, pods = "/apis/acme.dev/v1/namespaces/default/servers/chat", "/api/v1/namespaces/default/pods"
    assert calls.take() == [f"GET {server}", f"GET {pods}"]
    assert read.drifted == []
    assert read.status is not None
    assert read.status.phase == "Running"


async def _gone(place: DeploymentSite) -> None:
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)


async def _going(place: DeploymentSite) -> None:
    held = {"metadata": {"finalizers": ["example.com/other"]}}
    await place.cluster.patch(SERVER, REF.name, held, namespace=REF.namespace)
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)


async def _changed(place: DeploymentSite) -> None:
    await place.cluster.patch(SERVER, REF.name, {"spec": {"replicas": 7}}, namespace=REF.namespace)


async def _unlabelled(place: DeploymentSite) -> None:
    bare = {"metadata": {"labels": {"airunway.ai/managed-by": None}}}
    await place.cluster.patch(SERVER, REF.name, bare, namespace=REF.namespace)


async def _made_again(place: DeploymentSite) -> None:
    server = await place.cluster.get(SERVER, REF.name, namespace=REF.namespace)
    await _gone(place)
    meta = {key: server["metadata"][key] for key in ("name", "namespace", "labels", "ownerReferences")}
    await place.cluster.create(SERVER, {**server, "metadata": meta}, namespace=REF.namespace)


async def _of_somebody_else(place: DeploymentSite) -> None:
    theirs = await place.cluster.create(
        CONFIG_MAP, {"metadata": {"name": "theirs"}, "data": {}}, namespace=REF.namespace
    )
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "theirs", "uid": theirs["metadata"]["uid"]}
    await place.cluster.patch(
        SERVER, REF.name, {"metadata": {"ownerReferences": [owner]}}, namespace=REF.namespace
    )


@pytest.mark.parametrize(
    ("event", "says", "has_status"),
    [
        (_gone, "Server chat is gone", False),
        (_going, "Server chat is being deleted", True),
        (_changed, "Server chat was changed", True),
        (_unlabelled, "Server chat was changed", True),
        (_made_again, "Server chat was made again by somebody else", True),
        (_of_somebody_else, "Server chat belongs to ConfigMap/theirs", False),
    ],
)
async def test_an_object_that_is_not_as_it_was_left_is_told(
    place: DeploymentSite,
    event: Callable[[DeploymentSite], Awaitable[None]],
    says: str,
    has_status: bool,
) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))

    await event(place)
    read = await worker.provider.read_readiness(readiness_request(made, done.objects))

    (told,) = read.drifted
    assert told.startswith(says)
    assert (read.status is not None) is has_status


async def test_after_drift_rendering_leaves_objects_that_are_known_again(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    await _made_again(place)

    rendered = await worker.provider.render(render_request(made, applied=done.objects))
    read = await worker.provider.read_readiness(readiness_request(made, rendered.objects))

    assert not rendered.planned
    assert read.drifted == []


async def test_a_companion_that_is_gone_is_drift_beside_a_status(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(TWO_OBJECTS,))
    _, done = await worker.apply(render_request(made))
    await place.cluster.delete(CONFIG_MAP, "chat-settings", namespace=REF.namespace)

    read = await worker.provider.read_readiness(readiness_request(made, done.objects))

    assert read.drifted == ["ConfigMap chat-settings is gone"]
    assert read.status is not None


async def test_a_diagnosis_tells_what_pods_say(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, done = await worker.apply(render_request(made))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "chat-0", "labels": {"airunway.ai/deployment": "chat"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]},
    }
    await place.cluster.create(PODS, pod, namespace=REF.namespace)
    cause = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "Unschedulable",
        "message": "0/3 nodes are available",
    }
    status = {"status": {"phase": "Pending", "conditions": [cause]}}
    await place.cluster.patch(PODS, "chat-0", status, namespace=REF.namespace, subresource="status")

    read = await worker.provider.read_readiness(readiness_request(made, done.objects, diagnose=True))

    assert [finding.reason for finding in read.findings] == ["Unschedulable"]
