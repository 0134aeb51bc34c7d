"""Health, settings, and what the cluster is (web-api.md §3.1)."""

from __future__ import annotations

from typing import Literal, NotRequired

from typing_extensions import TypedDict

from airunway.web.shapes.common import CLOSED
from airunway.web.shapes.providers import ProviderShape


@CLOSED
class HealthShape(TypedDict):
    """The process lives."""

    status: Literal["healthy"]
    timestamp: str


@CLOSED
class VersionShape(TypedDict):
    """Which build this is."""

    version: str
    buildTime: str
    gitCommit: str


@CLOSED
class CoreShape(TypedDict):
    """Whether AI Runway's kinds are there."""

    installed: bool
    crdFound: bool
    message: str


@CLOSED
class ClusterStatusShape(TypedDict):
    """Whether the API server answers."""

    connected: bool
    namespace: str
    clusterName: NotRequired[str]
    error: NotRequired[str]
    providerInstallation: CoreShape | None


@CLOSED
class NodeShape(TypedDict):
    """A node that takes pods."""

    name: str
    ready: bool
    gpuCount: int


@CLOSED
class NodesShape(TypedDict):
    """By name."""

    nodes: list[NodeShape]


@CLOSED
class ConfigShape(TypedDict):
    """What can be set."""

    defaultNamespace: str


@CLOSED
class AuthShape(TypedDict):
    """Whether people sign in."""

    enabled: bool


@CLOSED
class SettingsShape(TypedDict):
    """The frontend's first question."""

    config: ConfigShape
    providers: list[ProviderShape]
    auth: AuthShape


@CLOSED
class SettingsChangedShape(TypedDict):
    """They were changed."""

    message: str
    config: ConfigShape


@CLOSED
class SessionShape(TypedDict):
    """Who signed in."""

    user: str
