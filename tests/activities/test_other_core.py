"""A deployment that leaves the choice, while AI Runway's own core may be choosing as well."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

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

FREE = {"provider": None}
"""A spec that leaves the choice."""


async def choose(place: DeploymentSite, provider: str) -> Object:
    """As AI Runway's core does it: by merge patch, whatever is there (core.md §9)."""
    return await write(place, {"provider": {"name": provider, "selectedReason": "matched capabilities"}})


async def write(place: DeploymentSite, status: dict[str, Any]) -> Object:
    return await place.cluster.patch(
        DEPLOYMENTS,
        REF.name,
        {"status": status},
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
    ("spec", "status", "is_free"),
    [
        (FREE, {}, True),
        ({"engine": None}, {}, True),
        ({}, {}, False),
        (FREE, {"provider": {"name": "acme"}}, False),
        ({**FREE, "engine": None}, {"provider": {"name": "acme"}}, True),
        ({**FREE, "engine": None}, {"provider": {"name": "acme"}, "engine": {"type": "vllm"}}, False),
    ],
    ids=["no provider", "no engine", "spec", "status", "half of it", "status of both"],
)
async def test_it_is_told_whether_spec_and_status_leave_a_choice(
    place: DeploymentSite, spec: dict[str, Any], status: dict[str, Any], is_free: bool
) -> None:
    made = await place.deploy(**spec)
    if status:
        made = await write(place, status)

    rendered = await place.worker().provider.render(render_request(made))

    assert rendered.failure is None
    assert rendered.choice_is_free is is_free


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
