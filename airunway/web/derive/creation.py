"""A request of the API as a ModelDeployment (web-api.md §4.2, install.md B4.4)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.modelimage.naming import PREMADE_REPOSITORY, encoded
from airunway.web.derive.bodies import DeploymentBody, ProvenanceBody, VolumeBody

Obj = dict[str, Any]

KAITO, VLLM = "kaito", "vllm"
"""Providers whose requests the reference maps in a way of their own."""
DIRECT_RUNNER = "ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"
GPU_TYPE = "nvidia.com/gpu"
HUB = "https://huggingface.co"
_PROVENANCE = ("source", "id", "strategy", "hardware", "variant", "precision", "revision")


def manifest_of(body: DeploymentBody, *, namespace: str, build_file: str = "") -> Obj:
    """The object to create. `build_file`: the GGUF file whose image is built, where the request names the
    image that `/aikit/build` promised: the control plane builds it, and pins it by digest.
    """
    spec: Obj = {"model": _model(body)}
    engine = _engine(body, build_file)
    if engine:
        spec["engine"] = engine
    spec["serving"] = {"mode": body.mode}
    image = "" if build_file else _image(body)
    if image and body.provider == VLLM:
        spec.setdefault("engine", {})["image"] = image
    elif image:
        spec["image"] = image
    provider = _provider(body)
    if provider:
        spec["provider"] = provider
    spec |= _workers(body)
    if body.env:
        spec["env"] = [{"name": name, "value": text} for name, text in body.env.items()]
    if body.hf_token_secret:
        spec["secrets"] = {"huggingFaceToken": body.hf_token_secret}
    if body.gateway_enabled is not None:
        spec["gateway"] = {"enabled": body.gateway_enabled}
    meta: Obj = {
        "name": body.name,
        "namespace": namespace,
        "labels": {
            "app.kubernetes.io/name": "airunway",
            "app.kubernetes.io/instance": body.name,
            "app.kubernetes.io/managed-by": "airunway",
        },
    }
    annotations = _annotations(body.recipe_provenance)
    if annotations:
        meta["annotations"] = annotations
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "metadata": meta,
        "spec": spec,
    }


def _model(body: DeploymentBody) -> Obj:
    model: Obj = {"id": body.model_id, "source": "huggingface"}
    if body.served_model_name:
        model["servedName"] = body.served_model_name
    if body.storage and body.storage.volumes:
        model["storage"] = {"volumes": [_volume(volume) for volume in body.storage.volumes]}
    return model


def _volume(volume: VolumeBody) -> Obj:
    return volume.model_dump(by_alias=True, exclude_none=True)


def engine_type(body: DeploymentBody) -> str | None:
    """The engine; KAITO's follows from where the model comes from. None: selection decides."""
    if body.provider == KAITO and body.model_source is not None:
        return "vllm" if body.model_source == "vllm" else "llamacpp"
    return body.engine


def _engine(body: DeploymentBody, build_file: str) -> Obj:
    engine: Obj = {
        "trustRemoteCode": body.trust_remote_code,
        "enablePrefixCaching": body.enable_prefix_caching,
        "enforceEager": body.enforce_eager,
    }
    if kind := engine_type(body):
        engine["type"] = kind
    if length := body.context_length or body.max_model_len:
        engine["contextLength"] = length
    args = {key: as_text(value) for key, value in (body.engine_args or {}).items() if value is not None}
    if build_file:
        args.setdefault("ggufFile", build_file)
    elif _is_direct(body) and body.gguf_file:
        args["ggufUrl"] = f"{HUB}/{encoded(body.model_id)}/resolve/main/{encoded(body.gguf_file)}"
    if args:
        engine["args"] = args
    if body.engine_extra_args:
        engine["extraArgs"] = body.engine_extra_args
    return engine


