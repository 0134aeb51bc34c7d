"""Settings of worker versions: which build this is, who makes it current, how runs move to it."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings

from airunway.workers.durations import Duration


class PromotePolicy(StrEnum):
    """When a worker makes its own build the current one."""

    NEW = "new"
    FIRST = "first"
    NEVER = "never"


class VersionSettings(BaseSettings):
    """Part of `Settings`, which says how they are read."""

    worker_versioning: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether runs are pinned to the build of the worker that began them: `auto` where "
        "Temporal can (1.30 or newer), `on` or not at all, `off`; see [Upgrades](upgrades.md).",
    )
    worker_promote: PromotePolicy = Field(
        default=PromotePolicy.NEW,
        description="When a worker makes its build current: `new` if the build never was, `first` only if "
        "there is no current build or nobody serves it, `never` if somebody else does it.",
    )
    worker_deployment: str = Field(
        default="",
        validation_alias=AliasChoices("AIRUNWAY_WORKER_DEPLOYMENT", "TEMPORAL_DEPLOYMENT_NAME"),
        description="Temporal's name for all builds of this cluster's workers. Empty: `airunway-<cluster>`. "
        "Also TEMPORAL_DEPLOYMENT_NAME, which Temporal's worker controller sets.",
    )
    build_id: str = Field(
        default="",
        validation_alias=AliasChoices("AIRUNWAY_BUILD_ID", "TEMPORAL_WORKER_BUILD_ID"),
        description="Name of this build of the workers. Empty: version and digest of the workflows' code. "
        "Also TEMPORAL_WORKER_BUILD_ID, which Temporal's worker controller sets.",
    )
    worker_drain: Duration = Field(
        default=timedelta(minutes=10),
        description="How long a worker that was told to stop goes on for runs that are pinned to its build, "
        "while another one is current. Keep the pod's grace period above it.",
    )
    worker_abandoned_after: Duration = Field(
        default=timedelta(seconds=60),
        description="How long a build may have no worker before its runs are moved; a worker counts as there "
        "until 90 s after its last poll, because an idle one polls once a minute.",
    )
    moves_per_second: float = Field(
        default=5.0, gt=0, description="Idle runs that are moved to the current build in a second, at most."
    )
