"""Which provider gets a deployment that names none, and why not the others. Source: core.md §7.

A provider is in the running when it is available, its entry for the engine fits, and one of its rules
matches; without a matching rule it is taken only when asked for by name, unless the fallback says
otherwise. Highest priority wins, then the smallest name in byte order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airunway.api.decision import Candidate, ProviderDecision, SelectionFallback
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import cel, eligibility
from airunway.selection.cel_input import rule_input
from airunway.selection.engines import NONE_REGISTERED

EXPLICIT_REASON = "explicit provider selection"
NONE_HEALTHY = "no healthy providers available"
NONE_COMPATIBLE = "no compatible provider found for this configuration"
MAX_CANDIDATES = 50
"""Candidates that an answer shows; the chosen one is always among them."""
MAX_RULES_LENGTH = 32_000
"""Characters of all rules of one provider; later rules are not evaluated."""
MAX_RULES = 500
"""Of one provider; empty ones have no length."""
MAX_RULE_ERRORS = 20
"""Of one provider, in an answer."""
TOO_MANY_RULES = (
    f"the rules before it and this one are more than {MAX_RULES}, or longer than {MAX_RULES_LENGTH}"
    " characters together"
)
_CUT = 200
_LISTED = 30


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The provider, or the error why there is none, and the candidates by name.

    Both are set for a second choice: `error` then says why none of the ready ones was taken.
    """

    provider: ProviderDecision | None = None
    error: str = ""
    candidates: list[Candidate] = field(default_factory=list)


def choose_provider(
    deployment: ModelDeployment,
    configs: Sequence[InferenceProviderConfig],
    *,
    engine: str,
    alive_since: datetime,
    fallback: SelectionFallback,
) -> Choice:
    """Choose among the registered providers for a deployment that names none."""
    if not configs:
        return Choice(error=NONE_REGISTERED)
    needs = eligibility.needs_of(deployment)
    view = cel.Activation(rule_input(deployment.spec, engine=engine))
    candidates = [
        _consider(config, needs, engine=engine, view=view, alive_since=alive_since, fallback=fallback)
        for config in eligibility.in_name_order(configs)
    ]
    running = [candidate for candidate in candidates if candidate.score is not None]
    if not running:
        return Choice(error=_error(configs, candidates, alive_since), candidates=candidates[:MAX_CANDIDATES])
    winner = max(running, key=lambda candidate: candidate.score or 0)  # the first of equals
    for candidate in running:
        if candidate is not winner:
            candidate.why_not = _beaten(candidate, winner)
    reason = f"matched capabilities: engine={engine}, gpu={str(needs.gpu).lower()}, mode={needs.mode}"
    shown = candidates[:MAX_CANDIDATES]
    if winner not in shown:
        shown[-1] = winner
    return Choice(provider=ProviderDecision(name=winner.provider, reason=reason), candidates=shown)


def _consider(
    config: InferenceProviderConfig,
    needs: eligibility.Needs,
    *,
    engine: str,
    view: Any,
    alive_since: datetime,
    fallback: SelectionFallback,
) -> Candidate:
    why_not = eligibility.not_available(config, alive_since=alive_since) or _unfit(
        config, needs, engine=engine
    )
    candidate = Candidate(provider=config.name, why_not=why_not, would_accept=not why_not)
    if why_not:
        return candidate
    _score(candidate, config, view)
    if candidate.score is None and fallback is SelectionFallback.CAPABILITIES:
        candidate.score = 0
    if candidate.score is None:
        has_rules = bool(config.spec and config.spec.selection_rules)
        candidate.why_not = "no selection rule matches" if has_rules else "has no selection rules"
        if candidate.rule_errors:
            candidate.why_not += f" ({'; '.join(candidate.rule_errors[:3])})"
    return candidate


def _unfit(config: InferenceProviderConfig, needs: eligibility.Needs, *, engine: str) -> str:
    if not eligibility.has_capabilities(config):
        return "declares no capabilities"
    entry = config.engine(engine)
    return needs.unmet_by(entry) if entry else f"does not support engine {engine}"


def _score(candidate: Candidate, config: InferenceProviderConfig, view: Any) -> None:
    length = 0
    for index, rule in enumerate((config.spec.selection_rules if config.spec else None) or ()):
        length += len(rule.condition)
        if length > MAX_RULES_LENGTH or index >= MAX_RULES:
            candidate.rule_errors.append(f"rule {index}: {TOO_MANY_RULES}")
            return
        result = cel.evaluate(rule.condition, view)
        if result.error and len(candidate.rule_errors) < MAX_RULE_ERRORS:
            candidate.rule_errors.append(f"rule {index}: {result.error}"[:_CUT])
        priority = max(0, rule.priority or 0)
        if result.matched and (candidate.score is None or priority > candidate.score):
            candidate.score = priority
            candidate.rule = rule.condition[:_CUT]


def _beaten(candidate: Candidate, winner: Candidate) -> str:
    if candidate.score == winner.score:
        return f"same score {winner.score} as {winner.provider}, which comes first by name"
    return f"score {candidate.score} is below {winner.score} of {winner.provider}"


def _error(
    configs: Sequence[InferenceProviderConfig], candidates: Sequence[Candidate], alive_since: datetime
) -> str:
    healthy = any(not eligibility.not_available(config, alive_since=alive_since) for config in configs)
    causes = [f"{candidate.provider}: {candidate.why_not}" for candidate in candidates]
    willing = [candidate.provider for candidate in candidates if candidate.would_accept]
    text = f"{NONE_COMPATIBLE if healthy else NONE_HEALTHY} ({'; '.join(_some(causes))})"
    if willing:
        text += f"; set spec.provider.name to use one of: {', '.join(_some(willing))}"
    return text


def _some(entries: list[str]) -> list[str]:
    more = len(entries) - _LISTED
    return [*entries[:_LISTED], f"{more} more"] if more > 0 else entries
