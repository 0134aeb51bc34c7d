"""Images of private models: one for each namespace, in a place of its own, or none at all."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_image import ModelImageSpec as Spec
from airunway.clients.kubernetes import SECRETS
from airunway.messages.model_image import ModelImageRequest, ResolveModelImageRequest
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan
from tests.activities.image_shop import FILES, TOKEN, Shop, failure_of
from tests.servers.hub import HubModel

PRIVATE = Spec(repository="acme/Private", token_secret="hf")


@pytest.fixture
async def private(shop: Shop) -> Shop:
    """The shop with a private model, and a token for it in two namespaces."""
    shop.hub.publish(HubModel(id="acme/Private", files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    secret = await shop.cluster.get(SECRETS, "hf", namespace="default")
    body = {"metadata": {"name": "hf"}, "data": secret["data"]}
    await shop.cluster.create(SECRETS, body, namespace="kube-public")
    return shop


async def plan_for(shop: Shop, namespace: str, spec: Spec = PRIVATE, **options: Any) -> ModelImagePlan:
    ref = DeploymentRef(cluster="here", namespace=namespace, name="tiny")
    await shop.deploy(spec, ref=ref)
    request = ResolveModelImageRequest(ref=ref, spec=spec)
    return (await shop.activities(**options).resolve_model_image(request)).plan


async def test_where_everybody_may_pull_no_image_is_made_of_a_private_model(private: Shop) -> None:
    failure = await failure_of(lambda: plan_for(private, "default"))

    assert (failure.type, failure.non_retryable) == ("PrivateModel", True)
    assert "AIRUNWAY_IMAGE_PULL_SECRET" in failure.message and TOKEN not in failure.message


async def test_each_namespace_has_its_own_image_in_its_own_place(private: Shop) -> None:
    ours = await plan_for(private, "default", pull_secret="pull")
    theirs = await plan_for(private, "kube-public", pull_secret="pull")

    assert (ours.name, theirs.name) == (
        "private/default/aikit-acme-private",
        "private/kube-public/aikit-acme-private",
    )
    assert ours.identity != theirs.identity


async def test_another_namespace_finds_only_its_own(private: Shop) -> None:
    options = {"pull_secret": "pull"}
    ours = await plan_for(private, "default", **options)
    await private.publish(ours, await private.build(ours, waiters=[private.waiter("hf")]))

    theirs = await plan_for(private, "kube-public", **options)

    assert await private.found(ours) != ""
    assert await private.found(theirs) == ""


async def test_it_is_pulled_with_the_secret_of_its_namespace(private: Shop) -> None:
    plan = await plan_for(private, "default", pull_secret="pull")
    await private.publish(plan, await private.build(plan, waiters=[private.waiter("hf")]))
    activities = private.activities(pull_secret="pull")

    found = (await activities.find_model_image(ModelImageRequest(plan=plan))).image

    assert found is not None and found.pull_secret == "pull"


async def test_a_public_model_is_shared_though_a_deployment_names_a_token(private: Shop) -> None:
    private.hub.publish(HubModel(id="acme/Public", files=FILES))
    named = await plan_for(private, "default", Spec(repository="acme/Public", token_secret="hf"))

    assert named == await plan_for(private, "kube-public", Spec(repository="acme/Public"))
    assert named.private_to == ""


async def test_a_hub_that_does_not_tell_is_not_taken_for_public(private: Shop) -> None:
    private.hub.refuse(503, where="resolve")

    failure = await failure_of(lambda: plan_for(private, "default", pull_secret="pull"))

    assert failure.type == "HubUnavailable"
