"""The step that reads a deployment and decides about it. Writes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.configs import ProviderConfigs, configs_digest, provider_view
from airunway.activities.deployment.installable import Listed, installable_among
from airunway.activities.deployment.object_cache import ObjectCache
from airunway.activities.step import implements
from airunway.api import names
from airunway.api.decision import Decision, InstallPolicy, SelectionFallback
from airunway.api.heartbeat import oldest_alive
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.status import DeploymentStatus
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.messages.deployment import OBSERVE, Limits, Observation, ObserveRequest, ProviderView
from airunway.selection.admission_recheck import with_admission_recheck
from airunway.selection.decide import decide
from airunway.selection.installable import Installable


class DeploymentObserver:
    """Reads and decides. `served_locally`: the providers whose steps this process can do itself.

    `cache`: where what was read is kept for the next step; see `object_cache`.
    """

    def __init__(
        self,
        cluster: Cluster,
        *,
        limits: Limits,
        heartbeat_limit: timedelta,
        cache: ObjectCache,
        served_locally: Collection[str],
        fallback: SelectionFallback,
        selector_enabled: bool,
        install_policy: InstallPolicy,
    ) -> None:
        self._cluster = cluster
        self._configs = ProviderConfigs(cluster)
        self._limits, self._heartbeat_limit = limits, heartbeat_limit
        self._cache = cache
        self._served_locally = served_locally
        self._fallback, self._selector_enabled = fallback, selector_enabled
        self._install_policy = install_policy

    @implements(OBSERVE)
    async def observe(self, request: ObserveRequest) -> Observation:
        """Read a deployment and the provider configs; validate, select engine and provider."""
        obj, listed = await asyncio.gather(
            self._cluster.find(DEPLOYMENTS, request.ref.name, namespace=request.ref.namespace),
            self._configs.read(),
        )
        if obj is None:
            return Observation(found=False)
        seen = self._as_it_is(obj)
        if request.want_status or request.chosen_for not in ("", seen.uid):
            seen.status = _status_of(obj)
        configs = [config for config, _ in listed]
        if seen.deleted_at is not None:
            seen.provider = self._holder(seen.finalizers, configs)
        elif not seen.paused:
            if request.chosen_provider and request.chosen_for == seen.uid:
                _count_as_recorded(obj, request)
            self._decide(seen, obj, listed)
            self._cache.remember(obj)
        return seen

    def _as_it_is(self, obj: Object) -> Observation:
        meta = obj["metadata"]
        annotations = meta.get("annotations") or {}
        return Observation(
            found=True,
            uid=meta["uid"],
            generation=meta.get("generation", 0),
            resource_version=meta["resourceVersion"],
            deleted_at=meta.get("deletionTimestamp"),
            finalizers=meta.get("finalizers") or [],
            paused=names.is_paused(meta),
            cancel_build=annotations.get(names.ANNOTATION_CANCEL_BUILD) == "true",
            limits=self._limits,
        )

    def _decide(self, seen: Observation, obj: Object, listed: Sequence[Listed]) -> None:
        configs = [config for config, _ in listed]
        alive_since = self._alive_since()
        installable = installable_among(listed, self._install_policy, alive_since=alive_since)
        seen.decision = self._decision(obj, configs, alive_since, installable)
        seen.configs_digest = configs_digest(configs)
        if seen.decision.provider is not None:
            seen.provider = self._view(seen.decision.provider.name, configs, alive_since)

    def _decision(
        self,
        obj: Object,
        configs: Sequence[InferenceProviderConfig],
        alive_since: datetime,
        installable: Installable,
    ) -> Decision:
        try:
            deployment = ModelDeployment.model_validate(obj)
        except ValidationError as err:
            # The CRD keeps such objects out; one that an older CRD let in must not be retried for ever.
            raise ApplicationError(
                f"the object does not have the shape of a ModelDeployment: {_first_error(err)}",
                type="Malformed",
                non_retryable=True,
            ) from err
        decision = decide(
            deployment,
            configs,
            alive_since=alive_since,
            fallback=self._fallback,
            selector_enabled=self._selector_enabled,
            installable=installable,
        )
        # The same rules as at admission, for a cluster without webhooks.
        return with_admission_recheck(decision, deployment)

    def _holder(
        self, finalizers: Sequence[str], configs: Sequence[InferenceProviderConfig]
    ) -> ProviderView | None:
        """The provider that a deletion waits for: whose finalizer is held, one of this system first."""
        alive_since = self._alive_since()
        views = [self._view(name, configs, alive_since) for name in names.providers_of(finalizers)]
        return min(views, key=lambda view: view.externally_managed, default=None)

    def _view(
        self, name: str, configs: Sequence[InferenceProviderConfig], alive_since: datetime
    ) -> ProviderView:
        return provider_view(
            name, configs, alive_since=alive_since, served_locally=name in self._served_locally
        )

    def _alive_since(self) -> datetime:
        return oldest_alive(datetime.now(UTC), limit=self._heartbeat_limit)


def _status_of(obj: Object) -> DeploymentStatus:
    """The status as it is; an empty one when somebody wrote what cannot be read."""
    try:
        return DeploymentStatus.model_validate(obj.get("status") or {})
    except ValidationError:
        return DeploymentStatus()


def _count_as_recorded(obj: Object, request: ObserveRequest) -> None:
    """Let a selection that was made but not yet written count as recorded (core.md §20, weak spot 5)."""
    status = obj.setdefault("status", {})
    if not (status.get("provider") or {}).get("name"):
        status["provider"] = {**(status.get("provider") or {}), "name": request.chosen_provider}
    if request.chosen_engine and not (status.get("engine") or {}).get("type"):
        status["engine"] = {**(status.get("engine") or {}), "type": request.chosen_engine}


def _first_error(err: ValidationError) -> str:
    first = err.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
