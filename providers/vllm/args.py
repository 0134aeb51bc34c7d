"""The command line of the vLLM server. Source: vllm.md §9."""

from __future__ import annotations

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.grammars import NEWEST_VLLM, Grammar, vllm_release, vllm_serve
from airunway.provider import ArgumentRules, flags, rendering, server_pod
from airunway.provider.argument_rules import said_by_fields

HOST = "0.0.0.0"
RESERVED = frozenset({"host", "port"})

_PREFIX_CACHING = "enable-prefix-caching"


def server_args(deployment: ModelDeployment) -> list[str]:
    """The arguments, in the contract's order. Raises RenderError for a flag that cannot be given."""
    given = flags.command_line(
        deployment, *_from_fields(deployment), grammar=_grammar(deployment), reserved=RESERVED
    )
    return ["--host", HOST, "--port", str(server_pod.PORT), *given]


def argument_rules(deployment: ModelDeployment) -> ArgumentRules:
    """How the server reads its arguments."""
    return ArgumentRules(grammar=_grammar(deployment), owned=said_by_fields(deployment))


def _grammar(deployment: ModelDeployment) -> Grammar:
    image = rendering.serving_image_override(deployment)
    return vllm_serve(vllm_release(image, default=NEWEST_VLLM))  # the default image is a nightly one


def _from_fields(deployment: ModelDeployment) -> list[tuple[str, str | None] | None]:
    model, engine = deployment.spec.model, deployment.spec.engine
    length = engine.context_length if engine else None
    gpus = deployment.gpu_count
    return [
        ("model", rendering.model_id(deployment)) if rendering.model_id(deployment) else None,
        ("served-model-name", model.served_name) if model.served_name else None,
        ("max-model-len", str(length)) if length is not None else None,
        ("trust-remote-code", None) if engine and engine.trust_remote_code else None,
        ("enforce-eager", None) if engine and engine.enforce_eager else None,
        _prefix_caching(deployment),
        ("tensor-parallel-size", str(gpus)) if gpus > 1 else None,
    ]


def _prefix_caching(deployment: ModelDeployment) -> tuple[str, str | None] | None:
    # vLLM caches prefixes unless it is told not to, so an explicit false needs a flag of its own.
    engine = deployment.spec.engine
    if engine is None or engine.enable_prefix_caching is None:
        return None
    if _PREFIX_CACHING in flags.explicit_flags(deployment, _grammar(deployment)):
        return None
    return (_PREFIX_CACHING if engine.enable_prefix_caching else f"no-{_PREFIX_CACHING}", None)
