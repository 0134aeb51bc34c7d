"""The core's activities for deployments: read and decide, write the status, let go."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Any

from airunway.activities.deployment.finalizers import FinalizerActivity
from airunway.activities.deployment.object_cache import ObjectCache
from airunway.activities.deployment.observe import DeploymentObserver
from airunway.activities.deployment.status import StatusActivity
from airunway.api.decision import InstallPolicy, SelectionFallback
from airunway.clients.kubernetes import Cluster
from airunway.messages.deployment import Limits


class DeploymentActivities:
    """The activities bound to one cluster. For the options see `DeploymentObserver`."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        limits: Limits,
        heartbeat_limit: timedelta,
        cache: ObjectCache | None = None,
        served_locally: Collection[str] = (),
        fallback: SelectionFallback = SelectionFallback.NONE,
        selector_enabled: bool = True,
        install_policy: InstallPolicy = InstallPolicy.NEVER,
    ) -> None:
        self.observe = DeploymentObserver(
            cluster,
            limits=limits,
            heartbeat_limit=heartbeat_limit,
            cache=cache or ObjectCache(),
            served_locally=served_locally,
            fallback=fallback,
            selector_enabled=selector_enabled,
            install_policy=install_policy,
        ).observe
        self.write_status = StatusActivity(cluster).write_status
        self.remove_finalizers = FinalizerActivity(cluster).remove_finalizers

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.observe, self.write_status, self.remove_finalizers]
