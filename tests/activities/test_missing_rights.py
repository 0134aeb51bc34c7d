"""A namespace where a provider's worker may do nothing: its deployments say so, and go on once it may."""

from __future__ import annotations

import pytest

from airunway.clients.kubernetes import DEPLOYMENTS
from airunway.messages.upstream import ReleaseRequest
from tests.activities.acme_variants import TWO_OBJECTS
from tests.activities.deployment_site import REF, DeploymentSite, render_request
from tests.e2e.acme import ACME

WORKER = "system:serviceaccount:airunway-system:airunway-acme-provider"
WHAT_TO_DO = 'bind its provider\'s role for objects there (docs/security.md, "In chosen namespaces only")'


def refuse(place: DeploymentSite, verb: str, *, method: str, count: int = 1) -> None:
    """The API server says of the worker's requests for servers that it lacks the right."""
    message = (
        f'servers.acme.dev "chat" is forbidden: User "{WORKER}" cannot {verb} resource "servers" in API group'
        f' "acme.dev" in the namespace "{REF.namespace}"'
    )
    place.emulated.faults.fail_next(
        count,
        code=403,
        reason="Forbidden",
        message=message,
        when=lambda asked, path: asked == method and "/servers" in path,
    )


def refuse_to_convert(place: DeploymentSite) -> None:
    """The operator of servers is gone, and its definition asks it how to convert them."""
    place.emulated.faults.fail_next(
        1,
        code=500,
        reason="InternalError",
        message="conversion webhook for acme.dev/v1, Kind=Server failed: Post"
        ' "https://acme.acme.svc:443/convert?timeout=30s": service "acme" not found',
        when=lambda asked, path: asked == "GET" and "/servers" in path,
    )


def words(verb: str) -> str:
    return f"{WORKER} may not {verb} servers.acme.dev in the namespace {REF.namespace}; {WHAT_TO_DO}"


async def test_objects_that_may_not_be_looked_at_are_said_and_tried_again(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker(providers=(TWO_OBJECTS,))
    refuse(place, "get", method="GET")

    answer = await worker.provider.render(render_request(made))

    assert answer.failure is not None
    assert answer.failure.message == f"looking at the objects of chat: {words('get')}"
    assert (answer.failure.reason, answer.failure.final) == ("AccountForbidden", False)
    assert answer.failure.retry_seconds > 0
    assert not answer.planned
    assert (await worker.provider.render(render_request(made))).failure is None


async def test_an_object_that_may_not_be_created_is_no_final_failure(place: DeploymentSite) -> None:
    made = await place.deploy()
    refuse(place, "create", method="POST")

    _, done = await place.worker().apply(render_request(made))

    assert done.failure is not None
    assert done.failure.message == f"Server chat: {words('create')}"
    assert not done.failure.final
    _, again = await place.worker().apply(render_request(made))
    assert again.failure is None


@pytest.mark.parametrize(
    ("method", "verb", "what"),
    [("GET", "list", "what cannot be looked at"), ("DELETE", "delete", "Server chat")],
)
async def test_a_deletion_says_what_keeps_it_waiting(
    place: DeploymentSite, method: str, verb: str, what: str
) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    await place.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    request = ReleaseRequest(ref=REF, uid=made["metadata"]["uid"], provider=ACME.name)
    refuse(place, verb, method=method)

    answer = await worker.provider.release_upstream(request)

    assert answer.remaining == [f"{what} ({words(verb)})"]
    assert (await worker.provider.release_upstream(request)).remaining == []


async def test_a_deletion_says_that_objects_cannot_be_converted(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    await place.cluster.delete(DEPLOYMENTS, REF.name, namespace=REF.namespace)
    request = ReleaseRequest(ref=REF, uid=made["metadata"]["uid"], provider=ACME.name)
    refuse_to_convert(place)

    answer = await worker.provider.release_upstream(request)

    (said,) = answer.remaining
    assert "the webhook that converts objects of kind Server does not answer" in said
    assert "take the webhook out of the definition of Server in acme.dev" in said
    assert (await worker.provider.release_upstream(request)).remaining == []
