"""A token is read, and an image built, for a deployment that wants it; and of a commit of the branch."""

from __future__ import annotations

from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.api.model_image import ModelImageSpec as Spec
from airunway.messages.failures import NOT_AS_OWNED
from airunway.messages.model_image import ModelImageWaiter, ResolveModelImageRequest, TokenRef
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan, plan_model_image
from tests.activities.image_shop import FILES, REF, REPOSITORY, TOKEN, Shop, failure_of
from tests.servers.hub import HubModel

PRIVATE = Spec(repository="acme/Private", token_secret="hf")


async def private_plan(shop: Shop) -> ModelImagePlan:
    """Of a private model, with the deployment that may have it."""
    shop.hub.publish(HubModel(id=PRIVATE.repository, files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    return await shop.resolve(PRIVATE, pull_secret="pull")


def is_refused(failure: ApplicationError) -> bool:
    return (failure.type, failure.non_retryable) == (NOT_AS_OWNED, True)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(PRIVATE.model_copy(update={"repository": REPOSITORY}), id="another model"),
        pytest.param(PRIVATE.model_copy(update={"revision": "other"}), id="another revision"),
        pytest.param(PRIVATE.model_copy(update={"token_secret": "admin"}), id="another Secret"),
    ],
)
async def test_nothing_is_resolved_that_the_deployment_does_not_want(shop: Shop, spec: Spec) -> None:
    await private_plan(shop)
    request = ResolveModelImageRequest(ref=REF, spec=spec)

    assert is_refused(await failure_of(lambda: shop.activities().resolve_model_image(request)))


@pytest.mark.parametrize(
    "waiter",
    [
        pytest.param(
            ModelImageWaiter(ref=REF, token=TokenRef(namespace="team-b", name="hf")), id="another namespace"
        ),
        pytest.param(
            ModelImageWaiter(ref=REF, token=TokenRef(namespace="default", name="admin")), id="another Secret"
        ),
        pytest.param(
            ModelImageWaiter(
                ref=DeploymentRef(cluster="here", namespace="default", name="nobody"),
                token=TokenRef(namespace="default", name="hf"),
            ),
            id="no such deployment",
        ),
    ],
)
async def test_no_secret_is_read_that_no_deployment_names(shop: Shop, waiter: ModelImageWaiter) -> None:
    plan = await private_plan(shop)
    shop.hub.requests.clear()

    assert is_refused(await failure_of(lambda: shop.build(plan, waiters=[waiter])))
    assert not shop.hub.requests, "the token went nowhere"


async def test_a_token_of_another_model_is_not_read(shop: Shop) -> None:
    plan = await private_plan(shop)
    await shop.deploy(Spec(repository=REPOSITORY, token_secret="hf"))

    assert is_refused(await failure_of(lambda: shop.build(plan, waiters=[shop.waiter("hf")])))


def of_commit(plan: ModelImagePlan, commit: str) -> ModelImagePlan:
    """The same of another commit, as consistent as ours."""
    parts: dict[str, Any] = {
        name: getattr(plan, name) for name in ("repository", "revision", "files", "base", "license", "layout")
    }
    return plan_model_image(**parts, commit=commit)


async def test_a_commit_of_no_branch_is_not_built(shop: Shop) -> None:
    plan = await shop.plan()

    failure = await failure_of(lambda: shop.build(of_commit(plan, "d" * 40)))

    assert is_refused(failure)
    assert "not among the latest commits" in str(failure)


async def test_a_branch_that_moved_on_since_is_no_objection(shop: Shop) -> None:
    plan = await shop.plan()
    shop.hub.publish(HubModel(id=REPOSITORY, files={**FILES, "tiny-Q4_K_M.gguf": b"better"}))

    assert (await shop.build(plan)).startswith("sha256:")
