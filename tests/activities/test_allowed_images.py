"""Images and models that an administrator does not allow are rendered for nobody, by whatever path."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from airunway.provider import Stage, StageVerdict
from airunway.sandbox.registry import PretendRegistry
from tests.activities.acme_variants import STAGED
from tests.activities.deployment_site import VALIDATE_IT, DeploymentSite, asked, render_request
from tests.activities.trust_site import IMAGE, PODS, TrustSite, reasons
from tests.trust.cosign import Signer

EVIL = "evil.example.com/miner:1"


@pytest_asyncio.fixture
async def trust(place: DeploymentSite) -> AsyncIterator[TrustSite]:
    async with PretendRegistry() as registry:
        yield TrustSite(place, registry, Signer())


@asynccontextmanager
async def following(trust: TrustSite) -> AsyncIterator[None]:
    """The namespaces are watched, and all of them are known."""
    running = asyncio.create_task(trust.policies.run())
    await trust.policies.synced.wait()
    try:
        yield
    finally:
        running.cancel()


def overrides(**pod: Any) -> dict[str, Any]:
    return {"provider": {"name": "acme", "overrides": pod}}


PATHS: dict[str, dict[str, Any]] = {
    "engine.image": {"engine": {"type": "vllm", "image": EVIL}},
    "containers": overrides(containers=[{"name": "a", "image": IMAGE}, {"name": "b", "image": EVIL}]),
    "init containers": overrides(initContainers=[{"name": "a", "image": EVIL}]),
    "ephemeral containers": overrides(ephemeralContainers=[{"name": "a", "image": EVIL}]),
    "image volumes": overrides(volumes=[{"name": "a", "image": {"reference": EVIL}}]),
    "an image in parts": overrides(sidecar={"image": {"repository": "evil.example.com/miner"}}),
    "an image under another name": overrides(frontend={"baseImage": EVIL}),
}


@pytest.mark.parametrize("path", PATHS)
async def test_a_foreign_image_is_refused_by_whatever_path(trust: TrustSite, path: str) -> None:
    made = await trust.place.deploy(**PATHS[path])

    answer = await trust.render(trust.worker(images=["docker.io/vllm/*"]), made)

    assert reasons(answer) == ("ImageNotAllowed", True)
    assert answer.failure is not None and answer.failure.by_policy
    assert not answer.planned
    assert await trust.images() == []


@pytest.mark.parametrize(
    "named", ["localhost:30501/private/team-b/aikit-x:1", "LOCALHOST:30501/private/team-b/x"]
)
async def test_an_image_that_is_private_to_another_namespace_is_refused_without_any_policy(
    trust: TrustSite, named: str
) -> None:
    """A node that has it already would not ask for a login."""
    made = await trust.place.deploy(engine={"type": "vllm", "image": named})

    answer = await trust.render(trust.worker(), made)

    assert reasons(answer) == ("ImageNotAllowed", True)
    assert answer.failure is not None and "private to another namespace" in answer.failure.message


@pytest.mark.parametrize("named", [f"sha256:{'a' * 64}", "sha256:ab12", f"sha512:{'b' * 128}"])
@pytest.mark.parametrize("limits", [{}, {"images": ["docker.io"]}], ids=["any image", "docker.io only"])
async def test_an_image_is_not_named_by_the_id_that_a_node_knows_it_by(
    trust: TrustSite, named: str, limits: dict[str, list[str]]
) -> None:
    """A runtime looks for it among all that was pulled for anybody, private or not, and asks no registry."""
    made = await trust.place.deploy(engine={"type": "vllm", "image": named})

    answer = await trust.render(trust.worker(**limits), made)

    assert reasons(answer) == ("ImageNotAllowed", True)
    assert answer.failure is not None and "id" in answer.failure.message.split()


@pytest.mark.parametrize(
    "named", ["localhost:30501/private/default/aikit-x:1", "ghcr.io/private/team-b/aikit-x:1"]
)
async def test_ones_own_image_and_other_registries_folders_are_not(trust: TrustSite, named: str) -> None:
    made = await trust.place.deploy(engine={"type": "vllm", "image": named})

    assert (await trust.render(trust.worker(), made)).failure is None


async def test_the_refusal_says_the_rule_where_it_is_and_what_to_do(trust: TrustSite) -> None:
    made = await trust.place.deploy(engine={"type": "vllm", "image": EVIL})

    answer = await trust.render(trust.worker(images=["docker.io/vllm/*"]), made)

    assert answer.failure is not None
    assert answer.failure.message == (
        f"Deployment.spec.template.spec.containers[0].image: the image {EVIL} (evil.example.com/miner) is not"
        " allowed by AIRUNWAY_ALLOWED_IMAGES (docker.io/vllm/*); take an image that is, or ask an"
        " administrator to add it there"
    )
    said = {entry.type: (entry.status, entry.reason) for entry in answer.failure.conditions}
    assert said == {
        "ResourceCreated": ("False", "ImageNotAllowed"),
        "Ready": ("False", "ImageNotAllowed"),
    }


async def test_what_is_allowed_is_planned_as_it_is_without_policy(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    free = await trust.place.worker(providers=(PODS,)).provider.render(render_request(made))

    answer = await trust.render(trust.worker(images=["docker.io/vllm/*"]), made)

    assert answer.planned == free.planned
    assert answer.failure is None


async def test_an_open_policy_asks_the_api_server_for_nothing(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    worker = trust.worker()
    async with following(trust):
        await worker.core.validate(VALIDATE_IT)
        await trust.render(worker, made)  # learns what the cluster serves
        await worker.core.validate(VALIDATE_IT)
        calls = trust.place.calls()

        await trust.render(worker, made)

        assert calls.take() == []


async def test_a_namespace_takes_the_place_of_the_setting(trust: TrustSite) -> None:
    made = await trust.place.deploy(engine={"type": "vllm", "image": EVIL})
    await trust.annotate(allowed_images="evil.example.com/*")

    assert reasons(await trust.render(trust.worker(images=["docker.io/vllm/*"]), made)) == ("", False)

    await trust.annotate(allowed_images="")

    assert reasons(await trust.render(trust.worker(), made)) == ("ImageNotAllowed", True)


async def test_labels_and_annotations_of_tenants_change_nothing(trust: TrustSite) -> None:
    made = await trust.place.deploy(engine={"type": "vllm", "image": EVIL})
    annotated = await trust.place.change({"metadata": {"annotations": {"airunway.ai/allowed-images": "*"}}})

    answer = await trust.render(trust.worker(images=["docker.io/vllm/*"]), annotated | {"spec": made["spec"]})

    assert reasons(answer) == ("ImageNotAllowed", True)


def reads_namespace(method: str, path: str) -> bool:
    return method == "GET" and path.startswith("/api/v1/namespaces/default")


async def test_images_without_end_are_refused_at_once(trust: TrustSite) -> None:
    containers = [{"name": f"c{number}", "image": f"quay.io/a/i{number}:1"} for number in range(1000)]
    made = await trust.place.deploy(**overrides(containers=containers))

    answer = await trust.render(trust.worker(images=["quay.io"]), made)

    assert reasons(answer) == ("ImageNotAllowed", True)
    assert answer.failure is not None and "more than 64 different images" in answer.failure.message


async def test_objects_nested_without_end_are_refused(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    deep: dict[str, Any] = {"image": EVIL}
    for _ in range(5000):
        deep = {"a": deep}
    nesting = replace(PODS, objects=lambda deployment, context: [{"kind": "Deployment", "spec": deep}])

    answer = await trust.render(trust.worker(images=["quay.io"], provider=nesting), made)

    assert reasons(answer) == ("ImageNotAllowed", True)


async def test_while_nobody_can_say_what_is_allowed_nothing_is(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    faults = trust.place.emulated.faults

    faults.fail_next(code=403, reason="Forbidden", when=reads_namespace)
    answer = await trust.render(trust.worker(), made)

    assert reasons(answer) == ("PolicyUnreadable", False)
    assert answer.failure is not None and answer.failure.retry_seconds > 0
    assert not answer.planned

    faults.fail_next(code=503, when=reads_namespace)
    with pytest.raises(ApplicationError) as raised:  # an outage changes no status
        await trust.render(trust.worker(), made)
    assert raised.value.type == "ServerError"


async def test_an_annotation_that_cannot_be_kept_to_allows_nothing(trust: TrustSite) -> None:
    made = await trust.place.deploy()
    await trust.annotate(allowed_images=",".join(f"r{number}.io" for number in range(300)))

    answer = await trust.render(trust.worker(), made)

    assert reasons(answer) == ("PolicyUnreadable", False)


async def test_a_model_is_refused_before_anything_is_done_for_it(trust: TrustSite) -> None:
    made = await trust.place.deploy(model={"id": "evil/model"})

    answer = await trust.render(trust.worker(models=["microsoft/*"]), made)

    assert reasons(answer) == ("ModelNotAllowed", True)
    assert answer.failure is not None
    assert "the model 'evil/model' is not allowed by AIRUNWAY_ALLOWED_MODELS (microsoft/*)" in (
        answer.failure.message
    )


async def test_a_model_by_rendered_arguments_is_refused(trust: TrustSite) -> None:
    container = {"name": "a", "image": IMAGE, "args": ["serve", "evil/model"]}
    made = await trust.place.deploy(**overrides(containers=[container]), model={"id": "microsoft/phi"})

    answer = await trust.render(trust.worker(models=["microsoft/*"]), made)

    assert reasons(answer) == ("ModelNotAllowed", True)


async def test_what_stages_make_is_judged_too(trust: TrustSite) -> None:
    """A stage's Job runs before the main object, and outlives it."""

    def with_image(deployment: Any, context: Any) -> list[Stage]:
        (stage,) = STAGED.stages(deployment, context)

        def judge(live: Any) -> StageVerdict:
            verdict = stage.judge(live)
            return replace(verdict, create=with_evil(verdict.create))

        def with_evil(manifests: Any) -> list[Any]:
            return [entry | {"data": {"image": EVIL}} for entry in manifests]

        return [replace(stage, judge=judge, creates=with_evil(stage.creates))]

    made = await trust.place.deploy()
    worker = trust.worker(images=["docker.io/vllm/*"], provider=replace(STAGED, stages=with_image))

    answer = await trust.render(worker, made)

    assert reasons(answer) == ("ImageNotAllowed", True)
    assert not answer.planned


async def test_applying_judges_for_itself(trust: TrustSite) -> None:
    """A request to apply what another process planned, before the policy was there."""
    made = await trust.place.deploy(engine={"type": "vllm", "image": EVIL})
    request = render_request(made)
    planned = await trust.worker().provider.render(request)
    done = await trust.worker(images=["docker.io/vllm/*"]).provider.apply_upstream(asked(request, planned))

    assert done.failure is not None and done.failure.reason == "ImageNotAllowed"
    assert await trust.images() == []


async def test_a_namespace_is_followed(trust: TrustSite) -> None:
    """What the watch brings counts without a read, from then on."""
    made = await trust.place.deploy()
    worker = trust.worker()
    async with following(trust):
        assert reasons(await trust.render(worker, made)) == ("", False)
        await trust.annotate(allowed_images="quay.io")
        while reasons(await trust.render(worker, made)) != ("ImageNotAllowed", True):
            await asyncio.sleep(0.01)
        await trust.annotate(allowed_images=None)
        while reasons(await trust.render(worker, made)) != ("", False):
            await asyncio.sleep(0.01)
