"""A newer release, or another default, restarts and replaces nothing that runs, until its spec changes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from airunway.api.kept import KEPT_AS_SERVED
from airunway.clients.kubernetes import MERGE_PATCH, Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import ApplyAnswer, RenderAnswer, WriteAction
from airunway.provider import Provider
from tests.activities.deployment_site import REF, DeploymentSite, Worker, render_request
from tests.e2e.acme import ACME, SERVER


def released(suffix: str = "", *, reason: str = "") -> Provider:
    """The provider as another release has it: with other defaults, which perhaps need another object."""

    def objects(deployment: Any, context: Any) -> list[Object]:
        server, *rest = ACME.objects(deployment, context)
        spec = {**server["spec"], "model": server["spec"]["model"] + suffix}
        return [{**server, "spec": spec}, *rest]

    def anew(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
        return reason if reason and live["spec"].get("model") != desired["spec"]["model"] else None

    return replace(ACME, objects=objects, replacement_reason=anew)


OLD, NEW = released(), released("@2")
ANEW = released("@2", reason="a Server keeps its model")


async def look(
    place: DeploymentSite, provider: Provider, applied: list[AppliedObject]
) -> tuple[RenderAnswer, ApplyAnswer | None]:
    """One reconcile of a worker of that release, and what it wrote."""
    request = render_request(await place.deployment(), applied=applied)
    rendered, done = await Worker(place.cluster, providers=(provider,)).apply(request)
    return rendered, done if rendered.writes else None


async def served(place: DeploymentSite) -> list[AppliedObject]:
    await place.deploy()
    _, done = await look(place, OLD, [])
    assert done is not None and done.failure is None
    return done.objects


def kept(answer: RenderAnswer) -> str:
    return next((entry.message or "" for entry in answer.conditions if entry.type == KEPT_AS_SERVED), "")


async def edit(place: DeploymentSite, patch: dict[str, Any]) -> None:
    await place.cluster.patch(
        SERVER, REF.name, patch, namespace=REF.namespace, content_type=MERGE_PATCH, field_manager="ada"
    )


@pytest.mark.parametrize("release", [NEW, ANEW], ids=["in place", "by replacement"])
async def test_what_runs_is_left_and_it_is_said_what_would_be_different(
    place: DeploymentSite, release: Provider
) -> None:
    applied = await served(place)
    before = await place.server()

    answer, done = await look(place, release, applied)
    again, _ = await look(place, release, answer.objects)

    assert (done, answer.replacing, again.planned) == (None, "", [])
    assert await place.server() == before
    assert "spec.model" in kept(answer) or "keeps its model" in kept(answer)
    assert kept(again) == kept(answer)


@pytest.mark.parametrize("release", [NEW, ANEW], ids=["in place", "by replacement"])
async def test_the_next_spec_brings_it(place: DeploymentSite, release: Provider) -> None:
    applied = await served(place)
    answer, _ = await look(place, release, applied)

    await place.change({"spec": {"scaling": {"replicas": 2}}})
    changed, done = await look(place, release, answer.objects)
    if changed.replacing:
        changed, done = await look(place, release, answer.objects)

    server = await place.server()
    assert server is not None and done is not None
    assert (server["spec"]["model"], server["spec"]["replicas"]) == ("o/m@2", 2)
    assert kept(changed) == ""
    assert KEPT_AS_SERVED in changed.cleared


async def test_an_annotation_that_says_nothing_about_it_brings_nothing(place: DeploymentSite) -> None:
    applied = await served(place)

    await place.change({"metadata": {"annotations": {"note": "look"}}})
    answer, done = await look(place, NEW, applied)

    assert done is None
    assert kept(answer)


async def test_an_annotation_that_asks_for_something_brings_it(place: DeploymentSite) -> None:
    applied = await served(place)

    await place.change({"metadata": {"annotations": {"airunway.ai/rollout": "Recreate"}}})
    _, done = await look(place, NEW, applied)

    server = await place.server()
    assert done is not None and server is not None
    assert server["spec"]["model"] == "o/m@2"


async def test_what_somebody_changes_of_it_is_put_right_and_nothing_besides(place: DeploymentSite) -> None:
    applied = await served(place)
    answer, _ = await look(place, NEW, applied)

    await edit(place, {"spec": {"replicas": 7}})
    repaired, done = await look(place, NEW, answer.objects)
    after, _ = await look(place, NEW, done.objects if done else [])

    server = await place.server()
    assert server is not None and done is not None
    assert server["spec"] == {"model": "o/m", "replicas": 1}
    assert [entry.is_repair for entry in repaired.planned] == [True]
    assert done.objects[0].action == "repaired"
    assert after.planned == []
    assert kept(after)


async def test_what_somebody_takes_away_of_it_is_put_back(place: DeploymentSite) -> None:
    applied = await served(place)
    answer, _ = await look(place, NEW, applied)

    await edit(place, {"spec": {"replicas": None}})
    _, done = await look(place, NEW, answer.objects)

    server = await place.server()
    assert server is not None and done is not None
    assert server["spec"] == {"model": "o/m", "replicas": 1}


async def test_an_object_that_is_gone_is_made_as_it_is_rendered_now(place: DeploymentSite) -> None:
    applied = await served(place)
    await place.cluster.delete(SERVER, REF.name, namespace=REF.namespace)

    answer, done = await look(place, NEW, applied)

    server = await place.server()
    assert server is not None and done is not None
    assert server["spec"]["model"] == "o/m@2"
    assert kept(answer) == ""


def _with_companion(deployment: Any, context: Any) -> list[Object]:
    server, *rest = ACME.objects(deployment, context)
    return [server, *rest, {**server, "metadata": {**server["metadata"], "name": f"{REF.name}-extra"}}]


async def test_an_object_that_is_not_rendered_any_more_stays_until_the_next_spec(
    place: DeploymentSite,
) -> None:
    fuller, leaner = replace(ACME, objects=_with_companion), ACME
    await place.deploy()
    _, both = await look(place, fuller, [])
    assert both is not None and both.failure is None

    answer, done = await look(place, leaner, both.objects)
    again, _ = await look(place, leaner, answer.objects)

    assert (done, answer.planned, again.planned) == (None, [], [])
    assert [entry.name for entry in again.objects] == [REF.name, f"{REF.name}-extra"]
    assert kept(again) == kept(answer)
    assert f"Server {REF.name}-extra: not wanted any more" in kept(again)

    await place.change({"spec": {"scaling": {"replicas": 2}}})
    changed, _ = await look(place, leaner, again.objects)

    gone = [entry.name for entry in changed.planned if entry.action is WriteAction.DELETE]
    assert gone == [f"{REF.name}-extra"]
    assert kept(changed) == ""


async def test_the_older_release_finds_its_own_again(place: DeploymentSite) -> None:
    """Half-way through an upgrade workers of both take turns."""
    applied = await served(place)
    answer, _ = await look(place, NEW, applied)

    back, done = await look(place, OLD, answer.objects)

    assert done is None
    assert kept(back) == ""
