"""Where the Dynamo provider differs from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.providers.dynamo import PROVIDER
from tests.conformance.departures import Departure
from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects

TESTS = "tests/providers/dynamo"

OBJECTS = frozenset({"transform/dynamo"})
STATUS = frozenset({"provider_status/dynamo"})
CONFIG = frozenset({"provider_config/dynamo"})

WORKERS = ("VllmWorker", "VllmPrefillWorker", "VllmDecodeWorker")
ROUTERS = ("Epp", "Frontend")
TYPED = {"routerMode", "frontend", "epp", "replicas", "resources", "cpu", "memory", "image"}
ROUTER_SIZES = {"frontend": {"replicas", "resources"}, "epp": {"replicas"}}
ROUTER_MODES = {
    "round-robin",
    "random",
    "power-of-two",
    "least-loaded",
    "device-aware-weighted",
    "kv",
    "direct",
}
ENGINES = ("vllm", "sglang", "trtllm")
BLOCK_SIZE_FLAGS = {"vllm": "block-size", "sglang": "page-size", "trtllm": "kv-block-size"}
VLLM_IMAGE = "nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.1.1"
CONTAINER = ("extraPodSpec", "mainContainer")


# --- questions -------------------------------------------------------------------------------------


def mocker(given: Given) -> bool:
    path = ("metadata", "annotations", "airunway.ai/dynamo-test-backend")
    return bool(ask.at(given["model_deployment"], *path) == "mocker")


def disaggregated(given: Given) -> bool:
    return bool(ask.spec(given, "serving", "mode") == "disaggregated")


def gateway(given: Given) -> bool:
    return not mocker(given) and ask.spec(given, "gateway", "enabled") is not False


def serves_engine(given: Given, *engines: str) -> bool:
    return ask.engine(given) in engines and not mocker(given)


def model_id(given: Given) -> str:
    return str(ask.spec(given, "model", "id", default=""))


def env(given: Given) -> list[dict[str, Any]]:
    return list(ask.spec(given, "env", default=[]))


def args(given: Given) -> dict[str, str]:
    return dict(ask.spec(given, "engine", "args", default={}))


def extra_args(given: Given) -> list[str]:
    return list(ask.spec(given, "engine", "extraArgs", default=[]))


def spelled(flag: str) -> str:
    return flag.lstrip("-").partition("=")[0].strip().replace("_", "-")


def flag_names(given: Given) -> set[str]:
    tokens = {spelled(token) for token in extra_args(given) if re.match(r"--[^-]", token)}
    return {spelled(key) for key in args(given)} | tokens


def root_overrides(given: Given) -> dict[str, Any]:
    found = ask.overrides(given)
    return dict(found) if isinstance(found, Mapping) else {}


def downloads(given: Given) -> bool:
    caches = [volume for volume in ask.volumes(given) if volume.get("purpose") == "modelCache"]
    writable = bool(caches) and not caches[0].get("readOnly")
    return ask.spec(given, "model", "source") == "huggingface" and writable


def worker_keys(given: Given) -> tuple[str, ...]:
    return WORKERS[1:] if disaggregated(given) else WORKERS[:1]


def router_key(given: Given) -> str:
    return "Epp" if gateway(given) else "Frontend"


def services(given: Given, answer: Answer, keys: tuple[str, ...]) -> Iterator[tuple[str, dict[str, Any]]]:
    """The rendered services called so, without those that overrides take away."""
    found = ask.at(answer["objects"][0], "spec", "services", default={})
    for key in keys:
        rendered = key in worker_keys(given) or key == router_key(given)
        if rendered and isinstance(found.get(key), dict):
            yield key, found[key]


def free(given: Given, service: str, *path: str) -> bool:
    """Whether overrides leave a field of a service as it is rendered."""
    return not ask.overridden(given, "spec", "services", service, *path)


def lay_under(value: dict[str, Any], ours: Mapping[str, Any]) -> None:
    """Add what we render where the recorded object, overrides included, has nothing."""
    for key, item in ours.items():
        if isinstance(item, Mapping) and isinstance(value.get(key), dict):
            lay_under(value[key], item)
        elif key not in value:
            value[key] = item


def on_containers(
    field: str, change: Callable[[Given, str, list[Any]], list[Any]]
) -> Callable[[Given, Answer], Answer]:
    """An adjustment of one list in every worker's container that overrides leave alone."""

    @on_objects
    def adjust(given: Given, answer: Answer) -> Answer:
        for key, service in services(given, answer, WORKERS):
            if free(given, key, *CONTAINER, field):
                container = service["extraPodSpec"]["mainContainer"]
                container[field] = change(given, key, list(container.get(field) or []))
        return answer

    return adjust


