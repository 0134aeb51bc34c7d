"""Where the Dynamo provider differs from the reference on purpose."""

from __future__ import annotations

from collections.abc import Iterator

from airunway.providers.dynamo.release import VERSION
from tests.conformance.departures import Given, always
from tests.conformance.departures import _dynamo_given as dynamo
from tests.conformance.departures import _given as ask
from tests.conformance.departures import _places as places
from tests.conformance.departures._dynamo_given import gateway, real
from tests.conformance.departures._given import both, engine_is, has, sets_flag
from tests.conformance.departures.touch import literal, place, text
from tests.conformance.objects import paired

GRAPH = "/objects/DynamoGraphDeployment*"
SERVICE = f"{GRAPH}/spec/services"
WORKER = f"{SERVICE}/Vllm*"
CONTAINER = f"{WORKER}/extraPodSpec/mainContainer"
ARGS = f"{CONTAINER}/args/*"
PICKER = f"{SERVICE}/Epp/extraPodSpec/mainContainer"
FRONTEND = f"{SERVICE}/Frontend/extraPodSpec/mainContainer"
STATE = "/status_by_upstream_state/*"


def user_arguments(given: Given) -> Iterator[str]:
    """The tokens of `extraArgs`; of a flag without a value that ends the others, the first is the value."""
    bare = [f"--{key}" for key, value in ask.arguments(given).items() if not value]
    yield from (f"{ARGS} - {literal(flag)}" for flag in bare)
    for before in ([], *([flag] for flag in bare)):
        yield from (f"{ARGS} = {literal(text(entry))}" for entry in paired([*before, *ask.tokens(given)]))


def user_variables(given: Given) -> Iterator[str]:
    """The user's variables replace derived ones, so that the order of all may change."""
    for container in (CONTAINER, PICKER, FRONTEND):
        yield f"{container}/env order/*"
        for name in ask.variable_names(given):
            yield f"{container}/env{place(name)}/**"
    yield f"{WORKER}/frontendSidecar/envs/** = *"
    yield f"{WORKER}/frontendSidecar/envs order/* = *"


def has_scheduling(given: Given) -> bool:
    return bool(ask.spec(given, "nodeSelector") or ask.spec(given, "tolerations"))


def root_keys(given: Given) -> Iterator[str]:
    for key in dynamo.typed_overrides(given):
        yield f"{GRAPH}{place(key)}/** - *"


def router_settings(given: Given) -> tuple[str, ...]:
    """What typed keys set. Of a wrong type they are an error for the reference, and nothing here."""
    if dynamo.mistyped_in_other_letters(given):
        return ("/**",)
    return (
        *(f"{SERVICE}/{key}/replicas" for key in ("Epp", "Frontend")),
        f"{PICKER}/image",
        f"{SERVICE}/Frontend/resources/**",
        f"{FRONTEND}/env/DYN_ROUTER_MODE/value",
    )


objects = places.Rules("dynamo", "transform", "tests/providers/dynamo/test_")
rule, refusal = objects.rule, objects.refusal
state = places.Rules("dynamo", "provider_status", "tests/providers/dynamo/test_status.py::").rule
config = places.Rules("dynamo", "provider_config", "tests/providers/dynamo/test_config.py::").rule

IMAGES = f"nvcr.io/nvidia/ai-dynamo/*:{VERSION}"
INSTALLATION = "/object/metadata/annotations/airunway.ai~1installation"
CHART, CHART_AT = f"*dynamo-platform-{VERSION}.tgz*", ("helmCharts/0/chart", "steps/0/command")
REFUSED = "options.py::test_refused_overrides"
CHECKED = "check.py::test_check"
FLAGS = "args.py::test_flags_of_typed_fields"
NO_MODEL = (f"{ARGS} - --model ", f"{ARGS} - --model-path ")
SGLANG_FLAGS = (
    *(f"{ARGS} - --{flag}" for flag in ("enable-prefix-caching", "enforce-eager")),
    *(f"{ARGS} = --{flag}" for flag in ("disable-radix-cache", "disable-cuda-graph")),
)
CACHE = (f"{CONTAINER}/env/HF_HOME/**", f"{CONTAINER}/env order/*")

