"""A webhook in the way of a deployment's last change is named, with what to do."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from airunway.activities.deployment.finalizers import webhook_refusal
from airunway.clients.errors import ApiError
from airunway.messages.deployment import FinalizerRequest
from airunway.messages.upstream import ReleaseRequest
from tests.activities.deployment_site import REF, DeploymentSite, asked, render_request

GONE = (
    'Internal error occurred: failed calling webhook "vmodeldeployment-v1alpha1.kb.io": failed to call '
    'webhook: Post "https://airunway-webhook-service.airunway-system.svc:443/validate": service not found'
)


@pytest.mark.parametrize(
    ("words", "webhook"),
    [
        (GONE, "vmodeldeployment-v1alpha1.kb.io"),
        ('admission webhook "policy.example.com" denied the request: no', "policy.example.com"),
    ],
)
def test_it_is_named(words: str, webhook: str) -> None:
    refusal = webhook_refusal(ApiError(words, status=500, reason="InternalError"))

    assert refusal.startswith(f'webhook "{webhook}" lets nothing be changed on it')
    assert "delete the webhook configuration" in refusal


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
    assert "delete the webhook configuration that names it" in done.failure.message
    assert await place.server() is None
    _, again = await place.worker().apply(render_request(made))
    assert again.failure is None


async def test_a_webhook_whose_server_only_starts_again_is_asked_once_more(place: DeploymentSite) -> None:
    made = await place.deploy()
    worker = place.worker()
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    place.emulated.faults.fail_next(message=GONE, when=lambda method, _: method == "PATCH")

    # The first attempt of an activity is tried again by Temporal, in a second.
    with pytest.raises(ApplicationError, match="service not found"):
        await ActivityEnvironment().run(worker.provider.apply_upstream, request)


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
