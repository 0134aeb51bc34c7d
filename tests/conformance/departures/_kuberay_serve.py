"""The Ray Serve application that an input asks for, worked out apart from the renderer."""

from __future__ import annotations

import json
import math
import string
from typing import Any

import yaml

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderError
from airunway.providers.kuberay.serve import serve_config
from tests.conformance.departures import _given as ask
from tests.conformance.departures._given import Answer, Given, on_objects
from tests.conformance.departures._kuberay_given import (
    NONE,
    SHORT_FORMS,
    arguments,
    cluster,
    disaggregated,
    flag,
    role_gpus,
    spread,
    stock,
    tokens,
    wanted_replicas,
)


def from_fields(given: Given, count: int) -> list[tuple[str, str]]:
    """Flags that follow from fields, with their values; empty for bare flags."""
    engine = ask.spec(given, "engine", default={})
    length = engine.get("contextLength")
    found = [
        ("model", ask.spec(given, "model", "id", default=""), bool(ask.spec(given, "model", "id"))),
        ("max-model-len", str(length), length is not None),
        (
            "served-model-name",
            ask.spec(given, "model", "servedName", default=""),
            bool(ask.spec(given, "model", "servedName")),
        ),
        ("trust-remote-code", "", bool(engine.get("trustRemoteCode"))),
        ("enforce-eager", "", bool(engine.get("enforceEager"))),
        ("no-enable-prefix-caching", "", engine.get("enablePrefixCaching") is False),
        ("tensor-parallel-size", str(count), count > 1),
    ]
    return [(name, value) for name, value, applies in found if applies]


def user_options(given: Given) -> dict[str, Any]:
    """The user's flags as vLLM's options."""
    found: list[tuple[str, list[str]]] = [
        (key.replace("_", "-"), [value] if value else []) for key, value in sorted(arguments(given).items())
    ]
    for token in tokens(given):
        if flag(token):
            found.append((flag(token), token.split("=", 1)[1:]))
        elif found:
            found[-1][1].append(token)
    return dict(option(name, values) for name, values in found)


def option(name: str, values: list[str]) -> tuple[str, Any]:
    name = SHORT_FORMS.get(name, name)
    if not values:
        return name.removeprefix("no-").replace("-", "_"), not name.startswith("no-")
    texts = {"model", "served-model-name", "tokenizer", "revision", "code-revision", "tokenizer-revision"}
    typed = [value if name in texts else typed_value(value) for value in values]
    return name.replace("-", "_"), typed[0] if len(typed) == 1 else typed


def typed_value(text: str) -> Any:
    if text in ("True", "False", "true", "false"):
        return text in ("True", "true")
    if not text.startswith(("{", "[", "-", *string.digits)):
        return text
    try:
        value = json.loads(text, parse_constant=no_number)
    except ValueError:
        return text
    return text if value in (math.inf, -math.inf) else value


def no_number(word: str) -> float:
    raise ValueError(word)


def engine_config(given: Given, *, count: int, replicas: int) -> dict[str, Any]:
    fields = from_fields(given, spread(given, count, replicas))
    options = dict(option(name, [value] if value else []) for name, value in fields)
    options |= user_options(given)
    source = options.pop("model")
    loading = {"model_id": options.pop("served_model_name", source), "model_source": source}
    if disaggregated(given):
        options.setdefault("kv_transfer_config", {"kv_connector": "NixlConnector", "kv_role": "kv_both"})
    spans = math.prod(size(options.get(f"{kind}_parallel_size")) for kind in ("tensor", "pipeline", "data"))
    engines = min(replicas, max(1, replicas * count // spans))
    config: dict[str, Any] = {"model_loading_config": loading, "deployment_config": sized(engines)}
    return {**config, "engine_kwargs": options} if options else config


def size(value: Any) -> int:
    return value if isinstance(value, int) and value > 0 else 1


def sized(replicas: int) -> dict[str, Any]:
    return {"num_replicas": replicas} if replicas else {"autoscaling_config": NONE}


def wanted_application(given: Given) -> dict[str, Any]:
    """The parsed serve configuration that the input asks for, worked out apart from the renderer."""
    application: dict[str, Any] = {"name": "llm", "route_prefix": "/"}
    if not stock(given):
        deployment = {"name": "VLLMDeployment", **sized(wanted_replicas(given))}
        return {**application, "import_path": "vllm_serve:deployment", "deployments": [deployment]}
    if not disaggregated(given):
        config = engine_config(given, count=ask.gpu_count(given), replicas=wanted_replicas(given))
        path = "ray.serve.llm:build_openai_app"
        args: dict[str, Any] = {"llm_configs": [config]}
    else:
        path = "ray.serve.llm:build_pd_openai_app"
        args = {
            f"{role}_config": engine_config(
                given,
                count=role_gpus(given, role),
                replicas=int(ask.spec(given, "scaling", role, "replicas", default=0)),
            )
            for role in ("prefill", "decode")
        }
    return {**application, "import_path": path, "args": args}


@on_objects
def with_application(given: Given, answer: Answer) -> Answer:
    """The content is worked out here; how it is written as YAML is the renderer's."""
    wanted = {"applications": [wanted_application(given)]}
    try:
        text = serve_config(ModelDeployment.model_validate(given["model_deployment"]))
    except RenderError as err:
        text = str(err)
    answer["objects"][0]["spec"]["serveConfigV2"] = text if yaml.safe_load(text) == wanted else repr(wanted)
    return answer


def scaled_to_zero(given: Given) -> bool:
    return not disaggregated(given) and bool(ask.spec(given, "scaling", "replicas") == 0)


@on_objects
def with_no_workers(given: Given, answer: Answer) -> Answer:
    for group in cluster(answer)["workerGroupSpecs"]:
        group |= {"replicas": 0, "minReplicas": 0, "maxReplicas": 0}
    return with_application(given, answer)
