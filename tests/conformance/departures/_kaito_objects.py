"""How the reference's Workspaces are changed into ours."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects

TEMPLATE = ("inference", "template")
POD = (*TEMPLATE, "spec")
RESERVED_LABELS = {
    "airunway.ai/managed-by",
    "airunway.ai/deployment",
    "airunway.ai/model-deployment",
    "airunway.ai/model-source",
    "airunway.ai/engine-type",
}


def llamacpp(given: Given) -> bool:
    return ask.engine(given) == "llamacpp"


def own_container(given: Given) -> bool:
    """A llama.cpp container that overrides leave as it is rendered."""
    return llamacpp(given) and not ask.overridden(given, *POD, "containers")


def workspace(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = answer["objects"][0]
    return found


def container(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = ask.at(workspace(answer), *POD, "containers")[0]
    return found


@on_objects
def with_gpu_limits(given: Given, answer: Answer) -> Answer:
    resources = container(answer).setdefault("resources", {})
    resources["limits"] = {ask.gpu_type(given): str(ask.gpu_count(given))}
    return answer


@on_objects
def without_nvidia_label(given: Given, answer: Answer) -> Answer:
    if not ask.overridden(given, "resource", "labelSelector", "matchLabels", "nvidia.com/gpu.present"):
        selector = workspace(answer)["resource"]["labelSelector"]["matchLabels"]
        given_by_user = ask.spec(given, "nodeSelector", default={}).get("nvidia.com/gpu.present")
        selector["nvidia.com/gpu.present"] = given_by_user
    return answer


@on_objects
def with_probes(given: Given, answer: Answer) -> Answer:
    names = {entry["name"] for entry in ask.spec(given, "env", default=[])}
    check: dict[str, Any] = {"httpGet": {"path": "/v1/models", "port": 5000}}
    if names & {"API_KEY", "LOCALAI_API_KEY"}:
        check = {"tcpSocket": {"port": 5000}}
    probe = {**check, "periodSeconds": 10, "timeoutSeconds": 5}
    container(answer)["startupProbe"] = {**probe, "failureThreshold": 360}
    container(answer)["readinessProbe"] = {**probe, "failureThreshold": 3}
    return answer


def baked_image(given: Given) -> bool:
    image = ask.image(given)
    holds_model = re.match(r"(ghcr\.io/kaito-project/aikit|localhost:30500)/(?!runners/)", image)
    url = ask.spec(given, "engine", "args", "ggufUrl", default="")
    return bool(own_container(given) and holds_model and not url)


@on_objects
def without_model_argument(given: Given, answer: Answer) -> Answer:
    container(answer)["args"] = ["--address=:5000"]
    return answer


def token_for_preset(given: Given) -> bool:
    owner, _, model = str(ask.spec(given, "model", "id", default="")).partition("/")
    secret = ask.spec(given, "secrets", "huggingFaceToken")
    options = ("inference", "preset", "presetOptions", "modelAccessSecret")
    return bool(ask.engine(given) == "vllm" and secret and owner and model) and not ask.overridden(
        given, *options
    )


@on_objects
def with_access_secret(given: Given, answer: Answer) -> Answer:
    options = workspace(answer)["inference"]["preset"].setdefault("presetOptions", {})
    options["modelAccessSecret"] = ask.spec(given, "secrets", "huggingFaceToken")
    return answer


@on_objects
def with_tolerations(given: Given, answer: Answer) -> Answer:
    if not ask.overridden(given, *POD, "tolerations"):
        ask.at(workspace(answer), *POD)["tolerations"] = ask.tolerations(given)
    return answer


@on_objects
def with_storage(given: Given, answer: Answer) -> Answer:
    if not ask.overridden(given, *POD, "volumes"):
        ask.at(workspace(answer), *POD)["volumes"] = ask.pod_volumes(given)
    if own_container(given):
        container(answer)["volumeMounts"] = ask.volume_mounts(given)
    answer["objects"] += ask.managed_claims(given)
    return answer


def lost_source(entry: Mapping[str, Any]) -> bool:
    source = {kind: value for kind, value in (entry.get("valueFrom") or {}).items() if value is not None}
    plain = set(source) == {"secretKeyRef"} and "optional" not in source["secretKeyRef"]
    return bool(source) and (not plain or bool(entry.get("value")))


def loses_env_source(given: Given) -> bool:
    return own_container(given) and any(map(lost_source, ask.spec(given, "env", default=[])))


@on_objects
def with_env_sources(given: Given, answer: Answer) -> Answer:
    environment = container(answer)["env"]
    for index, entry in enumerate(ask.spec(given, "env")):
        if lost_source(entry):
            environment[index] = {"name": entry["name"], "valueFrom": entry["valueFrom"]}
    return answer


def overwrites_labels(given: Given) -> bool:
    labels = ask.spec(given, "podTemplate", "metadata", "labels", default={})
    return not RESERVED_LABELS.isdisjoint(labels)


@on_objects
def with_reserved_labels(given: Given, answer: Answer) -> Answer:
    workspace(answer)["metadata"]["labels"] |= {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/deployment": ask.name(given),
        "airunway.ai/model-deployment": ask.name(given),
        "airunway.ai/model-source": ask.spec(given, "model", "source", default=""),
        "airunway.ai/engine-type": ask.engine(given),
    }
    return answer


@on_objects
def with_pod_metadata(given: Given, answer: Answer) -> Answer:
    template = ask.at(workspace(answer), *TEMPLATE)
    for kind in ("labels", "annotations"):
        for key, value in ask.spec(given, "podTemplate", "metadata", kind, default={}).items():
            if not ask.overridden(given, *TEMPLATE, "metadata", kind, key):
                template.setdefault("metadata", {}).setdefault(kind, {}).setdefault(key, value)
    return answer
