"""Where selection and validation differ from the reference on purpose."""

from __future__ import annotations

from tests.conformance.departures import Departure, Predicate, always, never
from tests.conformance.departures import _selection_given as ask


def rule(
    name: str, groups: frozenset[str], applies: Predicate, touches: str, test: str, refuses: Predicate = never
) -> Departure:
    return Departure(
        name=name,
        groups=groups,
        applies=applies,
        touches=tuple(f"/{field}/**" for field in touches.split()),
        covered_by=f"tests/selection/test_{test}",
        refuses=refuses,
    )


RECONCILES = frozenset({"select/random", "select/shipped", "select/states", "select/third_party"})
DEFAULT_MODE = frozenset({"select-default"})
ALL_RECONCILES = RECONCILES | DEFAULT_MODE
CEL = frozenset({"select/cel"})
EVALUATED = CEL | {"select-seen/cel"}
RECONCILE = frozenset({"validate/reconcile"})
CHECKS = RECONCILE | {"validate/create", "validate/update"}
OUTCOME = "engine provider phase message conditions"
STANDING = "phase message conditions allowed"
JUDGED = "allowed errors warnings"

NO_GPU = "provider_choice.py::test_every_spelling_of_no_gpu_matches_the_shipped_rule"
TIMES = "cel_answers.py::test_a_rule_about_time_is_refused_with_the_reason"
EXPLICIT_ONLY = "provider_choice.py::test_a_provider_without_a_matching_rule_is_explicit_only"
NARROWED = "engines.py::test_a_pinned_provider_narrows_the_choice_to_its_engines"
CHOSEN_AGAIN = "engines.py::test_a_recorded_engine_is_chosen_again_until_the_hand_over"
IS_NAMED = "decide.py::test_an_unregistered_provider_is_recorded_and_named"
CHECKED = "decide.py::test_a_changed_engine_is_checked_against_the_recorded_provider"
SERVED = "decide.py::test_a_change_of_the_configs_does_not_fail_a_served_deployment"
SCHEMA = "admission.py::test_what_the_schema_refuses_is_no_deployment"
DELETION = "validation.py::test_an_object_being_deleted_may_always_change"
NAMELESS = "defaulting.py::test_a_claim_is_not_named_before_its_deployment_is"

DEPARTURES = [
    rule(
        "explicit-zeros-kept",
        CEL,
        ask.zeros_matter,
        "matched error rule_sees",
        "cel_input.py::test_explicit_zeros_and_false_are_kept",
    ),
    rule("explicit-zeros-decide", RECONCILES, ask.zeros_matter, "provider", NO_GPU),
    rule(
        "absent-resources-are-empty",
        CEL,
        ask.absent_resources_matter,
        "matched error rule_sees/resources",
        "cel_input.py::test_absent_resources_are_an_empty_map",
    ),
    rule("absent-resources-decide", RECONCILES, ask.absent_resources_matter, "provider", NO_GPU),
    rule(
        "rule-limits",
        EVALUATED | RECONCILES,
        ask.beyond_cel_limits,
        "matched error provider",
        "cel_limits.py::test_a_huge_or_deep_expression_is_an_error",
    ),
    rule(
        "rule-budget",
        EVALUATED,
        ask.too_many_steps,
        "matched error",
        "cel_limits.py::test_an_expensive_rule_is_cut_off",
    ),
    rule(
        "rule-messages",
        EVALUATED,
        ask.builds_a_message,
        "matched error",
        "cel_limits.py::test_messages_cannot_be_built",
    ),
    rule("rule-times", EVALUATED, ask.uses_times, "matched error", TIMES),
    rule(
        "explicit-only-providers",
        DEFAULT_MODE,
        ask.no_rule_matches,
        "provider message conditions",
        EXPLICIT_ONLY,
    ),
    rule("engine-of-pinned-provider", ALL_RECONCILES, ask.engine_open_and_provider_pinned, OUTCOME, NARROWED),
    rule("engine-chosen-anew", ALL_RECONCILES, ask.engine_recorded_before_hand_over, OUTCOME, CHOSEN_AGAIN),
    rule("unregistered-provider-is-named", ALL_RECONCILES, ask.provider_not_registered, "message", IS_NAMED),
    rule(
        "recorded-provider-is-checked",
        ALL_RECONCILES | RECONCILE,
        ask.recorded_provider_decides,
        STANDING,
        CHECKED,
    ),
    rule(
        "served-deployment-stays-valid",
        ALL_RECONCILES | RECONCILE,
        ask.served_at_this_generation,
        STANDING,
        SERVED,
    ),
    rule(
        "failures-are-cleared",
        ALL_RECONCILES,
        ask.failed_before,
        "phase message conditions image",
        "decide.py::test_a_success_clears_what_a_failure_left",
    ),
    rule(
        "schema-comes-first",
        ALL_RECONCILES | CHECKS | {"transform"},
        ask.refused_by_the_schema,
        f"{OUTCOME} image {JUDGED}",
        SCHEMA,
        refuses=always,
    ),
    Departure(
        name="override-allowlist",
        groups=frozenset({"validate/create", "validate/update"}),
        applies=ask.overrides_something,
        touches=("/allowed/**", "/errors/**"),
        covered_by="tests/providers/test_guard_admission.py::test_admission_names_what_no_list_allows",
    ),
    rule(
        "default-source-written-out",
        frozenset({"validate/update"}),
        ask.writes_the_default_source_out,
        JUDGED,
        "validation.py::test_the_default_source_may_be_written_out",
    ),
    rule("deletion-is-not-validated", frozenset({"validate/update"}), ask.being_deleted, JUDGED, DELETION),
    rule(
        "claim-of-generated-name",
        frozenset({"validate/default", "validate/admission"}),
        ask.claim_of_a_nameless_object,
        "allowed errors spec/model/storage/volumes/*/claimName stored_spec/model/storage/volumes/*/claimName",
        NAMELESS,
    ),
]
