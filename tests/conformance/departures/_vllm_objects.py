"""How the reference's Deployments are changed into ours."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext, RenderError
from airunway.providers.vllm import PROVIDER
from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects

POD = ("spec", "template", "spec")
RESERVED_LABELS = {
    "airunway.ai/managed-by",
    "airunway.ai/deployment",
    "airunway.ai/model-source",
    "airunway.ai/engine-type",
}
CACHES = {"modelCache": "HF_HOME", "compilationCache": "VLLM_CACHE_ROOT"}


def workload(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = answer["objects"][0]
    return found


def own_container(given: Given) -> bool:
    """A container that overrides leave as it is rendered."""
    return not ask.overridden(given, *POD, "containers")


def container(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = ask.at(workload(answer), *POD, "containers")[0]
    return found


@on_objects
def with_deadlines(given: Given, answer: Answer) -> Answer:
    if not ask.overridden(given, "spec", "progressDeadlineSeconds"):
        workload(answer)["spec"]["progressDeadlineSeconds"] = 3600
    if own_container(given):
        container(answer)["startupProbe"]["failureThreshold"] = 358
    return answer


@on_objects
def with_pod_labels(given: Given, answer: Answer) -> Answer:
    name = ask.name(given)
    fixed = {"airunway.ai/deployment": name, "app": name, "airunway.ai/model-deployment": name}
    ask.at(workload(answer), "spec", "template", "metadata")["labels"] |= fixed
    return answer


def repeats_variable(given: Given) -> bool:
    names = [entry["name"] for entry in ask.spec(given, "env", default=[])]
    return own_container(given) and len(names) != len(set(names))


@on_objects
def with_variables_once(given: Given, answer: Answer) -> Answer:
    entries = container(answer)["env"]
    container(answer)["env"] = [
        entry
        for index, entry in enumerate(entries)
        if entry["name"] not in {later["name"] for later in entries[index + 1 :]}
    ]
    return answer


def cache_volumes(given: Given) -> list[dict[str, Any]]:
    """The first volume of each cache, unless the user sets its variable."""
    taken, found = {entry["name"] for entry in ask.spec(given, "env", default=[])}, []
    for volume in ask.volumes(given):
        variable = CACHES.get(volume.get("purpose", ""))
        if variable and variable not in taken:
            taken.add(variable)
            found.append(volume)
    return found


@on_objects
def with_cache_variables(given: Given, answer: Answer) -> Answer:
    variables = [
        {"name": CACHES[volume["purpose"]], "value": ask.mount_of(volume)} for volume in cache_volumes(given)
    ]
    container(answer)["env"] = [*variables, *container(answer).get("env", [])]
    return answer


@on_objects
def with_claims(given: Given, answer: Answer) -> Answer:
    answer["objects"] += ask.managed_claims(given)
    return answer


def shm_is_taken(given: Given) -> bool:
    return ask.gpu_count(given) > 1 and any(volume["name"] == "shm" for volume in ask.volumes(given))


@on_objects
def with_renamed_shared_memory(given: Given, answer: Answer) -> Answer:
    taken, name = {volume["name"] for volume in ask.volumes(given)}, "shm"
    while name in taken:
        name = f"dev-{name}"
    if not ask.overridden(given, *POD, "volumes"):
        for volume in ask.at(workload(answer), *POD, "volumes"):
            if "emptyDir" in volume:
                volume["name"] = name
    if own_container(given):
        for mount in container(answer).get("volumeMounts", []):
            if mount["mountPath"] == "/dev/shm":
                mount["name"] = name
    return answer


@on_objects
def with_no_replicas(given: Given, answer: Answer) -> Answer:
    workload(answer)["spec"]["replicas"] = 0
    return answer


def foreign_gpu(given: Given) -> bool:
    return ask.gpu_count(given) > 0 and ask.gpu_type(given) != "nvidia.com/gpu"


def with_gpu_type(given: Given, answer: Answer) -> Answer:
    if not ask.gpu_type(given).startswith("nvidia.com/") and not ask.image(given):
        return ask.refuse(given, answer)
    if answer.get("objects") and own_container(given):
        for part in ("limits", "requests"):
            resources = ask.at(container(answer), "resources", part, default={})
            if "nvidia.com/gpu" in resources:
                resources[ask.gpu_type(given)] = resources.pop("nvidia.com/gpu")
    return answer


def written_flags(given: Given) -> Iterator[str]:
    """Flags of the user, in the server's spelling; `-tp` as its long form."""
    short = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size"}
    yield from (key.replace("_", "-") for key in ask.spec(given, "engine", "args", default={}))
    for token in ask.spec(given, "engine", "extraArgs", default=[]):
        flag = token.lstrip("-").split("=")[0].strip().replace("_", "-")
        dashes = len(token) - len(token.lstrip("-"))
        if dashes == 2 and flag:
            yield flag
        elif dashes == 1 and flag in short:
            yield short[flag]


