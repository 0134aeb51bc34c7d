"""The whole way of an object through admission, for files that are checked without a cluster.

In the API server's order: drop unknown fields, schema defaults, defaulting webhook, both again, schema,
validating webhook. Source: crds.md §4.1.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pydantic import ValidationError

from airunway.api import quantities, structural
from airunway.api.bounds import spec_problem
from airunway.api.crd import model_deployment_crd
from airunway.api.findings import FieldError, FieldErrorType, Verdict, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.selection.defaulting import with_defaults
from airunway.selection.provider_lookup import ProviderLookup
from airunway.selection.validation import validate_create


@dataclass(frozen=True, kw_only=True)
class Admission:
    """What becomes of an object. `deployment` and `stored` are set when it is allowed."""

    verdict: Verdict
    unknown_fields: list[str] = field(default_factory=list)
    stored: dict[str, Any] | None = None
    deployment: ModelDeployment | None = None

    @property
    def allowed(self) -> bool:
        """Whether it would be stored."""
        return self.verdict.allowed


@cache
def deployment_schema() -> dict[str, Any]:
    """The schema of ModelDeployment, as in its CRD."""
    schema: dict[str, Any] = model_deployment_crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    return schema


def admit(obj: Any, *, lookup: ProviderLookup) -> Admission:
    """Whether a new ModelDeployment would be stored, and as what. Never raises."""
    if not isinstance(obj, dict):
        return _refused([field_error(FieldErrorType.TYPE_INVALID, "", "must be an object", obj)], [])
    nested = structural.too_deep(obj)
    if nested:
        return _refused(nested, [])
    if problem := spec_problem(obj):
        return _refused([field_error(FieldErrorType.INVALID, "spec", problem, "…")], [])
    schema = deployment_schema()
    raw = copy.deepcopy(obj)
    unknown = structural.prune(raw, schema)
    raw.pop("status", None)  # create never takes a status
    structural.apply_defaults(raw, schema)
    wrong = undecodable(raw, schema)
    if wrong:
        return _refused(wrong, unknown)
    stored = with_defaults(raw)
    structural.prune(stored, schema)
    structural.apply_defaults(stored, schema)
    violations = structural.validate(stored, schema)
    if violations:
        return _refused(violations, unknown)
    try:
        deployment = ModelDeployment.model_validate(whole_numbers(stored))
    except ValidationError as err:
        return _refused(decoding_errors(err), unknown)
    verdict = validate_create(deployment, lookup=lookup)
    if not verdict.allowed:
        return Admission(verdict=verdict, unknown_fields=unknown)
    return Admission(verdict=verdict, unknown_fields=unknown, stored=stored, deployment=deployment)


def _refused(errors: list[FieldError], unknown: list[str]) -> Admission:
    return Admission(verdict=Verdict(errors=errors), unknown_fields=unknown)


def undecodable(raw: dict[str, Any], schema: dict[str, Any]) -> list[FieldError]:
    """What the webhook's types cannot hold: wrong types, numbers out of range, unreadable quantities.

    Takes an object whose unknown fields are gone and whose schema defaults are in, as webhooks get it.
    """
    wrong = [
        error
        for error in structural.validate(with_defaults(raw), schema)
        if error.type is FieldErrorType.TYPE_INVALID or error.detail.startswith("must be within int")
    ]
    return wrong + _unreadable_sizes(raw)


def _unreadable_sizes(raw: dict[str, Any]) -> list[FieldError]:
    found = []
    model = (raw.get("spec") or {}).get("model") if isinstance(raw.get("spec"), dict) else None
    storage = model.get("storage") if isinstance(model, dict) else None
    volumes = storage.get("volumes") if isinstance(storage, dict) else None
    for index, volume in enumerate(volumes if isinstance(volumes, list) else ()):
        size = volume.get("size") if isinstance(volume, dict) else None
        if isinstance(size, str) and not quantities.is_valid(size.strip(quantities.SPACES)):
            path = f"spec.model.storage.volumes[{index}].size"
            found.append(field_error(FieldErrorType.INVALID, path, "must be a quantity, e.g. 100Gi", size))
    return found


def whole_numbers(value: Any) -> Any:
    """JSON data in which numbers like `2.0` are ints, which the API does not tell apart."""
    if isinstance(value, dict):
        return {key: whole_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [whole_numbers(item) for item in value]
    return int(value) if isinstance(value, float) and value.is_integer() else value


def decoding_errors(err: ValidationError) -> list[FieldError]:
    """What the wire models refuse, as field errors."""
    return [
        field_error(FieldErrorType.TYPE_INVALID, _path(entry["loc"]), entry["msg"], entry.get("input"))
        for entry in err.errors(include_url=False)
    ]


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for step in location:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path
