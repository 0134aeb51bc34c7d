"""Which engine runs a deployment, and why. Source: core.md §6, weak spots 6, 8 and 11."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from airunway.api.decision import EngineDecision
from airunway.api.model_deployment import EngineType, ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import eligibility

EXPLICIT_REASON = "explicit engine selection"
NONE_REGISTERED = "no providers registered (InferenceProviderConfig resources not found)"
_LISTED = 50


@dataclass(frozen=True, kw_only=True)
class EngineOption:
    """An engine that was considered. `providers`: those that offer it and could take the deployment now."""

    engine: str
    providers: Sequence[str] = ()
    why_not: str = ""
    """Empty for the one that was chosen."""


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """The engine, or the error why there is none; exactly one is set.

    `options`: every engine that was considered, the preferred first; none when spec or status name one.
    """

    engine: EngineDecision | None = None
    error: str = ""
    options: Sequence[EngineOption] = ()


def choose_engine(
    deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig], *, alive_since: datetime
) -> EngineChoice:
    """The named engine, else the recorded one once handed over, else the preferred one on offer.

    Until a provider is recorded the choice is made again each time. A registered provider that the spec
    names narrows the choice to what it offers.
    """
    spec = deployment.spec
    if spec.engine and spec.engine.type:
        return EngineChoice(engine=EngineDecision(type=spec.engine.type.value, reason=EXPLICIT_REASON))
    recorded = recorded_engine(deployment)
    if recorded and deployment.recorded_provider:
        return EngineChoice(engine=recorded)
    if not configs:
        return EngineChoice(error=NONE_REGISTERED)
    pinned = eligibility.find(configs, deployment.provider_name)
    available = [
        config
        for config in eligibility.in_name_order([pinned] if pinned else configs)
        if eligibility.has_capabilities(config)
        and not eligibility.not_available(config, alive_since=alive_since)
    ]
    needs = eligibility.needs_of(deployment)
    options = [_considered(engine, available, needs) for engine in EngineType]  # in the order of preference
    chosen = next((option for option in options if not option.why_not), None)
    if chosen is None:
        error = _none_available(available, needs) + _pin_note(pinned, needs, alive_since)
        return EngineChoice(error=error, options=options)
    reason = f"auto-selected from provider {chosen.providers[0]} capabilities"
    return EngineChoice(
        engine=EngineDecision(type=chosen.engine, reason=reason),
        options=[_beside(option, chosen) for option in options],
    )


def _considered(
    engine: EngineType, available: Sequence[InferenceProviderConfig], needs: eligibility.Needs
) -> EngineOption:
    unmet: dict[str, str] = {}
    for config in available:
        for entry in config.engines:
            if entry.name is engine and unmet.get(config.name) != "":
                unmet[config.name] = needs.unmet_by(entry)
    fitting = [name for name, cause in unmet.items() if not cause]
    if fitting:
        return EngineOption(engine=engine.value, providers=fitting[:_LISTED])
    causes = [f"{name}: {cause}" for name, cause in unmet.items()]
    return EngineOption(
        engine=engine.value,
        why_not="; ".join(causes[:_LISTED]) or "no provider that can be used offers it",
    )


def _beside(option: EngineOption, chosen: EngineOption) -> EngineOption:
    if option is chosen or option.why_not:
        return option
    return replace(option, why_not=f"{chosen.engine} is preferred")


def recorded_engine(deployment: ModelDeployment) -> EngineDecision | None:
    """`status.engine`, if it names one."""
    engine = deployment.status.engine if deployment.status else None
    if engine is None or not engine.type:
        return None
    return EngineDecision(type=engine.type, reason=engine.selected_reason or "")


def _none_available(available: Sequence[InferenceProviderConfig], needs: eligibility.Needs) -> str:
    advertised = " ".join(
        f"{config.name}:[{' '.join(entry.name.value for entry in config.engines)}]"
        for config in available[:_LISTED]
    )
    more = f" … {len(available) - _LISTED} more" if len(available) > _LISTED else ""
    return (
        f"no engines available from registered providers (hasGPU={str(needs.gpu).lower()}, "
        f"servingMode={needs.mode}, advertised=map[{advertised}{more}])"
    )


def _pin_note(pinned: InferenceProviderConfig | None, needs: eligibility.Needs, alive_since: datetime) -> str:
    if pinned is None:
        return ""
    cause = eligibility.not_available(pinned, alive_since=alive_since)
    if not cause and not eligibility.has_capabilities(pinned):
        cause = "declares no capabilities"
    unmet = "; ".join(dict.fromkeys(needs.unmet_by(entry) for entry in pinned.engines))
    return (
        f"; spec.provider.name is {pinned.name}, which is: {cause}"
        if cause
        else (f"; spec.provider.name is {pinned.name}, whose engines do not fit: {unmet or 'none offered'}")
    )
