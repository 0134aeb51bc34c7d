"""The command line of the vLLM server. Source: vllm.md §9."""

from __future__ import annotations

from api.model_deployment import ModelDeployment
from providers import common, flags

HOST = "0.0.0.0"
PORT = 8000
RESERVED = frozenset({"host", "port"})


def server_args(deployment: ModelDeployment) -> list[str]:
    """The arguments, in the contract's order. Raises RenderError for a flag that cannot be given.

    A flag that the user sets, in any spelling, replaces the one that follows from another field.
    """
    flags.refuse_reserved(deployment, RESERVED)
    flags.refuse_duplicates(deployment)
    flags.refuse_bad_keys(deployment)
    return [
        "--host",
        HOST,
        "--port",
        str(PORT),
        *flags.derived(flags.explicit_flags(deployment), *_from_fields(deployment)),
        *flags.rendered_args(flags.engine_args(deployment)),
        *flags.extra_args(deployment),
    ]


def _from_fields(deployment: ModelDeployment) -> list[tuple[str, str | None] | None]:
    model, engine = deployment.spec.model, deployment.spec.engine
    length = engine.context_length if engine else None
    gpus = deployment.gpu_count
    return [
        ("model", common.model_id(deployment)) if common.model_id(deployment) else None,
        ("served-model-name", model.served_name) if model.served_name else None,
        ("max-model-len", str(length)) if length is not None else None,
        ("trust-remote-code", None) if engine and engine.trust_remote_code else None,
        ("enforce-eager", None) if engine and engine.enforce_eager else None,
        ("enable-prefix-caching", None) if engine and engine.enable_prefix_caching else None,
        ("tensor-parallel-size", str(gpus)) if gpus > 1 else None,
    ]
