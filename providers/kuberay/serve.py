"""The Ray Serve application, as the YAML text in `spec.serveConfigV2`. Source: kuberay.md §7.2, weak spot 3.

Two applications: on the stock image Ray Serve's own server for language models, which reads its whole
configuration from this text; on an image of the user's the module `vllm_serve`, which that image brings and
which reads MODEL_ID and VLLM_ENGINE_ARGS.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment, ServingMode, WorkerGroup
from airunway.provider import RenderError, rendering, serving_image
from airunway.providers.kuberay.args import SPANNING, engine_options, tensor_parallel_size

DEFAULT_IMAGE = "rayproject/ray-llm:2.55.0-py311-cu128"

_STOCK_REPOSITORY = "rayproject/ray-llm"
_NO_REPLICAS = {"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1}
"""Ray Serve refuses `num_replicas: 0`."""
_OPTIONS = "engine_kwargs"
_KV_TRANSFER = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")


def image_of(deployment: ModelDeployment) -> str:
    """Image of head and workers, as the user names it, else the default (kuberay.md §7.5)."""
    return rendering.image_override(deployment) or DEFAULT_IMAGE


def is_stock(image: str) -> bool:
    """Whether an image is Ray's own for language models, in any version and from any mirror."""
    repository = serving_image.split_reference(image).short_repository
    return repository == _STOCK_REPOSITORY or repository.endswith(f"/{_STOCK_REPOSITORY}")


def serve_replicas(deployment: ModelDeployment) -> int:
    """Engines that the application asks for; absent is 1, and so is 0 in disaggregated mode."""
    replicas = rendering.replica_count(deployment)
    if replicas is None or replicas < 0:
        return 1
    return replicas or (1 if deployment.serving_mode == ServingMode.DISAGGREGATED else 0)


def serve_config(deployment: ModelDeployment) -> str:
    """`spec.serveConfigV2`. Raises RenderError for flags that Ray Serve LLM cannot be given."""
    if not is_stock(image_of(deployment)):
        deployments = [{"name": "VLLMDeployment", **_scaling(serve_replicas(deployment))}]
        return _application("vllm_serve:deployment", {"deployments": deployments})
    scaling = deployment.spec.scaling
    if deployment.serving_mode == ServingMode.DISAGGREGATED and scaling:
        roles = {
            f"{role}_config": _role_config(deployment, group)
            for role, group in (("prefill", scaling.prefill), ("decode", scaling.decode))
            if group
        }
        return _application("ray.serve.llm:build_pd_openai_app", {"args": roles})
    gpus, workers = deployment.gpu_count, serve_replicas(deployment)
    model = _model_config(_options(deployment, gpus, workers), workers=workers, gpus=gpus)
    return _application("ray.serve.llm:build_openai_app", {"args": {"llm_configs": [model]}})


def _application(import_path: str, body: Mapping[str, Any]) -> str:
    application = {"name": "llm", "route_prefix": "/", "import_path": import_path, **body}
    return "\n".join([*_block({"applications": [application]}, ""), ""])


def _role_config(deployment: ModelDeployment, group: WorkerGroup) -> dict[str, Any]:
    gpus = (group.gpu.count or 0) if group.gpu else 0
    options = _options(deployment, gpus, group.replicas or 0)
    options.setdefault("kv_transfer_config", _KV_TRANSFER)
    return _model_config(options, workers=group.replicas or 0, gpus=gpus)


def _options(deployment: ModelDeployment, gpus: int, workers: int) -> dict[str, Any]:
    size = tensor_parallel_size(deployment, gpus=gpus, workers=workers)
    return engine_options(deployment, tensor_parallel=size)


def _model_config(options: dict[str, Any], *, workers: int, gpus: int) -> dict[str, Any]:
    source = options.pop("model", "")
    served = options.pop("served_model_name", source)
    for flag, value in (("model", source), ("served-model-name", served)):
        if not isinstance(value, str) or not value:
            raise RenderError(f"spec.engine.args: --{flag} takes one name on the default image")
    return {
        "model_loading_config": {"model_id": served, "model_source": source},
        **({_OPTIONS: options} if options else {}),
        "deployment_config": _scaling(_engines(options, workers=workers, gpus=gpus)),
    }


def _engines(options: Mapping[str, Any], *, workers: int, gpus: int) -> int:
    """Engines that fit: one a worker, fewer when an engine's parallelism spans several workers."""
    spans = 1
    for flag in ("tensor-parallel-size", *SPANNING):
        size = options.get(flag.replace("-", "_"))
        spans *= size if isinstance(size, int) and size > 0 else 1
    return min(workers, max(1, workers * gpus // spans))


def _scaling(replicas: int) -> dict[str, Any]:
    return {"num_replicas": replicas} if replicas > 0 else {"autoscaling_config": _NO_REPLICAS}


# --- YAML ------------------------------------------------------------------------------------------
# Written by hand: a general writer takes longer than all other rendering together.


def _block(value: Mapping[str, Any], indent: str, *, flat: bool = False) -> Iterator[str]:
    """Lines of a map; `flat`: each value on the line of its key, whatever it is."""
    for key, item in value.items():
        line = f"{indent}{_scalar(key)}:"
        if flat or not isinstance(item, Mapping | list):
            yield f"{line} {_scalar(item)}"
        elif isinstance(item, Mapping):
            yield line
            yield from _block(item, indent + "  ", flat=key == _OPTIONS)
        else:
            yield line
            for entry in item:
                first, *rest = _block(entry, indent + "    ")
                yield f"{indent}  - {first.lstrip()}"
                yield from rest


def _scalar(value: Any) -> str:
    """A value on one line; JSON is YAML, once the characters are escaped that YAML does not allow raw."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _YAML_WORDS:
        return value
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
