"""A deployment that leaves the choice, while AI Runway's own core may be choosing as well."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.activities.upstream.rivals import ASKED_EVERY, OtherCore
from airunway.clients.kubernetes import DEPLOYMENTS, Object
from airunway.messages.decision import Recorded, SelectionRequest
from airunway.messages.deployment import StatusRequest
from tests.activities.deployment_site import (
    REF,
    DeploymentSite,
    asked,
    render_request,
    selection_request,
)
from tests.activities.test_rivals import after, lease

FREE = {"provider": None}
"""A spec that leaves the choice."""


async def at_work(place: DeploymentSite) -> None:
    await lease(place, holderIdentity="core-0", renewTime=after(), leaseDurationSeconds=15)


async def choose(place: DeploymentSite, provider: str) -> Object:
    """As AI Runway's core does it: by merge patch, whatever is there (core.md §9)."""
    return await place.cluster.patch(
        DEPLOYMENTS,
        REF.name,
        {"status": {"provider": {"name": provider, "selectedReason": "matched capabilities"}}},
        namespace=REF.namespace,
        subresource="status",
        field_manager="manager",
    )


async def write_choice(place: DeploymentSite, seen: Object, provider: str = "acme") -> Any:
    meta = seen["metadata"]
    request = StatusRequest(
        ref=REF,
        uid=meta["uid"],
        status={"phase": "Pending", "provider": {"name": provider}},
        resource_version=meta["resourceVersion"],
    )
    return await place.worker().core.write_status(request)


@pytest.mark.parametrize(
    ("spec", "chosen", "is_told"),
    [(FREE, "", True), ({}, "", False), (FREE, "acme", False)],
    ids=["the choice is free", "the spec has made it", "the status has it"],
)
async def test_a_core_that_may_choose_as_well_is_told_of(
    place: DeploymentSite, spec: dict[str, Any], chosen: str, is_told: bool
) -> None:
    await at_work(place)
    made = await place.deploy(**spec)
    if chosen:
        made = await choose(place, chosen)

    rendered = await place.worker().provider.render(render_request(made))

    assert bool(rendered.other_core) is is_told
    assert "core-0 holds its Lease" in rendered.other_core or not is_told


async def test_where_there_is_none_nobody_is_told_of(place: DeploymentSite) -> None:
    made = await place.deploy(**FREE)

    rendered = await place.worker().provider.render(render_request(made))

    assert rendered.other_core == ""


async def test_many_deployments_cost_one_read(place: DeploymentSite) -> None:
    now = 0.0
    other, calls = OtherCore(place.cluster, clock=lambda: now), place.calls()

    assert await other.at_work() == ""
    await at_work(place)
    calls.take()
    assert await other.at_work() == ""
    assert calls.take() == []
    now = ASKED_EVERY.total_seconds()

    assert "core-0 holds its Lease" in await other.at_work()


async def test_the_choice_is_written_where_nobody_wrote_meanwhile(place: DeploymentSite) -> None:
    await place.register()
    made = await place.deploy(**FREE)

    answer = await write_choice(place, made)

    assert not answer.superseded
    assert (await place.deployment())["status"]["provider"]["name"] == "acme"


async def test_what_another_core_chose_meanwhile_stands(place: DeploymentSite) -> None:
    await place.register()
    made = await place.deploy(**FREE)
    await choose(place, "other")

    answer = await write_choice(place, made)

    assert answer.superseded
    assert (await place.deployment())["status"]["provider"]["name"] == "other"


async def test_nothing_is_made_once_another_core_has_chosen(place: DeploymentSite) -> None:
    made = await place.deploy(**FREE)
    worker = place.worker()
    request = asked(render_request(made), await worker.provider.render(render_request(made)))
    await choose(place, "other")

    done = await worker.provider.apply_upstream(request)

    assert done.superseded
    assert await place.server() is None
    assert not (await place.deployment())["metadata"].get("finalizers")


# -- what objects were made by -----------------------------------------------------------------------------


async def made_by_acme_and_overwritten(place: DeploymentSite) -> Object:
    """Objects were made, and then a core wrote what it had chosen before it saw that."""
    await place.register()
    await place.register("other")
    _, done = await place.worker().apply(render_request(await place.deploy(**FREE)))
    assert done.failure is None
    return await choose(place, "other")


async def test_what_objects_were_made_by_stands_whatever_the_status_says(place: DeploymentSite) -> None:
    seen = await made_by_acme_and_overwritten(place)
    recorded = Recorded(
        uid=seen["metadata"]["uid"], engine="vllm", provider="acme", reason="first", is_made=True
    )

    chosen = await place.worker().core.evaluate_provider_rules(
        SelectionRequest(**selection_request(seen).model_dump() | {"recorded": recorded})
    )

    assert chosen.decision is not None
    assert chosen.decision.provider is not None
    assert (chosen.decision.provider.name, chosen.decision.provider.reason) == ("acme", "first")


async def test_its_finalizer_bears_out_what_is_rendered_and_written(place: DeploymentSite) -> None:
    seen = await made_by_acme_and_overwritten(place)
    worker = place.worker()

    rendered = await worker.provider.render(render_request(seen))
    meta, status = seen["metadata"], {"phase": "Deploying", "provider": {"name": "acme"}}
    await worker.core.write_status(StatusRequest(ref=REF, uid=meta["uid"], status=status))

    assert rendered.failure is None
    assert (await place.deployment())["status"]["provider"]["name"] == "acme"


async def test_what_neither_names_is_refused_all_the_same(place: DeploymentSite) -> None:
    seen = await made_by_acme_and_overwritten(place)
    third = StatusRequest(
        ref=REF, uid=seen["metadata"]["uid"], status={"phase": "Deploying", "provider": {"name": "third"}}
    )

    with pytest.raises(ApplicationError, match="the deployment's is acme or other"):
        await place.worker().core.write_status(third)
