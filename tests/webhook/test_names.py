"""Names that a provider cannot use are refused when the deployment is made, with the number that fits."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.selection.provider_lookup import Lookup, LookupProblem
from tests.webhook.calling import Webhooks, deployment

DYNAMO = {"provider": {"name": "dynamo"}, "resources": {"gpu": {"count": 2}}}
KAITO = {"provider": {"name": "kaito"}, "resources": {"gpu": {"count": 1}}}
SPLIT = {
    "provider": {"name": "dynamo"},
    "serving": {"mode": "disaggregated"},
    "scaling": {
        "prefill": {"replicas": 1, "gpu": {"count": 2}},
        "decode": {"replicas": 1, "gpu": {"count": 2}},
    },
}
ENGINE = {"engine": {"type": "vllm"}}


@pytest.fixture
def webhooks(webhooks: Webhooks) -> Webhooks:
    """Of a cluster whose configs cannot be asked for, which is no reason to refuse anything."""

    async def find(name: str) -> Lookup:
        return Lookup(problem=LookupProblem.UNAVAILABLE)

    webhooks.find = find
    return webhooks


@pytest.mark.parametrize(
    ("spec", "most"), [(DYNAMO, 35), (SPLIT, 28), (KAITO, 52)], ids=["dynamo", "dynamo split", "kaito"]
)
async def test_a_name_that_is_too_long_for_the_provider_is_refused(
    webhooks: Webhooks, spec: dict[str, Any], most: int
) -> None:
    fits = await webhooks.create(deployment("m" * most, **ENGINE, **spec))
    refused = await webhooks.create(deployment("m" * (most + 1), **ENGINE, **spec))

    assert fits["allowed"], fits
    assert not refused["allowed"]
    assert "metadata.name: Invalid value" in refused["status"]["message"]
    assert f"at most {most} characters" in refused["status"]["message"]


async def test_a_change_of_one_that_is_there_is_not_refused_for_its_name(webhooks: Webhooks) -> None:
    before, after = (
        deployment("m" * 53, **ENGINE, **KAITO, **extra) for extra in ({}, {"nodeSelector": {"a": "b"}})
    )

    assert (await webhooks.update(before, after))["allowed"]
