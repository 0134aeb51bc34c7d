"""Where the Direct vLLM provider differs from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tests.conformance.departures import Given, always
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _places as places
from tests.conformance.departures import _workloads as workloads
from tests.conformance.departures._given import both
from tests.conformance.departures._workloads import CONTAINER, POD, TEMPLATE

POD_PATH = ("spec", "template", "spec")
FIXED_LABELS = tuple(
    f"{TEMPLATE}/metadata/labels/{key} = *"
    for key in ("app", "airunway.ai~1deployment", workloads.POOL_LABEL)
)
RENAMED_MEMORY = (
    f"{POD}/volumes/shm (earlier)/** - *",
    f"{POD}/volumes/dev-*shm/** = *",
    f"{CONTAINER}/volumeMounts/~1dev~1shm/name = dev-*shm",
)
DISPLAY_DATA = (
    *(
        f"/object/metadata/annotations/airunway.ai~1{key}/** = *"
        for key in ("display-name", "description", "capabilities", "health")
    ),
    "/object/spec/capabilities/engines/0/requiresCRD = false",
)


def own_container(given: Given) -> bool:
    """A container that overrides leave as it is rendered."""
    return not ask.overridden(given, *POD_PATH, "containers")


def moves_selector(given: Given) -> bool:
    found = ask.override_at(given, "spec") if isinstance(ask.overrides(given), Mapping) else None
    return isinstance(found, Mapping) and "selector" in found


def breaks_shape(given: Given) -> bool:
    metadata = ("spec", "template", "metadata")
    paths = [("spec",), ("spec", "template"), POD_PATH, metadata, (*metadata, "labels")]
    if not all(isinstance(ask.override_at(given, *path), Mapping) for path in paths):
        return True
    return not isinstance(ask.override_at(given, *POD_PATH).get("containers", []), list)


def reserved_with_one_dash(given: Given) -> bool:
    return any(re.fullmatch(r"-\s*(host|port)\s*(=.*)?", token, re.DOTALL) for token in ask.tokens(given))


def other_gpu_vendor(given: Given) -> bool:
    return ask.gpu_count(given) > 0 and ask.gpu_type(given) != "nvidia.com/gpu"


def gpu_of_other_vendor(given: Given) -> bool:
    return not ask.gpu_type(given).startswith("nvidia.com/") and not ask.image(given)


def shared_memory_is_taken(given: Given) -> bool:
    return ask.gpu_count(given) > 1 and any(volume["name"] == "shm" for volume in ask.volumes(given))


def repeats_variable(given: Given) -> bool:
    return ask.repeats(ask.variable_names(given))


def empty_model(given: Given) -> bool:
    return not ask.model_id(given) and "model" not in ask.written_flags(given)


def prefix_caching_off(given: Given) -> bool:
    return ask.turns_caching_off(given) and "enable-prefix-caching" not in ask.positive_flags(given)


def spelled_differently(given: Given) -> bool:
    literal = {*ask.arguments(given)}
    literal |= {token[2:].split("=")[0].strip() for token in ask.tokens(given) if token.startswith("--")}
    flags = ask.written_flags(given)
    return any(flag not in literal or flag.startswith("no-") for flag in flags)


def overrides_containers(given: Given) -> bool:
    found = ask.override_at(given, *POD_PATH)
    containers = found.get("containers") if isinstance(found, Mapping) else None
    return isinstance(containers, list) and all(
        isinstance(entry, Mapping) and entry.get("name") for entry in containers
    )


objects = places.Rules("vllm", "transform", "tests/providers/test_")
rule, refusal = objects.rule, objects.refusal
state = places.Rules("vllm", "provider_status", "tests/providers/test_workloads.py::").rule
config = places.Rules("vllm", "provider_config", "tests/providers/test_vllm_config.py::").rule

REFUSED = "vllm_overrides.py::test_refuses_overrides"
MERGED = "vllm_overrides.py::test_overrides_merge_containers_by_name"
ONCE = "server_pod.py::test_a_variable_that_is_given_twice_counts_once"
MEMORY = "server_pod.py::test_shared_memory_keeps_out_of_the_users_way"
ARGS = "vllm_args.py::test_server_args"

DEPARTURES = [
    objects.allowlist(ask.outside_list("vllm")),
    refusal("override-selector", REFUSED, moves_selector),
    refusal("override-shape", REFUSED, breaks_shape),
    refusal("impossible-name", "vllm_render.py::test_check", ask.impossible_service_name),
    refusal("reserved-single-dash", "vllm_args.py::test_refuses_flags", reserved_with_one_dash),
    rule(
        "gpu-type",
        "server_pod.py::test_gpu_type",
        other_gpu_vendor,
        workloads.GPU_TYPE,
        refuses=gpu_of_other_vendor,
    ),
    rule(
        "roll-out-deadline",
        "server_pod.py::test_deadlines",
        always,
        workloads.DEADLINE,
        f"{CONTAINER}/startupProbe/failureThreshold = 358",
    ),
    rule("pod-labels", "vllm_render.py::test_labels", always, *FIXED_LABELS),
    rule("roll-out-policy", workloads.ROLL_OUT_TEST, always, workloads.STRATEGY),
    rule("pod-isolation", places.ISOLATED, always, *places.isolation(POD)),
    rule("reserved-labels", "vllm_render.py::test_labels", ask.relabels, workloads.OWN_LABELS),
    rule(
        "cache-variables",
        "server_pod.py::test_environment",
        both(own_container, ask.has_cache),
        *places.cache_variables(CONTAINER),
    ),
    rule("env-once", ONCE, both(own_container, repeats_variable), *places.earlier_variables(CONTAINER)),
    rule("managed-claims", "server_pod.py::test_managed_claims", ask.has_sized_volume, places.CLAIMS),
    rule("shared-memory-name", MEMORY, shared_memory_is_taken, *RENAMED_MEMORY),
    rule("scale-to-zero", "server_pod.py::test_replicas", ask.no_replicas, workloads.NO_REPLICAS),
    rule("no-empty-model", ARGS, both(own_container, empty_model), f"{CONTAINER}/args/* - --model "),
    rule(
        "prefix-caching-off",
        ARGS,
        both(own_container, prefix_caching_off),
        f"{CONTAINER}/args/* = --no-enable-prefix-caching",
    ),
    rule(
        "flag-spelling",
        ARGS,
        both(own_container, spelled_differently),
        *places.derived_flags_removed(CONTAINER),
    ),
    rule(
        "flag-grammar",
        "vllm_args.py::test_flags_follow_the_grammar_of_the_engine",
        both(own_container, ask.words_a_flag),
        places.worded_flags(CONTAINER),
    ),
    rule(
        "override-containers",
        MERGED,
        overrides_containers,
        f"{POD}/containers/**",
        f"{POD}/containers order/*",
    ),
    state("roll-out-first", "test_deployment_status", workloads.rolling, *places.DEPLOYING),
    state("failed-roll-out", "test_deployment_status", workloads.failed_beside_the_old, *places.FAILED),
    state("truthful-message", "test_deployment_status", workloads.has_trouble, places.MESSAGE),
    state("says-why", "test_deployment_status", workloads.says_more, places.MESSAGE),
    state("none-ready", "test_deployment_status", workloads.none_ready, *places.DEPLOYING),
    config("display-data", "test_registration", always, *DISPLAY_DATA),
]
