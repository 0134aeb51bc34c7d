"""Advice and costs (web-api.md §3.6, §5)."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED


@CLOSED
class AdviceStatusShape(TypedDict):
    """Whether there is advice."""

    available: bool
    version: NotRequired[str]
    error: NotRequired[str]
    runningInCluster: NotRequired[bool]


@CLOSED
class AdviceConfigShape(TypedDict):
    """What is advised."""

    tensorParallelDegree: int
    maxBatchSize: int
    gpuMemoryUtilization: float
    maxModelLen: int


@CLOSED
class AdviceShape(TypedDict):
    """AdviceResult."""

    success: bool
    config: AdviceConfigShape
    mode: str
    replicas: int
    error: NotRequired[str]
    warnings: NotRequired[list[str]]


@CLOSED
class NormalizedProductShape(TypedDict):
    """The usual name of a GPU."""

    gpuProduct: str
    normalized: str


@CLOSED
class EstimateShape(TypedDict):
    """An amount."""

    hourly: float
    monthly: float
    currency: str
    source: str
    confidence: str


@CLOSED
class PerGpuShape(TypedDict):
    """An amount for one GPU."""

    hourly: float
    monthly: float


@CLOSED
class BreakdownShape(TypedDict):
    """Breakdown."""

    estimate: EstimateShape
    perGpu: PerGpuShape
    totalGpus: int
    gpuModel: str
    normalizedGpuModel: str
    notes: list[str]


@CLOSED
class PoolCostShape(TypedDict):
    """PoolCost."""

    poolName: str
    gpuModel: str
    availableGpus: int
    costBreakdown: BreakdownShape
    realtimePricing: NotRequired[dict[str, Any]]


@CLOSED
class CacheStatsShape(TypedDict):
    """Of a cache that the reference has."""

    size: int
    ttlMs: int
    maxEntries: int


@CLOSED
class PoolCostsShape(TypedDict):
    """Of each pool."""

    success: bool
    nodePoolCosts: list[PoolCostShape]
    pricingSource: str
    cacheStats: CacheStatsShape


@CLOSED
class CostEstimateShape(TypedDict):
    """Of so many GPUs."""

    success: bool
    breakdown: BreakdownShape


@CLOSED
class GpuModelShape(TypedDict):
    """A GPU that is known."""

    model: str
    memoryGb: int
    generation: str


@CLOSED
class GpuModelsShape(TypedDict):
    """All of them."""

    success: bool
    models: list[GpuModelShape]
    note: str


@CLOSED
class GpuInfoShape(TypedDict):
    """What is known of one."""

    memoryGb: int
    generation: str


@CLOSED
class NormalizedGpuShape(TypedDict):
    """The usual name of a GPU, and what is known of it."""

    success: bool
    originalLabel: str
    normalizedModel: str
    gpuInfo: NotRequired[GpuInfoShape]
