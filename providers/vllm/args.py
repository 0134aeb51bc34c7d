"""The command line of the vLLM server. Source: vllm.md §9."""

from __future__ import annotations

from airunway.api.model_deployment import Engine, ModelDeployment
from airunway.provider import common, flags

HOST = "0.0.0.0"
PORT = 8000
RESERVED = frozenset({"host", "port"})

_PREFIX_CACHING = "enable-prefix-caching"


def server_args(deployment: ModelDeployment) -> list[str]:
    """The arguments, in the contract's order. Raises RenderError for a flag that cannot be given.

    A flag that the user sets, in any spelling, replaces the one that follows from another field.
    """
    flags.refuse_reserved(deployment, RESERVED)
    flags.refuse_duplicates(deployment)
    flags.refuse_bad_keys(deployment)
    explicit = flags.explicit_flags(deployment)
    return [
        "--host",
        HOST,
        "--port",
        str(PORT),
        *flags.derived(explicit, *_from_fields(deployment, explicit)),
        *flags.rendered_args(flags.engine_args(deployment)),
        *flags.extra_args(deployment),
    ]


def _from_fields(deployment: ModelDeployment, explicit: set[str]) -> list[tuple[str, str | None] | None]:
    model, engine = deployment.spec.model, deployment.spec.engine
    length = engine.context_length if engine else None
    gpus = deployment.gpu_count
    return [
        ("model", common.model_id(deployment)) if common.model_id(deployment) else None,
        ("served-model-name", model.served_name) if model.served_name else None,
        ("max-model-len", str(length)) if length is not None else None,
        ("trust-remote-code", None) if engine and engine.trust_remote_code else None,
        ("enforce-eager", None) if engine and engine.enforce_eager else None,
        _prefix_caching(engine, explicit),
        ("tensor-parallel-size", str(gpus)) if gpus > 1 else None,
    ]


def _prefix_caching(engine: Engine | None, explicit: set[str]) -> tuple[str, str | None] | None:
    # vLLM caches prefixes unless it is told not to, so an explicit false needs a flag of its own.
    if engine is None or engine.enable_prefix_caching is None or _PREFIX_CACHING in explicit:
        return None
    return (_PREFIX_CACHING if engine.enable_prefix_caching else f"no-{_PREFIX_CACHING}", None)
