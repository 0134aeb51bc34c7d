"""Warnings about `engine.args` and `engine.extraArgs`: in a plan, at admission, and in the status."""

from __future__ import annotations

from collections.abc import Mapping

from airunway.api.conditions import condition
from airunway.api.core_types import Condition
from airunway.api.decision import cut
from airunway.api.model_deployment import ModelDeployment
from airunway.engines.findings import ArgumentFinding, findings
from airunway.provider.contract import Provider
from airunway.provider.devices import partition_advice
from airunway.provider.flags import engine_args, extra_args
from airunway.provider.guard_at_admission import with_engines

ARGUMENTS_RECOGNIZED = "ArgumentsRecognized"
"""Type of the condition that is there while something is odd about the arguments."""


def argument_findings(provider: Provider, deployment: ModelDeployment) -> list[ArgumentFinding]:
    """What is odd about the arguments for the engine that the provider starts; empty when it knows none."""
    args, extra = engine_args(deployment), extra_args(deployment)
    rules = provider.argument_rules(deployment) if args or extra else None
    found = findings(rules.grammar, args, extra, owned=rules.owned) if rules else []
    spread = partition_advice(deployment)
    return [*found, ArgumentFinding(*spread)] if spread else found


def argument_condition(provider: Provider, deployment: ModelDeployment) -> Condition | None:
    """The same as a condition; None when nothing is odd."""
    found = argument_findings(provider, deployment)
    if not found:
        return None
    text = cut("; ".join(finding.line for finding in found))
    return condition(ARGUMENTS_RECOGNIZED, "False", "SuspiciousArguments", text)


def admission_warnings(deployment: ModelDeployment, providers: Mapping[str, Provider]) -> list[str]:
    """What is odd wherever the deployment goes: provider and engine may not be chosen yet."""
    if not engine_args(deployment) and not extra_args(deployment):
        return []
    name = deployment.provider_name or deployment.recorded_provider
    possible = [providers[name]] if name in providers else [] if name else list(providers.values())
    found: list[list[ArgumentFinding]] = [
        argument_findings(provider, candidate)
        for provider in possible
        for candidate in with_engines(provider, deployment)
        if provider.check(candidate) is None and provider.argument_rules(candidate) is not None
    ]
    if not found:
        return []
    everywhere = set.intersection(*({finding.path for finding in entry} for entry in found))
    told: dict[str, ArgumentFinding] = {}
    for finding in (finding for entry in found for finding in entry if finding.path in everywhere):
        # A question names the flag that one of them would take: better than that the others have none.
        if finding.path not in told or (finding.asks and not told[finding.path].asks):
            told[finding.path] = finding
    return [finding.line for finding in told.values()]
