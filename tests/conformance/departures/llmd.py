"""Where the llm-d provider differs from the reference on purpose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import Departure
from tests.conformance.departures import _given as ask
from tests.conformance.departures import vllm as workloads
from tests.conformance.departures._given import Answer, Given, on_objects

RENDER_TESTS = "tests/providers/llmd/test_render.py"
POD_TESTS = "tests/providers/llmd/test_pod.py"
OVERRIDE_TESTS = "tests/providers/llmd/test_overrides.py"
ARGS_TESTS = "tests/providers/llmd/test_args.py"
CHECK_TESTS = "tests/providers/llmd/test_checks.py"
STATUS_TESTS = "tests/providers/llmd/test_status.py"

OBJECTS = frozenset({"transform/llmd"})
STATUS = frozenset({"provider_status/llmd"})

TEMPLATE = ("spec", "template")
DERIVED_FLAGS = frozenset(
    [
        "model",
        "served-model-name",
        "max-model-len",
        "trust-remote-code",
        "enable-prefix-caching",
        "enforce-eager",
        "tensor-parallel-size",
        "kv-transfer-config",
    ]
)
SELECTING_LABELS = {"airunway.ai/deployment", "airunway.ai/model-deployment", "app"}


def disaggregated(given: Given) -> bool:
    return bool(ask.spec(given, "serving", "mode") == "disaggregated")


def groups(given: Given) -> dict[str, Mapping[str, Any]]:
    """What sizes each Deployment, by the Deployment's name."""
    if disaggregated(given):
        return {
            f"{ask.name(given)}-{role}": ask.spec(given, "scaling", role, default={})
            for role in ("decode", "prefill")
        }
    return {ask.name(given): ask.spec(given, "resources", default={})}


def deployments(answer: Answer) -> list[dict[str, Any]]:
    return [obj for obj in answer["objects"] if obj["kind"] == "Deployment"]