DEPARTURES = [
    objects.allowlist(ask.outside_list("dynamo")),
    refusal("override-shape", REFUSED, dynamo.misshapen_override),
    refusal("override-service", REFUSED, dynamo.stray_service),
    refusal("override-values", REFUSED, dynamo.impossible_value),
    refusal("impossible-name", CHECKED, dynamo.impossible_name),
    refusal("unknown-engine", CHECKED, lambda given: ask.engine(given) not in dynamo.BLOCK_SIZE_FLAGS),
    refusal("trtllm-disaggregated", CHECKED, both(engine_is("trtllm"), ask.disaggregated)),
    refusal("gpus-of-both-groups", CHECKED, dynamo.without_gpus),
    refusal("claim-names", "render.py::test_claims_that_cannot_be_mounted", dynamo.impossible_claims),
    refusal(
        "reserved-mode",
        "args.py::test_reserved_flag",
        both(ask.disaggregated, sets_flag("disaggregation-mode")),
    ),
    rule(
        "release",
        "render.py::test_sidecar_has_the_image_of_its_worker",
        always,
        f"{SERVICE}/*/extraPodSpec/mainContainer/image = {IMAGES}",
        f"{SERVICE}/*/frontendSidecar/image = {IMAGES}",
    ),
    rule(
        "one-picker",
        "options.py::test_picker_takes_its_keys",
        both(gateway, dynamo.wants_pickers),
        f"{SERVICE}/Epp/replicas = 1",
    ),
    rule(
        "read-only-mounts",
        "render.py::test_volumes",
        dynamo.has_read_only,
        f"{WORKER}/volumeMounts/*/readOnly - *",
    ),
    rule(
        "typed-keys-not-merged",
        "options.py::test_typed_keys_do_not_reach_the_object",
        dynamo.has_typed_keys,
        root_keys,
    ),
    rule(
        "override-key-case",
        "options.py::test_keys_in_other_letters_are_unknown",
        dynamo.in_other_letters,
        router_settings,
    ),
    rule(
        "roll-out-policy",
        "tests/providers/test_rollout.py::test_dynamos_operator_is_told",
        always,
        f"{WORKER}/annotations/nvidia.com~1deployment-rolling-update-max-* = *",
    ),
    rule(
        "picker-size",
        "render.py::test_roles_without_a_model_have_a_size_of_their_own",
        gateway,
        f"{SERVICE}/Epp/resources/requests/* = *",
    ),
    rule(
        "scheduling",
        "tests/providers/test_every_pod.py::test_every_pod_of_a_deployment_has_it",
        has_scheduling,
        f"{SERVICE}/*/extraPodSpec/nodeSelector/* = *",
        f"{SERVICE}/*/extraPodSpec/tolerations/** = *",
    ),
    rule(
        "pod-isolation",
        places.ISOLATED,
        always,
        f"{SERVICE}/*/extraPodSpec/enableServiceLinks = false",
        f"{SERVICE}/*/extraPodSpec/securityContext/** = *",
        f"{SERVICE}/*/extraPodSpec/*/securityContext/** = *",
    ),
    rule("empty-model-id", "args.py::test_model", ask.no_model, *NO_MODEL, refuses=dynamo.names_no_model),
    rule("sglang-flags", FLAGS, both(real, engine_is("sglang"), has("engine")), *SGLANG_FLAGS),
    rule(
        "prefix-caching-off",
        FLAGS,
        both(real, engine_is("vllm"), ask.turns_caching_off),
        f"{ARGS} = --no-enable-prefix-caching",
    ),
    rule(
        "own-kv-transfer",
        "args.py::test_own_transfer_configuration_wins",
        both(real, engine_is("vllm"), ask.disaggregated, sets_flag("kv-transfer-config")),
        f"{ARGS} - --kv-transfer-config *",
    ),
    rule(
        "extra-args",
        "args.py::test_extra_args_come_last",
        both(real, has("engine", "extraArgs")),
        user_arguments,
    ),
    rule(
        "flag-grammar",
        "args.py::test_flags_follow_the_grammar_of_the_engine",
        both(real, ask.words_a_flag),
        places.worded_flags(CONTAINER),
    ),
    rule(
        "volume-paths",
        "render.py::test_volumes",
        dynamo.lacks_mount_path,
        f"{WORKER}/volumeMounts/*/mountPoint = *",
        *CACHE,
        refuses=lambda given: not all(map(ask.mount_of, ask.volumes(given))),
    ),
    rule("env", "render.py::test_environment_of_workers", has("env"), user_variables),
    rule(
        "pod-metadata",
        "render.py::test_pod_template_reaches_every_pod",
        has("podTemplate", "metadata"),
        f"{SERVICE}/*/extraPodMetadata/** = *",
    ),
    rule(
        "gpu-type",
        "render.py::test_resources_of_workers",
        both(real, dynamo.has_other_gpu),
        f"{WORKER}/resources/*/gpuType = *",
        refuses=ask.default_image_of_another_vendor,
    ),
    rule(
        "sidecar-image",
        "render.py::test_sidecar_has_the_image_of_its_worker",
        both(gateway, dynamo.other_image),
        f"{WORKER}/frontendSidecar/image = *",
    ),
    rule(
        "picker-secret",
        "render.py::test_secret_reaches_every_service",
        both(gateway, has("secrets", "huggingFaceToken")),
        f"{SERVICE}/Epp/envFromSecret = *",
    ),
    rule(
        "picker-block-size",
        "render.py::test_picker_knows_the_block_size",
        both(gateway, dynamo.sets_block_size),
        *places.variable(PICKER, "DYN_KV_CACHE_BLOCK_SIZE"),
    ),
    rule(
        "scale-to-zero", "render.py::test_replicas", ask.scaled_to_zero, f"{SERVICE}/VllmWorker/replicas = 0"
    ),
    state("says-why", "test_read_status", dynamo.says_why, places.MESSAGE),
    state("contradicted", "test_read_status", dynamo.contradicted, *places.DEPLOYING),
    state("truthful-message", "test_read_status", dynamo.silent("successful"), places.MESSAGE),
    state("empty-service", "test_endpoint", dynamo.names_an_empty_service, "/endpoint/**"),
    state("endpoint-needs-frontend", "test_endpoint", dynamo.without_frontend, "/endpoint/** - *"),
    state("observed-generation", "test_read_status", ask.stale, *places.DEPLOYING),
    config(
        "chart-release",
        "test_the_release_is_named_everywhere",
        always,
        *(f"{INSTALLATION}/{at} = {CHART}" for at in CHART_AT),
    ),
    config("newer-version", "test_health", always, f"{STATE}/upstreamCRDVersion = nvidia.com/v1beta1"),
    config("operator-probe", "test_health", always, f"{STATE}/ready", f"{STATE}/conditions/**"),
]
