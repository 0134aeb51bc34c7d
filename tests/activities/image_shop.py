"""Everything that model images are made with: pretend hub, builder and registry, and the activities."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
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
from tests.servers.hub import Hub

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


async def failure_of(work: Callable[[], Any]) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await work()
    return raised.value
