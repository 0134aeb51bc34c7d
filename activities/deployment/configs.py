"""The providers' InferenceProviderConfigs, as a deployment's reconcile reads them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime

from pydantic import ValidationError

from airunway.activities.deployment.installable import Listed
from airunway.api import names
from airunway.api.core_types import ConditionStatus
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.provider_worker import worker_queue
from airunway.clients.coalescing import Coalesced
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import CONFIGS, Cluster, Object
from airunway.messages.deployment import ProviderView
from airunway.selection.eligibility import find, not_available


class ProviderConfigs:
    """All configs of a cluster. Deployments that ask at the same time share one list."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._parsed: dict[str, tuple[str, InferenceProviderConfig | None]] = {}
        self._coalesced = Coalesced(self._list)
        self._digested: tuple[Sequence[InferenceProviderConfig], str] = ((), configs_digest(()))

    async def read(self) -> list[Listed]:
        """Those that can be read, as they are now; none when the kind is not installed. Raises ApiError."""
        return await self._coalesced()

    def digest(self, configs: Sequence[InferenceProviderConfig]) -> str:
        """See `configs_digest`; configs that did not change since the last time are not digested again."""
        known, digest = self._digested
        if len(known) != len(configs) or any(a is not b for a, b in zip(known, configs, strict=True)):
            digest = configs_digest(configs)
            self._digested = (configs, digest)
        return digest

    async def _list(self) -> list[Listed]:
        try:
            listing = await self._cluster.listing(CONFIGS)
        except NotFound:
            return []  # the kind is not installed (core.md §3, step 4)
        parsed = [(self._parse(obj), obj) for obj in listing.items]
        return [(config, obj) for config, obj in parsed if config is not None]

    def _parse(self, obj: Object) -> InferenceProviderConfig | None:
        # Configs are read with every reconcile and change once a minute.
        meta = obj["metadata"]
        version, config = self._parsed.get(meta["name"], ("", None))
        if version != meta["resourceVersion"]:
            config = read_config(obj)
            self._parsed[meta["name"]] = (meta["resourceVersion"], config)
        return config


def read_config(obj: Object) -> InferenceProviderConfig | None:
    """A provider config, or None when it cannot be read: one bad config must not stop the others."""
    try:
        config = InferenceProviderConfig.model_validate(obj)
    except ValidationError:
        return None
    config.metadata.annotations[names.ANNOTATION_TASK_QUEUE] = worker_queue(obj)
    return config


def provider_view(
    name: str, configs: Sequence[InferenceProviderConfig], *, alive_since: datetime, served_locally: bool
) -> ProviderView:
    """What the chosen provider's config says, for the workflow."""
    config = find(configs, name)
    if config is None:
        message = f'provider "{name}" is not registered'
        view = ProviderView(name=name, registered=False, reason="ProviderNotRegistered", message=message)
    else:
        unavailable = not_available(config, alive_since=alive_since)
        view = ProviderView(
            name=name,
            registered=True,
            ready=not unavailable,
            task_queue=config.metadata.annotations.get(names.ANNOTATION_TASK_QUEUE, ""),
        )
        if unavailable:
            view.reason, view.message = _why_not(config, unavailable)
    view.served_locally = served_locally
    return view


def _why_not(config: InferenceProviderConfig, unavailable: str) -> tuple[str, str]:
    """Reason and message: the provider's own, where it has one."""
    failing = [
        entry
        for entry in (config.status.conditions if config.status else None) or []
        if entry.status is ConditionStatus.FALSE
    ]
    if not failing:
        return "ProviderNotReady", f"provider {config.name}: {unavailable}"
    last = failing[-1]
    return last.reason, f"provider {config.name}: {last.message or unavailable}"


def configs_digest(configs: Sequence[InferenceProviderConfig]) -> str:
    """A digest of what providers offer and whether they are ready; heartbeats do not change it."""
    facts = [
        (config.name, config.ready, config.spec.dump() if config.spec else None)
        for config in sorted(configs, key=lambda entry: entry.name)
    ]
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]
