"""`validate`: what admission accepts, fills in and stores, and what every pass checks again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api.findings import FieldErrorType, Verdict, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection.admission import admit, decoding_errors, whole_numbers
from airunway.selection.defaulting import with_defaults
from airunway.selection.provider_lookup import Lookup, LookupProblem, ProviderLookup, lookup_in
from airunway.selection.stored_rules import first_finding
from airunway.selection.validation import validate_create, validate_update
from tests.conformance import compare
from tests.conformance.departures import unexcused
from tests.conformance.loader import Vector, cases, provider_configs

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


def assert_agrees(vector: Vector, found: list[str]) -> None:
    left, _ = unexcused(found, group=vector.group, file=vector.file, given=vector.input)
    assert not left


def verdict_on(obj: Any, check: Callable[[ModelDeployment], Verdict]) -> Verdict:
    """The verdict; the wire models refuse what the schema refuses, before any rule is asked."""
    try:
        deployment = ModelDeployment.model_validate(obj)
    except ValidationError as err:
        return Verdict(errors=decoding_errors(err))
    return check(deployment)


def differences(want: Mapping[str, Any], verdict: Verdict) -> list[str]:
    found = compare.differences(want["allowed"], verdict.allowed, "allowed")
    wanted = {(error["type"], error["field"]) for error in want["errors"]}
    got = {(error.type.value, error.field) for error in verdict.errors}
    found += [f"errors: missing {entry}" for entry in sorted(wanted - got)]
    found += [f"errors: not wanted {entry}" for entry in sorted(got - wanted)]
    if len(want["warnings"]) != len(verdict.warnings):
        found.append(f"warnings: wanted {len(want['warnings'])}, got {verdict.warnings}")
    return found


@pytest.mark.parametrize("vector", cases("validate", ["create"]))
def test_a_new_object_is_admitted_or_refused_for_the_recorded_fields(vector: Vector) -> None:
    verdict = verdict_on(
        vector.input["model_deployment"],
        lambda deployment: validate_create(deployment, lookup=lookup_of(vector.input)),
    )

    assert_agrees(vector, differences(vector.expect, verdict))


@pytest.mark.parametrize("vector", cases("validate", ["update"]))
def test_a_change_is_admitted_or_refused_for_the_recorded_fields(vector: Vector) -> None:
    def check(old: ModelDeployment) -> Verdict:
        return verdict_on(
            vector.input["new"], lambda new: validate_update(old, new, lookup=lookup_of(vector.input))
        )

    verdict = verdict_on(vector.input["old"], check)

    assert_agrees(vector, differences(vector.expect, verdict))


@pytest.mark.parametrize("vector", cases("validate", ["default"]))
def test_defaulting_fills_in_what_was_recorded(vector: Vector) -> None:
    spec = with_defaults(vector.input["model_deployment"])["spec"]

    want = compare.without_empty(vector.expect["spec"])
    assert_agrees(vector, compare.differences(want, compare.without_empty(spec), "spec"))


@pytest.mark.parametrize("vector", cases("validate", ["admission"]))
def test_a_raw_object_is_stored_as_recorded(vector: Vector) -> None:
    admission = admit(vector.input["object"], lookup=lookup_of(vector.input))

    found = compare.differences(vector.expect["allowed"], admission.allowed, "allowed")
    found += compare.differences(
        sorted(vector.expect["unknown_fields"]), admission.unknown_fields, "unknown_fields"
    )
    if vector.expect["allowed"] and admission.allowed:
        stored = whole_numbers((admission.stored or {}).get("spec"))
        found += compare.differences(vector.expect["stored_spec"], stored, "stored_spec")
    assert_agrees(vector, found)


@pytest.mark.parametrize("vector", cases("validate", ["reconcile"]))
def test_a_stored_object_is_valid_or_not(vector: Vector) -> None:
    def check(deployment: ModelDeployment) -> Verdict:
        finding = first_finding(deployment, configs_of(vector.input), engine=deployment.engine_type)
        return Verdict(errors=[field_error(FieldErrorType.INVALID, "", finding)] if finding else [])

    verdict = verdict_on(vector.input["model_deployment"], check)

    assert_agrees(vector, compare.differences(vector.expect["allowed"], verdict.allowed, "allowed"))