def role(service: str) -> str:
    return {"VllmPrefillWorker": "prefill", "VllmDecodeWorker": "decode"}.get(service, "")


# --- refusals --------------------------------------------------------------------------------------


def denied_override(given: Given) -> bool:
    checked = root_overrides(given)
    for key, sizes in ROUTER_SIZES.items():
        if isinstance(checked.get(key), Mapping):
            checked[key] = {name: value for name, value in checked[key].items() if name not in sizes}
    return not ask.DENIED_KEYS.isdisjoint(ask.override_keys(checked))


def misshapen_override(given: Given) -> bool:
    found = root_overrides(given)
    if "spec" not in found:
        return False
    if not isinstance(found["spec"], Mapping):
        return True
    services = found["spec"].get("services", {})
    if not isinstance(services, Mapping):
        return True
    return any(entry is not None and not isinstance(entry, Mapping) for entry in services.values())


def stray_service(given: Given) -> bool:
    """A part of a service that is not rendered, or one whose type is taken away."""
    services = ask.at(root_overrides(given), "spec", "services", default={})
    if misshapen_override(given):
        return False
    rendered = {router_key(given), *worker_keys(given)}
    return any(
        service is not None and not service.get("componentType", "kept" if name in rendered else "")
        for name, service in (services or {}).items()
    )


def impossible_value(given: Given) -> bool:
    found = root_overrides(given)
    counts = [ask.at(found, part, "replicas") for part in ("frontend", "epp")]
    mode = found.get("routerMode")
    unknown = isinstance(mode, str) and mode not in ROUTER_MODES | {""}
    negative = any(isinstance(count, int) and count < 0 for count in counts)
    return negative or (unknown and not gateway(given))


def folded_typed_key(given: Given) -> bool:
    """Whether a typed key is given in other letters, which Go's decoder takes all the same."""
    folded = {key.lower(): key for key in TYPED}
    typed_parts = {key: value for key, value in root_overrides(given).items() if key != "spec"}
    return any(folded.get(key.lower(), key) != key for key in ask.override_keys(typed_parts))


def own_answer(given: Given, answer: Answer) -> Answer:
    try:
        deployment = ModelDeployment.model_validate(given["model_deployment"])
        return {"compatible": True, "objects": PROVIDER.render(deployment, RenderContext())}
    except (RenderError, ValidationError):
        return dict(ask.REFUSED)


def impossible_name(given: Given) -> bool:
    name = ask.name(given)
    too_long = len(name) > 54 or (downloads(given) and len(name) > 48)
    return too_long or ask.impossible_service_name(given)


def without_gpus(given: Given) -> bool:
    groups = [ask.spec(given, "scaling", name) for name in ("prefill", "decode")]
    counts = [ask.at(group, "gpu", "count", default=0) for group in groups]
    return disaggregated(given) and not mocker(given) and min(counts) <= 0