def as_text(value: Any) -> str:
    """An argument as the resource takes it: texts as they are, others as JavaScript writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _image(body: DeploymentBody) -> str:
    if body.image_ref or body.provider != KAITO:
        return body.image_ref or ""
    if body.model_source == "premade" and body.premade_model:
        return f"{PREMADE_REPOSITORY}/{body.premade_model}"
    return DIRECT_RUNNER if _is_direct(body) else ""


def _is_direct(body: DeploymentBody) -> bool:
    is_hub = body.model_source == "huggingface"
    return body.provider == KAITO and is_hub and body.gguf_run_mode == "direct"


def _provider(body: DeploymentBody) -> Obj:
    overrides = dict(body.provider_overrides or {})
    if body.router_mode != "default":
        overrides["routerMode"] = body.router_mode
    provider: Obj = {}
    if body.provider:
        provider["name"] = body.provider
    if overrides:
        provider["overrides"] = overrides
    return provider


def _workers(body: DeploymentBody) -> Obj:
    is_cpu = body.compute_type == "cpu"
    if body.mode == "disaggregated":
        return {
            "scaling": {
                "prefill": _group(body.prefill_replicas, body.prefill_gpus, is_cpu=is_cpu),
                "decode": _group(body.decode_replicas, body.decode_gpus, is_cpu=is_cpu),
            }
        }
    parts: Obj = {"scaling": {"replicas": body.replicas}}
    given = body.resources
    resources: Obj = {}
    if is_cpu:
        resources["gpu"] = {"count": 0, "type": GPU_TYPE}
    elif given and given.gpu > 0:
        resources["gpu"] = {"count": given.gpu, "type": GPU_TYPE}
    if given and given.memory:
        resources["memory"] = given.memory  # the reference loses it where no GPU is asked for
    if resources:
        parts["resources"] = resources
    return parts


def _group(replicas: int | None, gpus: int | None, *, is_cpu: bool) -> Obj:
    group: Obj = {"replicas": replicas or 1}  # none of a kind would serve nothing: the reference's rule
    if gpus and not is_cpu:
        group["gpu"] = {"count": gpus, "type": GPU_TYPE}
    return group


def _annotations(provenance: ProvenanceBody | None) -> dict[str, str]:
    if provenance is None:
        return {}
    given = {field: (getattr(provenance, field) or "").strip() for field in _PROVENANCE}
    found = {f"{names.ANNOTATION_RECIPE_PREFIX}{field}": text for field, text in given.items() if text}
    if provenance.features:
        found[f"{names.ANNOTATION_RECIPE_PREFIX}features"] = json.dumps(
            provenance.features, ensure_ascii=False, separators=(",", ":")
        )
    if found:
        found[names.ANNOTATION_GENERATED_BY] = "vllm-recipe-resolver"
    return found


# -- what a provider offers ------------------------------------------------------------------------------


def capability_problem(body: DeploymentBody, capabilities: Mapping[str, Any]) -> str:
    """Why the provider that is asked for does not offer this (web-api.md §4.1); empty: it does.

    `capabilities`: as in ProviderInfo. A list that is empty says nothing.
    """
    engine = engine_type(body)
    entries = [entry for entry in capabilities.get("engineCapabilities") or () if entry["name"] == engine]
    modes = (entries[0].get("servingModes") if entries else None) or capabilities.get("modes") or []
    router = body.router_mode
    if router == "default":
        router = str((body.provider_overrides or {}).get("routerMode") or "default")  # type: ignore[assignment]
    checks = [
        ("engine", engine, capabilities.get("engines") or []),
        ("mode", body.mode, modes),
        ("modelSource", body.model_source or "huggingface", capabilities.get("modelSources") or []),
        ("routerMode", None if router == "default" else router, capabilities.get("routerModes") or []),
    ]
    for what, value, offered in checks:
        if value is not None and offered and value not in offered:
            return (
                f"provider {body.provider} does not offer {what} {value!r}; it offers: {', '.join(offered)}"
            )
    return ""


# -- whether there are GPUs enough -----------------------------------------------------------------------


def fit_warnings(body: DeploymentBody, *, available: int, largest: int, min_gpus: int) -> list[str]:
    """What speaks against finding GPUs for it; never a refusal (install.md B4.5).

    `available`: free GPUs of the cluster; `largest`: most free ones of one node; `min_gpus`: that the
    catalogue says the model needs.
    """
    if body.compute_type == "cpu":
        return []
    each = (body.resources.gpu if body.resources else 0) or 1
    if body.mode == "disaggregated":
        prefill, decode = body.prefill_gpus or each, body.decode_gpus or each
        total = (body.prefill_replicas or 1) * prefill + (body.decode_replicas or 1) * decode
        most, least = max(prefill, decode), min(prefill, decode)
    else:
        total, most, least = body.replicas * each * _nodes_each(body.provider_overrides), each, each
    warnings = []
    if total > available:
        warnings.append(f"it asks for {total} GPUs, and {available} are free in the cluster")
    if most > largest:
        warnings.append(f"one worker asks for {most} GPUs, and no node has more than {largest} free")
    if least < min_gpus:
        warnings.append(f"the model needs {min_gpus} GPUs for each worker, and {least} are asked for")
    return warnings


def _nodes_each(overrides: Mapping[str, Any] | None) -> int:
    found: Any = overrides or {}
    for key in ("spec", "services", "VllmWorker", "multinode", "nodeCount"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found > 1 else 1
