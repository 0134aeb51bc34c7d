"""A deployment's NetworkPolicy comes, is repaired, and goes, with the deployment or with the setting."""

from __future__ import annotations

from dataclasses import replace

from airunway.clients.kubernetes import Object
from airunway.messages.upstream import ApplyAnswer
from airunway.provider.model_access import NETWORK_POLICY, AccessRule, ModelAccess, with_access
from tests.activities.deployment_site import DeploymentSite, Worker, render_request
from tests.e2e.acme import ACME

NAMESPACE = AccessRule(access=ModelAccess.NAMESPACE)
NAME = "chat-model-access"


async def policy(place: DeploymentSite) -> Object | None:
    return await place.cluster.find(NETWORK_POLICY, NAME, namespace="default")


def worker(place: DeploymentSite, rule: AccessRule) -> Worker:
    return place.worker(providers=(with_access(ACME, rule),))


async def restricted(place: DeploymentSite) -> tuple[Object, ApplyAnswer]:
    """A deployment with its policy."""
    made = await place.deploy()
    _, done = await worker(place, NAMESPACE).apply(render_request(made))
    assert done.failure is None
    return made, done


async def test_a_policy_is_made_beside_the_objects(place: DeploymentSite) -> None:
    made, done = await restricted(place)

    live = await policy(place)
    assert live is not None
    assert live["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    assert [(entry.kind, entry.name) for entry in done.objects] == [
        ("Server", "chat"),
        ("NetworkPolicy", NAME),
    ]


async def test_a_policy_that_somebody_took_away_is_made_again(place: DeploymentSite) -> None:
    made, done = await restricted(place)
    await place.cluster.delete(NETWORK_POLICY, NAME, namespace="default")

    await worker(place, NAMESPACE).apply(render_request(made, applied=done.objects))

    assert await policy(place) is not None


async def test_another_rule_changes_it(place: DeploymentSite) -> None:
    made, done = await restricted(place)
    other = replace(NAMESPACE, access=ModelAccess.GATEWAY, gateways=("gateways",))

    await worker(place, other).apply(render_request(made, applied=done.objects))

    live = await policy(place)
    assert live is not None
    assert "gateways" in str(live["spec"]["ingress"])


async def test_opened_access_takes_it_away(place: DeploymentSite) -> None:
    made, done = await restricted(place)

    _, after = await worker(place, AccessRule()).apply(render_request(made, applied=done.objects))

    assert await policy(place) is None
    assert [entry.kind for entry in after.objects] == ["Server"]
    assert after.deleted == [f"NetworkPolicy {NAME}"]
