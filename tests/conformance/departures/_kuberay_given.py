"""Questions of the KubeRay rules about an input, and the parts of an answer that they change."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given

OWN_VARIABLES = ("MODEL_ID", "VLLM_ENGINE_ARGS")
CACHES = {"modelCache": "HF_HOME", "compilationCache": "VLLM_CACHE_ROOT"}
OPERATOR_VOLUMES = ("shared-mem", "ray-logs")
SHORT_FORMS = {"tp": "tensor-parallel-size", "pp": "pipeline-parallel-size", "dp": "data-parallel-size"}
MERGED_BY = {"workerGroupSpecs": "groupName", "containers": "name", "initContainers": "name"}
KEYED = {
    **MERGED_BY,
    **{"env": "name", "volumes": "name", "volumeMounts": "mountPath", "ports": "containerPort"},
}
"""Lists whose entries overrides name, and the key that names them."""
TEXT_MAPS = ("rayStartParams", "labels", "annotations", "nodeSelector")
NONE = {"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1}


def cluster(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = answer["objects"][0]["spec"]["rayClusterConfig"]
    return found


def head(answer: Answer) -> dict[str, Any]:
    found: dict[str, Any] = cluster(answer)["headGroupSpec"]["template"]
    return found


def workers(answer: Answer) -> list[dict[str, Any]]:
    return [group["template"] for group in cluster(answer).get("workerGroupSpecs") or []]


def container(template: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = template["spec"]["containers"][0]
    return found


def disaggregated(given: Given) -> bool:
    return bool(ask.spec(given, "serving", "mode") == "disaggregated")


def stock(given: Given) -> bool:
    repository = re.sub(r"(@.*|:[^/]*)$", "", ask.image(given).strip())
    return not repository or repository.endswith("/rayproject/ray-llm") or repository == "rayproject/ray-llm"


def role_gpus(given: Given, role: str) -> int:
    return int(ask.spec(given, "scaling", role, "gpu", "count", default=0))


def engines(given: Given) -> list[tuple[int, int]]:
    """GPUs and number of the workers, for each role."""
    if not disaggregated(given):
        return [(ask.gpu_count(given), wanted_replicas(given))]
    return [
        (role_gpus(given, role), int(ask.spec(given, "scaling", role, "replicas", default=0)))
        for role in ("prefill", "decode")
    ]


def wanted_replicas(given: Given) -> int:
    return int(ask.spec(given, "scaling", "replicas", default=1))


def spread(given: Given, gpus: int, workers: int) -> int:
    """GPUs of one engine, unless the user asks for more workers by pipeline or data parallelism."""
    asked = 1
    for name in ("pipeline-parallel-size", "data-parallel-size"):
        asked *= number(last_value(given, name))
    return gpus if asked <= max(workers, 1) else 1


def common_spread(given: Given) -> int:
    """GPUs of an engine, if all engines have the same number."""
    found = {spread(given, gpus, workers) for gpus, workers in engines(given)}
    return found.pop() if len(found) == 1 else 0


def last_value(given: Given, name: str) -> str:
    values = [value for key, value in sorted(arguments(given).items()) if long_name(key) == name]
    line = tokens(given)
    for token, following in zip(line, [*line[1:], ""], strict=False):
        if flag(token) == name or (token.startswith("--") and long_name(token[2:].split("=")[0]) == name):
            values.append(token.split("=", 1)[1] if "=" in token else following)
    return values[-1] if values else ""


def long_name(key: str) -> str:
    name = key.strip().replace("_", "-")
    return SHORT_FORMS.get(name, name)


def number(text: str) -> int:
    return max(int(text), 1) if re.fullmatch(r"[0-9]{1,9}", text) else 1


def arguments(given: Given) -> dict[str, str]:
    return dict(ask.spec(given, "engine", "args", default={}))


def tokens(given: Given) -> list[str]:
    return list(ask.spec(given, "engine", "extraArgs", default=[]))


def flag(token: str) -> str:
    """Flag of a token in the server's spelling; empty for values and for short forms of other flags."""
    name = token.lstrip("-").split("=")[0].strip().replace("_", "-")
    if token.startswith("--") and not token.startswith("---"):
        return name
    return SHORT_FORMS.get(name, "") if token.startswith("-") else ""


def variables(given: Given) -> list[dict[str, Any]]:
    return list(ask.spec(given, "env", default=[]))
