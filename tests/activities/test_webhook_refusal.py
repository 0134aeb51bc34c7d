"""A webhook in the way of a deployment's last change is named, with what to do."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.clients.errors import ApiError
from airunway.messages.deployment import AppliedObject, FinalizerRequest
from airunway.messages.upstream import ReleaseRequest
from tests.activities.deployment_site import REF, DeploymentSite, asked, render_request
from tests.e2e.acme import ACME, SERVER

GONE = (
    'Internal error occurred: failed calling webhook "vmodeldeployment-v1alpha1.kb.io": failed to call '
    'webhook: Post "https://airunway-webhook-service.airunway-system.svc:443/validate": service not found'
)


LEFT_BEHIND = (
    'Internal error occurred: failed calling webhook "validation.servers.acme.dev": failed to call webhook: '
    'Post "https://acme-operator.acme-system.svc:443/validate": service "acme-operator" not found'
)
OWN = "kubectl delete validatingwebhookconfiguration airunway-validating-webhook-configuration"
OTHERS = (
    "delete the webhook configuration that names it: kubectl get validatingwebhookconfigurations,mutating"
)


@pytest.mark.parametrize(
    ("words", "webhook", "what_to_do"),
    [
        (GONE, "vmodeldeployment-v1alpha1.kb.io", OWN),
        (GONE.replace('"v', '"m'), "mmodeldeployment-v1alpha1.kb.io", OWN.replace("validating", "mutating")),
        (LEFT_BEHIND, "validation.servers.acme.dev", OTHERS),
        ('admission webhook "policy.example.com" denied the request: no', "policy.example.com", OTHERS),
    ],
)
def test_it_is_named(words: str, webhook: str, what_to_do: str) -> None:
    refusal = webhook_refusal(ApiError(words, status=500, reason="InternalError"))

    assert refusal.startswith(f'webhook "{webhook}" lets nothing be changed on it')
    assert what_to_do in refusal


def test_other_errors_are_tried_again() -> None:
    assert webhook_refusal(ApiError("etcdserver: request timed out", status=500, reason="")) == ""


async def test_a_deployment_that_cannot_be_let_go_says_why(place: DeploymentSite) -> None:
    made = await place.deploy()
    await place.change({"metadata": {"finalizers": ["airunway.ai/acme-provider"]}})
    await place.delete()
    place.emulated.faults.fail_next(100, message=GONE, when=lambda method, _: method == "PATCH")

    answer = await place.worker().core.remove_finalizers(
        FinalizerRequest(ref=REF, uid=made["metadata"]["uid"])
    )

    assert (answer.removed, answer.remaining) == ([], ["airunway.ai/acme-provider"])
    assert "vmodeldeployment-v1alpha1.kb.io" in answer.refusal


REFUSALS = [
    (500, "InternalError", GONE),
    (403, "Forbidden", 'admission webhook "policy.example.com" denied the request: no'),
]


@pytest.mark.parametrize(("code", "reason", "words"), REFUSALS)
async def test_a_deployment_that_cannot_be_held_by_its_finalizer_says_why_and_makes_nothing(
    place: DeploymentSite, code: int, reason: str, words: str
) -> None:
    made = await place.deploy()
    place.emulated.faults.fail_next(
        code=code, reason=reason, message=words, when=lambda method, _: method == "PATCH"
    )

    _, done = await place.worker().apply(render_request(made))

    assert done.failure is not None
    assert (done.failure.reason, done.failure.final) == ("WebhookRefused", False)
    assert done.failure.retry_seconds > 0
    assert words in done.failure.message
    assert (OWN if words == GONE else OTHERS) in done.failure.message
    assert await place.server() is None
    _, again = await place.worker().apply(render_request(made))
    assert again.failure is None


@pytest.mark.parametrize("verb", ["PATCH", "POST"])
async def test_a_webhook_whose_server_only_starts_again_is_asked_once_more(
    place: DeploymentSite, verb: str
) -> None:
    made = await place.deploy()
    worker = place.worker()
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    place.emulated.faults.fail_next(message=GONE, when=lambda method, _: method == verb)

    # The first attempt of an activity is tried again by Temporal, in a second.
    with pytest.raises(ApplicationError, match="service not found"):
        await ActivityEnvironment().run(worker.provider.apply_upstream, request)


@pytest.mark.parametrize("verb", ["POST", "PATCH"])
async def test_an_upstream_object_that_cannot_be_written_says_why(place: DeploymentSite, verb: str) -> None:
    made = await place.deploy()
    worker, applied = place.worker(), list[AppliedObject]()
    if verb == "PATCH":
        applied = (await worker.apply(render_request(made)))[1].objects
        made = await place.change({"spec": {"model": {"id": "o/other"}}})
    place.emulated.faults.fail_next(
        message=LEFT_BEHIND, when=lambda method, path: method == verb and "servers" in path
    )

    _, done = await worker.apply(render_request(made, applied=applied))

    assert done.failure is not None
    assert (done.failure.reason, done.failure.final) == ("WebhookRefused", False)
    assert done.failure.message.startswith('Server chat: webhook "validation.servers.acme.dev" lets nothing')
    assert OTHERS in done.failure.message
    (said,) = done.failure.conditions
    assert (said.type, said.status) == ("ResourceCreated", "False")
    _, again = await worker.apply(render_request(await place.deployment(), applied=applied))
    assert again.failure is None


async def test_an_object_of_an_earlier_generation_that_cannot_be_deleted_says_why(
    place: DeploymentSite,
) -> None:
    made = await place.deploy()
    worker = place.worker()
    first = (await worker.apply(render_request(made)))[1].objects
    stray = first[0].model_copy(update={"name": "chat-before"})
    server = await place.server()
    assert server is not None
    copy = {key: server[key] for key in ("apiVersion", "kind", "spec")}
    kept = {key: server["metadata"][key] for key in ("labels", "ownerReferences")}
    earlier = await place.cluster.create(
        SERVER,
        {**copy, "metadata": {"name": "chat-before", **kept}},
        namespace=REF.namespace,
        field_manager=ACME.field_manager,
    )
    stray = stray.model_copy(update={"uid": earlier["metadata"]["uid"]})
    place.emulated.faults.fail_next(
        message=LEFT_BEHIND, when=lambda method, path: method == "DELETE" and "servers" in path
    )

    made = await place.change({"spec": {"model": {"id": "o/other"}}})
    _, done = await worker.apply(render_request(made, applied=[*first, stray]))

    assert done.failure is not None
    assert done.failure.reason == "WebhookRefused"
    assert done.failure.message.startswith('Server chat-before: webhook "validation.servers.acme.dev"')


@pytest.mark.parametrize(("code", "reason", "words"), REFUSALS)
async def test_an_upstream_object_that_cannot_be_deleted_says_why(
    place: DeploymentSite, code: int, reason: str, words: str
) -> None:
    made = await place.deploy()
    worker = place.worker()
    await worker.apply(render_request(made))
    await place.change({"metadata": {"finalizers": ["airunway.ai/acme-provider"]}})
    await place.delete()
    place.emulated.faults.fail_next(
        100,
        code=code,
        reason=reason,
        message=words,
        when=lambda method, path: method == "DELETE" and "servers" in path,
    )

    answer = await worker.provider.release_upstream(
        ReleaseRequest(ref=REF, uid=made["metadata"]["uid"], provider="acme")
    )

    assert answer.deleted == []
    (entry,) = answer.remaining
    assert entry.startswith('Server chat (webhook "')
    assert words in entry
