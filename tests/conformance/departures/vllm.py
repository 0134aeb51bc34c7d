"""Where the Direct vLLM provider differs from the reference on purpose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Departure
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _vllm_objects as objects
from tests.conformance.departures._given import Answer, Given
from tests.conformance.departures._vllm_objects import CACHES as CACHES  # llm-d asks too
from tests.conformance.departures._vllm_objects import cache_volumes, overwrites_labels, with_reserved_labels
from tests.conformance.departures._vllm_objects import written_flags as written_flags

RENDER_TESTS = "tests/providers/test_vllm_render.py"
OVERRIDE_TESTS = "tests/providers/test_vllm_overrides.py"
ARGS_TESTS = "tests/providers/test_vllm_args.py"
STATUS_TESTS = "tests/providers/test_workloads.py"
CONFIG_TESTS = "tests/providers/test_vllm_config.py"

OBJECTS = frozenset({"transform/vllm"})
STATUS = frozenset({"provider_status/vllm"})
CONFIG = frozenset({"provider_config/vllm"})


# --- status ----------------------------------------------------------------------------------------


def condition(given: Given, kind: str) -> Mapping[str, Any]:
    found = ask.at(given["upstream"], "status", "conditions", default=[])
    entries = found if isinstance(found, list) else []
    named = [entry for entry in entries if isinstance(entry, Mapping) and entry.get("type") == kind]
    return named[-1] if named else {}


def failed_beside_the_old(given: Given) -> bool:
    progressing = condition(given, "Progressing")
    missed = progressing.get("reason") == "ProgressDeadlineExceeded" and progressing.get("status") == "False"
    return missed and condition(given, "Available").get("status") == "True" and ask.observed(given)


def as_failed(given: Given, answer: Answer) -> Answer:
    return answer | {"phase": "Failed", "message": "<text>"}


def rolling(given: Given) -> bool:
    progressing = condition(given, "Progressing")
    reasons = ("NewReplicaSetCreated", "FoundNewReplicaSet", "ReplicaSetUpdated")
    status = ask.at(given["upstream"], "status", default={})
    desired = ask.count(given["upstream"], "spec", "replicas")
    updated = ask.at(status, "updatedReplicas", default=desired)
    return not ask.observed(given) or (
        not failed_beside_the_old(given)
        and (
            (progressing.get("status") == "True" and progressing.get("reason") in reasons)
            or (isinstance(updated, int) and updated < desired)
        )
    )


def as_deploying(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") == "Running" or ("phase" in answer and not ask.observed(given)):
        answer |= {"phase": "Deploying", "message": "<text>"}
    return answer


def has_trouble(given: Given) -> bool:
    ready = ask.count(given["upstream"], "status", "readyReplicas")
    missing = 0 < ready < ask.count(given["upstream"], "spec", "replicas")
    failure = condition(given, "ReplicaFailure")
    message = failure.get("message")
    said = failure.get("status") == "True" and isinstance(message, str) and message != ""
    return said or (missing and condition(given, "Available").get("status") == "True")


def with_trouble(given: Given, answer: Answer) -> Answer:
    return answer | {"message": "<text>"} if "phase" in answer else answer


# --- registration ----------------------------------------------------------------------------------


def with_display_data(given: Given, answer: Answer) -> Answer:
    capabilities = {
        "engines": [
            {
                "name": "vllm",
                "servingModes": ["aggregated"],
                "apiFormats": ["openai-chat", "openai-responses", "anthropic-messages"],
                "gpuSupport": True,
                "requiresCRD": False,
            }
        ]
    }
    answer["object"]["metadata"]["annotations"] |= {
        "airunway.ai/display-name": "Direct vLLM",
        "airunway.ai/description": "<text>",
        "airunway.ai/capabilities": capabilities,
        "airunway.ai/health": {"status": {"readyPath": "ready"}},
    }
    answer["object"]["spec"]["capabilities"]["engines"][0]["requiresCRD"] = False
    return answer


def rule(name: str, applies: Any, adjust: Any, test: str, groups: frozenset[str] = OBJECTS) -> Departure:
    return Departure(name=name, groups=groups, applies=applies, adjust=adjust, covered_by=test)


DEPARTURES = [
    rule(
        "vllm-override-deny-list",
        ask.denied_override,
        ask.refuse,
        f"{OVERRIDE_TESTS}::test_refuses_overrides",
    ),
    rule(
        "vllm-override-host-path",
        ask.host_path,
        ask.refuse,
        f"{OVERRIDE_TESTS}::test_refuses_overrides",
    ),
    rule(
        "vllm-override-selector",
        lambda given: (
            isinstance(ask.overrides(given), Mapping)
            and isinstance(ask.overrides(given).get("spec"), Mapping)
            and "selector" in ask.overrides(given)["spec"]
        ),
        ask.refuse,
        f"{OVERRIDE_TESTS}::test_refuses_overrides",
    ),
    rule(
        "vllm-override-shape", objects.breaks_shape, ask.refuse, f"{OVERRIDE_TESTS}::test_refuses_overrides"
    ),
    rule("vllm-impossible-name", ask.impossible_service_name, ask.refuse, f"{RENDER_TESTS}::test_check"),
    rule(
        "vllm-reserved-single-dash",
        objects.reserved_with_one_dash,
        ask.refuse,
        f"{ARGS_TESTS}::test_refuses_flags",
    ),
    rule("vllm-gpu-type", objects.foreign_gpu, objects.with_gpu_type, f"{RENDER_TESTS}::test_gpu_type"),
    rule(
        "vllm-roll-out-deadline",
        lambda given: True,
        objects.with_deadlines,
        f"{RENDER_TESTS}::test_deadlines",
    ),
    rule(
        "vllm-pod-labels",
        lambda given: True,
        objects.with_pod_labels,
        f"{RENDER_TESTS}::test_labels",
    ),
    rule(
        "vllm-reserved-labels",
        overwrites_labels,
        with_reserved_labels,
        f"{RENDER_TESTS}::test_labels",
    ),
    rule(
        "vllm-cache-variables",
        lambda given: objects.own_container(given) and bool(cache_volumes(given)),
        objects.with_cache_variables,
        f"{RENDER_TESTS}::test_environment",
    ),
    rule(
        "vllm-env-once",
        objects.repeats_variable,
        objects.with_variables_once,
        f"{RENDER_TESTS}::test_a_variable_that_is_given_twice_counts_once",
    ),
    rule(
        "vllm-managed-claims",
        lambda given: any(volume.get("size") is not None for volume in ask.volumes(given)),
        objects.with_claims,
        f"{RENDER_TESTS}::test_managed_claims",
    ),
    rule(
        "vllm-shared-memory-name",
        objects.shm_is_taken,
        objects.with_renamed_shared_memory,
        f"{RENDER_TESTS}::test_shared_memory_keeps_out_of_the_users_way",
    ),
    rule(
        "vllm-scale-to-zero",
        lambda given: ask.spec(given, "scaling", "replicas") == 0,
        objects.with_no_replicas,
        f"{RENDER_TESTS}::test_replicas",
    ),
    rule(
        "vllm-no-empty-model", objects.empty_model, objects.without_model, f"{ARGS_TESTS}::test_server_args"
    ),
    rule(
        "vllm-prefix-caching-off",
        objects.prefix_caching_off,
        objects.without_prefix_caching,
        f"{ARGS_TESTS}::test_server_args",
    ),
    rule(
        "vllm-flag-spelling",
        objects.spelled_differently,
        objects.without_derived_duplicates,
        f"{ARGS_TESTS}::test_server_args",
    ),
    rule(
        "vllm-override-containers",
        objects.overrides_containers,
        objects.with_merged_containers,
        f"{OVERRIDE_TESTS}::test_overrides_merge_containers_by_name",
    ),
    rule(
        "vllm-roll-out-first",
        rolling,
        as_deploying,
        f"{STATUS_TESTS}::test_deployment_status",
        STATUS,
    ),
    rule(
        "vllm-failed-roll-out",
        failed_beside_the_old,
        as_failed,
        f"{STATUS_TESTS}::test_deployment_status",
        STATUS,
    ),
    rule(
        "vllm-truthful-message", has_trouble, with_trouble, f"{STATUS_TESTS}::test_deployment_status", STATUS
    ),
    rule(
        "vllm-display-data",
        lambda given: True,
        with_display_data,
        f"{CONFIG_TESTS}::test_registration",
        CONFIG,
    ),
]