def pod(deployment: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = deployment["spec"]["template"]["spec"]
    return found


def container(deployment: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod(deployment)["containers"][0]
    return found


# --- refusals --------------------------------------------------------------------------------------


def overridden_at(given: Given, *path: str) -> Any:
    """What overrides say at a path; an empty map when they say nothing."""
    current: Any = ask.overrides(given)
    for key in path:
        current = current.get(key, {}) if isinstance(current, Mapping) else current
    return current


def breaks_shape(given: Given) -> bool:
    metadata = (*TEMPLATE, "metadata")
    texts = [overridden_at(given, *metadata, kind) for kind in ("labels", "annotations")]
    maps = [overridden_at(given, *path) for path in (("spec",), TEMPLATE, metadata)]
    return any(not isinstance(entry, Mapping) for entry in [*maps, *texts]) or any(
        not isinstance(value, str) for entry in texts for value in entry.values()
    )


def moves_selector(given: Given) -> bool:
    spec = overridden_at(given, "spec")
    labels = overridden_at(given, *TEMPLATE, "metadata", "labels")
    return (isinstance(spec, Mapping) and "selector" in spec) or (
        isinstance(labels, Mapping) and not SELECTING_LABELS.isdisjoint(labels)
    )


def impossible_service_name(given: Given) -> bool:
    suffix = "-prefill" if disaggregated(given) else ""
    return not re.fullmatch(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?", ask.name(given) + suffix)


def sets_port(given: Given) -> bool:
    tokens = [token for token in ask.spec(given, "engine", "extraArgs", default=[]) if token.startswith("-")]
    keys = [f"--{key}" for key in ask.spec(given, "engine", "args", default={})]
    return any(re.fullmatch(r"--?port\s*(=.*)?", token.strip()) for token in [*tokens, *keys])


def same_flag_twice(given: Given) -> bool:
    keys = ask.spec(given, "engine", "args", default={})
    tokens = ask.spec(given, "engine", "extraArgs", default=[])
    flags = [token[2:].split("=")[0].strip() for token in tokens if re.match("--(?!-)", token)]
    return any(flag in keys for flag in flags if flag)


def gpu_types(given: Given) -> dict[str, str]:
    return {
        name: str(ask.at(group, "gpu", "type") or "nvidia.com/gpu") for name, group in groups(given).items()
    }


def with_gpu_types(given: Given, answer: Answer) -> Answer:
    types = gpu_types(given)
    if not ask.image(given) and any(not kind.startswith("nvidia.com/") for kind in types.values()):
        return ask.refuse(given, answer)
    for deployment in deployments(answer) if answer.get("objects") else ():
        for part in container(deployment).get("resources", {}).values():
            if "nvidia.com/gpu" in part:
                part[types[deployment["metadata"]["name"]]] = part.pop("nvidia.com/gpu")
    return answer


# --- objects ---------------------------------------------------------------------------------------


@on_objects
def with_probes(given: Given, answer: Answer) -> Answer:
    def probe(period: int, failures: int) -> dict[str, Any]:
        return {
            "httpGet": {"path": "/health", "port": 8000},
            "initialDelaySeconds": 15,
            "periodSeconds": period,
            "failureThreshold": failures,
        }

    for deployment in deployments(answer):
        container(deployment)["startupProbe"] = probe(10, 358)
        container(deployment)["livenessProbe"] = probe(10, 3)
        container(deployment)["readinessProbe"] = probe(5, 3)
        if not ask.overridden(given, "spec", "progressDeadlineSeconds"):
            deployment["spec"]["progressDeadlineSeconds"] = 3600
    return answer


@on_objects
def with_pool_label(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        labels.pop("airunway.ai/model-deployment", None)
        if deployment["metadata"]["name"] != f"{ask.name(given)}-prefill":
            labels["airunway.ai/model-deployment"] = ask.name(given)
    return answer


@on_objects
def with_reserved_labels(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        workloads.with_reserved_labels(given, {"objects": [deployment]})
    return answer


def shared_memory_name(given: Given) -> str:
    taken, name = {volume["name"] for volume in ask.volumes(given)}, "shm"
    while name in taken:
        name = f"dev-{name}"
    return name


def needs_shared_memory(group: Mapping[str, Any]) -> bool:
    return int(ask.at(group, "gpu", "count", default=0)) > 1


@on_objects
def with_shared_memory(given: Given, answer: Answer) -> Answer:
    name = shared_memory_name(given)
    for deployment in deployments(answer):
        if needs_shared_memory(groups(given)[deployment["metadata"]["name"]]):
            memory = {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}}
            pod(deployment).setdefault("volumes", []).append(memory)
            mount = {"name": name, "mountPath": "/dev/shm"}
            container(deployment).setdefault("volumeMounts", []).append(mount)
    return answer


@on_objects
def with_storage(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        pod(deployment).setdefault("volumes", []).extend(ask.pod_volumes(given))
        container(deployment).setdefault("volumeMounts", []).extend(ask.volume_mounts(given))
        variables = [
            {"name": workloads.CACHES[volume["purpose"]], "value": ask.mount_of(volume)}
            for volume in workloads.cache_volumes(given)
        ]
        container(deployment)["env"] = [*variables, *container(deployment).get("env", [])]
    answer["objects"] += ask.managed_claims(given)
    return answer


def loses_source(entry: Mapping[str, Any]) -> bool:
    source = {kind: value for kind, value in (entry.get("valueFrom") or {}).items() if value is not None}
    plain = set(source) == {"secretKeyRef"} and "optional" not in source["secretKeyRef"]
    return bool(source) and (bool(entry.get("value")) or not plain)


@on_objects
def with_env_sources(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        for index, entry in enumerate(ask.spec(given, "env", default=[])):
            if loses_source(entry):
                container(deployment)["env"][index] = {
                    "name": entry["name"],
                    "valueFrom": entry["valueFrom"],
                }
    return answer


def repeats_variable(given: Given) -> bool:
    names = [entry["name"] for entry in ask.spec(given, "env", default=[])]
    names += ["HF_TOKEN"] if ask.spec(given, "secrets", "huggingFaceToken") else []
    return len(names) != len(set(names))


@on_objects
def with_variables_once(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        entries = container(deployment)["env"]
        container(deployment)["env"] = [
            entry
            for index, entry in enumerate(entries)
            if entry["name"] not in {later["name"] for later in entries[index + 1 :]}
        ]
    return answer


@on_objects
def with_no_replicas(given: Given, answer: Answer) -> Answer:
    deployments(answer)[0]["spec"]["replicas"] = 0
    return answer


@on_objects
def without_empty_model(given: Given, answer: Answer) -> Answer:
    for deployment in deployments(answer):
        container(deployment)["args"] = container(deployment)["args"][2:]
    return answer


def repeats_derived_flag(given: Given) -> bool:
    flags = {flag.removeprefix("no-") for flag in workloads.written_flags(given)}
    return not DERIVED_FLAGS.isdisjoint(flags)


@on_objects
def without_repeated_flags(given: Given, answer: Answer) -> Answer:
    """Derived flags stand before the user's; drop those that the user sets or negates."""
    flags = {flag.removeprefix("no-") for flag in workloads.written_flags(given)}
    own = ask.spec(given, "engine", "args", default={})
    length = sum(2 if value else 1 for value in own.values())
    length += len(ask.spec(given, "engine", "extraArgs", default=[]))
    for deployment in deployments(answer):
        args = container(deployment)["args"]
        derived, kept, is_kept = args[: len(args) - length], [], True
        for item in derived:
            if item.startswith("--"):
                is_kept = item[2:].removeprefix("no-") not in flags
            kept += [item] if is_kept else []
        container(deployment)["args"] = kept + args[len(args) - length :]
    return answer


def rule(name: str, applies: Any, adjust: Any, test: str, groups: frozenset[str] = OBJECTS) -> Departure:
    return Departure(name=f"llmd-{name}", groups=groups, applies=applies, adjust=adjust, covered_by=test)


DEPARTURES = [
    rule("override-deny-list", ask.denied_override, ask.refuse, f"{OVERRIDE_TESTS}::test_refuses_overrides"),
    rule("override-shape", breaks_shape, ask.refuse, f"{OVERRIDE_TESTS}::test_refuses_overrides"),
    rule("override-selector", moves_selector, ask.refuse, f"{OVERRIDE_TESTS}::test_refuses_overrides"),
    rule("impossible-name", impossible_service_name, ask.refuse, f"{CHECK_TESTS}::test_check"),
    rule("reserved-port", sets_port, ask.refuse, f"{ARGS_TESTS}::test_refuses_flags"),
    rule("flag-in-both-fields", same_flag_twice, ask.refuse, f"{ARGS_TESTS}::test_refuses_flags"),
    rule(
        "gpu-type",
        lambda given: set(gpu_types(given).values()) != {"nvidia.com/gpu"},
        with_gpu_types,
        f"{POD_TESTS}::test_gpu_type",
    ),
    rule("probes", lambda given: True, with_probes, f"{POD_TESTS}::test_probes"),
    rule("pool-label", lambda given: True, with_pool_label, f"{RENDER_TESTS}::test_pod_labels"),
    rule(
        "reserved-labels",
        workloads.overwrites_labels,
        with_reserved_labels,
        f"{RENDER_TESTS}::test_reserved_labels_win",
    ),
    rule(
        "shared-memory",
        lambda given: any(map(needs_shared_memory, groups(given).values())),
        with_shared_memory,
        f"{POD_TESTS}::test_shared_memory",
    ),
    rule(
        "env-sources",
        lambda given: any(map(loses_source, ask.spec(given, "env", default=[]))),
        with_env_sources,
        f"{POD_TESTS}::test_environment",
    ),
    rule("env-once", repeats_variable, with_variables_once, f"{POD_TESTS}::test_environment"),
    rule("storage", lambda given: bool(ask.volumes(given)), with_storage, f"{POD_TESTS}::test_storage"),
    rule(
        "scale-to-zero",
        lambda given: not disaggregated(given) and ask.spec(given, "scaling", "replicas") == 0,
        with_no_replicas,
        f"{RENDER_TESTS}::test_replicas",
    ),
    rule(
        "no-empty-model",
        lambda given: not ask.spec(given, "model", "id"),
        without_empty_model,
        f"{ARGS_TESTS}::test_server_args",
    ),
    rule("flags-once", repeats_derived_flag, without_repeated_flags, f"{ARGS_TESTS}::test_server_args"),
    rule(
        "roll-out-first",
        workloads.rolling,
        workloads.as_deploying,
        f"{STATUS_TESTS}::test_read_status",
        STATUS,
    ),
    rule(
        "failed-roll-out",
        workloads.failed_beside_the_old,
        workloads.as_failed,
        f"{STATUS_TESTS}::test_read_status",
        STATUS,
    ),
    rule(
        "truthful-message",
        workloads.has_trouble,
        workloads.with_trouble,
        f"{STATUS_TESTS}::test_read_status",
        STATUS,
    ),
]
