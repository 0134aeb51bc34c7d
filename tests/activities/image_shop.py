"""Everything that model images are made with: pretend hub, builder and registry, and the activities."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.model_image.builder import BuildKitBuilder, endpoint_of
from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.model_image.orders import BuildOrders
from airunway.activities.model_image.published import PublishedModelImages
from airunway.activities.model_image.pull_secrets import PullSecrets
from airunway.activities.model_image.records import ModelImageRecords
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.activities.model_image.resolve import ModelImageResolver, Tokens
from airunway.activities.model_image.room import RegistryRoom
from airunway.activities.model_image.wanted import ImageOwners
from airunway.activities.trust.image_signer import ImageSigner
from airunway.api import names
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.clients.buildkit import BuildKitEndpoint
from airunway.clients.guarded_http import OutboundPolicy
from airunway.clients.huggingface import HuggingFace
from airunway.clients.kubernetes import DEPLOYMENTS, SECRETS, Cluster
from airunway.clients.registry.client import RegistryClient
from airunway.clients.registry.storage import ModelImageStorage
from airunway.messages.model_image import (
    BuildModelImageRequest,
    BuildProgress,
    FindModelImageAnswer,
    ModelImageRequest,
    ModelImageWaiter,
    PublishModelImageRequest,
    ResolveModelImageRequest,
    TokenRef,
)
from airunway.messages.model_image_workflow import IMAGE_PROGRESS
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.cluster_options import ClusterOptions
from airunway.modelimage.plan import ModelImagePlan
from airunway.modelimage.retention import RoomLimits
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from tests.servers.hub import Hub

TOKEN = "hf_seen_by_nobody"


REPOSITORY = "example/Tiny-GGUF"


WEIGHTS = b"weights" * 10_000


FILES = {"README.md": b"hello", "tiny-Q4_K_M.gguf": WEIGHTS, "tiny-Q8_0.gguf": b"other"}


REF = DeploymentRef(cluster="here", namespace="default", name="tiny")


class FakeWorkflow:
    """The image's workflow, which progress is reported to."""

    id = "image/x"

    def __init__(self) -> None:
        self.reported: list[BuildProgress] = []

    async def signal(self, name: str, progress: BuildProgress) -> None:
        assert name == IMAGE_PROGRESS
        self.reported.append(progress)


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
    options: ModelImageOptions = field(default_factory=lambda: ModelImageOptions(cluster_name="here"))
    client: FakeClient = field(default_factory=FakeClient)
    heartbeats: list[Any] = field(default_factory=list)
    now: datetime = datetime(2026, 5, 1, tzinfo=UTC)
    limits: RoomLimits = field(
        default_factory=lambda: RoomLimits(
            unused_for=timedelta(days=14), registry_bytes=10**9, namespace_share=0.5, builds_per_namespace=2
        )
    )

    @property
    def records(self) -> ModelImageRecords:
        return ModelImageRecords(self.cluster, namespace="default", clock=lambda: self.now)

    @property
    def storage(self) -> ModelImageStorage:
        return ModelImageStorage(self.registry.host)

    @property
    def room(self) -> RegistryRoom:
        return RegistryRoom(
            cluster=self.cluster, records=self.records, storage=self.storage, limits=self.limits, owned=True
        )

    def keeper(self) -> BuildServices:
        login = ClusterRegistryLogin(self.cluster, namespace="default", lifetime=timedelta(days=30))
        return BuildServices(self.cluster, ClusterOptions(), digests=RegistryClient(), logins=[login])

    signer: ImageSigner | None = None
    pull_secrets: PullSecrets | None = None

    def activities(
        self, *, registry_keeper: BuildServices | None = None, **options: Any
    ) -> ModelImageActivities:
        wanted = replace(
            ModelImageOptions(
                cluster_name="here",
                hub=self.hub.url,
                base="ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest",
            ),
            **options,
        )
        hub, tokens = HuggingFace(wanted.hub), Tokens(self.cluster)
        bases = RegistryClient(mirrors={"ghcr.io": self.registry.url})
        resolver = ModelImageResolver(wanted, hub=hub, bases=bases, tokens=tokens)
        owners = ImageOwners(self.cluster)
        endpoint = BuildKitEndpoint(address=self.buildkit.address)
        return ModelImageActivities(
            wanted,
            resolver=resolver,
            orders=BuildOrders(
                resolver=resolver, tokens=tokens, hub=hub, storage=self.storage, owners=owners
            ),
            owners=owners,
            published=PublishedModelImages(self.storage, self.records, wanted),
            room=self.room,
            builder=BuildKitBuilder(
                lambda: endpoint_of(endpoint), architecture="amd64", hub=wanted.hub, policy=self.outbound
            ),
            registry_keeper=registry_keeper,
            signer=self.signer,
            pull_secrets=self.pull_secrets,
        )

    @property
    def outbound(self) -> OutboundPolicy:
        """The hub sends downloads on to another name, as the real one does to its CDN."""
        return OutboundPolicy(inside_hosts=[self.hub.url.replace("127.0.0.1", "localhost")])

    def waiter(self, secret: str, *, ref: DeploymentRef = REF) -> ModelImageWaiter:
        """A deployment that waits, with a Secret of its namespace."""
        return ModelImageWaiter(ref=ref, token=TokenRef(namespace=ref.namespace, name=secret))

    async def plan(self, **options: Any) -> ModelImagePlan:
        return await self.resolve(Spec(repository=REPOSITORY), **options)

    async def deploy(self, spec: Spec, *, ref: DeploymentRef = REF) -> None:
        """Have a deployment that wants this model, and no other any more."""
        secrets = {"secrets": {"huggingFaceToken": spec.token_secret}} if spec.token_secret else {}
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {
                "name": ref.name,
                "namespace": ref.namespace,
                "annotations": {names.ANNOTATION_MODEL_REVISION: spec.revision},
            },
            "spec": {"model": {"id": spec.repository}, **secrets},
        }
        await self.cluster.apply(DEPLOYMENTS, body, field_manager="somebody")

    async def resolve(self, spec: Spec, **options: Any) -> ModelImagePlan:
        """The plan for a deployment that wants it."""
        await self.deploy(spec)
        answer = await self.activities(**options).resolve_model_image(
            ResolveModelImageRequest(ref=REF, spec=spec)
        )
        return answer.plan

    async def build(
        self,
        plan: ModelImagePlan,
        *,
        waiters: Sequence[ModelImageWaiter] = (),
        attempt: int = 1,
        namespace: str = "default",
        **options: Any,
    ) -> str:
        """Run the build as an activity; answers the digest."""
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        environment.info = replace(environment.info, attempt=attempt)
        environment.on_heartbeat = lambda *details: self.heartbeats.append(details)
        request = BuildModelImageRequest(plan=plan, waiters=list(waiters), namespace=namespace)
        answer = await environment.run(self.activities(**options).build_model_image, request)
        return answer.digest

    async def publish(self, plan: ModelImagePlan, digest: str, **options: Any) -> str:
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        request = PublishModelImageRequest(plan=plan, digest=digest)
        return (
            await environment.run(self.activities(**options).publish_model_image, request)
        ).image.reference

    async def found(self, plan: ModelImagePlan, **options: Any) -> str:
        answer = await self.activities(**options).find_model_image(ModelImageRequest(plan=plan))
        return answer.image.reference if answer.image else ""

    async def find(self, plan: ModelImagePlan, *, kept_by_us: bool) -> FindModelImageAnswer:
        """Look in the registry, which is ours or somebody else's."""
        environment = ActivityEnvironment(client=self.client)  # type: ignore[arg-type]
        activities = self.activities(registry_keeper=self.keeper() if kept_by_us else None)
        return await environment.run(activities.find_model_image, ModelImageRequest(plan=plan))

    async def secret(self, name: str, **data: str) -> None:
        encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
        await self.cluster.create(SECRETS, {"metadata": {"name": name}, "data": encoded}, namespace="default")


async def failure_of(work: Callable[[], Any]) -> ApplicationError:
    with pytest.raises(ApplicationError) as raised:
        await work()
    return raised.value
