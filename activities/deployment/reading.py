"""Read a deployment and the providers' configs, and decide about it. Writes nothing."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import ValidationError
from temporalio.exceptions import ApplicationError

from airunway.activities.deployment.configs import ProviderConfigs
from airunway.activities.deployment.installable import Listed, installable_among
from airunway.activities.deployment.snapshots import Snapshot
from airunway.api.bounds import has_more_elements_than, spec_problem
from airunway.api.decision import InstallPolicy, SelectionFallback
from airunway.api.heartbeat import oldest_alive
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig, SelectionRule
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.messages.decision import Recorded
from airunway.messages.refs import DeploymentRef
from airunway.selection.admission_recheck import with_admission_recheck
from airunway.selection.decide import consider_engines, decide

QUICK_RULES = 100
QUICK_RULES_LENGTH = 2_000
"""Characters of all rules together; compiling takes up to 50 µs for each, the first time."""
QUICK_SPEC_ELEMENTS = 1_000
_MACRO = re.compile(r"\b(?:all|exists|exists_one|map|filter)\s*\(|\bmatches\b")


@dataclass(frozen=True, kw_only=True)
class SelectionOptions:
    """The settings of selection. A provider that was silent for `heartbeat_limit` gets no new deployment."""

    heartbeat_limit: timedelta
    fallback: SelectionFallback = SelectionFallback.NONE
    selector_enabled: bool = True
    install_policy: InstallPolicy = InstallPolicy.NEVER

    def alive_since(self) -> datetime:
        """Heartbeats before this are too old."""
        return oldest_alive(datetime.now(UTC), limit=self.heartbeat_limit)


class DeploymentReader:
    """Reads deployments of one cluster and decides about them."""

    def __init__(self, cluster: Cluster, options: SelectionOptions) -> None:
        self._cluster = cluster
        self._configs = ProviderConfigs(cluster)
        self._options = options

    async def read(self, ref: DeploymentRef) -> tuple[Object | None, Sequence[Listed]]:
        """The deployment as it is, None when there is none, and the configs. Raises ApiError."""
        return await asyncio.gather(
            self._cluster.find(DEPLOYMENTS, ref.name, namespace=ref.namespace), self._configs.read()
        )

    async def decide(self, obj: Object, listed: Sequence[Listed], recorded: Recorded | None) -> Snapshot:
        """What follows from a deployment and the configs. Raises ApplicationError for a malformed object.

        Off the event loop, where it may take more than a moment.
        """
        configs = [config for config, _ in listed]
        if is_quick(obj, configs):
            return self._decide(obj, listed, recorded)
        return await asyncio.to_thread(self._decide, obj, listed, recorded)

    def _decide(self, obj: Object, listed: Sequence[Listed], recorded: Recorded | None) -> Snapshot:
        options, alive_since = self._options, self._options.alive_since()
        recorded = for_this_object(recorded, obj)
        configs = [config for config, _ in listed]
        installable = installable_among(listed, options.install_policy, alive_since=alive_since)
        deployment = parsed(_as_if_recorded(obj, recorded))
        engines = consider_engines(deployment, configs, alive_since=alive_since, installable=installable)
        decision = decide(
            deployment,
            configs,
            alive_since=alive_since,
            fallback=options.fallback,
            selector_enabled=options.selector_enabled,
            installable=installable,
            considered=engines,
        )
        return Snapshot(
            deployment=obj,
            configs=configs,
            configs_digest=self._configs.digest(configs),
            recorded=recorded,
            engines=engines,
            # The same rules as at admission, for a cluster without webhooks.
            decision=with_admission_recheck(decision, deployment),
        )


def is_quick(obj: Object, configs: Sequence[InferenceProviderConfig]) -> bool:
    """Whether deciding takes a moment: a small spec, and short rules without a macro, which loops."""
    rules = [rule.condition for config in configs for rule in _rules_of(config)]
    return (
        len(rules) <= QUICK_RULES
        and sum(map(len, rules)) <= QUICK_RULES_LENGTH
        and not any(map(_MACRO.search, rules))
        and not has_more_elements_than(obj.get("spec"), QUICK_SPEC_ELEMENTS)
    )


def _rules_of(config: InferenceProviderConfig) -> Sequence[SelectionRule]:
    return (config.spec.selection_rules if config.spec else None) or ()


def parsed(obj: Object) -> ModelDeployment:
    """A deployment's typed form. Raises ApplicationError (Malformed), which is final.

    The CRD keeps such objects out; one that an older CRD let in must not be retried for ever. Nor one that
    is so large or deep that working on it would take the time of all others.
    """
    if problem := spec_problem(obj):
        raise ApplicationError(f"spec: {problem}", type="Malformed", non_retryable=True)
    try:
        return ModelDeployment.model_validate(obj)
    except ValidationError as err:
        first = err.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise ApplicationError(
            f"the object does not have the shape of a ModelDeployment: {field}: {first['msg']}",
            type="Malformed",
            non_retryable=True,
        ) from err


def with_status(obj: Object, **sections: Any) -> Object:
    """A deployment as it would be with these sections of its status; the given one stays as it is."""
    return {**obj, "status": {**(obj.get("status") or {}), **sections}}


def for_this_object(recorded: Recorded | None, obj: Object) -> Recorded | None:
    """A recorded selection, if it was made for this object and not for another of the name."""
    return recorded if recorded is not None and recorded.uid == obj["metadata"]["uid"] else None


def _as_if_recorded(obj: Object, recorded: Recorded | None) -> Object:
    """Let a selection that was made but not yet written count as recorded (core.md §20, weak spot 5).

    What objects were made by counts before what the status says.
    """
    if recorded is None:
        return obj
    status = obj.get("status") or {}
    provider, engine = status.get("provider") or {}, status.get("engine") or {}
    if not provider.get("name") or (recorded.is_made and provider["name"] != recorded.provider):
        reason = {"selectedReason": recorded.reason} if recorded.reason else {}
        provider = {"name": recorded.provider, **reason}
    if recorded.engine and (recorded.is_made or not engine.get("type")):
        engine = {**engine, "type": recorded.engine}
    return with_status(obj, provider=provider, engine=engine)
