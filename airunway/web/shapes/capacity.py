"""GPUs, the GPU operator, Gateways and the autoscaler (web-api.md §3.3, §3.4, §5)."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED
from airunway.web.shapes.providers import InstallProgressShape, StepDoneShape


@CLOSED
class NodeGpusShape(TypedDict):
    """GPUs of a node."""

    nodeName: str
    totalGpus: int
    allocatedGpus: int
    availableGpus: int


class TotalsShape(TypedDict):
    """GPUs of the cluster."""

    totalGpus: int
    allocatedGpus: int
    availableGpus: int
    maxContiguousAvailable: int
    maxNodeGpuCapacity: int
    gpuNodeCount: int
    totalMemoryGb: NotRequired[int]


@CLOSED
class CapacityShape(TotalsShape):
    """ClusterGpuCapacity."""

    nodes: list[NodeGpusShape]


@CLOSED
class PoolShape(TypedDict):
    """Nodes of one kind."""

    name: str
    gpuCount: int
    nodeCount: int
    availableGpus: int
    gpuModel: NotRequired[str]
    instanceType: NotRequired[str]
    region: NotRequired[str]


@CLOSED
class DetailedCapacityShape(TotalsShape):
    """DetailedClusterCapacity."""

    nodePools: list[PoolShape]


@CLOSED
class ThroughputShape(TypedDict):
    """GpuThroughputEstimate."""

    perChatTokensPerSec: float
    concurrentSequences: NotRequired[int]
    aggregateTokensPerSec: NotRequired[float]
    gpuModel: str
    perGpuMemoryGb: int
    memBandwidthGBs: int
    tpSize: int
    contextLen: int
    kvCacheDtype: NotRequired[str]
    fp8Supported: NotRequired[bool]
    capacityLabel: NotRequired[str]
    lowConfidence: bool
    doesNotFit: NotRequired[bool]


class GpuOperatorShape(TypedDict):
    """Whether NVIDIA's operator is there."""

    installed: bool
    crdFound: bool
    operatorRunning: bool
    gpusAvailable: bool
    totalGPUs: int
    gpuNodes: list[str]
    message: str


@CLOSED
class GpuOperatorStatusShape(GpuOperatorShape):
    """The same, with how it is installed. Beyond the reference's: `step` and `progress`."""

    helmCommands: list[str]
    step: NotRequired[str]
    progress: NotRequired[InstallProgressShape]


@CLOSED
class GpuOperatorInstalledShape(TypedDict):
    """How it went. `reason`: why it is not there yet, in a word."""

    success: bool
    message: str
    alreadyInstalled: NotRequired[bool]
    status: GpuOperatorShape
    results: NotRequired[list[StepDoneShape]]
    reason: NotRequired[str]


@CLOSED
class GatewayShape(TypedDict):
    """Whether deployments can be published, and where."""

    available: bool
    endpoint: NotRequired[str]
    message: NotRequired[str]


@CLOSED
class GatewayModelShape(TypedDict):
    """A model that is published."""

    name: str
    deploymentName: str
    provider: NotRequired[str]
    ready: bool


@CLOSED
class GatewayModelsShape(TypedDict):
    """By the name of their deployment."""

    models: list[GatewayModelShape]


@CLOSED
class GatewayCrdsShape(TypedDict):
    """GatewayCRDStatus. Beyond the reference's: `step` and `progress`."""

    gatewayApiInstalled: bool
    inferenceExtInstalled: bool
    gatewayApiVersion: NotRequired[str]
    inferenceExtVersion: NotRequired[str]
    pinnedVersion: str
    gatewayAvailable: bool
    gatewayEndpoint: NotRequired[str]
    message: str
    installCommands: list[str]
    step: NotRequired[str]
    progress: NotRequired[InstallProgressShape]


@CLOSED
class GatewayInstalledShape(TypedDict):
    """How it went. `reason`: why they are not there yet, in a word."""

    success: bool
    message: str
    results: list[StepDoneShape]
    reason: NotRequired[str]


@CLOSED
class AutoscalerShape(TypedDict):
    """Whether something adds nodes."""

    type: Literal["aks-managed", "cluster-autoscaler", "none", "unknown"]
    detected: bool
    healthy: bool
    message: str
    nodeGroupCount: NotRequired[int]


@CLOSED
class NodeGroupShape(TypedDict):
    """Nodes that are added and taken away."""

    name: str
    minSize: int
    maxSize: int
    currentSize: int


@CLOSED
class AutoscalerStatusShape(TypedDict):
    """What the autoscaler says of itself."""

    health: str
    lastUpdateTime: NotRequired[str]
    nodeGroups: NotRequired[list[NodeGroupShape]]
