"""Where the llm-d provider differs from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Given, always
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _places as places
from tests.conformance.departures import _workloads as workloads
from tests.conformance.departures._given import has
from tests.conformance.departures._workloads import CONTAINER, POD, TEMPLATE

SELECTING_LABELS = {"airunway.ai/deployment", "airunway.ai/model-deployment", "app"}
PROBES = tuple(f"{CONTAINER}/{kind}Probe/** = *" for kind in ("startup", "liveness", "readiness"))
MEMORY = (f"{POD}/volumes/*shm/** = *", f"{CONTAINER}/volumeMounts/~1dev~1shm/** = *")


def groups(given: Given) -> list[Mapping[str, Any]]:
    """What sizes each Deployment."""
    if ask.disaggregated(given):
        return [ask.spec(given, "scaling", role, default={}) for role in ("decode", "prefill")]
    return [ask.spec(given, "resources", default={})]


def breaks_shape(given: Given) -> bool:
    metadata = ("spec", "template", "metadata")
    texts = [ask.override_at(given, *metadata, kind) for kind in ("labels", "annotations")]
    maps = [ask.override_at(given, *path) for path in (("spec",), ("spec", "template"), metadata)]
    return any(not isinstance(entry, Mapping) for entry in [*maps, *texts]) or any(
        not isinstance(value, str) for entry in texts for value in entry.values()
    )


def moves_selector(given: Given) -> bool:
    spec = ask.override_at(given, "spec")
    labels = ask.override_at(given, "spec", "template", "metadata", "labels")
    return (isinstance(spec, Mapping) and "selector" in spec) or (
        isinstance(labels, Mapping) and not SELECTING_LABELS.isdisjoint(labels)
    )


def impossible_name(given: Given) -> bool:
    return ask.impossible_service_name(given, "-prefill" if ask.disaggregated(given) else "")


def sets_port(given: Given) -> bool:
    flags = [token for token in ask.tokens(given) if token.startswith("-")]
    flags += [f"--{key}" for key in ask.arguments(given)]
    return any(re.fullmatch(r"--?port\s*(=.*)?", flag.strip()) for flag in flags)


def same_flag_twice(given: Given) -> bool:
    flags = [token[2:].split("=")[0].strip() for token in ask.tokens(given) if re.match("--(?!-)", token)]
    return any(flag in ask.arguments(given) for flag in flags if flag)


def other_gpu(given: Given) -> bool:
    return gpu_types(given) != {"nvidia.com/gpu"}


def several_gpus(given: Given) -> bool:
    return any(ask.at(group, "gpu", "count", default=0) > 1 for group in groups(given))


def repeats_variable(given: Given) -> bool:
    return ask.repeats([*ask.variable_names(given), *ask.token_variable(given)])


def gpu_types(given: Given) -> set[str]:
    return {str(ask.at(group, "gpu", "type") or "nvidia.com/gpu") for group in groups(given)}


def gpu_of_other_vendor(given: Given) -> bool:
    return not ask.image(given) and any(not kind.startswith("nvidia.com/") for kind in gpu_types(given))


def repeats_derived_flag(given: Given) -> bool:
    return not ask.positive_flags(given).isdisjoint(places.DERIVED_FLAGS)


objects = places.Rules("llmd", "transform", "tests/providers/")
rule, refusal = objects.rule, objects.refusal
state = places.Rules("llmd", "provider_status", "tests/providers/llmd/test_status.py::").rule

REFUSED = "llmd/test_overrides.py::test_refuses_overrides"
ARGS = "llmd/test_args.py::test_server_args"
ENVIRONMENT = "test_server_pod.py::test_environment"
STORAGE = (*places.volumes(POD, CONTAINER), *places.cache_variables(CONTAINER), places.CLAIMS)

DEPARTURES = [
    objects.allowlist(ask.outside_list("llmd")),
    refusal("override-shape", REFUSED, breaks_shape),
    refusal("override-selector", REFUSED, moves_selector),
    refusal("impossible-name", "llmd/test_checks.py::test_check", impossible_name),
    refusal("reserved-port", "llmd/test_args.py::test_refuses_flags", sets_port),
    refusal("flag-in-both-fields", "llmd/test_args.py::test_refuses_flags", same_flag_twice),
    rule(
        "gpu-type",
        "test_server_pod.py::test_gpu_type",
        other_gpu,
        workloads.GPU_TYPE,
        refuses=gpu_of_other_vendor,
    ),
    rule("roll-out-policy", workloads.ROLL_OUT_TEST, always, workloads.STRATEGY),
    rule("pod-isolation", places.ISOLATED, always, *places.isolation(POD)),
    rule("probes", "llmd/test_pod.py::test_probes", always, workloads.DEADLINE, *PROBES),
    rule(
        "pool-label",
        "llmd/test_render.py::test_pod_labels",
        always,
        f"{TEMPLATE}/metadata/labels/{workloads.POOL_LABEL}",
    ),
    rule(
        "reserved-labels",
        "llmd/test_render.py::test_reserved_labels_win",
        ask.relabels,
        workloads.OWN_LABELS,
    ),
    rule("shared-memory", "llmd/test_pod.py::test_shared_memory", several_gpus, *MEMORY),
    rule("env-sources", ENVIRONMENT, ask.loses_sources, *places.sources(CONTAINER)),
    rule("env-once", ENVIRONMENT, repeats_variable, *places.earlier_variables(CONTAINER)),
    rule("storage", "llmd/test_pod.py::test_storage", has("model", "storage", "volumes"), *STORAGE),
    rule("scale-to-zero", "test_server_pod.py::test_replicas", ask.scaled_to_zero, workloads.NO_REPLICAS),
    rule("no-empty-model", ARGS, ask.no_model, f"{CONTAINER}/args/* - --model "),
    rule(
        "flag-grammar",
        "llmd/test_args.py::test_flags_follow_the_grammar_of_the_engine",
        ask.words_a_flag,
        places.worded_flags(CONTAINER),
    ),
    rule("flags-once", ARGS, repeats_derived_flag, *places.derived_flags_removed(CONTAINER)),
    state("roll-out-first", "test_read_status", workloads.rolling, *places.DEPLOYING),
    state("failed-roll-out", "test_read_status", workloads.failed_beside_the_old, *places.FAILED),
    state("truthful-message", "test_read_status", workloads.has_trouble, places.MESSAGE),
    state("says-why", "test_read_status", workloads.says_more, places.MESSAGE),
    state("none-ready", "test_read_status", workloads.none_ready, *places.DEPLOYING),
]