def impossible_claims(given: Given) -> bool:
    claims = [ask.claim_of(given, volume) for volume in ask.volumes(given)]
    labels = all(re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", claim) for claim in claims)
    return not labels or len(set(claims)) < len(claims)


# --- arguments -------------------------------------------------------------------------------------


def names_model_by_flag(given: Given) -> bool:
    return not mocker(given) and bool(flag_names(given) & {"model", "model-path"})


def without_empty_model(given: Given, answer: Answer) -> Answer:
    if not names_model_by_flag(given):
        return ask.refuse(given, answer)
    strip: Answer = on_containers("args", lambda given, service, found: found[2:])(given, answer)
    return strip


def after_trust(given: Given) -> int:
    """Where the flag for prefix caching stands among the arguments."""
    engine = ask.spec(given, "engine", default={})
    return (
        (2 if model_id(given) else 0)
        + (2 if ask.spec(given, "model", "servedName") else 0)
        + (2 if engine.get("contextLength") is not None else 0)
        + (1 if engine.get("trustRemoteCode") else 0)
    )


def with_sglang_flags(given: Given, service: str, found: list[Any]) -> list[Any]:
    engine, index = ask.spec(given, "engine", default={}), after_trust(given)
    caching, eager = engine.get("enablePrefixCaching"), bool(engine.get("enforceEager"))
    end = index + bool(caching) + eager
    ours = (["--disable-radix-cache"] if caching is False else []) + ["--disable-cuda-graph"] * eager
    return [*found[:index], *ours, *found[end:]]


def with_caching_off(given: Given, service: str, found: list[Any]) -> list[Any]:
    index = after_trust(given)
    return [*found[:index], "--no-enable-prefix-caching", *found[index:]]


def without_derived_transfer(given: Given, service: str, found: list[Any]) -> list[Any]:
    return found[:-2]


def with_extra_args(given: Given, service: str, found: list[Any]) -> list[Any]:
    return [*found, *extra_args(given)]


def block_size(given: Given) -> str:
    flag, found = BLOCK_SIZE_FLAGS.get(ask.engine(given), ""), ""
    for key, value in sorted(args(given).items()):
        found = value if spelled(key) == flag else found
    tokens = extra_args(given)
    for index, token in enumerate(tokens):
        if re.match(r"--[^-]", token) and spelled(token) == flag:
            _, given_here, value = token.partition("=")
            found = value if given_here else "".join(tokens[index + 1 : index + 2])
    return found


# --- other parts of the objects --------------------------------------------------------------------


@on_objects
def without_root_keys(given: Given, answer: Answer) -> Answer:
    for key in root_overrides(given).keys() - {"spec"}:
        answer["objects"][0].pop(key, None)
    return answer


def rendered_variable(entry: Mapping[str, Any]) -> dict[str, Any]:
    if entry.get("valueFrom"):
        return {"name": entry["name"], "valueFrom": entry["valueFrom"]}
    return {"name": entry["name"], **({"value": entry["value"]} if entry.get("value") else {})}


def with_env(given: Given, service: str, found: list[Any]) -> list[Any]:
    wanted = {entry["name"]: rendered_variable(entry) for entry in env(given)}
    return [*(entry for entry in found if entry["name"] not in wanted), *wanted.values()]


def with_mount_paths(given: Given, answer: Answer) -> Answer:
    if any(not ask.mount_of(volume) for volume in ask.volumes(given)):
        return ask.refuse(given, answer)
    paths = {ask.claim_of(given, volume): ask.mount_of(volume) for volume in ask.volumes(given)}
    caches = [volume for volume in ask.volumes(given) if volume.get("purpose") == "modelCache"]
    for key, service in services(given, answer, WORKERS) if answer.get("objects") else ():
        if free(given, key, "volumeMounts"):
            for mount in service["volumeMounts"]:
                mount["mountPoint"] = paths[mount["name"]]
        taken = any(entry["name"] == "HF_HOME" for entry in env(given))
        if caches and not taken and free(given, key, *CONTAINER, "env"):
            container = service["extraPodSpec"]["mainContainer"]
            others = [entry for entry in container.get("env") or () if entry["name"] != "HF_HOME"]
            container["env"] = [{"name": "HF_HOME", "value": ask.mount_of(caches[0])}, *others]
    return answer


@on_objects
def with_pod_metadata(given: Given, answer: Answer) -> Answer:
    metadata = ask.spec(given, "podTemplate", "metadata")
    ours = {key: dict(metadata[key]) for key in ("labels", "annotations") if metadata.get(key)}
    for _, service in services(given, answer, (*ROUTERS, *WORKERS)):
        if ours:
            lay_under(service, {"extraPodMetadata": ours})
    return answer


def gpus_of(given: Given, service: str) -> Mapping[str, Any]:
    path = ("scaling", role(service), "gpu") if role(service) else ("resources", "gpu")
    found: Mapping[str, Any] = ask.spec(given, *path, default={})
    return found


def has_other_gpu(given: Given, service: str) -> bool:
    gpu = gpus_of(given, service)
    return bool(gpu.get("count")) and (gpu.get("type") or "nvidia.com/gpu") != "nvidia.com/gpu"


@on_objects
def with_gpu_type(given: Given, answer: Answer) -> Answer:
    for key, service in services(given, answer, WORKERS):
        if has_other_gpu(given, key):
            typed = {"gpuType": gpus_of(given, key)["type"]}
            lay_under(service, {"resources": {"limits": dict(typed), "requests": dict(typed)}})
    return answer


def own_image(given: Given) -> str:
    runtimes = {"sglang": "sglang-runtime", "trtllm": "tensorrtllm-runtime"}
    runtime = runtimes.get(ask.engine(given), "vllm-runtime")
    return ask.image(given) or f"nvcr.io/nvidia/ai-dynamo/{runtime}:1.1.1"


@on_objects
def with_sidecar_image(given: Given, answer: Answer) -> Answer:
    for key, service in services(given, answer, WORKERS):
        if free(given, key, "frontendSidecar", "image"):
            service["frontendSidecar"]["image"] = own_image(given)
    return answer


@on_objects
def with_picker_secret(given: Given, answer: Answer) -> Answer:
    for _, service in services(given, answer, ("Epp",)):
        lay_under(service, {"envFromSecret": ask.spec(given, "secrets", "huggingFaceToken")})
    return answer


@on_objects
def with_picker_block_size(given: Given, answer: Answer) -> Answer:
    for key, service in services(given, answer, ("Epp",)):
        if free(given, key, *CONTAINER, "env"):
            entry = {"name": "DYN_KV_CACHE_BLOCK_SIZE", "value": block_size(given)}
            service["extraPodSpec"]["mainContainer"]["env"].append(entry)
    return answer


@on_objects
def with_no_replica(given: Given, answer: Answer) -> Answer:
    for key, service in services(given, answer, WORKERS[:1]):
        if free(given, key, "replicas"):
            service["replicas"] = 0
    return answer


# --- status ----------------------------------------------------------------------------------------


def upstream_status(given: Given) -> Mapping[str, Any]:
    found = given["upstream"].get("status")
    return found if isinstance(found, Mapping) else {}


def state(given: Given) -> Any:
    return upstream_status(given).get("state")


def says_nothing(given: Given) -> bool:
    message = upstream_status(given).get("message")
    return not (isinstance(message, str) and message)


def with_text(given: Given, answer: Answer) -> Answer:
    return {**answer, "message": "<text>"}


def with_missing_replicas(given: Given, answer: Answer) -> Answer:
    counts = answer.get("replicas") or {}
    missing = 0 < (counts.get("ready") or 0) < (counts.get("desired") or 0)
    return with_text(given, answer) if missing else answer


def stale(given: Given) -> bool:
    return ask.is_older_than_generation(given, upstream_status(given).get("observedGeneration"))


def not_taken_up(given: Given, answer: Answer) -> Answer:
    if answer.get("phase") in ("Running", "Failed"):
        return {**answer, "phase": "Deploying", "message": "<text>"}
    return answer


def without_frontend(given: Given) -> bool:
    found = ask.at(given["upstream"], "spec", "services", default={})
    parts = list(found.values()) if isinstance(found, Mapping) else []
    frontends = [part for part in parts if ask.at(part, "componentType") == "frontend"]
    named = ask.at(upstream_status(given), "endpoint", "service")
    return bool(parts) and not frontends and not (isinstance(named, str) and named)


# --- registration ----------------------------------------------------------------------------------


def probed(given: Given, answer: Answer) -> Answer:
    for entry in given.get("upstream_states") or ():
        recorded = answer["status_by_upstream_state"][entry["name"]]
        operators = [
            operator
            for operator in entry["upstream"].get("deployments") or ()
            if (ask.at(operator, "metadata", "labels") or operator.get("labels") or {}).get(
                "app.kubernetes.io/name"
            )
            == "dynamo-operator"
        ]
        ready = [
            operator
            for operator in operators
            if ask.at(operator, "status", "readyReplicas")
            or operator.get("readyReplicas")
            or operator.get("ready_replicas")
        ]
        if not recorded["ready"]:
            reason = "CRDMissing"
        elif not operators:
            reason = "UpstreamControllerUnknown"
        else:
            reason = "UpstreamHealthy" if ready else "UpstreamControllerNotReady"
        recorded["ready"] = reason in ("UpstreamHealthy", "UpstreamControllerUnknown")
        status = "True" if recorded["ready"] else "False"
        recorded["conditions"] = [
            {"type": "UpstreamReady", "status": status, "reason": reason, "message": "<text>"}
        ]
    return answer


def departs(
    name: str,
    covered_by: str,
    *,
    when: Callable[[Given], bool],
    adjust: Callable[[Given, Answer], Answer] = ask.refuse,
    groups: frozenset[str] = OBJECTS,
) -> Departure:
    """A rule that changes the whole answer; without `adjust` we refuse the deployment."""
    return Departure(
        name=f"dynamo-{name}",
        groups=groups,
        applies=when,
        adjust=adjust,
        covered_by=f"{TESTS}/{covered_by}",
    )


RENDERING = [
    departs(
        "typed-keys-not-merged",
        "test_options.py::test_typed_keys_do_not_reach_the_object",
        when=lambda given: bool(root_overrides(given).keys() - {"spec"}),
        adjust=without_root_keys,
    ),
    departs(
        "empty-model-id",
        "test_args.py::test_model",
        when=lambda given: not model_id(given),
        adjust=without_empty_model,
    ),
    departs(
        "sglang-flags",
        "test_args.py::test_flags_of_typed_fields",
        when=lambda given: serves_engine(given, "sglang") and bool(ask.spec(given, "engine")),
        adjust=on_containers("args", with_sglang_flags),
    ),
    departs(
        "prefix-caching-off",
        "test_args.py::test_flags_of_typed_fields",
        when=lambda given: (
            serves_engine(given, "vllm") and ask.spec(given, "engine", "enablePrefixCaching") is False
        ),
        adjust=on_containers("args", with_caching_off),
    ),
    departs(
        "own-kv-transfer",
        "test_args.py::test_own_transfer_configuration_wins",
        when=lambda given: (
            serves_engine(given, "vllm")
            and disaggregated(given)
            and "kv-transfer-config" in flag_names(given)
        ),
        adjust=on_containers("args", without_derived_transfer),
    ),
    departs(
        "extra-args",
        "test_args.py::test_extra_args_come_last",
        when=lambda given: bool(extra_args(given)) and not mocker(given),
        adjust=on_containers("args", with_extra_args),
    ),
    departs(
        "volume-paths",
        "test_render.py::test_volumes",
        when=lambda given: any(not volume.get("mountPath") for volume in ask.volumes(given)),
        adjust=with_mount_paths,
    ),
    departs(
        "env",
        "test_render.py::test_environment_of_workers",
        when=lambda given: bool(env(given)),
        adjust=on_containers("env", with_env),
    ),
    departs(
        "pod-metadata",
        "test_render.py::test_pod_template_reaches_every_pod",
        when=lambda given: bool(ask.spec(given, "podTemplate", "metadata")),
        adjust=with_pod_metadata,
    ),
    departs(
        "gpu-type",
        "test_render.py::test_resources_of_workers",
        when=lambda given: not mocker(given) and any(has_other_gpu(given, key) for key in worker_keys(given)),
        adjust=with_gpu_type,
    ),
    departs(
        "sidecar-image",
        "test_render.py::test_sidecar_has_the_image_of_its_worker",
        when=lambda given: gateway(given) and own_image(given) != VLLM_IMAGE,
        adjust=with_sidecar_image,
    ),
    departs(
        "picker-secret",
        "test_render.py::test_secret_reaches_every_service",
        when=lambda given: gateway(given) and bool(ask.spec(given, "secrets", "huggingFaceToken")),
        adjust=with_picker_secret,
    ),
    departs(
        "picker-block-size",
        "test_render.py::test_picker_knows_the_block_size",
        when=lambda given: gateway(given) and bool(block_size(given)),
        adjust=with_picker_block_size,
    ),
    departs(
        "scale-to-zero",
        "test_render.py::test_replicas",
        when=lambda given: not disaggregated(given) and ask.spec(given, "scaling", "replicas") == 0,
        adjust=with_no_replica,
    ),
]

REFUSALS = [
    departs("override-deny-list", "test_options.py::test_refused_overrides", when=denied_override),
    departs("override-shape", "test_options.py::test_refused_overrides", when=misshapen_override),
    departs("override-service", "test_options.py::test_refused_overrides", when=stray_service),
    departs("override-values", "test_options.py::test_refused_overrides", when=impossible_value),
    departs("impossible-name", "test_check.py::test_check", when=impossible_name),
    departs(
        "unknown-engine", "test_check.py::test_check", when=lambda given: ask.engine(given) not in ENGINES
    ),
    departs(
        "trtllm-disaggregated",
        "test_check.py::test_check",
        when=lambda given: ask.engine(given) == "trtllm" and disaggregated(given),
    ),
    departs("gpus-of-both-groups", "test_check.py::test_check", when=without_gpus),
    departs("claim-names", "test_render.py::test_claims_that_cannot_be_mounted", when=impossible_claims),
    departs(
        "reserved-mode",
        "test_args.py::test_reserved_flag",
        when=lambda given: disaggregated(given) and "disaggregation-mode" in flag_names(given),
    ),
]

WHOLE = [
    departs(
        "override-key-case",
        "test_options.py::test_keys_in_other_letters_are_unknown",
        when=folded_typed_key,
        adjust=own_answer,
    ),
]

READING = [
    departs(
        "says-why",
        "test_status.py::test_read_status",
        when=lambda given: state(given) == "failed" and says_nothing(given),
        adjust=with_text,
        groups=STATUS,
    ),
    departs(
        "truthful-message",
        "test_status.py::test_read_status",
        when=lambda given: state(given) == "successful" and says_nothing(given),
        adjust=with_missing_replicas,
        groups=STATUS,
    ),
    departs(
        "endpoint-needs-frontend",
        "test_status.py::test_endpoint",
        when=without_frontend,
        adjust=lambda given, answer: {**answer, "endpoint": None} if answer.get("phase") else answer,
        groups=STATUS,
    ),
    departs(
        "observed-generation",
        "test_status.py::test_read_status",
        when=stale,
        adjust=not_taken_up,
        groups=STATUS,
    ),
]

REGISTERING = [
    departs(
        "operator-probe",
        "test_config.py::test_health",
        when=lambda given: True,
        adjust=probed,
        groups=CONFIG,
    )
]

# What is refused needs no other rule; a whole answer of our own must not be changed by another rule.
DEPARTURES = [*REFUSALS, *RENDERING, *WHOLE, *READING, *REGISTERING]
