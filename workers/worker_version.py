"""Which version a worker is of: the worker deployment it belongs to, its build, and whether runs are pinned.

A worker deployment is Temporal's word for all workers that run the same workflows, old builds and new ones.
Each cluster has one of its own, so that two clusters on one Temporal do not promote each other's builds.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import structlog
from temporalio.api.workflowservice.v1 import DescribeWorkerDeploymentRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.common import VersioningBehavior, WorkerDeploymentVersion
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import WorkerDeploymentConfig

from airunway.clients.backoff import Backoff, retry
from airunway.clients.outages import OUTAGES, TEMPORAL
from airunway.workers.settings import Settings
from airunway.workers.version import installed_version

_log = structlog.get_logger(__name__)

OLDEST_SERVER = (1, 30)
"""Oldest Temporal that tells a pinned run to continue as new on another version, and lets it."""

WORKFLOW_ROOMS = ("api", "messages", "modelimage", "workflows")
"""What the code of workflows may import of ours: a change in there may change the order of steps."""

_REFUSALS = {
    RPCStatusCode.UNIMPLEMENTED,
    RPCStatusCode.FAILED_PRECONDITION,
    RPCStatusCode.PERMISSION_DENIED,
    RPCStatusCode.INVALID_ARGUMENT,
}


class VersioningUnsupported(Exception):
    """`AIRUNWAY_WORKER_VERSIONING=on`, and this Temporal has no worker versions."""


@dataclass(frozen=True)
class WorkerVersion:
    """One build of the workers of one cluster. `versioned`: its runs are pinned to it."""

    deployment: str
    build_id: str
    versioned: bool

    @property
    def config(self) -> WorkerDeploymentConfig:
        """For workers that run workflows, and for those whose activities belong to these workflows."""
        pinned = VersioningBehavior.PINNED if self.versioned else VersioningBehavior.UNSPECIFIED
        return WorkerDeploymentConfig(
            version=self._version, use_worker_versioning=self.versioned, default_versioning_behavior=pinned
        )

    @property
    def label(self) -> WorkerDeploymentConfig:
        """For workers of queues that every version uses: shown in Temporal, and nothing is pinned to it."""
        return WorkerDeploymentConfig(version=self._version, use_worker_versioning=False)

    @property
    def search_value(self) -> str:
        """How visibility calls it."""
        return f"{self.deployment}:{self.build_id}"

    @property
    def _version(self) -> WorkerDeploymentVersion:
        return WorkerDeploymentVersion(self.deployment, self.build_id)


def deployment_name(settings: Settings) -> str:
    """The worker deployment of the cluster that the settings name."""
    return settings.worker_deployment or f"airunway-{settings.cluster}"


def build_id(settings: Settings) -> str:
    """Of this build: what the settings say, else package version and digest of the workflow code."""
    return settings.build_id or f"{installed_version()}-{workflow_code_digest()[:8]}"


@cache
def workflow_code_digest() -> str:
    """SHA-256 over the files that decide in which order a workflow does what, as installed."""
    folders = {}
    for room in WORKFLOW_ROOMS:
        spec = find_spec(f"airunway.{room}")
        assert spec is not None and spec.submodule_search_locations is not None
        folders[room] = Path(spec.submodule_search_locations[0])
    return digest_of(folders)


def digest_of(folders: Mapping[str, Path]) -> str:
    """SHA-256 over names and content of the Python files in folders, by the names of these."""
    digest = hashlib.sha256()
    for room, folder in sorted(folders.items()):
        for file in sorted(folder.rglob("*.py")):
            digest.update(f"{room}/{file.relative_to(folder).as_posix()}\0".encode())
            digest.update(file.read_bytes())
    return digest.hexdigest()


def this_build(settings: Settings) -> WorkerVersion:
    """The version of this process, as a label only."""
    return WorkerVersion(deployment_name(settings), build_id(settings), versioned=False)


async def decide_version(client: Client, settings: Settings) -> WorkerVersion:
    """The version of this process' workers; waits until Temporal says whether it knows versions.

    Raises VersioningUnsupported.
    """
    unversioned = this_build(settings)
    if settings.worker_versioning == "off":
        return unversioned
    refusal = await retry(
        lambda: _why_unsupported(client, unversioned.deployment),
        on=(RPCError,),
        backoff=Backoff(first=1, maximum=30),
        failed=lambda err, _: _not_said(err),
    )
    if refusal and settings.worker_versioning == "on":
        raise VersioningUnsupported(
            f"AIRUNWAY_WORKER_VERSIONING=on, but {refusal}; set it to `auto` or `off`, or upgrade Temporal"
        )
    if refusal:
        _log.warning(
            "workers run without versions: an upgrade that changes the order of steps stalls open workflows; "
            "run `airunway worker --verify` before it",
            reason=refusal,
        )
    return replace(unversioned, versioned=not refusal)


def _not_said(err: Exception) -> None:
    log = _log.bind(error=str(err)[:200])
    words = "Temporal does not say whether it knows worker versions; trying again"
    OUTAGES.suspect(TEMPORAL, lambda: log.warning(words))


def is_too_old_for_versions(server_version: str) -> bool:
    """Whether a server knows no worker versions; False for one that does not tell."""
    found = re.match(r"v?(\d+)\.(\d+)", server_version)
    return bool(found) and (int(found[1]), int(found[2])) < OLDEST_SERVER


async def _why_unsupported(client: Client, deployment: str) -> str | None:
    info = await client.workflow_service.get_system_info(GetSystemInfoRequest())
    if is_too_old_for_versions(info.server_version):
        wanted = ".".join(map(str, OLDEST_SERVER))
        return f"this Temporal is {info.server_version}; versions need {wanted} or newer"
    request = DescribeWorkerDeploymentRequest(namespace=client.namespace, deployment_name=deployment)
    try:
        await client.workflow_service.describe_worker_deployment(request)
    except RPCError as err:
        if err.status is RPCStatusCode.NOT_FOUND:
            return None  # none has polled yet
        if err.status not in _REFUSALS:
            raise
        return f"this Temporal refuses worker deployments ({err.message})"
    return None
