"""Command and arguments of a worker. Source: dynamo.md §8.8, weak spots 4, 6, 9 and 19."""

from __future__ import annotations

from collections.abc import Callable

from airunway.api.model_deployment import EngineType, ModelDeployment
from airunway.engines import arguments
from airunway.engines.grammars import Grammar, dynamo_sglang, dynamo_trtllm, dynamo_vllm
from airunway.provider import ArgumentRules, RenderError, flags, rendering
from airunway.provider.argument_rules import said_by_fields
from airunway.providers.dynamo.plan import MOCKER, Plan, is_mocker

CONNECTOR_KEY = "connector"
"""A key of `engine.args` that is no flag of vLLM: other providers read it, Dynamo always takes NIXL."""
NIXL = '{"kv_connector":"NixlConnector","kv_role":"kv_both"}'

_KV_TRANSFER = "kv-transfer-config"
_MODE = "disaggregation-mode"
_MODEL_FLAGS = frozenset({"model", "model-path"})
_BLOCK_SIZE_FLAGS = {"vllm": "block-size", "sglang": "page-size", "trtllm": "kv-block-size"}
_PARALLEL_FLAGS = frozenset(
    {
        *("tensor-parallel-size", "pipeline-parallel-size", "data-parallel-size", "expert-parallel-size"),
        *("tp", "pp", "dp", "ep", "tp-size", "pp-size", "dp-size", "ep-size"),
        *("config", "extra-engine-args", "override-engine-args"),  # files and texts that may say so
    }
)
_FIELD_FLAGS: dict[str, dict[str, str]] = {
    EngineType.SGLANG: {"model": "model-path", "max_model_len": "context-length"}
}
"""What typed fields say, where the engine has a name of its own for it."""
_OF_OPERATOR = "Dynamo's operator says it to every worker; remove it"
_OWNED = {
    **dict.fromkeys(
        ("namespace", "endpoint", "discovery-backend", "request-plane", "event-plane"), _OF_OPERATOR
    ),
    **dict.fromkeys(
        (_MODE, "is-prefill-worker", "is-decode-worker"), "follows from spec.serving.mode; set that instead"
    ),
}
_GRAMMARS: dict[str, Callable[[], Grammar]] = {
    EngineType.VLLM: dynamo_vllm,
    EngineType.SGLANG: dynamo_sglang,
    EngineType.TRTLLM: dynamo_trtllm,
}
_MOCKER_ARGS = (
    *("--speedup-ratio", "1000.0"),
    *("--num-gpu-blocks-override", "4096"),
    *("--block-size", "16"),
    *("--max-num-seqs", "64"),
)


def worker_command(plan: Plan) -> list[str]:
    """The process of a worker."""
    return ["python3", "-m", f"dynamo.{MOCKER if plan.mocker else plan.engine}"]


def worker_args(plan: Plan, role: str) -> list[str]:
    """Its arguments, in the contract's order; `role` is prefill, decode, or empty when aggregated.

    Raises RenderError for a flag that cannot be given, and when no model is named.
    """
    flags.refuse_bad_keys(plan.deployment)
    if role:
        flags.refuse_reserved(plan.deployment, frozenset({_MODE}), _grammar(plan.deployment))
    mode = [f"--{_MODE}", role] if role else []
    if plan.mocker:
        return [*_mocked_model(plan.deployment), *_MOCKER_ARGS, *mode]
    return [
        *_model(plan),
        *_from_fields(plan),
        *flags.rendered_args(_given_args(plan), _grammar(plan.deployment)),
        *mode,
        *_transfer(plan, role),
        *arguments.normalised(_grammar(plan.deployment), flags.extra_args(plan.deployment)),
    ]


def argument_rules(deployment: ModelDeployment) -> ArgumentRules | None:
    """How the workers read their arguments; None for the mocker, which is given none."""
    if is_mocker(deployment) or deployment.engine_type not in _GRAMMARS:
        return None
    said = said_by_fields(deployment, **_FIELD_FLAGS.get(deployment.engine_type, {}))
    return ArgumentRules(grammar=_grammar(deployment), owned={**said, **_OWNED})


def _grammar(deployment: ModelDeployment) -> Grammar:
    return _GRAMMARS.get(deployment.engine_type, dynamo_vllm)()


def _mocked_model(deployment: ModelDeployment) -> list[str]:
    model = rendering.model_id(deployment)
    if not model:
        raise RenderError("spec.model.id: the mocker needs a model")
    return ["--model-path", model, "--model-name", deployment.spec.model.served_name or model]


def _model(plan: Plan) -> list[str]:
    model = rendering.model_id(plan.deployment)
    if model:
        return ["--model" if plan.engine == EngineType.VLLM else "--model-path", model]
    if _MODEL_FLAGS.isdisjoint(flags.explicit_flags(plan.deployment, _grammar(plan.deployment))):
        raise RenderError("spec.model.id: required; the id of a model, or its path in the image")
    return []


def _from_fields(plan: Plan) -> list[str]:
    """Flags of the typed fields; each engine has names of its own, trtllm has none of them."""
    model, engine = plan.deployment.spec.model, plan.deployment.spec.engine
    args = ["--served-model-name", model.served_name] if model.served_name else []
    if engine is None or plan.engine == EngineType.TRTLLM:
        return args
    vllm = plan.engine == EngineType.VLLM
    if engine.context_length is not None:
        args += ["--max-model-len" if vllm else "--context-length", str(engine.context_length)]
    if engine.trust_remote_code:
        args.append("--trust-remote-code")
    if engine.enable_prefix_caching is False:
        args.append("--no-enable-prefix-caching" if vllm else "--disable-radix-cache")
    elif engine.enable_prefix_caching and vllm:  # SGLang has no such flag: its cache is on by itself
        args.append("--enable-prefix-caching")
    if engine.enforce_eager:
        args.append("--enforce-eager" if vllm else "--disable-cuda-graph")
    return args


def _given_args(plan: Plan) -> dict[str, str]:
    given = flags.engine_args(plan.deployment)
    if plan.engine == EngineType.VLLM:
        given.pop(CONNECTOR_KEY, None)
    return given


def _transfer(plan: Plan, role: str) -> list[str]:
    derived = bool(role) and plan.engine == EngineType.VLLM
    if not derived or _KV_TRANSFER in flags.explicit_flags(plan.deployment, _grammar(plan.deployment)):
        return []
    return [f"--{_KV_TRANSFER}", NIXL]


def block_size(plan: Plan) -> str:
    """Size of a KV cache block as the user sets it; empty when the engine's own holds."""
    return flags.value_of(plan.deployment, _BLOCK_SIZE_FLAGS[plan.engine], _grammar(plan.deployment))


def is_parallel(deployment: ModelDeployment) -> bool:
    """Whether the user says how an engine is spread over several GPUs."""
    given = flags.explicit_flags(deployment, _grammar(deployment))
    return not given.isdisjoint(_PARALLEL_FLAGS)