def spelled_differently(given: Given) -> bool:
    literal = set(ask.spec(given, "engine", "args", default={}))
    literal |= {
        token[2:].split("=")[0].strip()
        for token in ask.spec(given, "engine", "extraArgs", default=[])
        if token.startswith("--")
    }
    return own_container(given) and any(
        flag not in literal or flag.startswith("no-") for flag in written_flags(given)
    )


def user_args(given: Given) -> list[str]:
    """The arguments that the user gives, which stand last."""
    own = ask.spec(given, "engine", "args", default={})
    rendered = [item for key in sorted(own) for item in (f"--{key}", own[key]) if item]
    return [*rendered, *ask.spec(given, "engine", "extraArgs", default=[])]


def prefix_caching_off(given: Given) -> bool:
    flags = {flag.removeprefix("no-") for flag in written_flags(given)}
    is_off = ask.spec(given, "engine", "enablePrefixCaching") is False
    return own_container(given) and is_off and "enable-prefix-caching" not in flags


@on_objects
def without_prefix_caching(given: Given, answer: Answer) -> Answer:
    """Of the derived flags only the tensor parallel size stands behind it."""
    args = container(answer)["args"]
    derived = args[: len(args) - len(user_args(given))]
    position = len(derived) - (2 if "--tensor-parallel-size" in derived else 0)
    args.insert(position, "--no-enable-prefix-caching")
    return answer


@on_objects
def without_derived_duplicates(given: Given, answer: Answer) -> Answer:
    """Derived flags stand before the user's, each at most once; drop those that the user sets or negates."""
    flags = set(written_flags(given))
    flags |= {flag.removeprefix("no-") for flag in flags}
    args = container(answer)["args"]
    tail = len(user_args(given))
    derived, kept, skipping = args[: len(args) - tail], [], False
    for item in derived:
        if item.startswith("--"):
            skipping = item[2:] in flags
        if not skipping:
            kept.append(item)
    container(answer)["args"] = kept + args[len(args) - tail :]
    return answer


def reserved_with_one_dash(given: Given) -> bool:
    tokens = ask.spec(given, "engine", "extraArgs", default=[])
    return any(
        token.startswith("-")
        and not token.startswith("--")
        and token.lstrip("-").split("=")[0].strip() in ("host", "port")
        for token in tokens
    )


def empty_model(given: Given) -> bool:
    explicit = set(written_flags(given))
    return own_container(given) and not ask.spec(given, "model", "id") and "model" not in explicit


@on_objects
def without_model(given: Given, answer: Answer) -> Answer:
    args = container(answer)["args"]
    index = args.index("--model")
    container(answer)["args"] = args[:index] + args[index + 2 :]
    return answer


def overwrites_labels(given: Given) -> bool:
    labels = ask.spec(given, "podTemplate", "metadata", "labels", default={})
    return not RESERVED_LABELS.isdisjoint(labels)


@on_objects
def with_reserved_labels(given: Given, answer: Answer) -> Answer:
    workload(answer)["metadata"]["labels"] |= {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/deployment": ask.name(given),
        "airunway.ai/model-source": ask.spec(given, "model", "source", default=""),
        "airunway.ai/engine-type": ask.engine(given),
    }
    return answer


def breaks_shape(given: Given) -> bool:
    paths = [("spec",), ("spec", "template"), POD, ("spec", "template", "metadata")]
    paths.append(("spec", "template", "metadata", "labels"))
    for path in paths:
        current = ask.overrides(given)
        for key in path:
            current = current.get(key, {}) if isinstance(current, Mapping) else current
        if not isinstance(current, Mapping):
            return True
    containers = pod_override(given).get("containers", [])
    return not isinstance(containers, list)


def pod_override(given: Given) -> Mapping[str, Any]:
    found = ask.at(ask.overrides(given), *POD, default={})
    return found if isinstance(found, Mapping) else {}


def overrides_containers(given: Given) -> bool:
    containers = pod_override(given).get("containers")
    return isinstance(containers, list) and all(
        isinstance(entry, Mapping) and entry.get("name") for entry in containers
    )


def merged(base: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Objects key by key; everything else replaces."""
    objects = {
        key: merged(base[key], value)
        for key, value in given.items()
        if isinstance(value, Mapping) and isinstance(base.get(key), Mapping)
    }
    return {**base, **given, **objects}


@on_objects
def with_merged_containers(given: Given, answer: Answer) -> Answer:
    """The overrides laid over the container that is rendered without them, by name."""
    bare = copy.deepcopy(given["model_deployment"])
    del ask.at(bare, "spec", "provider", "overrides", *POD)["containers"]
    try:
        rendered = PROVIDER.render(ModelDeployment.model_validate(bare), RenderContext())
    except RenderError:
        return answer
    containers = {entry["name"]: entry for entry in ask.at(rendered[0], *POD, "containers")}
    for entry in pod_override(given)["containers"]:
        containers[entry["name"]] = merged(containers.get(entry["name"], {}), entry)
    ask.at(workload(answer), *POD)["containers"] = list(containers.values())
    return answer
