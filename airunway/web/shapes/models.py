"""The catalogue, models of the hub, and images (web-api.md §3.5, §5)."""

from __future__ import annotations

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED


@CLOSED
class ModelShape(TypedDict):
    """Model: an entry of the catalogue."""

    id: str
    name: str
    description: str
    size: str
    task: Literal["text-generation", "image-text-to-text"]
    conversational: NotRequired[bool]
    parameters: NotRequired[str]
    contextLength: NotRequired[int]
    license: NotRequired[str]
    supportedEngines: list[str]
    minGpuMemory: NotRequired[str]
    minGpus: NotRequired[int]
    gated: NotRequired[bool]


@CLOSED
class CatalogueShape(TypedDict):
    """The fixed catalogue."""

    models: list[ModelShape]


@CLOSED
class HubModelShape(TypedDict):
    """HfModel: a model of the hub."""

    id: str
    author: str
    name: str
    downloads: int
    likes: int
    pipelineTag: str
    libraryName: str
    architectures: list[str]
    gated: bool
    parameterCount: NotRequired[int]
    estimatedGpuMemory: NotRequired[str]
    estimatedGpuMemoryGb: NotRequired[float]
    supportedEngines: list[str]
    compatible: bool
    incompatibilityReason: NotRequired[str]


@CLOSED
class SearchShape(TypedDict):
    """A page of what was found."""

    models: list[HubModelShape]
    total: int
    hasMore: bool
    query: str


@CLOSED
class FilesShape(TypedDict):
    """Names, sorted."""

    files: list[str]


@CLOSED
class PremadeShape(TypedDict):
    """Premade: an image that AIKit has made."""

    id: str
    name: str
    size: str
    image: str
    modelName: str
    license: str
    description: NotRequired[str]
    computeType: Literal["cpu", "gpu"]


@CLOSED
class PremadesShape(TypedDict):
    """All of them."""

    models: list[PremadeShape]
    total: int


@CLOSED
class BuildShape(TypedDict):
    """The image's reference; `buildTime` in seconds."""

    success: bool
    imageRef: str
    buildTime: int
    wasPremade: bool
    message: str


@CLOSED
class BuildPreviewShape(TypedDict):
    """The reference alone."""

    imageRef: str
    wasPremade: bool
    requiresBuild: bool
    registryUrl: str


@CLOSED
class RegistryShape(TypedDict):
    """The registry of images."""

    installed: bool
    ready: bool
    url: str
    message: str


@CLOSED
class BuilderShape(TypedDict):
    """What builds them. `running`: what the reference's frontend reads."""

    exists: bool
    ready: bool
    running: bool
    name: str
    driver: str
    message: str


@CLOSED
class InfrastructureShape(TypedDict):
    """Whether images can be built."""

    ready: bool
    registry: RegistryShape
    builder: BuilderShape
    error: NotRequired[str]


@CLOSED
class RegistryReadyShape(TypedDict):
    """Where images are pulled from."""

    url: str
    ready: bool


@CLOSED
class BuilderReadyShape(TypedDict):
    """What builds them."""

    name: str
    ready: bool


@CLOSED
class SetUpShape(TypedDict):
    """It is ready."""

    success: bool
    message: str
    registry: RegistryReadyShape
    builder: BuilderReadyShape


@CLOSED
class RecipesShape(TypedDict):
    """None."""

    recipes: list[dict[str, Any]]
    total: int
    source: str
    message: NotRequired[str]
