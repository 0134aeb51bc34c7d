"""What earlier failures left in the status, and its removal once their cause is gone (core.md, weak spot 1).

Only what the core wrote itself is taken back: a message is recognised by its text, a phase by the core's
own condition that explains it.
"""

from __future__ import annotations

from collections.abc import Sequence

from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, ProviderDecision
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.api.status import Phase
from airunway.selection import eligibility
from airunway.selection.provider_choice import EXPLICIT_REASON

EXPLICIT_MESSAGE = "Provider explicitly specified in spec"
_NOT_REGISTERED = "is not registered"
_PREFIXES = ("Validation failed: ", "Engine selection failed: ", "Provider selection failed: ")
_CORE_FAILURES = {
    ("Validated", "ValidationFailed"),
    ("ProviderSelected", "ProviderChangeNotSupported"),
    ("ImageResolved", "ConflictingImageFields"),
}
_CORE_CONDITIONS = {"Validated", "EngineSelected", "ProviderSelected"}
_PROVIDER_CONDITIONS = {"ProviderCompatible", "ResourceCreated", "Ready", "StorageReady", "ModelDownloaded"}


def not_registered(name: str, configs: Sequence[InferenceProviderConfig]) -> str:
    """That a provider has no config, as a sentence; empty when it has one."""
    if eligibility.find(configs, name):
        return ""
    return f'provider "{name}" {_NOT_REGISTERED}; waiting for an InferenceProviderConfig of that name'


def provider_message(
    provider: ProviderDecision, configs: Sequence[InferenceProviderConfig], *, explicit: bool
) -> str:
    """Message of `ProviderSelected=True`."""
    message = EXPLICIT_MESSAGE if explicit else f"Provider {provider.name} auto-selected"
    missing = not_registered(provider.name, configs)
    return f"{message}; {missing}" if missing else message


def renew_provider_condition(
    decision: Decision, deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig]
) -> None:
    """Set `ProviderSelected=True` again after a failure, or when the registration came or went."""
    existing = _conditions(deployment).get("ProviderSelected")
    if existing is None or decision.provider is None:
        return
    explicit = (
        existing.reason == "ExplicitSelection"
        if existing.status is ConditionStatus.TRUE
        else decision.provider.reason == EXPLICIT_REASON
    )
    renewed = Condition(
        type="ProviderSelected",
        status=ConditionStatus.TRUE,
        reason="ExplicitSelection" if explicit else "AutoSelected",
        message=provider_message(decision.provider, configs, explicit=explicit),
    )
    said_missing = _NOT_REGISTERED in existing.message
    if existing.status is not ConditionStatus.TRUE or said_missing != (_NOT_REGISTERED in renewed.message):
        decision.conditions.append(renewed)


def clear(
    decision: Decision, deployment: ModelDeployment, configs: Sequence[InferenceProviderConfig]
) -> None:
    """Complete a decision that succeeded: drop the core's own failures, say what the deployment waits for."""
    status = deployment.status
    name = decision.provider.name if decision.provider else ""
    missing = not_registered(name, configs)
    if missing and not acted_on(deployment):
        decision.message = missing
    elif status and is_own_message(deployment, status.message or ""):
        decision.message = ""
    clear_phase(decision, deployment)


def clear_phase(decision: Decision, deployment: ModelDeployment) -> None:
    """Back to Pending from a `Failed` of the core's own, once the deployment is valid again."""
    failed = deployment.status is not None and deployment.status.phase is Phase.FAILED
    if failed and not acted_on(deployment) and _failed_by_core(deployment):
        decision.phase = Phase.PENDING


def clear_serving_image_conflict(decision: Decision, deployment: ModelDeployment) -> None:
    """Take back the finding of an image conflict that is no more."""
    conflict = _conditions(deployment).get("ImageResolved")
    if conflict and conflict.reason == "ConflictingImageFields":
        decision.remove_conditions.append("ImageResolved")
        decision.clear_image = bool(deployment.status and deployment.status.image)


def acted_on(deployment: ModelDeployment) -> bool:
    """Whether a provider has begun to write the status, so that phase and message are its own."""
    provider = deployment.status.provider if deployment.status else None
    if provider and provider.resource_name:
        return True
    return bool(_PROVIDER_CONDITIONS & _conditions(deployment).keys())


def is_own_message(deployment: ModelDeployment, message: str) -> bool:
    """Whether `status.message` is one that the core wrote about a failure or a missing provider."""
    if not message:
        return False
    if message.startswith(_PREFIXES) or (message.startswith('provider "') and _NOT_REGISTERED in message):
        return True
    return any(
        condition.status is ConditionStatus.FALSE and condition.message == message
        for kind, condition in _conditions(deployment).items()
        if kind in _CORE_CONDITIONS
    )


def _failed_by_core(deployment: ModelDeployment) -> bool:
    return any(
        condition.status is ConditionStatus.FALSE and (kind, condition.reason) in _CORE_FAILURES
        for kind, condition in _conditions(deployment).items()
    )


def _conditions(deployment: ModelDeployment) -> dict[str, Condition]:
    conditions = (deployment.status.conditions if deployment.status else None) or ()
    return {condition.type: condition for condition in conditions}
