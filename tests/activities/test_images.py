"""The steps of a model image with the real clients, on a pretend hub, builder and registry."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from airunway.activities.model_image.activities import ImageActivities
from airunway.activities.model_image.builder import BuildKitBuilder, endpoint_of
from airunway.activities.model_image.cluster import ImageCluster
from airunway.activities.model_image.options import ImageOptions
from airunway.activities.model_image.resolve import ImageResolver, Tokens
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.clients.buildkit import BuildKitEndpoint
from airunway.clients.huggingface import HuggingFace
from airunway.clients.kubernetes import SECRETS, Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.storage import ModelImageStorage
from airunway.messages.model_image import (
    BuildImageRequest,
    FindImageAnswer,
    FreeSpaceRequest,
    ImageProgress,
    ImageRequest,
    PublishImageRequest,
    ResolveImageRequest,
    TokenRef,
)
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.plan import ImagePlan
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from kube_emulator import EmulatedCluster
from tests.servers.hub import Hub, HubModel

TOKEN = "hf_seen_by_nobody"
REPOSITORY = "example/Tiny-GGUF"
WEIGHTS = b"weights" * 10_000
FILES = {"README.md": b"hello", "tiny-Q4_K_M.gguf": WEIGHTS, "tiny-Q8_0.gguf": b"other"}
REF = DeploymentRef(namespace="default", name="tiny")


class FakeWorkflow:
    """The image's workflow, which is told progress."""

    id = "image/x"

    def __init__(self) -> None:
        self.told: list[ImageProgress] = []

    async def signal(self, name: str, progress: ImageProgress) -> None:
        assert name == "progress"
        self.told.append(progress)


class FakeClient:
    """Temporal, as far as a build needs it."""

    def __init__(self) -> None:
        self.image = FakeWorkflow()

    def get_workflow_handle(self, _id: str, *, run_id: str | None = None) -> FakeWorkflow:
        return self.image


