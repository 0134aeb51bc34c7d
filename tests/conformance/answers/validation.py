"""`validate`: what does admission accept, fill in and store, and what does every reconcile check again?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from airunway.api.findings import FieldErrorType, Verdict, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.provider.guard_at_admission import admission_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.selection.admission import admit, decoding_errors, whole_numbers
from airunway.selection.defaulting import with_defaults
from airunway.selection.provider_lookup import Lookup, LookupProblem, ProviderLookup, lookup_in
from airunway.selection.stored_rules import first_finding
from airunway.selection.validation import validate_create, validate_update
from tests.conformance.answers.question import Question
from tests.conformance.compare import without_empty
from tests.conformance.diff import Document
from tests.conformance.loader import Vector, provider_configs

PROBLEMS = {
    "forbidden": LookupProblem.FORBIDDEN,
    "unauthorized": LookupProblem.UNAUTHORIZED,
    "kind_not_installed": LookupProblem.KIND_NOT_INSTALLED,
}


def configs_of(given: Mapping[str, Any]) -> list[InferenceProviderConfig]:
    return [
        InferenceProviderConfig.model_validate(entry) for entry in provider_configs(given["provider_configs"])
    ]


def lookup_of(given: Mapping[str, Any]) -> ProviderLookup:
    failure = given.get("provider_lookup")
    if failure is None:
        return lookup_in(configs_of(given))
    problem = PROBLEMS.get(failure, LookupProblem.UNAVAILABLE)
    return lambda name: Lookup(problem=problem)


def verdict_on(obj: Any, check: Callable[[ModelDeployment], Verdict]) -> Verdict:
    """The verdict; the wire models refuse what the schema refuses, before any rule is asked."""
    try:
        deployment = ModelDeployment.model_validate(obj)
    except ValidationError as err:
        return Verdict(errors=decoding_errors(err))
    return check(deployment)


def guarded(deployment: ModelDeployment, verdict: Verdict) -> Verdict:
    """The verdict, with what the webhook asks the providers' packages."""
    verdict.errors += admission_findings(deployment, installed_providers(), OverridesPolicy())
    return verdict


def with_errors(*, allowed: Any, errors: set[tuple[str, str]], warnings: int) -> Document:
    """Errors as a set of type and field; warnings by their number."""
    fields = {field: sorted(kind for kind, at in errors if at == field) for _, field in errors}
    return {"allowed": allowed, "errors": fields, "warnings": warnings}


def recorded_verdict(want: Mapping[str, Any]) -> Document:
    return with_errors(
        allowed=want["allowed"],
        errors={(error["type"], error["field"]) for error in want["errors"]},
        warnings=len(want["warnings"]),
    )


def our_verdict(verdict: Verdict) -> Document:
    return with_errors(
        allowed=verdict.allowed,
        errors={(error.type.value, error.field) for error in verdict.errors},
        warnings=len(verdict.warnings),
    )


def created(vector: Vector) -> tuple[Document, Document]:
    verdict = verdict_on(
        vector.input["model_deployment"],
        lambda deployment: guarded(deployment, validate_create(deployment, lookup=lookup_of(vector.input))),
    )
    return recorded_verdict(vector.expect), our_verdict(verdict)


def updated(vector: Vector) -> tuple[Document, Document]:
    def check(old: ModelDeployment) -> Verdict:
        return verdict_on(
            vector.input["new"],
            lambda new: guarded(new, validate_update(old, new, lookup=lookup_of(vector.input))),
        )

    return recorded_verdict(vector.expect), our_verdict(verdict_on(vector.input["old"], check))


def defaulted(vector: Vector) -> tuple[Document, Document]:
    spec = with_defaults(vector.input["model_deployment"])["spec"]
    return {"spec": without_empty(vector.expect["spec"])}, {"spec": without_empty(spec)}


def admitted(vector: Vector) -> tuple[Document, Document]:
    want, admission = vector.expect, admit(vector.input["object"], lookup=lookup_of(vector.input))
    recorded: Document = {"allowed": want["allowed"], "unknown_fields": sorted(want["unknown_fields"])}
    ours: Document = {"allowed": admission.allowed, "unknown_fields": admission.unknown_fields}
    if want["allowed"] and admission.allowed:
        recorded["stored_spec"] = want["stored_spec"]
        ours["stored_spec"] = whole_numbers((admission.stored or {}).get("spec"))
    return recorded, ours


def reconciled(vector: Vector) -> tuple[Document, Document]:
    def check(deployment: ModelDeployment) -> Verdict:
        finding = first_finding(deployment, configs_of(vector.input), engine=deployment.engine_type)
        return Verdict(errors=[field_error(FieldErrorType.INVALID, "", finding)] if finding else [])

    verdict = verdict_on(vector.input["model_deployment"], check)
    return {"allowed": vector.expect["allowed"]}, {"allowed": verdict.allowed}


def question(file: str, answers: Callable[[Vector], tuple[Document, Document]]) -> Question:
    return Question(name="validate", group="validate", files=(file,), answers=answers)


CREATE = question("create", created)
UPDATE = question("update", updated)
DEFAULT = question("default", defaulted)
ADMISSION = question("admission", admitted)
RECONCILE = question("reconcile", reconciled)
