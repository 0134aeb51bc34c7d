"""Providers and what is installed of them (web-api.md §5)."""

from __future__ import annotations

from typing import Any, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED, Obj


@CLOSED
class EngineShape(TypedDict):
    """What a provider can do with one engine."""

    name: str
    servingModes: NotRequired[list[str]]
    gpuSupport: NotRequired[bool]
    cpuSupport: NotRequired[bool]
    requiresCRD: NotRequired[bool]
    gateway: NotRequired[Any]


@CLOSED
class CapabilitiesShape(TypedDict):
    """What a provider can do."""

    engines: list[str]
    engineCapabilities: list[EngineShape]
    modes: list[str]
    modelSources: list[str]
    routerModes: list[str]
    features: dict[str, bool]


@CLOSED
class ProviderShape(TypedDict):
    """ProviderInfo."""

    id: str
    name: str
    description: str
    defaultNamespace: str
    documentationUrl: NotRequired[str]
    icon: NotRequired[str]
    warnings: list[str]
    installable: bool
    requiresCRD: bool
    capabilities: CapabilitiesShape
    deploymentDefaults: NotRequired[Obj]
    health: NotRequired[Obj]


@CLOSED
class ProvidersShape(TypedDict):
    """In the order of their names."""

    providers: list[ProviderShape]


@CLOSED
class CrdShape(TypedDict):
    """Where a provider is registered."""

    apiGroup: str
    apiVersion: str
    plural: str
    kind: str


@CLOSED
class RepositoryShape(TypedDict):
    """A repository of charts."""

    name: str
    url: str


@CLOSED
class ChartShape(TypedDict):
    """A chart."""

    name: str
    chart: str
    version: NotRequired[str]
    namespace: str
    createNamespace: NotRequired[bool]
    values: NotRequired[Obj]
    skipCrds: NotRequired[bool]
    fetchUrl: NotRequired[str]
    preCrdUrls: NotRequired[list[str]]
    preInstallMissingCrds: NotRequired[bool]


@CLOSED
class StepShape(TypedDict):
    """Something that a person does."""

    title: str
    command: NotRequired[str]
    description: str


@CLOSED
class ProviderDetailsShape(ProviderShape):
    """ProviderDetails."""

    crdConfig: CrdShape
    helmRepos: list[RepositoryShape]
    helmCharts: list[ChartShape]
    installationSteps: list[StepShape]


@CLOSED
class RuntimeShape(ProviderShape):
    """RuntimeStatus. Beyond the reference's: `reason`, the state in a word."""

    installed: bool
    healthy: bool
    crdFound: bool
    operatorRunning: bool
    version: NotRequired[str]
    message: str
    reason: str


@CLOSED
class RuntimesShape(TypedDict):
    """In the order of their names."""

    runtimes: list[RuntimeShape]


@CLOSED
class HelmShape(TypedDict):
    """Whether anything can be installed."""

    available: bool
    version: NotRequired[str]
    error: NotRequired[str]


@CLOSED
class StepDoneShape(TypedDict):
    """A step of an installation, by the id that the reference gives it."""

    step: str
    success: bool
    output: str
    error: str


@CLOSED
class InstallProgressShape(TypedDict):
    """What is being done about a provider."""

    stage: str
    operation: str | None
    results: list[StepDoneShape]
    lines: list[str]
    message: str


@CLOSED
class InstallationShape(TypedDict):
    """InstallationStatus. Beyond the reference's: `reason`, `step` and `progress`."""

    providerId: str
    providerName: str
    installed: bool
    crdFound: bool
    operatorRunning: bool
    requiresCRD: bool
    version: NotRequired[str]
    message: str
    reason: str
    installable: bool
    installationSteps: list[StepShape]
    helmCommands: list[str]
    step: NotRequired[str]
    progress: NotRequired[InstallProgressShape]


@CLOSED
class CommandsShape(TypedDict):
    """The same by hand."""

    providerId: str
    providerName: str
    commands: list[str]
    steps: list[StepShape]


@CLOSED
class InstallResultShape(TypedDict):
    """InstallResult. `reason`: why it did not succeed, in a word."""

    success: bool
    message: str
    results: list[StepDoneShape]
    alreadyInstalled: NotRequired[bool]
    reason: NotRequired[str]
