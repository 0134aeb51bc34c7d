"""The command line of a vLLM server under llm-d. Source: llmd.md §9.2."""

from __future__ import annotations

import json

from airunway.api.model_deployment import ModelDeployment
from airunway.engines.grammars import LLMD_VLLM, Grammar, vllm_release, vllm_serve
from airunway.provider import ArgumentRules, flags, rendering
from airunway.provider.argument_rules import said_by_fields
from airunway.providers.llmd.components import Component

KV_CONNECTOR = "PyNcclConnector"
RESERVED = frozenset({"port"})
"""The Services and the probes count on the server's own port; any other would never be reached."""

_PREFIX_CACHING = "enable-prefix-caching"


def server_args(deployment: ModelDeployment, component: Component) -> list[str]:
    """The arguments, in the contract's order. Raises RenderError for a flag that cannot be given."""
    return flags.command_line(
        deployment,
        *_from_fields(deployment, component),
        grammar=_grammar(deployment),
        reserved=RESERVED,
    )


def argument_rules(deployment: ModelDeployment) -> ArgumentRules:
    """How the servers read their arguments."""
    return ArgumentRules(grammar=_grammar(deployment), owned=said_by_fields(deployment))


def _grammar(deployment: ModelDeployment) -> Grammar:
    return vllm_serve(vllm_release(rendering.serving_image_override(deployment), default=LLMD_VLLM))


def _from_fields(deployment: ModelDeployment, component: Component) -> list[tuple[str, str | None] | None]:
    model, engine = deployment.spec.model, deployment.spec.engine
    length = engine.context_length if engine else None
    caching = bool(engine and engine.enable_prefix_caching)
    transfer = {"kv_connector": KV_CONNECTOR, "kv_role": component.kv_role}
    return [
        ("model", rendering.model_id(deployment)) if rendering.model_id(deployment) else None,
        ("served-model-name", model.served_name) if model.served_name else None,
        ("max-model-len", str(length)) if length is not None else None,
        ("trust-remote-code", None) if engine and engine.trust_remote_code else None,
        # Exactly one form is always there, so that the server's own default does not matter.
        (_PREFIX_CACHING if caching else f"no-{_PREFIX_CACHING}", None)
        if _PREFIX_CACHING not in flags.explicit_flags(deployment, _grammar(deployment))
        else None,
        ("enforce-eager", None) if engine and engine.enforce_eager else None,
        ("tensor-parallel-size", str(component.gpus)) if component.gpus > 1 else None,
        ("kv-transfer-config", json.dumps(transfer, separators=(",", ":"))) if component.kv_role else None,
    ]
