"""Pod templates of the KubeRay provider: environment, arguments, storage, scheduling, metadata."""

from __future__ import annotations

import copy
import shlex
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects
from tests.conformance.departures._kuberay_given import (
    CACHES,
    OPERATOR_VOLUMES,
    OWN_VARIABLES,
    arguments,
    common_spread,
    container,
    flag,
    head,
    stock,
    tokens,
    variables,
    workers,
)
from tests.conformance.departures._kuberay_serve import from_fields


def plain(entry: Mapping[str, Any]) -> bool:
    source = entry.get("valueFrom")
    if not source:
        return True
    secret = source.get("secretKeyRef") if source.keys() == {"secretKeyRef"} else None
    return not entry.get("value") and isinstance(secret, Mapping) and secret.keys() == {"name", "key"}


@on_objects
def with_sources(given: Given, answer: Answer) -> Answer:
    env = container(head(answer))["env"]
    for index, entry in enumerate(variables(given), start=len(OWN_VARIABLES)):
        if entry.get("valueFrom"):
            env[index] = {"name": entry["name"], "valueFrom": entry["valueFrom"]}
    return answer


def names_in_env(given: Given) -> list[str]:
    token = ["HF_TOKEN"] if ask.spec(given, "secrets", "huggingFaceToken") else []
    return [*OWN_VARIABLES, *(entry["name"] for entry in variables(given)), *token]


@on_objects
def with_last_of_a_name(given: Given, answer: Answer) -> Answer:
    entries = container(head(answer))["env"]
    container(head(answer))["env"] = [
        entry
        for index, entry in enumerate(entries)
        if entry["name"] not in {later["name"] for later in entries[index + 1 :]}
    ]
    return answer


@on_objects
def with_worker_env(given: Given, answer: Answer) -> Answer:
    for template in workers(answer):
        container(template)["env"] = copy.deepcopy(container(head(answer))["env"])
    return answer


def explicit(given: Given) -> set[str]:
    names = {key.replace("_", "-") for key in arguments(given)} | {flag(token) for token in tokens(given)}
    return names | {name.removeprefix("no-") for name in names}


def command_line(given: Given) -> list[str]:
    taken, line = explicit(given), []
    for name, value in from_fields(given, common_spread(given)):
        if name.removeprefix("no-") not in taken:
            line += [f"--{name}", value] if value else [f"--{name}"]
    for key, value in sorted(arguments(given).items()):
        line += [f"--{key}", value] if value else [f"--{key}"]
    return line + tokens(given)


@on_objects
def with_command_line(given: Given, answer: Answer) -> Answer:
    container(head(answer))["env"][1]["value"] = shlex.join(command_line(given))
    return answer


def parallel(given: Given) -> bool:
    return common_spread(given) > 1 and "tensor-parallel-size" not in explicit(given)


def switched(given: Given) -> bool:
    engine = ask.spec(given, "engine", default={})
    return bool(
        engine.get("enforceEager") or engine.get("enablePrefixCaching") is False or engine.get("extraArgs")
    )


def set_twice(given: Given) -> bool:
    return any(
        name.removeprefix("no-") in explicit(given) for name, _ in from_fields(given, common_spread(given))
    )


def quoted(given: Given) -> bool:
    line = command_line(given)
    return shlex.join(line) != " ".join(line) or not ask.spec(given, "model", "id")


@on_objects
def with_scheduling(given: Given, answer: Answer) -> Answer:
    for template in (head(answer), *workers(answer)):
        template["spec"]["nodeSelector"] = ask.spec(given, "nodeSelector", default={})
        template["spec"]["tolerations"] = [
            {"key": "", "operator": "", **{key: value for key, value in entry.items() if value != ""}}
            for entry in ask.spec(given, "tolerations", default=[])
        ]
    return answer


@on_objects
def with_cpu(given: Given, answer: Answer) -> Answer:
    for template in workers(answer):
        container(template)["resources"]["requests"] = {"cpu": ask.spec(given, "resources", "cpu")}
    return answer


@on_objects
def with_storage(given: Given, answer: Answer) -> Answer:
    taken = {entry["name"] for entry in variables(given)}
    caches = []
    for volume in ask.volumes(given):
        variable = CACHES.get(volume.get("purpose", ""))
        if variable and variable not in {*taken, *(entry["name"] for entry in caches)}:
            caches.append({"name": variable, "value": ask.mount_of(volume)})
    for template in workers(answer):
        env = container(template)["env"]
        position = sum(name not in taken for name in OWN_VARIABLES)
        container(template)["env"] = [*env[:position], *caches, *env[position:]]
        mount(given, template, ask.volumes(given))
    mount(given, head(answer), [item for item in ask.volumes(given) if item.get("purpose") not in CACHES])
    answer["objects"] += ask.managed_claims(given)
    return answer


def mount(given: Given, template: dict[str, Any], volumes: list[dict[str, Any]]) -> None:
    names = {volume["name"]: volume["name"] for volume in volumes}
    taken = {volume["name"] for volume in ask.volumes(given)}
    for name in names.keys() & set(OPERATOR_VOLUMES):
        while names[name] in taken:
            names[name] = f"user-{names[name]}"
    template["spec"]["volumes"] = [
        {**source, "name": names[source["name"]]}
        for source in ask.pod_volumes(given)
        if source["name"] in names
    ]
    container(template)["volumeMounts"] = [
        {**entry, "name": names[entry["name"]]}
        for entry in ask.volume_mounts(given)
        if entry["name"] in names
    ]
    if stock(given) and any(not volume.get("readOnly") for volume in volumes):
        template["spec"]["securityContext"] = {"fsGroup": 100}


def pod_metadata(given: Given, part: str) -> dict[str, str]:
    return dict(ask.spec(given, "podTemplate", "metadata", part, default={}))


@on_objects
def with_pod_metadata(given: Given, answer: Answer) -> Answer:
    for template in (head(answer), *workers(answer)):
        fixed = {"airunway.ai/model-deployment": ask.name(given)}
        template["metadata"]["labels"] = {**pod_metadata(given, "labels"), **fixed}
        template["metadata"]["annotations"] = pod_metadata(given, "annotations")
    return answer


def reserved_labels(given: Given) -> dict[str, str]:
    return {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/deployment": ask.name(given),
        "airunway.ai/model-source": ask.spec(given, "model", "source", default=""),
        "airunway.ai/engine-type": ask.engine(given),
    }


@on_objects
def with_reserved_labels(given: Given, answer: Answer) -> Answer:
    answer["objects"][0]["metadata"]["labels"] |= reserved_labels(given)
    return answer
