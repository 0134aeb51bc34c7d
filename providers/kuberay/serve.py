"""The Ray Serve application, as the YAML text in `spec.serveConfigV2`. Source: kuberay.md §7.2, weak spot 3.

Two applications: on the stock image Ray Serve's own server for language models, which reads its whole
configuration from this text; on an image of the user's the module `vllm_serve`, which that image brings and
which reads MODEL_ID and VLLM_ENGINE_ARGS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import inf
from typing import Any

import yaml

from airunway.api.model_deployment import ModelDeployment, ServingMode, WorkerGroup
from airunway.provider import RenderError, rendering, serving_image
from airunway.providers.kuberay.args import SPANNING, engine_options, tensor_parallel_size

DEFAULT_IMAGE = "rayproject/ray-llm:2.55.0-py311-cu128"

_STOCK_REPOSITORY = "rayproject/ray-llm"
_NO_REPLICAS = {"min_replicas": 0, "initial_replicas": 0, "max_replicas": 1}
"""Ray Serve refuses `num_replicas: 0`."""
_KV_TRANSFER = {"kv_connector": "NixlConnector", "kv_role": "kv_both"}
_PLAIN = re.compile(r"[A-Za-z/][A-Za-z0-9_./-]*(:[A-Za-z0-9_./-]+)*")
_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})


def serving_image_of(deployment: ModelDeployment) -> str:
    """Image of head and workers, as the user names it, else the default (kuberay.md §7.5)."""
    return rendering.serving_image_override(deployment) or DEFAULT_IMAGE


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
    if not is_stock(serving_image_of(deployment)):
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
    return _written({"applications": [application]})


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
        **({"engine_kwargs": {key: _Inline(value) for key, value in options.items()}} if options else {}),
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


class _Inline:
    """A value on the line of its key, whatever it is."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _ServeDumper(yaml.SafeDumper):
    """Lists are indented below their key, and everything that could be read as something else is quoted."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        """Never without an indent."""
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        """No anchors: an equal part stands written out wherever it is."""
        return True

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """Plain, if nobody can take it for anything but a text."""
        plain = _PLAIN.fullmatch(text) and text.lower() not in _YAML_WORDS
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')

    def represent_inline(self, inline: _Inline) -> yaml.Node:
        """As JSON writes it, but for a text by itself."""
        node = self.represent_data(inline.value)
        if isinstance(node, yaml.CollectionNode):
            _put_on_one_line(node)
        return node


_ServeDumper.add_representer(str, _ServeDumper.represent_text)
_ServeDumper.add_representer(_Inline, _ServeDumper.represent_inline)


def _put_on_one_line(node: yaml.Node) -> None:
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = True
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                _put_on_one_line(part)
    elif node.tag.endswith(":str") and isinstance(node, yaml.ScalarNode):
        node.style = '"'


def _written(value: Mapping[str, Any]) -> str:
    return yaml.dump(
        value, Dumper=_ServeDumper, sort_keys=False, default_flow_style=False, allow_unicode=True, width=inf
    )
