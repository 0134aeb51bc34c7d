"""Writes that must never be held up: metadata of what is stored, and everything of what is going away."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from airunway.api import names
from tests.webhook.calling import Object, Webhooks, deployment, review

# Stored while the webhooks were off: no model id, and a provider that is gone.
BROKEN = deployment(model={}, provider={"name": "gone"}, engine={"type": "vllm"})


def with_metadata(obj: Object, **metadata: Any) -> Object:
    changed = copy.deepcopy(obj)
    changed["metadata"].update(metadata)
    return changed


def allowed_as_it_came(response: Object) -> bool:
    return response == {"uid": response["uid"], "allowed": True}


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"finalizers": ["airunway.ai/kaito-provider"]}, id="a finalizer"),
        pytest.param({"labels": {"team": "a"}}, id="a label"),
        pytest.param({"annotations": {names.ANNOTATION_PAUSED: "true"}}, id="an annotation"),
    ],
)
async def test_an_update_that_leaves_the_spec_alone_passes(
    webhooks: Webhooks, metadata: dict[str, Any]
) -> None:
    changed = with_metadata(BROKEN, **metadata)

    for response in (await webhooks.default(changed, BROKEN), await webhooks.update(BROKEN, changed)):
        assert allowed_as_it_came(response)


async def test_the_same_object_is_refused_when_its_spec_changes(webhooks: Webhooks) -> None:
    changed = copy.deepcopy(BROKEN)
    changed["spec"]["image"] = "acme/other:1"

    response = await webhooks.update(BROKEN, changed)

    assert response["status"]["message"].startswith("[spec.model.id: Required value: ")


@pytest.mark.parametrize("where", ["old", "new", "both"])
async def test_an_object_that_is_being_deleted_may_always_change(webhooks: Webhooks, where: str) -> None:
    gone = {"deletionTimestamp": "2026-01-05T09:00:00Z"}
    old = with_metadata(BROKEN, **(gone if where != "new" else {}))
    new = with_metadata(BROKEN, **(gone if where != "old" else {}), finalizers=[])
    new["spec"]["serving"] = {"mode": "disaggregated"}

    for response in (await webhooks.default(new, old), await webhooks.update(old, new)):
        assert allowed_as_it_came(response)


async def test_a_new_object_cannot_claim_to_be_going(webhooks: Webhooks) -> None:
    claims = with_metadata(BROKEN, deletionTimestamp="2026-01-05T09:00:00Z")

    response = await webhooks.create(claims)

    assert not response["allowed"]


async def test_dropping_the_test_backend_is_a_change(webhooks: Webhooks) -> None:
    spec = {"engine": {"type": "vllm"}, "provider": {"name": "dynamo"}}
    new = deployment(**spec)
    old = with_metadata(new, annotations={names.ANNOTATION_TEST_BACKEND: "mocker"})

    response = await webhooks.update(old, new)

    assert 'InferenceProviderConfig "dynamo" not found' in response["status"]["message"]


async def test_true_and_one_are_a_change(webhooks: Webhooks) -> None:
    old = deployment(provider={"name": "gone", "overrides": {"x": 1, "hostPID": 1}})
    new = deployment(provider={"name": "gone", "overrides": {"x": True, "hostPID": 1}})

    response = await webhooks.update(old, new)

    assert not response["allowed"]


@pytest.mark.parametrize("operation", ["DELETE", "CONNECT"])
async def test_other_operations_pass(webhooks: Webhooks, operation: str) -> None:
    assert allowed_as_it_came(await webhooks.review(names.VALIDATING_PATH, review(operation, BROKEN)))


async def test_the_status_is_none_of_our_business(webhooks: Webhooks) -> None:
    changed = copy.deepcopy(BROKEN) | {"status": {"phase": "Failed"}}

    assert allowed_as_it_came(await webhooks.update(BROKEN, changed, subResource="status"))
