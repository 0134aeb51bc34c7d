"""All settings, from the environment (prefix `AIRUNWAY_`). Each says its unit, and why its default."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field, field_validator

from airunway.api.decision import SelectionFallback
from airunway.api.names import BUILDER_NAMESPACE, SYSTEM_NAMESPACE, WEBHOOK_SERVICE
from airunway.api.quantities import InvalidQuantity
from airunway.api.quantities import parse as parse_quantity
from airunway.clients.registry.client import PUBLIC_REGISTRIES
from airunway.messages.deployment import Limits
from airunway.modelimage.cluster_options import BUILDER_IMAGE
from airunway.modelimage.naming import HUB
from airunway.modelimage.plan import RUNNER_BASE
from airunway.workers.command_settings import CommandSettings
from airunway.workers.durations import as_duration
from airunway.workers.gateway_settings import GatewaySettings
from airunway.workers.image_registry_settings import ImageRegistrySettings
from airunway.workers.installation_settings import InstallationSettings
from airunway.workers.limit_settings import LimitSettings
from airunway.workers.outbound_settings import OutboundSettings
from airunway.workers.tenant_settings import TenantSettings
from airunway.workers.trust_settings import TrustSettings
from airunway.workers.version_settings import VersionSettings
from airunway.workers.web_settings import WebSettings

IN_POD = "KUBERNETES_SERVICE_HOST"
"""Kubernetes sets it in every container."""


class Settings(
    GatewaySettings,
    ImageRegistrySettings,
    LimitSettings,
    TrustSettings,
    InstallationSettings,
    OutboundSettings,
    TenantSettings,
    VersionSettings,
    WebSettings,
    CommandSettings,
):
    """Settings of worker, watcher and command line."""

    pod_namespace: str = Field(
        default=SYSTEM_NAMESPACE,
        description="Namespace of the watcher's Lease, and of the Secrets of webhooks and web pages.",
    )

    selection_fallback: SelectionFallback = Field(
        default=SelectionFallback.NONE,
        description="`capabilities`: a provider that fits but has no matching rule may be selected too.",
    )
    selector_enabled: bool = Field(default=True, description="Whether engine and provider are selected.")

    registry_mirrors: dict[str, str] = Field(
        default_factory=dict,
        description="Registry host to the base URL asked instead, as JSON: "
        '`{"docker.io": "https://mirror.example.com"}`. Only digests of tags are asked for.',
    )
    registry_hosts: list[str] = Field(
        default=list(PUBLIC_REGISTRIES),
        description="Image registries that may be asked (JSON list); `*.example.com` allows subdomains.",
    )

    image_builds: bool = Field(
        default=True,
        description="Whether images are built of GGUF models; see [images.md](images.md).",
    )
    image_builds_at_once: int = Field(
        default=2, ge=1, description="Builds at the same time in one worker; others wait for their turn."
    )
    image_base: str = Field(
        default=RUNNER_BASE,
        description="Image that models are put on; with a tag it is pinned to the digest of now.",
    )
    image_architecture: str = Field(default="amd64", description="Architecture of the built images.")
    image_frontend: str = Field(
        default="",
        description="AIKit's BuildKit frontend (`ghcr.io/kaito-project/aikit/aikit:latest`), to build its"
        " kind of image: one file, no token, no check of its digest. Empty: our own kind.",
    )
    image_fixed_dates: bool = Field(
        default=False,
        description="Date the files in images 1970, not as the hub does: one digest, even from mirrors with"
        " other dates. For that the builder copies them, which takes room and time.",
    )
    image_stall: timedelta = Field(
        default=timedelta(minutes=5),
        description="How long a build may make no progress before it starts anew.",
    )
    image_namespace: str = Field(
        default=SYSTEM_NAMESPACE, description="Namespace of the registry in the cluster."
    )
    image_storage_class: str | None = Field(
        default=None, description="Storage class of their claims; absent: the cluster's default one."
    )
    image_volumes: bool = Field(
        default=True, description="`false`: no claims; images and cache are lost with their pods."
    )
    buildkit_address: str = Field(
        default="",
        description="`tcp://host:port` or `unix:///path` of a BuildKit daemon. Empty: the one in the cluster,"
        " which is made when it is needed.",
    )
    buildkit_ca_file: Path | None = Field(
        default=None, description="Authority of its certificate; absent: no TLS."
    )
    buildkit_cert_file: Path | None = Field(
        default=None, description="Our certificate for it, with the next one."
    )
    buildkit_key_file: Path | None = Field(default=None, description="Key of that certificate.")
    buildkit_server_name: str = Field(
        default="", description="Name in its certificate, where it is not the host."
    )
    buildkit_namespace: str = Field(
        default=BUILDER_NAMESPACE,
        description="Namespace of the builder in the cluster and of nothing else; it admits privileged pods.",
    )
    buildkit_rootless: bool = Field(
        default=False,
        description="The builder in the cluster without root; nodes must allow user namespaces.",
    )
    buildkit_volume_size: str = Field(
        default="100Gi",
        description="Its claim; a build needs twice the size of the model, with fixed dates three times.",
    )
    buildkit_image: str = Field(
        default=BUILDER_IMAGE, description="Its image; a tag is pinned to the digest of now."
    )
    hugging_face: str = Field(
        default=HUB, description="Address of the Hugging Face hub, or of a mirror of it."
    )

    rollout_deadline: timedelta = Field(
        default=timedelta(minutes=75),
        description="How long a roll-out may take before it counts as failed; providers' own limits of an"
        " hour come first, and say more.",
    )
    finalizer_timeout: timedelta = Field(
        default=timedelta(minutes=5),
        description="How long a deletion waits for upstream objects.",
    )
    heartbeat: timedelta = Field(
        default=timedelta(seconds=60),
        le=timedelta(seconds=60),  # a third of the limit below, for two that are lost
        description="Pause between heartbeats of a provider's config; a minute at most.",
    )
    heartbeat_limit: timedelta = Field(
        default=timedelta(seconds=180),
        description="Silence after which a provider's worker counts as dead and gets no new deployments: "
        "three missed heartbeats. Alike for worker, installer, watcher and command line.",
    )

    workflow_tasks: int = Field(
        default=16,
        ge=1,
        description="Workflow tasks at once of deployments in memory; more only queue up in one process.",
    )
    replays_at_once: int = Field(
        default=8,
        ge=1,
        description="Workflow tasks at once of deployments that are not in memory, such as all after a "
        "restart: each is new, or replays its history first; more only share one processor.",
    )
    activities: int = Field(default=64, description="Activities at once, inline ones counted apart.")
    cached_workflows: int | None = Field(
        default=None,
        ge=1,
        description="Deployments whose workflow stays in memory; others are replayed when needed. Absent: as "
        "many as fit into half of the memory that container or machine leave beside 250 MiB.",
    )
    signals_at_once: int = Field(default=32, description="Signals the watcher sends at the same time.")
    signals_per_second: float = Field(
        default=50,
        gt=0,
        description="Signals of all deployments together, in the long run: what Temporal's database and two "
        "processors take beside their other work. What changed goes before what an audit found.",
    )
    signals_burst: int = Field(
        default=100, ge=1, description="Signals that may be sent at once, after a time with fewer."
    )
    audit: timedelta = Field(
        default=timedelta(minutes=5),
        gt=timedelta(0),
        description="Safety net: how often the watcher compares what it knows of the cluster with what the "
        "statuses say; it reads nothing for that.",
    )
    presence: timedelta = Field(
        default=timedelta(seconds=30),
        gt=timedelta(0),
        description="How often Temporal is asked which workflows are open: half the time in which one that "
        "was terminated is back.",
    )

    lease_duration: timedelta = Field(
        default=timedelta(seconds=15), description="How long a silent watcher keeps its Lease."
    )
    enable_webhooks: bool = Field(
        default=True,
        validation_alias=AliasChoices("AIRUNWAY_ENABLE_WEBHOOKS", "ENABLE_WEBHOOKS"),
        description="`false`: the webhooks are neither served nor given a certificate. Also ENABLE_WEBHOOKS.",
    )
    webhook_port: int = Field(default=9443, description="HTTPS port of the webhooks; 0: any free one.")
    webhook_service: str = Field(
        default=WEBHOOK_SERVICE, description="Service of the webhooks, for the name in their certificate."
    )
    webhook_names: list[str] = Field(
        default_factory=list,
        description="Further names and addresses for the certificate, as JSON, for an API server that calls "
        "the webhooks by a URL of their own.",
    )
    webhook_rotation: bool = Field(
        default=True,
        description="`false`: the Secret and the caBundles are looked after by others, such as cert-manager.",
    )
    webhook_check: timedelta = Field(
        default=timedelta(seconds=30),
        description="How often certificate and caBundles are looked at; a removed one is back after it.",
    )

    listen_address: str = Field(
        default="",
        description="Address on which /healthz, /readyz and /metrics listen. Empty: every address in a pod, "
        "where the kubelet and Prometheus ask from outside, and 127.0.0.1 elsewhere.",
    )
    health_port: int = Field(default=8081, description="Port of /healthz and /readyz; 0: any free one.")
    metrics_port: int = Field(
        default=0,
        description="Port of /metrics: [this system's metrics](metrics.md) and the Temporal SDK's; 0: off.",
    )
    log_format: Literal["text", "json"] = Field(
        default="text", description="`text` for people, `json` for machines."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="debug, info, warning or error."
    )

    @field_validator("enable_webhooks", mode="before")
    @classmethod
    def _off_by_word(cls, value: Any) -> Any:
        """Only a word for no switches them off: ENABLE_WEBHOOKS was never a strict switch."""
        return value.strip().lower() not in ("false", "0", "no", "off") if isinstance(value, str) else value

    @field_validator("log_format", "log_level", mode="before")
    @classmethod
    def _in_any_case(cls, value: Any) -> Any:
        return value.strip().lower() if isinstance(value, str) else value

    @field_validator(
        "rollout_deadline",
        "finalizer_timeout",
        "heartbeat",
        "heartbeat_limit",
        "lease_duration",
        "audit",
        "presence",
        "webhook_check",
        "image_stall",
        mode="before",
    )
    @classmethod
    def _duration(cls, value: Any) -> Any:
        """Also as people write them: `90`, `90s`, `5m`, `1h`."""
        return as_duration(value)

    @field_validator("image_registry_volume_size", "buildkit_volume_size")
    @classmethod
    def _size(cls, value: str) -> str:
        """A Kubernetes quantity above nothing."""
        try:
            amount = parse_quantity(value)
        except InvalidQuantity:
            raise ValueError("must be a quantity, e.g. 100Gi") from None
        if amount <= 0:
            raise ValueError("must be more than nothing")
        return value

    @field_validator("hugging_face")
    @classmethod
    def _web_address(cls, value: str) -> str:
        if not re.match(r"https?://[^/\s]+", value):
            raise ValueError("must be a http or https URL")
        return value.rstrip("/")

    @property
    def listens_on(self) -> str:
        """The effective `listen_address`."""
        return self.listen_address or ("0.0.0.0" if IN_POD in os.environ else "127.0.0.1")

    @property
    def limits(self) -> Limits:
        """Time limits, as workflows record them."""
        return Limits(
            rollout_deadline=self.rollout_deadline.total_seconds(),
            finalizer_timeout=self.finalizer_timeout.total_seconds(),
        )
