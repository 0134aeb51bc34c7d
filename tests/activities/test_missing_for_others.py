"""What the API server or a webhook refuses for want of another object is named, and looked at again.

Whatever status the refusal has: it is a word about the other object, never about the one that is written.
"""

from __future__ import annotations

import pytest

from airunway.messages.upstream import ApplyAnswer
from tests.activities.deployment_site import REF, DeploymentSite, Worker, asked, render_request
from tests.e2e.acme import ACME, SERVER

HOOK = 'admission webhook "check.acme.dev" denied the request: '
MEMBERS = [
    pytest.param(403, f'{HOOK}secrets "hub" not found', 'secrets "hub"', id="Secret"),
    pytest.param(404, f'{HOOK}secrets "hub" not found', 'secrets "hub"', id="Secret, as a 404"),
    pytest.param(409, f'{HOOK}secrets "hub" not found', 'secrets "hub"', id="Secret, as a 409"),
    pytest.param(400, f"{HOOK}pvc weights does not exist", "pvc weights", id="claim"),
    pytest.param(422, 'storageclasses "fast" not found', 'storageclasses "fast"', id="StorageClass"),
    pytest.param(403, "no PriorityClass with name batch was found", "batch", id="PriorityClass"),
    pytest.param(
        403,
        'error looking up service account default/runner: serviceaccount "runner" not found',
        'serviceaccount "runner"',
        id="ServiceAccount",
    ),
    pytest.param(403, "exceeded quota: servers, requested: 1, limited: 0", "quota: servers", id="quota"),
    pytest.param(
        422,
        "ValidatingAdmissionPolicy 'named' with binding 'b' denied request: no CRD widgets.acme.dev",
        "widgets.acme.dev",
        id="CRD",
    ),
    pytest.param(
        401,
        "ValidatingAdmissionPolicy 'named' with binding 'b' denied request: no class gold",
        "class gold",
        id="class, as a 401",
    ),
]


async def tried(site: DeploymentSite) -> ApplyAnswer:
    worker = Worker(site.cluster, providers=(ACME,))
    request = render_request(await site.deployment())
    rendered = await worker.provider.render(request)
    return await worker.provider.apply_upstream(asked(request, rendered))


@pytest.mark.parametrize(("code", "said", "named"), MEMBERS)
async def test_it_is_named_and_the_next_look_finds_it(
    place: DeploymentSite, code: int, said: str, named: str
) -> None:
    await place.deploy()
    place.emulated.faults.fail_next(
        code=code,
        reason="Denied",
        message=said,
        when=lambda method, path: method == "POST" and f"/{SERVER.plural}" in path,
    )

    first = await tried(place)

    assert first.failure is not None
    assert (first.failure.reason, first.failure.final) == ("CreateFailed", True)
    assert first.failure.elsewhere, "so the workflow looks again by itself"
    assert named in first.failure.message
    assert first.failure.message.endswith("it is looked at again by itself")

    second = await tried(place)

    assert second.failure is None
    assert (await place.cluster.get(SERVER, REF.name, namespace=REF.namespace))["spec"]
