"""A webhook of others that is in the way of what publishes a deployment is named, with what to do."""

from __future__ import annotations

import pytest
from temporalio.exceptions import ApplicationError

from tests.gateway.site import ROUTES, GatewaySite, reason

LEFT_BEHIND = (
    'Internal error occurred: failed calling webhook "routes.left.over.io": failed to call webhook: Post '
    '"https://gone.left-over.svc:443/validate": service "gone" not found'
)
WHAT_TO_DO = "delete the webhook configuration that names it"


async def test_a_route_that_it_lets_not_be_made(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    site.emulated.faults.fail_next(
        message=LEFT_BEHIND, when=lambda method, path: method == "POST" and "httproutes" in path
    )

    done = await site.publish(ref)

    assert reason(done) == "HTTPRouteFailed"
    assert done.condition is not None
    assert done.condition.message.startswith('HTTPRoute mistral: webhook "routes.left.over.io" lets nothing')
    assert WHAT_TO_DO in done.condition.message
    assert reason(await site.publish(ref)) == "HTTPRoutePending"


@pytest.mark.parametrize(
    ("code", "words"),
    [(500, LEFT_BEHIND), (403, 'admission webhook "routes.left.over.io" denied the request: no')],
)
async def test_a_route_that_it_lets_not_be_deleted(site: GatewaySite, code: int, words: str) -> None:
    await site.gateway()
    ref = await site.deploy(servedName="m")
    await site.published(ref)
    site.emulated.faults.fail_next(
        code=code, message=words, when=lambda method, path: method == "DELETE" and "httproutes" in path
    )

    with pytest.raises(ApplicationError) as refused:
        await site.remove_as_deleted(ref)

    assert refused.value.type == "WebhookRefused"
    assert refused.value.non_retryable, "whoever asks says so, and looks again"
    assert refused.value.message.startswith(f'HTTPRoute {ref.name}: webhook "routes.left.over.io"')
    assert WHAT_TO_DO in refused.value.message
    assert await site.left(ref) == [f"{ROUTES.plural} {ref.name}"], "it holds up nothing else"
    await site.remove(ref)
    assert await site.left(ref) == []
