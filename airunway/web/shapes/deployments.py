"""Deployments, their pods, and what is said of them (web-api.md §5)."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED, Obj


@CLOSED
class PodShape(TypedDict):
    """PodStatus."""

    name: str
    phase: str
    ready: bool
    restarts: int
    node: NotRequired[str]
    reason: NotRequired[str]
    message: NotRequired[str]


@CLOSED
class ReplicasShape(TypedDict):
    """How many are wanted and there."""

    desired: int
    ready: int
    available: int


@CLOSED
class GroupShape(TypedDict):
    """Of the prefill or decode workers."""

    desired: int
    ready: int


@CLOSED
class PublishedShape(TypedDict):
    """Where a deployment is reached through a Gateway."""

    endpoint: NotRequired[str]
    modelName: NotRequired[str]
    gatewayNamespace: NotRequired[str]


@CLOSED
class DeploymentShape(TypedDict):
    """DeploymentStatus. Beyond the reference's: `message`, `reason`, `step`, `links`."""

    name: str
    namespace: str
    modelId: NotRequired[str]
    servedModelName: NotRequired[str]
    engine: NotRequired[str]
    mode: str
    phase: Literal["Pending", "Deploying", "Running", "Failed", "Terminating"]
    provider: str
    replicas: ReplicasShape
    conditions: NotRequired[list[Obj]]
    pods: list[PodShape]
    createdAt: str
    frontendService: NotRequired[str]
    storage: NotRequired[Obj]
    prefillReplicas: NotRequired[GroupShape]
    decodeReplicas: NotRequired[GroupShape]
    gateway: NotRequired[PublishedShape]
    image: NotRequired[Obj]
    message: NotRequired[str]
    reason: NotRequired[str]
    step: NotRequired[str]
    links: NotRequired[dict[str, str]]


@CLOSED
class PageOfShape(TypedDict):
    """Which part of a list this is."""

    total: int
    limit: int
    offset: int
    hasMore: bool


@CLOSED
class DeploymentsShape(TypedDict):
    """Newest first."""

    deployments: list[DeploymentShape]
    pagination: PageOfShape


@CLOSED
class CreatedShape(TypedDict):
    """It was created."""

    message: str
    name: str
    namespace: str
    warnings: NotRequired[list[str]]
    links: NotRequired[dict[str, str]]


@CLOSED
class KindShape(TypedDict):
    """A kind."""

    kind: str
    apiVersion: str


@CLOSED
class ManifestShape(TypedDict):
    """One object."""

    kind: str
    apiVersion: str
    name: str
    manifest: Obj


@CLOSED
class ManifestsShape(TypedDict):
    """The objects of a deployment."""

    resources: list[ManifestShape]
    primaryResource: KindShape


@CLOSED
class PodsShape(TypedDict):
    """By name."""

    pods: list[PodShape]


@CLOSED
class PendingReasonShape(TypedDict):
    """PodFailureReason."""

    reason: str
    message: str
    isResourceConstraint: bool
    resourceType: NotRequired[Literal["gpu", "cpu", "memory"]]
    canAutoscalerHelp: bool


@CLOSED
class PendingReasonsShape(TypedDict):
    """Of the first pending pod; the rest is said of the deployment itself."""

    reasons: list[PendingReasonShape]
    error: NotRequired[str]
    message: NotRequired[str]
    reason: NotRequired[str]
    step: NotRequired[str]
    links: NotRequired[dict[str, str]]


@CLOSED
class ClaimShape(TypedDict):
    """A PersistentVolumeClaim."""

    name: str
    status: str
    storageClass: str
    capacity: str


@CLOSED
class ClaimsShape(TypedDict):
    """Of one namespace."""

    pvcs: list[ClaimShape]


@CLOSED
class LogsShape(TypedDict):
    """The last lines of one pod."""

    logs: str
    podName: str
    container: NotRequired[str]
    message: NotRequired[str]


@CLOSED
class SampleShape(TypedDict):
    """One number that a model server counts."""

    name: str
    value: float
    labels: dict[str, str]


@CLOSED
class MetricsShape(TypedDict):
    """MetricsResponse."""

    available: bool
    timestamp: str
    metrics: list[SampleShape]
    error: NotRequired[str]