@dataclass
class Shop:
    """Everything that images are made with."""

    hub: Hub
    registry: PretendRegistry
    buildkit: PretendBuildKit
    cluster: Cluster
    options: ImageOptions = field(default_factory=ImageOptions)
    client: FakeClient = field(default_factory=FakeClient)
    heartbeats: list[Any] = field(default_factory=list)

    def activities(self, *, registry_keeper: ImageCluster | None = None, **options: Any) -> ImageActivities:
        wanted = replace(
            ImageOptions(
                hub=self.hub.url,
                push_host=self.registry.host,
                base="ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest",
            ),
            **options,
        )
        hub, tokens = HuggingFace(wanted.hub), Tokens(self.cluster)
        bases = RegistryClient(mirrors={"ghcr.io": self.registry.url})
        endpoint = BuildKitEndpoint(address=self.buildkit.address)
        return ImageActivities(
            wanted,
            resolver=ImageResolver(wanted, hub=hub, bases=bases, tokens=tokens),
            tokens=tokens,
            hub=hub,
            storage=ModelImageStorage(self.registry.host),
            builder=BuildKitBuilder(lambda: endpoint_of(endpoint), architecture="amd64", hub=wanted.hub),
            registry_keeper=registry_keeper,
        )

    async def plan(self, **options: Any) -> ImagePlan:
        return await self.resolve(Spec(repository=REPOSITORY), **options)

    async def resolve(self, spec: Spec, **options: Any) -> ImagePlan:
        answer = await self.activities(**options).resolve_image(ResolveImageRequest(ref=REF, spec=spec))
        return answer.plan

    async def build(
        self, plan: ImagePlan, *, tokens: list[TokenRef] | None = None, attempt: int = 1, **options: Any
    ) -> str:
        """Run the build as an activity; answers the digest."""
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        environment.info = replace(environment.info, attempt=attempt)
        environment.on_heartbeat = lambda *details: self.heartbeats.append(details)
        request = BuildImageRequest(plan=plan, tokens=tokens or [])
        answer = await environment.run(self.activities(**options).build_image, request)
        return answer.digest

    async def publish(self, plan: ImagePlan, digest: str) -> str:
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        request = PublishImageRequest(plan=plan, digest=digest)
        return (await environment.run(self.activities().publish_image, request)).reference

    async def found(self, plan: ImagePlan) -> str:
        return (await self.activities().find_image(ImageRequest(plan=plan))).reference

    async def find(self, plan: ImagePlan, *, looked_after: bool) -> FindImageAnswer:
        """Look in the registry, which is ours or somebody else's."""
        keeper = ImageCluster(self.cluster, ClusterOptions(), digests=RegistryClient())
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        activities = self.activities(registry_keeper=keeper if looked_after else None)
        return await environment.run(activities.find_image, ImageRequest(plan=plan))

    async def secret(self, name: str, **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        await self.cluster.create(SECRETS, {"metadata": {"name": name}, "data": encoded}, namespace="default")


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    model = HubModel(id=REPOSITORY, files=FILES, license="mit")
    async with Hub([model]) as hub, PretendRegistry() as registry, PretendBuildKit() as buildkit:
        buildkit.network.registries["ghcr.io"] = registry.url
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            yield Shop(hub, registry, buildkit, cluster)
    await emulated.stop()


async def failure_of(work: Callable[[], Any]) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await work()
    return raised.value


# -- resolving ------------------------------------------------------------------------------------------


async def test_a_spec_becomes_a_plan_that_no_branch_can_change(shop: Shop) -> None:
    plan = await shop.plan()

    assert [file.path for file in plan.files] == ["tiny-Q4_K_M.gguf"]
    assert plan.total_bytes == len(WEIGHTS)
    assert len(plan.commit) == 40
    assert "@sha256:" in plan.base
    assert (plan.license, plan.name) == ("mit", "aikit-example-tiny-gguf")
    assert plan.tag.startswith("Q4_K_M-")
    assert await shop.plan() == plan


@pytest.mark.parametrize(
    ("spec", "kind", "told"),
    [
        (Spec(repository="a/b/c"), "InvalidModel", "no Hugging Face repository"),
        (Spec(repository=REPOSITORY, file="../x.gguf"), "InvalidModel", "inside the repository"),
        (Spec(repository=REPOSITORY, revision="a b"), "InvalidModel", "no branch"),
        (Spec(repository=REPOSITORY, file="x.gguf"), "ChoiceError", "tiny-Q4_K_M.gguf, tiny-Q8_0.gguf"),
        (Spec(repository=REPOSITORY, revision="v1"), "RevisionMissing", "v1"),
        (Spec(repository="acme/Nothing"), "RepositoryMissing", "no such repository"),
    ],
)
async def test_a_spec_that_cannot_be_met_is_final(shop: Shop, spec: Spec, kind: str, told: str) -> None:
    failure = await failure_of(lambda: shop.resolve(spec))

    assert (failure.type, failure.non_retryable) == (kind, True)
    assert told in failure.message


async def test_a_model_that_no_volume_holds_is_refused(shop: Shop) -> None:
    failure = await failure_of(lambda: shop.plan(registry_bytes=1000))

    assert (failure.type, failure.non_retryable) == ("ImageTooLarge", True)


@pytest.mark.parametrize("file", [" tiny-Q4_K_M.gguf", ".wh.tiny-Q4_K_M.gguf"])
async def test_a_file_whose_name_no_image_can_have_is_refused_though_nobody_named_it(
    shop: Shop, file: str
) -> None:
    shop.hub.publish(HubModel(id="acme/Odd", files={file: WEIGHTS}))

    failure = await failure_of(lambda: shop.resolve(Spec(repository="acme/Odd")))

    assert (failure.type, failure.non_retryable) == ("InvalidModel", True)


async def test_builds_can_be_switched_off(shop: Shop) -> None:
    failure = await failure_of(lambda: shop.plan(enabled=False))

    assert failure.type == "BuildsOff"
    assert "AIRUNWAY_IMAGE_BUILDS" in failure.message
    assert shop.hub.requests == []


async def test_a_secret_that_comes_later_is_waited_for(shop: Shop) -> None:
    spec = Spec(repository=REPOSITORY, token_secret="later")
    failure = await failure_of(lambda: shop.resolve(spec))
    assert (failure.type, failure.non_retryable) == ("TokenMissing", False)
    assert "default/later" in failure.message

    await shop.secret("later", HF_TOKEN=f"{TOKEN}\n")

    await shop.resolve(spec)
    assert {seen.authorization for seen in shop.hub.requests} == {f"Bearer {TOKEN}"}


@pytest.mark.parametrize("data", [{}, {"OTHER": "x"}, {"HF_TOKEN": ""}, {"HF_TOKEN": "two\nlines"}])
async def test_a_secret_without_a_token_is_said(shop: Shop, data: dict[str, str]) -> None:
    await shop.secret("odd", **data)

    failure = await failure_of(lambda: shop.resolve(Spec(repository=REPOSITORY, token_secret="odd")))

    assert failure.type == "TokenMissing"
    assert "two" not in failure.message


# -- building and publishing ------------------------------------------------------------------------------


async def test_an_image_is_found_only_after_it_was_verified(shop: Shop) -> None:
    plan = await shop.plan()
    assert await shop.found(plan) == ""

    digest = await shop.build(plan)
    assert await shop.found(plan) == "", "what was pushed and not looked at is never used"

    reference = await shop.publish(plan, digest)
    assert reference == f"localhost:30500/{plan.name}@{digest}"
    assert await shop.found(plan) == reference
    assert shop.registry.digest(plan.name, plan.visible_tag) == digest


async def test_a_build_tells_how_far_it_is(shop: Shop) -> None:
    await shop.build(await shop.plan())

    assert shop.heartbeats
    assert {progress.total_bytes for (progress,) in shop.heartbeats} == {len(WEIGHTS)}
    assert shop.client.image.told


async def test_the_same_plan_gives_the_same_digest(shop: Shop) -> None:
    plan = await shop.plan()

    assert await shop.build(plan) == await shop.build(plan)


@pytest.mark.parametrize("fixed_dates", [False, True])
async def test_a_mirror_with_other_dates_gives_the_same_digest_only_with_fixed_dates(
    shop: Shop, fixed_dates: bool
) -> None:
    plan = await shop.plan(fixed_dates=fixed_dates)
    first = await shop.build(plan)
    shop.buildkit.cache.records.clear()

    shop.hub.last_modified = "Sun, 04 Feb 2029 05:06:07 GMT"
    again = await shop.build(plan)

    assert (again == first) is fixed_dates
    assert await shop.publish(plan, again), "each of them is the image of its plan"


async def test_fixed_dates_are_another_image(shop: Shop) -> None:
    plan, other = await shop.plan(), await shop.plan(fixed_dates=True)

    assert plan.identity != other.identity
    assert await shop.build(plan) != await shop.build(other)


async def test_the_visible_tag_of_another_model_is_left_alone(shop: Shop) -> None:
    other = HubModel(id="example-tiny/GGUF", files={"tiny-Q4_K_M.gguf": b"another"})
    shop.hub.publish(other)
    first, second = await shop.plan(), await shop.resolve(Spec(repository="example-tiny/GGUF"))
    assert (first.name, first.visible_tag) == (second.name, second.visible_tag)
    kept = await shop.build(first)
    await shop.publish(first, kept)

    reference = await shop.publish(second, await shop.build(second))

    assert shop.registry.digest(first.name, first.visible_tag) == kept
    assert await shop.found(second) == reference
    assert await shop.found(first) != reference


async def test_a_new_commit_of_the_same_file_takes_the_visible_tag(shop: Shop) -> None:
    first = await shop.plan()
    await shop.publish(first, await shop.build(first))
    shop.hub.publish(HubModel(id=REPOSITORY, files={**FILES, "tiny-Q4_K_M.gguf": b"better"}))

    second = await shop.plan()
    digest = await shop.build(second)
    await shop.publish(second, digest)

    assert shop.registry.digest(second.name, second.visible_tag) == digest
    assert await shop.found(first) != ""


async def test_another_image_than_the_planned_one_is_not_published(shop: Shop) -> None:
    plan = await shop.plan()
    other = await shop.resolve(Spec(repository=REPOSITORY, file="tiny-Q8_0.gguf"))
    digest = await shop.build(other)

    failure = await failure_of(lambda: shop.publish(plan, digest))

    assert (failure.type, failure.non_retryable) == ("ImageNotVerified", True)
    assert await shop.found(plan) == ""


async def test_a_registry_that_is_away_is_told_to_who_waits(shop: Shop) -> None:
    plan = await shop.plan()
    digest = await shop.build(plan)
    shop.client.image.told.clear()
    await shop.registry.__aexit__()

    failure = await failure_of(lambda: shop.publish(plan, digest))

    assert (failure.type, failure.non_retryable) == ("RegistryUnavailable", False)
    assert "cannot be reached" in shop.client.image.told[-1].trouble


async def test_a_private_model_is_downloaded_with_the_first_token_that_can_be_read(shop: Shop) -> None:
    shop.hub.publish(HubModel(id="acme/Private", files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    plan = await shop.resolve(Spec(repository="acme/Private", token_secret="hf"))

    missing, good = TokenRef(namespace="default", name="gone"), TokenRef(namespace="default", name="hf")
    digest = await shop.build(plan, tokens=[missing, good])

    assert digest.startswith("sha256:")
    failure = await failure_of(lambda: shop.build(plan, tokens=[missing]))
    assert (failure.type, failure.non_retryable) == ("TokenMissing", False)


async def test_a_token_that_was_withdrawn_is_a_refusal_without_the_token(shop: Shop) -> None:
    shop.hub.publish(HubModel(id="acme/Private", files=FILES, token=TOKEN))
    await shop.secret("hf", HF_TOKEN=TOKEN)
    plan = await shop.resolve(Spec(repository="acme/Private", token_secret="hf"))
    shop.hub.refuse(401, where="resolve")

    failure = await failure_of(lambda: shop.build(plan, tokens=[TokenRef(namespace="default", name="hf")]))

    assert (failure.type, failure.non_retryable) == ("SourceRefused", True)
    assert TOKEN not in repr(failure) and failure.__cause__ is None


async def test_other_bytes_are_final_and_a_broken_line_is_not(shop: Shop) -> None:
    plan = await shop.plan()
    shop.hub.swap(b"something else", times=1)
    mismatch = await failure_of(lambda: shop.build(plan))
    assert (mismatch.type, mismatch.non_retryable) == ("DigestMismatch", True)

    shop.hub.drop(after=1000, times=1)
    broken = await failure_of(lambda: shop.build(plan))
    assert (broken.type, broken.non_retryable) == ("SourceUnavailable", False)
    assert "trying again" in shop.client.image.told[-1].trouble

    await shop.build(plan)


async def test_who_asks_for_a_second_again_and_again_is_given_more(shop: Shop) -> None:
    plan = await shop.plan()
    shop.hub.refuse(429, retry_after=1)

    first = await failure_of(lambda: shop.build(plan))
    tenth = await failure_of(lambda: shop.build(plan, attempt=10))

    assert first.next_retry_delay == timedelta(seconds=2)
    assert tenth.next_retry_delay == timedelta(seconds=256)


async def test_a_registry_that_does_not_answer_may_have_the_image_all_the_same(shop: Shop) -> None:
    plan = await shop.plan()
    await shop.registry.__aexit__()

    assert (await shop.find(plan, looked_after=True)).unanswered
    failure = await failure_of(lambda: shop.find(plan, looked_after=False))

    assert (failure.type, failure.non_retryable) == ("RegistryUnavailable", False)
    assert "cannot be reached" in shop.client.image.told[-1].trouble


async def test_what_a_cancelled_build_downloaded_is_dropped(shop: Shop) -> None:
    plan = await shop.plan()
    await shop.build(plan)

    freed = await shop.activities().free_build_space(FreeSpaceRequest(plan=plan))

    assert freed.freed_bytes >= len(WEIGHTS)
    again = await shop.activities().free_build_space(FreeSpaceRequest(plan=plan))
    assert again.freed_bytes == 0


async def test_everything_can_be_dropped(shop: Shop) -> None:
    await shop.build(await shop.plan())
    other = await shop.resolve(Spec(repository=REPOSITORY, file="tiny-Q8_0.gguf"))

    request = FreeSpaceRequest(plan=other, everything=True)
    freed = await shop.activities().free_build_space(request)

    assert freed.freed_bytes >= len(WEIGHTS)


# -- AIKit's frontend ---------------------------------------------------------------------------------------


async def test_aikits_frontend_builds_images_of_its_own_kind(shop: Shop) -> None:
    frontend = "ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"  # any image of the registry
    plan = await shop.plan(frontend=frontend)
    assert plan.layout == "aikit/1"
    assert plan.identity != (await shop.plan()).identity

    reference = await shop.publish(plan, await shop.build(plan, frontend=frontend))

    assert await shop.found(plan) == reference
    (asked,) = [seen.path for seen in shop.hub.requests if seen.where == "resolve" and not seen.range][-1:]
    assert asked == f"/{REPOSITORY}/resolve/{plan.commit}/tiny-Q4_K_M.gguf"


async def test_aikits_frontend_takes_no_split_model(shop: Shop) -> None:
    parts = {f"big-0000{number}-of-00002.gguf": b"x" for number in (1, 2)}
    shop.hub.publish(HubModel(id="acme/Big", files=parts))

    failure = await failure_of(
        lambda: shop.resolve(Spec(repository="acme/Big"), frontend="ghcr.io/a/b:latest")
    )

    assert (failure.type, failure.non_retryable) == ("InvalidModel", True)
