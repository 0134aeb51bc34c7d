"""Activities of the core: look at a deployment and decide, write its status, let go of it."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.installable import Listed, installable_among
from airunway.activities.deployment.object_cache import SeenObjects
from airunway.activities.step import implements
from airunway.api import names
from airunway.api.decision import Decision, InstallPolicy, SelectionFallback
from airunway.api.heartbeat import oldest_alive
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.coalescing import Coalesced
from airunway.clients.errors import ApiError, Conflict, Invalid, NotFound
from airunway.clients.events import record_event
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, JSON_PATCH, Cluster, Object
from airunway.messages.deployment import (
    OBSERVE,
    REMOVE_FINALIZERS,
    WRITE_STATUS,
    DeploymentRef,
    FinalizerAnswer,
    FinalizerRequest,
    Limits,
    Observation,
    ObserveRequest,
    ProviderView,
    StatusAnswer,
    StatusRequest,
)
from airunway.selection.admission_recheck import with_admission_recheck
from airunway.selection.decide import decide
from airunway.selection.eligibility import find, not_available
from airunway.selection.installable import Installable

COMPONENT = "airunway"


class CoreActivities:
    """The core's activities, bound to one cluster."""

    def __init__(
        self,
        cluster: Cluster,
        *,
        limits: Limits,
        heartbeat_limit: timedelta,
        seen: SeenObjects | None = None,
        hosted: Collection[str] = (),
        fallback: SelectionFallback = SelectionFallback.NONE,
        selector_enabled: bool = True,
        install_policy: InstallPolicy = InstallPolicy.NEVER,
    ) -> None:
        self._cluster = cluster
        self._limits = limits
        self._heartbeat_limit = heartbeat_limit
        self._hosted = hosted
        self._seen = seen or SeenObjects()
        self._parsed: dict[str, tuple[str, InferenceProviderConfig | None]] = {}
        self._fallback = fallback
        self._selector_enabled = selector_enabled
        self._install_policy = install_policy
        self._configs = Coalesced(self._read_configs)

    @property
    def all(self) -> list[Any]:
        """What a worker registers."""
        return [self.observe, self.write_status, self.remove_finalizers]

    @implements(OBSERVE)
    async def observe(self, request: ObserveRequest) -> Observation:
        """Read a deployment and the provider configs; validate, select engine and provider."""
        obj, listed = await asyncio.gather(
            self._cluster.find(DEPLOYMENTS, request.ref.name, namespace=request.ref.namespace),
            self._configs(),
        )
        configs: list[InferenceProviderConfig] = [config for config, _ in listed]
        if obj is None:
            return Observation(found=False)
        meta = obj["metadata"]
        annotations = meta.get("annotations") or {}
        seen = Observation(
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
        if request.want_status or request.chosen_for not in ("", seen.uid):
            seen.status = obj.get("status") or {}
        if seen.deleted_at is not None:
            seen.provider = self._holder(obj, configs)
            return seen
        if seen.paused:
            return seen
        if request.chosen_provider and request.chosen_for == seen.uid:
            _stand_by(obj, request)
        alive_since = self._alive_since()
        installable = installable_among(listed, self._install_policy, alive_since=alive_since)
        seen.decision = self._decide(obj, configs, alive_since, installable)
        seen.configs_digest = configs_digest(configs)
        if seen.decision.provider is not None:
            seen.provider = provider_view(seen.decision.provider.name, configs, alive_since=alive_since)
            seen.provider.hosted = seen.provider.name in self._hosted
        self._seen.remember(obj)
        return seen

    def _alive_since(self) -> datetime:
        return oldest_alive(datetime.now(UTC), limit=self._heartbeat_limit)

    def _holder(self, obj: Object, configs: Sequence[InferenceProviderConfig]) -> ProviderView | None:
        """The provider that a deletion waits for: whose finalizer is held, one of this system first."""
        held = names.providers_of(obj["metadata"].get("finalizers") or [])
        views = [provider_view(name, configs, alive_since=self._alive_since()) for name in held]
        for view in views:
            view.hosted = view.name in self._hosted
        return min(views, key=lambda view: view.foreign, default=None)

    def _decide(
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

    @implements(WRITE_STATUS)
    async def write_status(self, request: StatusRequest) -> StatusAnswer:
        """Apply the status, and tell what is worth an Event."""
        involved = involved_object(request.ref, request.uid)
        tell = [
            record_event(
                self._cluster,
                involved,
                reason=event.reason,
                message=event.message,
                warning=event.warning,
                component=COMPONENT,
            )
            for event in request.events
        ]
        results = await asyncio.gather(self._apply_status(request), *tell)
        return StatusAnswer(gone=bool(results[0]))

    async def _apply_status(self, request: StatusRequest) -> bool:
        if request.status is None:
            return False
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            # The uid makes the write fail on another object of the same name.
            "metadata": {
                "name": request.ref.name,
                "namespace": request.ref.namespace,
                "uid": request.uid,
            },
            "status": request.status,
        }
        try:
            await self._cluster.apply(
                DEPLOYMENTS, body, field_manager=names.STATUS_FIELD_MANAGER, subresource="status"
            )
        except NotFound:
            return True
        except (Conflict, Invalid):  # perhaps of the uid: another object of the name
            live = await self._cluster.find(DEPLOYMENTS, request.ref.name, namespace=request.ref.namespace)
            if live is None or live["metadata"]["uid"] != request.uid:
                return True
            raise
        return False

    @implements(REMOVE_FINALIZERS)
    async def remove_finalizers(self, request: FinalizerRequest) -> FinalizerAnswer:
        """Take the provider finalizers off, and nothing else."""
        live = await self._cluster.find(DEPLOYMENTS, request.ref.name, namespace=request.ref.namespace)
        if live is None or live["metadata"]["uid"] != request.uid:
            return FinalizerAnswer()
        held = live["metadata"].get("finalizers") or []
        ours = [entry for entry in held if names.is_provider_finalizer(entry)]
        if not ours:
            return FinalizerAnswer()
        try:
            await self._cluster.patch(
                DEPLOYMENTS,
                request.ref.name,
                finalizer_patch(held, keep=[entry for entry in held if entry not in ours]),
                namespace=request.ref.namespace,
                content_type=JSON_PATCH,
            )
        except NotFound:
            pass
        except ApiError as err:
            if err.status == 422:  # the test failed: somebody changed the list meanwhile
                raise Conflict(str(err), status=409, reason="Conflict") from err
            raise
        return FinalizerAnswer(removed=ours)

    async def _read_configs(self) -> list[Listed]:
        try:
            listing = await self._cluster.listing(CONFIGS)
        except NotFound:
            return []  # the kind is not installed (core.md §3, step 4)
        parsed = [(self._parse(obj), obj) for obj in listing.items]
        return [(config, obj) for config, obj in parsed if config is not None]

    def _parse(self, obj: Object) -> InferenceProviderConfig | None:
        # Configs are read with every look and change once a minute.
        meta = obj["metadata"]
        version, config = self._parsed.get(meta["name"], ("", None))
        if version != meta["resourceVersion"]:
            config = read_config(obj)
            self._parsed[meta["name"]] = (meta["resourceVersion"], config)
        return config


def read_config(obj: Object) -> InferenceProviderConfig | None:
    """A provider config, or None when it cannot be read: one bad config must not stop the others."""
    try:
        return InferenceProviderConfig.model_validate(obj)
    except ValidationError:
        return None


def provider_view(
    name: str, configs: Sequence[InferenceProviderConfig], *, alive_since: datetime
) -> ProviderView:
    """What the chosen provider's config says, for the workflow."""
    config = find(configs, name)
    if config is None:
        message = f'provider "{name}" is not registered'
        return ProviderView(name=name, registered=False, reason="ProviderNotRegistered", message=message)
    unavailable = not_available(config, alive_since=alive_since)
    view = ProviderView(
        name=name,
        registered=True,
        ready=not unavailable,
        task_queue=config.metadata.annotations.get(names.ANNOTATION_TASK_QUEUE, ""),
    )
    if unavailable:
        view.reason, view.message = "ProviderNotReady", f"provider {name}: {unavailable}"
        for condition in (config.status.conditions or []) if config.status else []:
            if condition.status.value == "False":
                view.reason = condition.reason
                view.message = f"provider {name}: {condition.message or unavailable}"
    return view


def configs_digest(configs: Sequence[InferenceProviderConfig]) -> str:
    """A digest of what providers offer and whether they are ready; heartbeats do not change it."""
    facts = [
        (config.name, config.ready, config.spec.dump() if config.spec else None)
        for config in sorted(configs, key=lambda entry: entry.name)
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def finalizer_patch(held: list[str], *, keep: list[str]) -> list[dict[str, Any]]:
    """A JSON patch that sets the finalizers, provided they are still what was read."""
    return [
        {"op": "test", "path": "/metadata/finalizers", "value": held},
        {"op": "replace", "path": "/metadata/finalizers", "value": keep},
    ]


def involved_object(ref: DeploymentRef, uid: str) -> Object:
    """The reference that an Event carries."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "name": ref.name,
        "namespace": ref.namespace,
        "uid": uid,
    }


def _stand_by(obj: Object, request: ObserveRequest) -> None:
    """Let a selection that was made but not yet written count as recorded (core.md §20, weak spot 5)."""
    status = obj.setdefault("status", {})
    if not (status.get("provider") or {}).get("name"):
        status["provider"] = {**(status.get("provider") or {}), "name": request.chosen_provider}
    if request.chosen_engine and not (status.get("engine") or {}).get("type"):
        status["engine"] = {**(status.get("engine") or {}), "type": request.chosen_engine}


def _first_error(err: ValidationError) -> str:
    first = err.errors()[0]
    return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
