"""Images of private models: one for each namespace, in a place of its own, or none at all."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import pytest

from airunway.activities.model_image.pull_secrets import PullSecrets
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.api.names import PRIVATE_PULLS, PULL_SECRET
from airunway.clients.kubernetes import DEPLOYMENTS, SECRETS
from airunway.messages.failures import NOT_AS_OWNED
from airunway.messages.model_image import (
    ModelImageRequest,
    ReadModelImageRequest,
    ResolveModelImageRequest,
)
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.plan import ModelImagePlan, plan_model_image
from airunway.modelimage.pull_access import PullLogin, namespace_of_login
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


@pytest.fixture
async def kept_here(private: Shop) -> Shop:
    """The same with a registry that is looked after here, by default."""
    await private.cluster.create(SECRETS, {"metadata": {"name": PRIVATE_PULLS}}, namespace="default")
    keys = ClusterRegistryLogin(
        private.cluster,
        namespace="default",
        lifetime=timedelta(days=30),
        secret=PRIVATE_PULLS,
        clock=lambda: private.now,
    )
    private.pull_secrets = PullSecrets(private.cluster, keys, "localhost:30501")
    return private


HERE = {"pull_secret": PULL_SECRET, "private_pull_host": "localhost:30501"}


async def published(shop: Shop, namespace: str = "default") -> ModelImagePlan:
    """An image that may be deployed."""
    plan = await plan_for(shop, namespace, **HERE)
    ref = DeploymentRef(cluster="here", namespace=namespace, name="tiny")
    digest = await shop.build(plan, waiters=[shop.waiter("hf", ref=ref)], namespace=namespace)
    await shop.publish(plan, digest, **HERE)
    return plan


async def read(shop: Shop, plan: ModelImagePlan, name: str = "tiny") -> Any:
    ref = DeploymentRef(cluster="here", namespace=plan.private_to, name=name)
    return await shop.activities(**HERE).read_model_image(ReadModelImageRequest(ref=ref, plan=plan))


async def pull_secret(shop: Shop, namespace: str = "default") -> Any:
    return await shop.cluster.get(SECRETS, PULL_SECRET, namespace=namespace)


async def test_with_the_registry_in_the_cluster_it_is_built_and_its_namespace_is_given_the_login(
    kept_here: Shop,
) -> None:
    plan = await published(kept_here)

    image = (await read(kept_here, plan)).image

    assert image.reference.startswith("localhost:30501/private/default/aikit-acme-private@sha256:")
    assert image.pull_secret == PULL_SECRET
    secret = await pull_secret(kept_here)
    assert secret["type"] == "kubernetes.io/dockerconfigjson"
    (host, entry), *_ = json.loads(base64.b64decode(secret["data"][".dockerconfigjson"]))["auths"].items()
    keys = await kept_here.pull_secrets.keys.in_use()  # type: ignore[union-attr]
    assert (host, entry["username"]) == ("localhost:30501", "default")
    assert namespace_of_login(PullLogin("default", entry["password"]), [keys]) == "default"


async def test_the_secret_goes_with_the_deployments_that_use_it(kept_here: Shop) -> None:
    plan = await published(kept_here)
    await read(kept_here, plan)
    ref = DeploymentRef(cluster="here", namespace="default", name="second")
    await kept_here.deploy(PRIVATE, ref=ref)
    await read(kept_here, plan, "second")

    live = [
        await kept_here.cluster.get(DEPLOYMENTS, name, namespace="default") for name in ("tiny", "second")
    ]
    owners = (await pull_secret(kept_here))["metadata"]["ownerReferences"]
    assert [owner["uid"] for owner in owners] == [one["metadata"]["uid"] for one in live]
    assert all("blockOwnerDeletion" not in owner for owner in owners)


async def test_a_secret_that_is_as_it_should_be_is_not_written_again(kept_here: Shop) -> None:
    plan = await published(kept_here)
    await read(kept_here, plan)
    before = await pull_secret(kept_here)

    await read(kept_here, plan)

    assert await pull_secret(kept_here) == before


async def test_what_a_tenant_changed_or_took_away_is_repaired(kept_here: Shop) -> None:
    plan = await published(kept_here)
    await read(kept_here, plan)
    before = await pull_secret(kept_here)
    await kept_here.cluster.patch(
        SECRETS, PULL_SECRET, {"data": {".dockerconfigjson": "e30="}}, namespace="default"
    )

    await read(kept_here, plan)
    assert (await pull_secret(kept_here))["data"] == before["data"]
    await kept_here.cluster.delete(SECRETS, PULL_SECRET, namespace="default")
    await read(kept_here, plan)

    assert (await pull_secret(kept_here))["data"] == before["data"]


async def test_no_namespace_is_given_anothers_image_or_login(kept_here: Shop) -> None:
    plan = await published(kept_here)
    await plan_for(kept_here, "kube-public", **HERE)
    ref = DeploymentRef(cluster="here", namespace="kube-public", name="tiny")
    forged = ReadModelImageRequest(ref=ref, plan=plan)

    failure = await failure_of(lambda: kept_here.activities(**HERE).read_model_image(forged))

    assert failure.type == NOT_AS_OWNED
    assert await kept_here.cluster.find(SECRETS, PULL_SECRET, namespace="kube-public") is None


async def test_nobody_is_given_a_login_for_a_deployment_that_is_not_there(kept_here: Shop) -> None:
    plan = await published(kept_here)

    failure = await failure_of(lambda: read(kept_here, plan, "nobody"))

    assert failure.type == NOT_AS_OWNED
    assert await kept_here.cluster.find(SECRETS, PULL_SECRET, namespace="default") is None


async def test_a_token_of_another_namespace_does_not_open_a_private_image(kept_here: Shop) -> None:
    """A forged request to build has the other namespace's deployment wait for ours."""
    plan = await plan_for(kept_here, "default", **HERE)
    ref = DeploymentRef(cluster="here", namespace="kube-public", name="tiny")
    await kept_here.deploy(PRIVATE, ref=ref)
    kept_here.hub.requests.clear()

    failure = await failure_of(lambda: kept_here.build(plan, waiters=[kept_here.waiter("hf", ref=ref)]))

    assert failure.type == NOT_AS_OWNED
    assert not kept_here.hub.requests


