"""What one reconcile decides about a deployment, as a value: core.md §3, steps 3-13, in memory.

Nothing is read or written here; the caller applies the Decision. Improves on the reference (core.md, weak
spots 1, 10 and 14): what a failure left behind is cleared when its cause is gone, a missing GPU support is
reported, a provider that is not registered is said to be so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import (
    Decision,
    EngineDecision,
    InstallationNeed,
    InstallPolicy,
    Outcome,
    ProviderDecision,
    SelectionFallback,
    ServingImageFinding,
    cut,
)
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.status import Phase
from airunway.selection import compatibility, eligibility, stale_status, stored_rules
from airunway.selection.engines import EngineChoice, choose_engine, recorded_engine
from airunway.selection.installable import (
    INSTALLATION_REQUIRED,
    NONE_INSTALLABLE,
    Installable,
    install_command,
)
from airunway.selection.provider_choice import EXPLICIT_REASON, Choice, choose_provider

NO_PROVIDER = "No provider specified and provider-selector not enabled"
VALID = "Schema validation passed"


def decide(
    deployment: ModelDeployment,
    configs: Sequence[InferenceProviderConfig],
    *,
    alive_since: datetime,
    fallback: SelectionFallback = SelectionFallback.NONE,
    selector_enabled: bool = True,
    installable: Installable = NONE_INSTALLABLE,
    considered: EngineChoice | None = None,
) -> Decision:
    """Resolve engine, validity and provider of one deployment against the registered providers.

    For a deployment that is neither being deleted nor paused (steps 1 and 2 are the caller's). A provider
    whose last heartbeat is older than `alive_since` gets no new deployment. `installable`: providers that
    would be ready if their operator were installed. `considered`: what `consider_engines` answered for the
    same inputs, if it was asked already. The same inputs give the same decision. The rules that
    only admission knows are not asked: see `airunway.selection.admission_recheck.with_admission_recheck`.
    """
    decision = _as_recorded(deployment)
    conflict = stored_rules.image_conflict(deployment)
    if conflict:
        return _serving_image_conflict(decision, deployment, conflict)
    stale_status.clear_serving_image_conflict(decision, deployment)
    if selector_enabled:
        chosen = considered or consider_engines(
            deployment, configs, alive_since=alive_since, installable=installable
        )
        decision.engine = chosen.engine
        if chosen.engine is None:
            return _failed(
                decision, Outcome.ENGINE_FAILED, "EngineSelected", "Engine selection failed: ", chosen.error
            )
    engine = _engine_of(deployment, decision)
    finding = stored_rules.first_finding(deployment, configs, engine=engine)
    if finding:
        return _invalid(decision, finding)
    decision.conditions.append(_true("Validated", "ValidationPassed", VALID))
    if decision.engine:
        decision.conditions.append(_engine_selected(deployment, decision.engine))
    _warn(decision, deployment, configs, engine=engine)
    return _resolve_provider(
        decision,
        deployment,
        configs,
        engine=engine,
        alive_since=alive_since,
        fallback=fallback,
        selector_enabled=selector_enabled,
        installable=installable,
    )


def consider_engines(
    deployment: ModelDeployment,
    configs: Sequence[InferenceProviderConfig],
    *,
    alive_since: datetime,
    installable: Installable,
) -> EngineChoice:
    """Choose the engine among the ready providers, else among those that lack only their operator."""
    chosen = choose_engine(deployment, configs, alive_since=alive_since)
    if chosen.engine is not None or not installable:
        return chosen
    second = choose_engine(deployment, installable.as_if_installed(configs), alive_since=alive_since)
    return second if second.engine is not None else chosen


def _as_recorded(deployment: ModelDeployment) -> Decision:
    """The decision before anything is decided: what the status says already."""
    return Decision(
        outcome=Outcome.OK,
        observed_generation=deployment.metadata.generation,
        phase=None if deployment.status and deployment.status.phase else Phase.PENDING,
        engine=recorded_engine(deployment),
        provider=recorded_provider(deployment),
        handed_over=bool(deployment.recorded_provider),
    )


def recorded_provider(deployment: ModelDeployment) -> ProviderDecision | None:
    """`status.provider`, if it names one."""
    provider = deployment.status.provider if deployment.status else None
    if provider is None or not provider.name:
        return None
    return ProviderDecision(name=provider.name, reason=provider.selected_reason or "")


def _resolve_provider(
    decision: Decision,
    deployment: ModelDeployment,
    configs: Sequence[InferenceProviderConfig],
    *,
    engine: str,
    alive_since: datetime,
    fallback: SelectionFallback,
    selector_enabled: bool,
    installable: Installable,
) -> Decision:
    named, recorded = deployment.provider_name, deployment.recorded_provider
    if named and recorded and named != recorded:
        return _provider_change(decision, recorded=recorded, named=named)
    if recorded:
        stale_status.renew_provider_condition(decision, deployment, configs)
    elif named:
        _select(decision, ProviderDecision(name=named, reason=EXPLICIT_REASON), configs, explicit=True)
    elif not selector_enabled:
        stale_status.clear_phase(decision, deployment)
        return _failed(
            decision, Outcome.NO_PROVIDER, "ProviderSelected", "", NO_PROVIDER, reason="NoProvider"
        )
    else:
        choose = partial(
            choose_provider, deployment, engine=engine, alive_since=alive_since, fallback=fallback
        )
        choice, decision.installation = _choose_provider(choose, configs, installable)
        decision.candidates = choice.candidates
        if choice.provider is None or _is_asked_for(decision.installation):
            # Not recorded: whoever reads it may as well install another provider that takes it.
            stale_status.clear_phase(decision, deployment)
            return _no_provider(decision, choice.error)
        _select(decision, choice.provider, configs, explicit=False)
    if decision.provider is not None and decision.installation is None:
        decision.installation = installable.need(decision.provider.name, reason=decision.provider.reason)
    stale_status.clear(decision, deployment, configs)
    return decision


def _choose_provider(
    choose: Callable[[Sequence[InferenceProviderConfig]], Choice],
    configs: Sequence[InferenceProviderConfig],
    installable: Installable,
) -> tuple[Choice, InstallationNeed | None]:
    """Among the ready providers, else among those that lack only their operator, and what that needs."""
    choice = choose(configs)
    if choice.provider is not None or not installable:
        return choice, None
    second = choose(installable.as_if_installed(configs))
    if second.provider is None:
        return choice, None
    need = installable.need(second.provider.name, reason=second.provider.reason)
    reason = f"{second.provider.reason}; no ready provider takes it, and this one lacks only its operator"
    provider = ProviderDecision(name=second.provider.name, reason=reason)
    return Choice(provider=provider, error=choice.error, candidates=second.candidates), need


def _select(
    decision: Decision,
    provider: ProviderDecision,
    configs: Sequence[InferenceProviderConfig],
    *,
    explicit: bool,
) -> None:
    decision.provider = provider
    decision.newly_selected = True
    message = stale_status.provider_message(provider, configs, explicit=explicit)
    reason = "ExplicitSelection" if explicit else "AutoSelected"
    decision.conditions.append(_true("ProviderSelected", reason, message))


def _is_asked_for(need: InstallationNeed | None) -> bool:
    """Whether a person has to install something first."""
    return need is not None and need.policy is InstallPolicy.ASK


def _no_provider(decision: Decision, error: str) -> Decision:
    """`error`: why none of the ready providers takes it."""
    need, reason = decision.installation, "SelectionFailed"
    if need is not None:
        reason = INSTALLATION_REQUIRED
        error = (
            f"provider {need.provider} would take it ({need.reason}) once its operator is installed; run: "
            f"{install_command(need.provider)} (no provider is ready for it: {error})"
        )
    prefix = "Provider selection failed: "
    return _failed(decision, Outcome.PROVIDER_FAILED, "ProviderSelected", prefix, error, reason=reason)


def _engine_of(deployment: ModelDeployment, decision: Decision) -> str:
    """Step 8: the spec's engine, else the recorded one."""
    if deployment.spec.engine and deployment.spec.engine.type:
        return deployment.spec.engine.type.value
    return decision.engine.type if decision.engine else ""


def _engine_selected(deployment: ModelDeployment, engine: EngineDecision) -> Condition:
    if deployment.spec.engine and deployment.spec.engine.type:
        return _true("EngineSelected", "ExplicitSelection", "Engine explicitly specified in spec")
    message = f"Engine {engine.type} auto-selected from provider capabilities"
    return _true("EngineSelected", "AutoSelected", message)


def _warn(
    decision: Decision,
    deployment: ModelDeployment,
    configs: Sequence[InferenceProviderConfig],
    *,
    engine: str,
) -> None:
    name = deployment.provider_name or deployment.recorded_provider
    config = eligibility.find(configs, name)
    if config is None or stored_rules.is_mocker(deployment):
        return
    missing = compatibility.gpu_warning(deployment, config, engine=engine)
    changed = stored_rules.capability_findings(deployment, configs, engine=engine)
    decision.warnings += [text for text in (missing, *(found.message for found in changed)) if text]


def _serving_image_conflict(decision: Decision, deployment: ModelDeployment, finding: str) -> Decision:
    engine = deployment.spec.engine
    requested = (engine.image if engine else None) or ""
    decision.image = ServingImageFinding(requested=cut(requested), message=cut(finding))
    decision.conditions.append(_false("ImageResolved", "ConflictingImageFields", finding))
    return _invalid(decision, finding, outcome=Outcome.IMAGE_CONFLICT)


def _invalid(decision: Decision, finding: str, *, outcome: Outcome = Outcome.INVALID) -> Decision:
    decision.phase = Phase.FAILED
    return _failed(decision, outcome, "Validated", "Validation failed: ", finding, reason="ValidationFailed")


def _provider_change(decision: Decision, *, recorded: str, named: str) -> Decision:
    decision.phase = Phase.FAILED
    finding = f'changing the provider from "{recorded}" to "{named}" is not supported; delete and recreate'
    return _failed(
        decision,
        Outcome.PROVIDER_CHANGE,
        "ProviderSelected",
        "",
        finding,
        reason="ProviderChangeNotSupported",
    )


def _failed(
    decision: Decision,
    outcome: Outcome,
    condition: str,
    prefix: str,
    cause: str,
    *,
    reason: str = "SelectionFailed",
) -> Decision:
    decision.outcome = outcome
    decision.message = prefix + cut(cause)
    decision.conditions.append(_false(condition, reason, cause))
    return decision


def _true(kind: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status=ConditionStatus.TRUE, reason=reason, message=message)


def _false(kind: str, reason: str, message: str) -> Condition:
    return Condition(type=kind, status=ConditionStatus.FALSE, reason=reason, message=cut(message))
