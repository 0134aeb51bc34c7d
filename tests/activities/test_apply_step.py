"""Applying does what was planned, once, or says that it would be something else by now."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from temporalio.exceptions import ApplicationError

from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Kind, Object
from airunway.messages.upstream import ApplyRequest
from tests.activities.acme_variants import CONFIG_MAP, STAGED, TWO_OBJECTS
from tests.activities.deployment_site import REF, VALIDATE_IT, DeploymentSite, Worker, asked, render_request
from tests.e2e.acme import ACME, SERVER

DEPLOYMENT = "/apis/airunway.ai/v1alpha1/namespaces/default/modeldeployments/chat"
SERVERS = "/apis/acme.dev/v1/namespaces/default/servers"


async def test_a_create_puts_the_finalizer_on_and_creates(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)
    rendered = await worker.provider.render(render_request(made))
    calls = place.calls()

    done = await worker.provider.apply_upstream(asked(render_request(made), rendered))

    assert calls.take() == [f"PATCH {DEPLOYMENT}", f"POST {SERVERS}"]
    server = await place.server()
    assert server is not None
    (entry,) = done.objects
    assert (entry.kind, entry.name, entry.action) == ("Server", "chat", "created")
    assert (entry.field_manager, entry.uid) == ("acme-provider", server["metadata"]["uid"])
    assert entry.resource_version == server["metadata"]["resourceVersion"]
    assert done.finalizer_added
    assert done.status is not None
    live = await place.deployment()
    assert live["metadata"]["finalizers"] == ["airunway.ai/acme-provider"]
    assert live["metadata"]["generation"] == 1


async def test_an_edit_says_what_it_changed(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, first = await worker.apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})

    _, done = await worker.apply(render_request(edited, applied=first.objects))

    (entry,) = done.objects
    assert (entry.action, entry.changed) == ("configured", ["spec.replicas"])
    server = await place.server()
    assert server is not None
    assert server["spec"]["replicas"] == 3


@pytest.mark.parametrize("same_process", [True, False], ids=["same process", "another process"])
async def test_a_second_attempt_finds_the_first_ones_work_done(
    place: DeploymentSite, same_process: bool
) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(TWO_OBJECTS,))
    rendered = await worker.provider.render(render_request(made))
    request = asked(render_request(made), rendered)
    first = await worker.provider.apply_upstream(request)  # its answer is lost
    before = await place.server()
    second = worker if same_process else place.worker(providers=(TWO_OBJECTS,))

    again = await second.provider.apply_upstream(request)

    assert not again.superseded
    assert [entry.action for entry in again.objects] == ["created", "created"]
    assert [entry.uid for entry in again.objects] == [entry.uid for entry in first.objects]
    assert await place.server() == before


async def test_a_second_attempt_does_what_the_first_one_did_not(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(TWO_OBJECTS,))
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    place.emulated.faults.fail_next(when=lambda method, path: method == "POST" and "configmaps" in path)
    with pytest.raises(ApplicationError):
        await worker.provider.apply_upstream(request)

    done = await worker.provider.apply_upstream(request)

    assert [entry.action for entry in done.objects] == ["created", "created"]
    assert await place.cluster.find(CONFIG_MAP, "chat-settings", namespace=REF.namespace)


async def test_a_second_attempt_at_an_edit_is_the_same_edit(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, first = await worker.apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})
    wanted = render_request(edited, applied=first.objects)
    request = asked(wanted, await worker.provider.render(wanted))
    await worker.provider.apply_upstream(request)
    before = await place.server()

    again = await worker.provider.apply_upstream(request)

    assert not again.superseded
    assert await place.server() == before


async def _edit(place: DeploymentSite) -> None:
    await place.change({"spec": {"scaling": {"replicas": 2}}})


async def _pause(place: DeploymentSite) -> None:
    await place.pause()


async def _delete_with_finalizer(place: DeploymentSite) -> None:
    await place.change({"metadata": {"finalizers": ["example.com/other"]}})
    await place.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)


@pytest.mark.parametrize("held", [False, True], ids=["without finalizer", "with finalizer"])
@pytest.mark.parametrize("event", [_edit, _pause, _delete_with_finalizer])
async def test_nothing_is_done_for_a_deployment_that_moved_on(
    place: DeploymentSite, event: Callable[[DeploymentSite], Awaitable[None]], held: bool
) -> None:
    made = await place.deploy()
    if held:
        made = await place.change({"metadata": {"finalizers": [ACME.finalizer]}})
    worker = place.worker()
    request = asked(render_request(made), await worker.provider.render(render_request(made)))

    await event(place)
    done = await worker.provider.apply_upstream(request)

    assert done.superseded
    assert await place.server() is None


async def test_nothing_is_done_for_another_object_of_the_name(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    await place.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    await place.deploy()

    done = await worker.provider.apply_upstream(request)

    assert done.gone
    assert await place.server() is None


async def test_a_status_written_meanwhile_is_no_reason_to_leave_it(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.core.validate(VALIDATE_IT)
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    status = {"status": {"message": "by somebody"}}
    await place.cluster.patch(DEPLOYMENTS, REF.name, status, namespace=REF.namespace, subresource="status")

    done = await worker.provider.apply_upstream(request)

    assert done.finalizer_added
    assert [entry.action for entry in done.objects] == ["created"]


@pytest.mark.parametrize("known", [True, False], ids=["same process", "another process"])
async def test_what_was_not_asked_for_is_not_done(place: DeploymentSite, known: bool) -> None:
    made = await place.deploy()
    worker = place.worker()
    rendered = await worker.provider.render(render_request(made))
    other = [entry.model_copy(update={"digest": "another rendering"}) for entry in rendered.planned]
    request = ApplyRequest(rendered_from=render_request(made), finalizer="", planned=other)

    done = await (worker if known else place.worker()).provider.apply_upstream(request)

    assert done.superseded
    assert await place.server() is None
    assert not (await place.deployment())["metadata"].get("finalizers")


async def test_an_object_of_somebody_else_is_found_by_the_create(place: DeploymentSite) -> None:
    made = await place.deploy()
    theirs = {
        "apiVersion": SERVER.api_version,
        "kind": SERVER.kind,
        "metadata": {"name": REF.name, "namespace": REF.namespace},
        "spec": {"model": "theirs"},
    }
    await place.cluster.create(SERVER, theirs, namespace=REF.namespace)

    _, done = await place.worker().apply(render_request(made))

    assert done.failure is not None
    assert done.failure.reason == "ResourceConflict"
    server = await place.server()
    assert server is not None
    assert server["spec"] == {"model": "theirs"}


async def test_an_object_of_ours_that_is_going_is_waited_for(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    held = {"metadata": {"finalizers": ["example.com/other"]}}
    await place.cluster.patch(SERVER, REF.name, held, namespace=REF.namespace)
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)

    _, first = await worker.apply(render_request(made))  # by a run that does not know of the object
    again = await worker.provider.render(render_request(made))

    assert first.superseded
    assert again.replacing == "Server chat is being deleted"
    assert not again.planned


class PausedMeanwhile:
    """The cluster, where the deployment is paused while the second object is created, by somebody faster."""

    def __init__(self, place: DeploymentSite) -> None:
        self._place = place

    def __getattr__(self, name: str) -> Any:
        return getattr(self._place.cluster, name)

    async def create(self, kind: Kind, body: Object, **options: Any) -> Object:
        if kind is CONFIG_MAP:
            await self._place.pause()
            raise AlreadyExists("somebody was faster", status=409)
        return await self._place.cluster.create(kind, body, **options)


async def test_what_was_done_before_it_became_something_else_is_told(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = Worker(cast(Cluster, PausedMeanwhile(place)), providers=(TWO_OBJECTS,))

    _, done = await worker.apply(render_request(made))

    assert done.superseded
    assert [(entry.kind, entry.action) for entry in done.objects] == [("Server", "created")]
    assert done.finalizer_added


async def test_an_object_that_somebody_deleted_is_recreated(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, first = await worker.apply(render_request(made))
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)

    _, done = await worker.apply(render_request(made, applied=first.objects))

    assert [entry.action for entry in done.objects] == ["recreated"]


async def test_a_version_that_somebody_was_faster_than_is_read_again(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    _, first = await worker.apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 3}}})
    wanted = render_request(edited, applied=first.objects)
    request = asked(wanted, await worker.provider.render(wanted))
    mark = {"metadata": {"annotations": {"somebody": "was here"}}}
    await place.cluster.patch(SERVER, REF.name, mark, namespace=REF.namespace)

    done = await worker.provider.apply_upstream(request)

    assert [(entry.action, entry.changed) for entry in done.objects] == [("configured", ["spec.replicas"])]
    server = await place.server()
    assert server is not None
    assert server["metadata"]["annotations"] == {"somebody": "was here"}


async def test_a_kind_that_is_not_served_is_a_failure_that_may_pass(place: DeploymentSite) -> None:
    made = await place.deploy()
    missing = replace(SERVER, plural="gone")

    _, done = await place.worker(providers=(replace(ACME, kinds=[missing]),)).apply(render_request(made))

    assert done.failure is not None
    assert (done.failure.reason, done.failure.final) == ("CRDMissing", False)
    assert done.objects == []


async def test_a_stage_is_carried_out_before_the_main_object(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(STAGED,))

    _, first = await worker.apply(render_request(made))

    claim = await place.cluster.find(CONFIG_MAP, "chat-claim", namespace=REF.namespace)
    assert claim is not None
    assert await place.server() is None
    assert first.finalizer_added
    await _bind(place, claim, "yes")
    _, second = await worker.apply(render_request(await place.deployment()))
    assert [entry.name for entry in second.objects] == ["chat"]


async def test_what_a_stage_deletes_beside_its_failure_is_done(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(STAGED,))
    await worker.apply(render_request(made))
    claim = await place.cluster.get(CONFIG_MAP, "chat-claim", namespace=REF.namespace)
    await _bind(place, claim, "lost")

    rendered, done = await worker.apply(render_request(await place.deployment()))

    assert rendered.failure is not None
    assert done.failure == rendered.failure
    assert done.deleted == ["ConfigMap chat-claim"]
    assert await place.cluster.find(CONFIG_MAP, "chat-claim", namespace=REF.namespace) is None


async def test_what_was_written_before_a_failure_is_told(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(TWO_OBJECTS,))
    place.emulated.faults.fail_next(
        code=403, reason="Forbidden", when=lambda method, path: method == "POST" and "configmaps" in path
    )

    _, done = await worker.apply(render_request(made))

    assert done.failure is not None
    assert done.failure.reason == "CreateFailed"
    assert [(entry.kind, entry.action) for entry in done.objects] == [("Server", "created")]


async def _bind(place: DeploymentSite, claim: Object, bound: str) -> None:
    name = claim["metadata"]["name"]
    await place.cluster.patch(CONFIG_MAP, name, {"data": {"bound": bound}}, namespace=REF.namespace)