async def test_an_image_for_everybody_is_never_made_with_a_token(kept_here: Shop) -> None:
    """A forged plan says of a private model that everybody may have it."""
    plan = await plan_for(kept_here, "default", **HERE)
    parts = {
        name: getattr(plan, name)
        for name in ("repository", "revision", "commit", "files", "base", "license", "layout")
    }
    forged = plan_model_image(**parts)
    kept_here.hub.requests.clear()

    failure = await failure_of(lambda: kept_here.build(forged, waiters=[kept_here.waiter("hf")]))

    assert failure.non_retryable
    assert {seen.authorization for seen in kept_here.hub.requests} <= {"", None}


async def test_a_gated_model_is_not_made_public_by_what_the_builder_has_of_it(kept_here: Shop) -> None:
    """Everybody may see which files it has; somebody with a token had the builder download them."""
    kept_here.hub.publish(HubModel(id="acme/Gated", files=FILES, token=TOKEN, gated=True))
    spec = Spec(repository="acme/Gated", token_secret="hf")
    plan = await plan_for(kept_here, "default", spec, **HERE)
    await kept_here.build(plan, waiters=[kept_here.waiter("hf")])
    parts = ("repository", "revision", "commit", "files", "base", "license", "layout")
    forged = plan_model_image(**{name: getattr(plan, name) for name in parts})

    failure = await failure_of(lambda: kept_here.build(forged, waiters=[kept_here.waiter("hf")]))

    assert plan.private_to == "default"
    assert (failure.type, failure.non_retryable) == ("AccessDenied", True)


async def test_every_login_is_another_when_the_keys_were_withdrawn(kept_here: Shop) -> None:
    plan = await published(kept_here)
    await read(kept_here, plan)
    before = await pull_secret(kept_here)
    await kept_here.cluster.patch(SECRETS, PRIVATE_PULLS, {"data": None}, namespace="default")

    await read(kept_here, plan)

    assert (await pull_secret(kept_here))["data"] != before["data"]
