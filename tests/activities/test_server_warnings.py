"""What the API server warns of when upstream objects are written is kept with them, and does not vanish."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.clients.crds import apply_crd
from airunway.messages.upstream import ApplyAnswer
from airunway.provider import Manifest, Provider, RenderContext, overrides
from tests.activities.deployment_site import DeploymentSite, Worker, asked, render_request
from tests.e2e.acme import ACME, CRD

UNKNOWN = 'unknown field "spec.replicaz"'


def _overridden(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    (server,) = ACME.objects(deployment, context)
    return [overrides.merge(server, overrides.overrides_of(deployment), null_deletes=True)]


OVERRIDDEN = replace(ACME, objects=_overridden, overridable=("spec.replicaz",))


def overriding(**spec: Any) -> dict[str, Any]:
    return {"name": "acme", "overrides": {"spec": spec}}


def worker_of(place: DeploymentSite, provider: Provider = OVERRIDDEN) -> Worker:
    return place.worker(providers=(provider,))


def told(done: ApplyAnswer) -> list[str]:
    return [text for entry in done.objects for text in entry.warnings]


async def test_a_typing_error_is_told_with_the_create(place: DeploymentSite) -> None:
    made = await place.deploy(provider=overriding(replicaz=3))

    _, done = await worker_of(place).apply(render_request(made))

    assert done.failure is None
    assert told(done) == [UNKNOWN]


async def test_it_is_still_known_when_nothing_has_to_be_written(place: DeploymentSite) -> None:
    made = await place.deploy(provider=overriding(replicaz=3))
    _, done = await worker_of(place).apply(render_request(made))

    again = render_request(await place.deployment(), applied=done.objects)
    rendered = await worker_of(place).provider.render(again)

    assert not rendered.planned
    assert [text for entry in rendered.objects for text in entry.warnings] == [UNKNOWN]


@pytest.mark.parametrize("lost", ["the answer", "all that was remembered"])
async def test_it_is_told_again_when_what_was_told_is_lost(place: DeploymentSite, lost: str) -> None:
    made = await place.deploy(provider=overriding(replicaz=3))
    request = render_request(made)
    rendered = await worker_of(place).provider.render(request)
    first = await worker_of(place).provider.apply_upstream(asked(request, rendered))
    before = await place.server()

    if lost == "the answer":
        done = await worker_of(place).provider.apply_upstream(asked(request, rendered))
    else:
        worker = place.worker(providers=(OVERRIDDEN,))
        worker.provider._rendered.inspect_next(made["metadata"]["uid"])
        _, done = await worker.apply(render_request(await place.deployment()))

    assert done.failure is None
    assert told(done) == told(first) == [UNKNOWN]
    live = await place.server()
    assert live is not None
    assert before is not None
    assert (live["spec"], live["metadata"]["generation"]) == (
        before["spec"],
        before["metadata"]["generation"],
    )


async def test_a_later_edit_is_refused_for_it_by_name(place: DeploymentSite) -> None:
    made = await place.deploy(provider=overriding(replicaz=3))
    _, first = await worker_of(place).apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})

    _, done = await worker_of(place).apply(render_request(edited, applied=first.objects))

    assert done.failure is not None
    assert done.failure.final
    assert ".spec.replicaz: field not declared in schema" in done.failure.message
    assert "take it out of spec.provider.overrides" in done.failure.message


async def test_it_is_over_once_it_is_corrected(place: DeploymentSite) -> None:
    made = await place.deploy(provider=overriding(replicaz=3))
    _, first = await worker_of(place).apply(render_request(made))
    corrected = await place.change({"spec": {"provider": {"overrides": None}}})

    _, done = await worker_of(place).apply(render_request(corrected, applied=first.objects))

    assert (done.failure, told(done)) == (None, [])


async def test_a_deprecated_version_is_told_with_each_write(place: DeploymentSite) -> None:
    deprecated = {**CRD["spec"]["versions"][0], "deprecated": True, "deprecationWarning": "use v2"}
    await apply_crd(
        place.cluster, {**CRD, "spec": {**CRD["spec"], "versions": [deprecated]}}, field_manager="test"
    )
    made = await place.deploy()
    _, first = await worker_of(place).apply(render_request(made))
    edited = await place.change({"spec": {"scaling": {"replicas": 2}}})

    _, done = await worker_of(place).apply(render_request(edited, applied=first.objects))

    assert told(first) == told(done) == ["use v2"]
