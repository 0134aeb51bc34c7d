"""Names that two deployments want, and what servers call their models."""

from __future__ import annotations

from typing import Any

import pytest

from tests.gateway.site import ROUTES, SERVICES, GatewaySite, reason


async def test_of_two_that_want_a_name_the_first_stays_and_both_say_so(site: GatewaySite) -> None:
    await site.gateway()
    first, second = await site.deploy("a", servedName="m"), await site.deploy("b", "team-b", servedName="m")
    await site.published(first)

    late = await site.publish(second)

    assert reason(late) == "ModelNameConflict"
    assert late.condition is not None
    assert "deployment team-a/a" in late.condition.message
    route = await site.cluster.get(ROUTES, "b", namespace="team-b")
    assert not route["spec"].get("parentRefs")
    winner = await site.read(first)
    assert reason(winner) == "True"
    assert winner.condition is not None
    assert "also wanted by team-b/b" in winner.condition.message

    await site.remove_as_deleted(first)
    assert reason(await site.published(second)) == "True"


async def test_who_takes_a_name_by_an_edit_goes_on_under_the_old_one(site: GatewaySite) -> None:
    await site.gateway()
    older, holder = await site.deploy("a", servedName="x"), await site.deploy("b", servedName="m")
    await site.published(older)
    await site.published(holder)

    await site.edit(older, modelName="m")
    said = await site.publish(older)
    reading = await site.read(older)

    assert reason(said) == reason(reading) == "ModelNameConflict"
    assert reading.status is not None
    assert reading.status.model_name == "x"
    assert reason(await site.read(holder)) == "True"


async def test_the_same_name_on_another_gateway_is_no_conflict(site: GatewaySite) -> None:
    await site.gateway(labels={"airunway.ai/inference-gateway": "true"})
    await site.gateway("own", "team-b")
    first = await site.deploy("a", servedName="m")
    second = await site.deploy("b", "team-b", servedName="m", gateway={"gatewayRef": {"name": "own"}})
    await site.published(first)

    assert reason(await site.published(second)) == "True"


@pytest.mark.parametrize("name", ["ü", "a\tb", " "])
async def test_a_name_that_no_header_can_hold(site: GatewaySite, name: str) -> None:
    await site.gateway()
    ref = await site.deploy(gateway={"modelName": name})

    assert reason(await site.publish(ref)) == "ModelNameInvalid"


async def test_the_server_is_asked_once_for_each_generation(site: GatewaySite) -> None:
    site.served_name = "x.gguf"
    await site.gateway()
    ref = await site.deploy()
    await site.published(ref)
    site.served_name = "flapping"

    assert (await site.publish(ref)).status is not None
    assert site.asked == [("mistral", "team-a", 8000)]
    reading = await site.read(ref)
    assert reading.status is not None
    assert reading.status.model_name == "x.gguf"


async def test_without_an_answer_it_is_the_models_id_and_asked_again_later(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy()

    await site.published(ref)
    reading = await site.read(ref)

    assert reading.status is not None
    assert reading.status.model_name == "org/mistral"
    assert len(site.asked) == 1


@pytest.mark.parametrize(
    "spec",
    [
        {"type": "ExternalName", "externalName": "metadata.internal", "selector": None},
        {"selector": None},
    ],
    ids=["a name outside", "addresses by hand"],
)
async def test_only_pods_beside_it_are_asked(site: GatewaySite, spec: Any) -> None:
    site.served_name = "x"
    await site.gateway()
    ref = await site.deploy()
    await site.cluster.patch(SERVICES, "mistral", {"spec": spec}, namespace="team-a")

    await site.publish(ref)

    assert site.asked == []


async def test_a_name_that_is_too_long_for_a_picker_is_said(site: GatewaySite) -> None:
    await site.gateway()
    ref = await site.deploy("a" * 60, servedName="m")

    said = await site.publish(ref)

    assert reason(said) == "EPPFailed"
    assert "shorter name" in (said.condition.message if said.condition else "")
