"""Admission's own rules again, at every reconcile, so that a cluster without webhooks is safe.

The rules that otherwise only admission applies, and values that cannot work (crds.md, weak spot 13). Kept
apart from `selection.stored_rules`, whose findings are those of the reference: both are asked, both reported.
"""

from __future__ import annotations

import posixpath

from airunway.api import quantities
from airunway.api.core_types import Condition, ConditionStatus
from airunway.api.decision import Decision, Outcome, cut
from airunway.api.findings import FieldError, FieldErrorType, Verdict, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import Phase
from airunway.selection.annotations import annotation_warnings
from airunway.selection.limits import check_limits
from airunway.selection.overrides import check_overrides
from airunway.selection.server_rules import server_findings
from airunway.selection.storage import FIELD, check_storage, is_system_path, volumes_of
from airunway.selection.stored_rules import served_at_this_generation
from airunway.selection.validation import check_flags, check_name, warnings_for


def recheck_admission(deployment: ModelDeployment) -> Verdict:
    """Findings about a stored deployment: names, flags (V2), overrides (V4), storage (V8), limits (V9).

    Does not repeat what `airunway.selection.stored_rules` finds (R1-R7), and needs no provider.
    """
    spec = deployment.spec
    errors = [
        *check_name(deployment),
        *check_flags(deployment),
        *check_overrides(spec.provider.overrides if spec.provider else None),
        *check_storage(deployment),
        *check_limits(spec),
        *_impossible_mounts(deployment),
        *_impossible_amounts(deployment),
        *server_findings(spec),
    ]
    return Verdict(errors=errors, warnings=warnings_for(deployment))


def with_admission_recheck(decision: Decision, deployment: ModelDeployment) -> Decision:
    """The decision, refused where the stored object breaks a rule that only admission would have applied.

    Refused as in `decide`: nothing is handed over. A deployment that was valid as it is stays so, with a
    warning, and one that was handed over keeps its name, as on update (C1). Warnings stand behind the message
    of the condition that says it is valid: nobody sees them otherwise.
    """
    ineffective = annotation_warnings(deployment.metadata.annotations)
    checked = _checked(decision, deployment)
    return _with_warnings_shown(
        checked.model_copy(update={"warnings": [*checked.warnings, *ineffective]}) if ineffective else checked
    )


def _with_warnings_shown(decision: Decision) -> Decision:
    if not decision.warnings:
        return decision
    warnings = f"warning: {'; '.join(dict.fromkeys(decision.warnings))}"
    conditions = [
        condition.model_copy(update={"message": cut(f"{condition.message}; {warnings}")})
        if condition.type == "Validated" and condition.status is ConditionStatus.TRUE
        else condition
        for condition in decision.conditions
    ]
    return decision.model_copy(update={"conditions": conditions})


def _checked(decision: Decision, deployment: ModelDeployment) -> Decision:
    if decision.outcome not in (Outcome.OK, Outcome.PROVIDER_FAILED, Outcome.NO_PROVIDER):
        return decision
    errors = [
        error
        for error in recheck_admission(deployment).errors
        if not (decision.handed_over and error.field == "metadata.name")
    ]
    if not errors:
        return decision
    finding = cut("; ".join(dict.fromkeys(error.line for error in errors)))
    if served_at_this_generation(deployment):
        return decision.model_copy(update={"warnings": [*decision.warnings, finding]})
    refused = Condition(
        type="Validated", status=ConditionStatus.FALSE, reason="ValidationFailed", message=finding
    )
    return decision.model_copy(
        update={
            "outcome": Outcome.INVALID,
            "phase": Phase.FAILED,
            "message": f"Validation failed: {finding}",
            "provider": None if decision.newly_selected else decision.provider,
            "newly_selected": False,
            "conditions": [refused],
            "candidates": [],
        }
    )


def _impossible_mounts(deployment: ModelDeployment) -> list[FieldError]:
    """Paths that only look harmless: `//etc`, `/x/../proc`, `/run`, `/`, and `/data/` beside `/data`."""
    found = []
    seen: dict[str, str] = {}
    for index, volume in enumerate(volumes_of(deployment)):
        path = volume.mount_path or ""
        if not path.startswith("/") or is_system_path(path):
            continue
        field = f"{FIELD}[{index}].mountPath"
        other = seen.setdefault(_normal(path), path)
        if other != path:
            detail = f"is the same directory as {other}, where another volume is mounted"
            found.append(field_error(FieldErrorType.INVALID, field, detail, path))
        system = is_system_path(path, normalise=_normal)
        if system or _normal(path) == "/run" or _normal(path).startswith("/run/"):
            detail = f"must not be under system path {system or '/run'}"
            found.append(field_error(FieldErrorType.INVALID, field, detail, path))
        elif _normal(path) == "/":
            found.append(
                field_error(FieldErrorType.INVALID, field, "must not be the root of the container", path)
            )
    return found


def _normal(path: str) -> str:
    return "/" + posixpath.normpath(path).lstrip("/")


def _impossible_amounts(deployment: ModelDeployment) -> list[FieldError]:
    """Amounts that no cluster can give: a claim of no size, negative memory, a context of no tokens."""
    found = []
    for index, volume in enumerate(volumes_of(deployment)):
        if volume.size is not None:
            found += _amount(str(volume.size), f"{FIELD}[{index}].size", zero=False)
    spec = deployment.spec
    if spec.resources:
        found += _amount(spec.resources.cpu, "spec.resources.cpu")
        found += _amount(spec.resources.memory, "spec.resources.memory")
    for name in ("prefill", "decode"):
        group = getattr(spec.scaling, name) if spec.scaling else None
        if group:
            found += _amount(group.memory, f"spec.scaling.{name}.memory")
    context = spec.engine.context_length if spec.engine else None
    if context is not None and context <= 0:
        detail = "must be greater than 0; leave it out for the model's own"
        found.append(field_error(FieldErrorType.INVALID, "spec.engine.contextLength", detail, context))
    return found


def _amount(text: str | None, field: str, *, zero: bool = True) -> list[FieldError]:
    """What is wrong with a quantity. `zero`: 0 is fine, and `selection.limits` reports what is unreadable."""
    if not text:
        return []
    try:
        value = quantities.parse(text)
    except quantities.InvalidQuantity as err:
        return [] if zero else [field_error(FieldErrorType.INVALID, field, str(err), text)]
    if value > 0 or (zero and value == 0):
        return []
    detail = "must not be negative" if zero else "must be greater than 0"
    return [field_error(FieldErrorType.INVALID, field, detail, text)]
