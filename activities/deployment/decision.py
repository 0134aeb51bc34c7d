"""The steps that decide: validate, select the engine, evaluate the providers' rules. They write nothing.

Validation needs the engine, and the engine the providers' offers: one computation (`selection.decide`)
answers all three steps. Each reports its part, so that the history shows where a deployment stopped.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Collection, Sequence

from pydantic import ValidationError

from airunway.activities.deployment.configs import provider_view
from airunway.activities.deployment.reading import DeploymentReader, SelectionOptions, for_this_object
from airunway.activities.deployment.snapshots import Snapshot, SnapshotCache
from airunway.activities.deployment.status_claims import Known
from airunway.activities.deployment.status_ownership import with_own_conditions
from airunway.activities.owned import gateway_enabled, is_pretence
from airunway.activities.step import implements
from airunway.api import names
from airunway.api.adoption import is_status_of_others
from airunway.api.decision import Decision, Outcome
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.spec_editor import spec_editor
from airunway.api.status import DeploymentStatus
from airunway.clients.kubernetes import Object
from airunway.messages.decision import (
    EVALUATE_PROVIDER_RULES,
    SELECT_ENGINE,
    VALIDATE,
    EngineCandidate,
    EngineSelection,
    Observation,
    ProviderSelection,
    SelectionRequest,
    ValidateRequest,
)
from airunway.messages.deployment import Limits, ProviderView
from airunway.selection.eligibility import find

Routes = Callable[[Object], Awaitable[bool]]
"""(deployment as it is stored) -> `ProviderView.routed_by_gateway`. Raises ApiError."""

_NOT_VALID = (Outcome.INVALID, Outcome.IMAGE_CONFLICT)
_MAX_VALUE_LENGTH = 256


class DecisionActivities:
    """The deciding steps of one cluster. `served_locally`: providers whose steps this process can do itself.

    `cache`: what one step read and decided, for the next; see `snapshots`. `search_attributes`: those of ours
    that the Temporal namespace has now. `serves_gateway`: whether the cluster serves the gateway's kinds,
    as far as that is known without asking. `routes`: see `Routes`; None: nothing is published here.
    """

    def __init__(
        self,
        reader: DeploymentReader,
        *,
        limits: Limits,
        options: SelectionOptions,
        cache: SnapshotCache,
        served_locally: Collection[str],
        search_attributes: Callable[[], Collection[str]],
        serves_gateway: Callable[[], bool | None] = lambda: None,
        routes: Routes | None = None,
    ) -> None:
        self._reader = reader
        self._limits, self._options = limits, options
        self._cache = cache
        self._served_locally = served_locally
        self._search_attributes = search_attributes
        self._serves_gateway, self._routes = serves_gateway, routes

    @implements(VALIDATE)
    async def validate(self, request: ValidateRequest) -> Observation:
        """Read a deployment and the provider configs; say how it is, and whether its spec is valid."""
        obj, listed = await self._reader.read(request.ref)
        if obj is None:
            return Observation(found=False)
        self._cache.read_deployment(Known(obj=obj, choosable=[config.name for config, _ in listed]))
        seen = self._as_it_is(obj)
        if request.want_status or (request.recorded is not None and request.recorded.uid != seen.uid):
            seen.status, seen.status_of_others = _status_of(obj), is_status_of_others(obj)
        if is_status_of_others(obj):
            seen.phase_of_others = _short(str(obj["status"]["phase"]))
        if seen.deleted_at is not None:
            seen.holder = self._holder(seen.finalizers, [config for config, _ in listed])
        elif not seen.paused:
            snapshot = await self._reader.decide(obj, listed, request.recorded)
            self._cache.remember(snapshot)
            if snapshot.decision.outcome in _NOT_VALID:
                seen.refused = snapshot.decision
            else:
                seen.warnings = snapshot.decision.warnings
        return seen

    @implements(SELECT_ENGINE)
    async def select_engine(self, request: SelectionRequest) -> EngineSelection:
        """Say which engine runs it, which others there were, and why."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return EngineSelection(superseded=True)
        decision, engine = snapshot.decision, snapshot.decision.engine
        return EngineSelection(
            engine=engine.type if engine else "",
            reason=engine.reason if engine else "",
            candidates=[
                EngineCandidate(
                    engine=option.engine, providers=list(option.providers), why_not=option.why_not
                )
                for option in snapshot.engines.options
            ],
            # Not valid: only when a config changed since another worker answered `validate`.
            refused=decision if decision.outcome in (Outcome.ENGINE_FAILED, *_NOT_VALID) else None,
        )

    @implements(EVALUATE_PROVIDER_RULES)
    async def evaluate_provider_rules(self, request: SelectionRequest) -> ProviderSelection:
        """Say which provider gets it, what every provider's rules gave, and the whole decision."""
        snapshot = await self._snapshot(request)
        if snapshot is None:
            return ProviderSelection(superseded=True)
        decision, chosen = snapshot.decision, snapshot.decision.provider
        view = self._view(chosen.name, snapshot.configs) if chosen else None
        if view is not None and decision.outcome is Outcome.OK:
            view.routed_by_gateway = await self._is_routed(view.name, snapshot)
        return ProviderSelection(
            decision=decision,
            rule=_rule_that_won(decision),
            provider=view,
            configs_digest=snapshot.configs_digest,
        )

    async def _snapshot(self, request: SelectionRequest) -> Snapshot | None:
        """What the deployment was decided to be at the version asked for; None when it is at another."""
        known = self._cache.find(request.uid, request.resource_version)
        if known is not None and known.recorded == for_this_object(request.recorded, known.deployment):
            return known
        obj, listed = await self._reader.read(request.ref)
        if obj is None or not _is_at(obj, request):
            return None
        snapshot = await self._reader.decide(obj, listed, request.recorded)
        self._cache.remember(snapshot)
        return snapshot

    async def _is_routed(self, provider: str, snapshot: Snapshot) -> bool:
        """Asked only for a provider whose operator makes the pool: nobody else's objects depend on it."""
        engine = snapshot.decision.engine
        config = find(snapshot.configs, provider)
        if self._routes is None or engine is None or config is None:
            return False
        offered = config.engine(engine.type)
        if offered is None or offered.gateway is None or not offered.gateway.manages_inference_pool:
            return False
        return await self._routes(snapshot.deployment)

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
            retry=_short(annotations.get(names.ANNOTATION_RETRY, "")),
            cancel_build=_short(annotations.get(names.ANNOTATION_CANCEL_BUILD, "")),
            model=_short(_model_of(obj)),
            gateway_enabled=gateway_enabled(obj),
            serves_gateway=self._serves_gateway(),
            is_pretence=is_pretence(obj),
            edited_by=spec_editor(obj),
            limits=self._limits,
            search_attributes=sorted(self._search_attributes()),
        )

    def _holder(
        self, finalizers: Sequence[str], configs: Sequence[InferenceProviderConfig]
    ) -> ProviderView | None:
        """The provider that a deletion waits for: whose finalizer is held, one of this system first."""
        views = [self._view(name, configs) for name in names.providers_of(finalizers)]
        return min(views, key=lambda view: view.externally_managed, default=None)

    def _view(self, name: str, configs: Sequence[InferenceProviderConfig]) -> ProviderView:
        return provider_view(
            name,
            configs,
            alive_since=self._options.alive_since(),
            served_locally=name in self._served_locally,
        )


def _is_at(obj: Object, request: SelectionRequest) -> bool:
    meta = obj["metadata"]
    return bool(meta["uid"] == request.uid and meta["resourceVersion"] == request.resource_version)


def _rule_that_won(decision: Decision) -> str:
    chosen = decision.provider.name if decision.provider else ""
    return next((entry.rule for entry in decision.candidates if entry.provider == chosen), "")


def _short(text: str) -> str:
    """A text for a history, still another one for every other text: a tenant may write any length."""
    if len(text) <= _MAX_VALUE_LENGTH:
        return text
    return f"{text[:_MAX_VALUE_LENGTH]}… ({hashlib.sha256(text.encode()).hexdigest()[:16]})"


def _model_of(obj: Object) -> str:
    """spec.model.id; empty when there is none, or none that can be read."""
    model = (obj.get("spec") or {}).get("model")
    identifier = model.get("id") if isinstance(model, dict) else None
    return identifier if isinstance(identifier, str) else ""


def _status_of(obj: Object) -> DeploymentStatus:
    """The status as it is; an empty one when somebody wrote what cannot be read."""
    try:
        return DeploymentStatus.model_validate(with_own_conditions(obj))
    except ValidationError:
        return DeploymentStatus()
