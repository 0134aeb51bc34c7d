"""The plan of what is typed, against the cluster as it is now: `airunway plan` while somebody types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from typing import Any

from pydantic import ValidationError

from airunway.activities.deployment.installable import Listed
from airunway.activities.upstream.served_api import ServedApi, ServedApis
from airunway.api.plain_text import quick_yaml_text
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.errors import ApiError
from airunway.clients.kubernetes import NAMESPACES, Cluster, Object
from airunway.console.gateway_world import of_cluster
from airunway.console.plan import PlannedDeployment, World, plan_deployment
from airunway.console.plan_publication import GatewayWorld
from airunway.console.plan_world import gateway_world, plan_world
from airunway.provider import Provider
from airunway.trust.policy import policy_annotations
from airunway.web.cache import TimedCache
from airunway.web.errors import WebError
from airunway.web.fleet import LiveFleet
from airunway.web.identity import Caller
from airunway.workers.settings import Settings

SURROUNDINGS_SECONDS = 60.0
"""How long what a cluster serves, its Gateways and the rules of a namespace are remembered."""
MAX_NAMESPACES = 2_000
MAX_TYPING = 5_000
"""Pages on which somebody types."""


@dataclass(frozen=True)
class _Surroundings:
    served: Mapping[str, ServedApi]
    gateway: GatewayWorld
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class LivePlan:
    """A plan and what a person should know of it."""

    planned: PlannedDeployment
    notes: list[str] = field(default_factory=list)
    """What could not be read, and so is not judged."""

    @cached_property
    def objects_text(self) -> str:
        """The objects that would be made, as YAML; written once, as that takes a millisecond."""
        return quick_yaml_text(self.planned.objects) if self.planned.objects else ""


class LivePlans:
    """Plans. What the cluster is asked for is asked once in a while, not with every letter."""

    def __init__(
        self, settings: Settings, cluster: Cluster, fleet: LiveFleet, providers: Mapping[str, Provider]
    ) -> None:
        self._settings, self._cluster, self._fleet, self._providers = settings, cluster, fleet, providers
        self._apis = ServedApis(cluster)
        self._surroundings: TimedCache[str, _Surroundings] = TimedCache(
            seconds=SURROUNDINGS_SECONDS, maximum=1
        )
        self._rules: TimedCache[tuple[str, str], Mapping[str, str] | str] = TimedCache(
            seconds=SURROUNDINGS_SECONDS, maximum=MAX_NAMESPACES
        )
        self._parsed: dict[str, tuple[str, InferenceProviderConfig]] = {}
        self._turn = asyncio.Lock()
        """Plans are made one after the other: at the same time each would only take longer."""
        self._typed = count()
        self._latest: TimedCache[tuple[str, str], int] = TimedCache(
            seconds=SURROUNDINGS_SECONDS, maximum=MAX_TYPING
        )

    def newest(self, caller: Caller, page: str) -> Callable[[], bool]:
        """Whether this is still the last thing that was typed on a page, whenever that is asked."""
        key, mine = (caller.key, page), next(self._typed)
        self._latest.put(key, mine)
        return lambda: self._latest.peek(key) in (None, (mine,))

    async def of(
        self, body: Mapping[str, Any], caller: Caller, *, is_wanted: Callable[[], bool] = lambda: True
    ) -> LivePlan:
        """The plan of an object. Never raises for a bad one: that is a finding.

        Raises WebError when it is no longer wanted by the time that its turn comes.
        """
        raw = body.get("metadata")
        named = raw.get("namespace") if isinstance(raw, Mapping) else None
        namespace = named if isinstance(named, str) and named else "default"
        around = await self._surroundings.get("", self._read_surroundings)
        rules = await self._rules_of(caller, namespace)
        notes = [*around.notes]
        if isinstance(rules, str):
            notes.append(rules)
            rules = {}
        listed, unreadable = self._configs()
        world = plan_world(
            self._settings,
            self._providers,
            listed,
            namespaces={namespace: rules},
            gateway=around.gateway,
            served=around.served,
        )
        async with self._turn:
            if not is_wanted():
                raise WebError(409, "something else was typed meanwhile")
            planned = await asyncio.to_thread(_plan, body, world)
        return LivePlan(planned=planned, notes=[*notes, *unreadable])

    def _configs(self) -> tuple[list[Listed], list[str]]:
        """The configs of the cluster, each parsed once a version."""
        listed: list[Listed] = []
        unreadable = []
        for (_, name), obj in sorted(self._fleet.configs.objects.items()):
            version = str(obj["metadata"].get("resourceVersion", ""))
            known = self._parsed.get(name)
            if known is None or known[0] != version:
                try:
                    known = (version, InferenceProviderConfig.model_validate(obj))
                except ValidationError:
                    unreadable.append(f"the InferenceProviderConfig {name} cannot be read; it is left out")
                    continue
                self._parsed[name] = known
            listed.append((known[1], obj))
        return listed, unreadable

    async def _read_surroundings(self) -> _Surroundings:
        notes: list[str] = []
        served: dict[str, ServedApi] = {}
        gateway = gateway_world(self._settings)
        try:
            for name, provider in self._providers.items():
                served[name] = await self._apis.of(provider)
            gateway = await of_cluster(self._cluster, gateway, note=notes.append)
        except ApiError as err:
            notes.append(f"what the cluster serves cannot be read: {_first_line(err)}")
        return _Surroundings(served, gateway, tuple(notes))

    async def _rules_of(self, caller: Caller, namespace: str) -> Mapping[str, str] | str:
        """The annotations of a Namespace that say what may run there, or why they are not known."""

        async def read() -> Mapping[str, str] | str:
            try:
                found: Object | None = await caller.cluster.find(NAMESPACES, namespace)
            except ApiError as err:
                why = _first_line(err)
                return f"the rules of namespace {namespace} for images and models are not known: {why}"
            if found is None:
                return f"there is no namespace {namespace} yet"
            return policy_annotations(found["metadata"].get("annotations") or {})

        return await self._rules.get((caller.key, namespace), read)


def _plan(body: Mapping[str, Any], world: World) -> PlannedDeployment:
    return plan_deployment(body, source="", namespace="default", world=world)


def _first_line(err: Exception) -> str:
    return str(err).strip().splitlines()[0] if str(err).strip() else type(err).__name__
