"""What a namespace allows of images and models is said by admission already, as the status says it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from airunway.activities.trust.namespace_policies import NamespacePolicies
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.errors import Forbidden, ServerError
from airunway.clients.kubernetes import NAMESPACES, Cluster
from airunway.selection.provider_lookup import Lookup
from airunway.trust.policy import TrustPolicy, setting_policy
from airunway.webhook import found_policy as module
from airunway.webhook.found_policy import found_policy
from tests.clusters import emulated_cluster
from tests.webhook.calling import Webhooks, deployment

EVIL = "evil.example.com/miner:1"
VLLM = {"provider": {"name": "vllm"}, "resources": {"gpu": {"count": 1}}}


def limits(**lists: list[str]) -> TrustPolicy:
    return setting_policy(**{"images": ["*"], "models": ["*"], "verified": [], **lists})


async def vllm(_: str) -> Lookup:
    engines = [{"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True}]
    body = {"metadata": {"name": "vllm"}, "spec": {"capabilities": {"engines": engines}}}
    return Lookup(config=InferenceProviderConfig.model_validate(body))


@asynccontextmanager
async def limited(folder: Path, webhooks: Webhooks, policy: TrustPolicy, **noted: str) -> AsyncIterator[None]:
    """The webhooks beside a cluster whose namespace `lab` has these annotations."""
    async with emulated_cluster(folder) as cluster:
        annotations = {f"airunway.ai/{key.replace('_', '-')}": text for key, text in noted.items()}
        await cluster.create(NAMESPACES, {"metadata": {"name": "lab", "annotations": annotations}})
        policies = NamespacePolicies(cluster, policy)
        webhooks.find = vllm
        webhooks.policy_of = lambda namespace: found_policy(policies, namespace)
        yield


async def test_an_image_is_refused_when_it_is_applied(webhooks: Webhooks, tmp_path: Path) -> None:
    wanted = deployment(engine={"type": "vllm", "image": EVIL}, **VLLM)

    async with limited(tmp_path, webhooks, limits(images=["docker.io/vllm/*"])):
        response = await webhooks.create(wanted)

    assert response["status"]["message"] == (
        "spec.engine.image: Forbidden: Deployment.spec.template.spec.containers[0].image: the image"
        f" {EVIL} (evil.example.com/miner) is not allowed by AIRUNWAY_ALLOWED_IMAGES (docker.io/vllm/*);"
        " take an image that is, or ask an administrator to add it there"
    )


async def test_a_model_is_refused_without_a_provider(webhooks: Webhooks, tmp_path: Path) -> None:
    async with limited(tmp_path, webhooks, limits(models=["microsoft/*"])):
        response = await webhooks.create(deployment())

    assert response["status"]["message"].startswith(
        "spec.model.id: Forbidden: the model 'acme/phi' is not allowed by AIRUNWAY_ALLOWED_MODELS ("
    )


async def test_the_namespace_takes_the_place_of_the_setting(webhooks: Webhooks, tmp_path: Path) -> None:
    async with limited(tmp_path, webhooks, limits(models=["microsoft/*"]), allowed_models="acme/*"):
        assert (await webhooks.create(deployment()))["allowed"]
        elsewhere = await webhooks.create(deployment(), namespace="gone")

    assert "what may run in gone cannot be read" in elsewhere["warnings"][0]


async def test_an_image_that_must_be_signed_is_a_warning(webhooks: Webhooks, tmp_path: Path) -> None:
    wanted = deployment(engine={"type": "vllm", "image": "ghcr.io/team/vllm:1"}, **VLLM)

    async with limited(tmp_path, webhooks, limits(), verified_images="ghcr.io/team/*"):
        response = await webhooks.create(wanted)

    (warning,) = response["warnings"]
    assert response["allowed"] and "must be signed: ghcr.io/team/* of the annotation" in warning


async def test_an_annotation_that_cannot_be_kept_to_is_a_warning(webhooks: Webhooks, tmp_path: Path) -> None:
    async with limited(tmp_path, webhooks, limits(), allowed_images="[1]"):
        response = await webhooks.create(deployment())

    assert response["allowed"]
    assert response["warnings"][0].startswith("nothing is deployed here until this is mended: the annotation")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(ServerError("away", status=503), "could not be read now", id="away"),
        pytest.param(Forbidden("no", status=403), "cannot be read of its Namespace", id="without the right"),
        pytest.param(None, "could not be read now", id="silent"),
    ],
)
async def test_an_api_server_that_does_not_tell_holds_up_nobody(
    webhooks: Webhooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Exception | None, words: str
) -> None:
    async def get(self: Cluster, *_: object, **__: object) -> None:
        if answer is None:
            raise TimeoutError
        raise answer

    async with limited(tmp_path, webhooks, limits(models=["microsoft/*"])):
        monkeypatch.setattr(Cluster, "get", get)
        response = await webhooks.create(deployment())

    assert response["allowed"] and words in response["warnings"][0]
    assert module.DIRECT_READ_SECONDS < 10  # as long as the API server waits
