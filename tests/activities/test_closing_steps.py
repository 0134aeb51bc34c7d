"""The steps around a deployment: its status, its finalizers, the release of its upstream objects."""

from __future__ import annotations

from airunway.clients.kubernetes import DEPLOYMENTS, EVENTS, Object
from airunway.messages.deployment import EventSpec, FinalizerRequest, StatusRequest
from airunway.messages.upstream import ReleaseRequest
from tests.activities.deployment_site import REF, VALIDATE_IT, DeploymentSite, render_request
from tests.e2e.acme import ACME, SERVER

OF_ACME = {"name": "acme", "resourceName": "chat", "resourceKind": "Server"}


async def test_a_status_written_twice_is_one_write_and_one_event(place: DeploymentSite) -> None:
    made = await place.deploy()
    core = place.worker().core
    written = StatusRequest(
        ref=REF,
        uid=made["metadata"]["uid"],
        status={
            "phase": "Deploying",
            "provider": OF_ACME,
            "replicas": {"desired": 1, "ready": 0, "available": 0},
        },
        events=[EventSpec(reason="DeploymentReady", message="all pods are ready")],
    )
    first = await core.write_status(written)

    again = await core.write_status(written)

    live = await place.deployment()
    events = (await place.cluster.listing(EVENTS, namespace=REF.namespace)).items
    assert first.resource_version == again.resource_version == live["metadata"]["resourceVersion"]
    assert live["status"]["replicas"]["ready"] == 0
    assert [(event["reason"], event["count"]) for event in events] == [("DeploymentReady", 2)]


async def test_a_write_records_one_event_of_each_type(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)
    calls = place.calls()
    given = [
        EventSpec(reason="ProviderSelected", message="Provider acme auto-selected"),
        EventSpec(reason="ResourceCreated", message="Server chat created"),
        EventSpec(reason="ProviderNotReady", message="provider acme: away", warning=True),
    ]

    await worker.core.write_status(
        StatusRequest(ref=REF, uid=made["metadata"]["uid"], status={"phase": "Deploying"}, events=given)
    )

    assert len(calls.take()) == 3
    events = (await place.cluster.listing(EVENTS, namespace=REF.namespace)).items
    assert {(event["type"], event["reason"], event["message"]) for event in events} == {
        ("Normal", "ResourceCreated", "Provider acme auto-selected; Server chat created"),
        ("Warning", "ProviderNotReady", "provider acme: away"),
    }


async def test_a_status_is_not_written_to_another_object_of_the_name(place: DeploymentSite) -> None:
    await place.deploy()

    answer = await place.worker().core.write_status(
        StatusRequest(ref=REF, uid="another", status={"phase": "Failed"})
    )

    assert answer.gone
    assert "phase" not in (await place.deployment())["status"]


async def test_releasing_says_what_it_deleted_and_leaves_the_objects_of_others(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    await place.cluster.create(SERVER, _of_others(), namespace=REF.namespace)
    await place.delete()
    request = ReleaseRequest(ref=REF, uid=made["metadata"]["uid"], provider="acme")

    first = await worker.provider.release_upstream(request)
    second = await worker.provider.release_upstream(request)

    assert (first.deleted, first.remaining) == (["Server chat"], [])
    assert (second.deleted, second.remaining) == ([], [])
    left = await place.cluster.listing(SERVER, namespace=REF.namespace)
    assert [obj["metadata"]["name"] for obj in left.items] == ["mine"]


async def test_an_object_that_somebody_holds_remains_and_is_asked_for_once(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    held = {"metadata": {"finalizers": ["example.com/other"]}}
    await place.cluster.patch(SERVER, REF.name, held, namespace=REF.namespace)
    await place.delete()
    request = ReleaseRequest(ref=REF, uid=made["metadata"]["uid"], provider="acme")

    first = await worker.provider.release_upstream(request)
    second = await worker.provider.release_upstream(request)

    assert (first.deleted, first.remaining) == (["Server chat"], ["Server chat"])
    assert (second.deleted, second.remaining) == ([], ["Server chat"])


async def test_only_provider_finalizers_are_removed(place: DeploymentSite) -> None:
    made = await place.deploy()
    core = place.worker().core
    await place.change({"metadata": {"finalizers": [ACME.finalizer, "example.com/other"]}})
    await place.delete()
    asked = FinalizerRequest(ref=REF, uid=made["metadata"]["uid"])

    first = await core.remove_finalizers(asked)
    second = await core.remove_finalizers(asked)

    assert (first.removed, second.removed) == ([ACME.finalizer], [])
    assert first.remaining == second.remaining == ["example.com/other"]
    assert (await place.deployment())["metadata"]["finalizers"] == ["example.com/other"]


async def test_finalizers_of_another_object_of_the_name_stay(place: DeploymentSite) -> None:
    await place.deploy()
    await place.change({"metadata": {"finalizers": [ACME.finalizer]}})

    answer = await place.worker().core.remove_finalizers(FinalizerRequest(ref=REF, uid="another"))

    assert (answer.gone, answer.removed) == (True, [])
    live = await place.cluster.get(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    assert live["metadata"]["finalizers"] == [ACME.finalizer]


def _of_others() -> Object:
    return {
        "apiVersion": SERVER.api_version,
        "kind": SERVER.kind,
        "metadata": {
            "name": "mine",
            "namespace": REF.namespace,
            "labels": {"airunway.ai/managed-by": "airunway"},
        },
        "spec": {},
    }
