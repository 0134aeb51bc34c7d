"""Given fields that Dynamo cannot honour: nothing is dropped in silence. Source: dynamo.md §8.12, §9."""

from __future__ import annotations

from airunway.api.model_deployment import EngineType, ModelDeployment
from airunway.api.overrides import FIELD
from airunway.provider import RenderContext, RenderError, flags, overrides, rendering, storage
from airunway.providers.dynamo.args import CONNECTOR_KEY, is_parallel
from airunway.providers.dynamo.check import group_gpus
from airunway.providers.dynamo.config import BETA
from airunway.providers.dynamo.options import options_of, unknown_keys
from airunway.providers.dynamo.plan import download_volume, is_disaggregated, is_mocker, uses_gateway


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Paths of the fields that no cluster's Dynamo honours, in the order of the spec."""
    return [
        *_unknown_overrides(deployment),
        *_engine(deployment),
        *_scaling(deployment),
        *_resources(deployment),
        *_idle_gpus(deployment),
    ]


def ignored_here(deployment: ModelDeployment, context: RenderContext) -> list[str]:
    """Paths of those that this cluster does not: its version of the API, and whether a gateway routes."""
    mounts = _volumes(deployment) if context.api_version != BETA else []
    return [*mounts, *_overrides(deployment, context)]


def _only(**fields: bool) -> list[str]:
    """Paths below `spec` of the fields that are ignored; `__` stands for a dot."""
    return [f"spec.{path.replace('__', '.')}" for path, is_ignored in fields.items() if is_ignored]


def _volumes(deployment: ModelDeployment) -> list[str]:
    # A mount of v1alpha1 has no such field: the API server drops it (dynamo.md §15).
    return [
        f"spec.model.storage.volumes[{index}].readOnly"
        for index, volume in enumerate(storage.storage_volumes(deployment))
        if volume.read_only
    ]


def _unknown_overrides(deployment: ModelDeployment) -> list[str]:
    try:
        return unknown_keys(deployment)
    except RenderError:
        return []  # refused as a whole


def _overrides(deployment: ModelDeployment, context: RenderContext) -> list[str]:
    try:
        given, pickers = overrides.overrides_of(deployment), options_of(deployment).epp_replicas
    except RenderError:
        return []  # refused as a whole
    routed = uses_gateway(deployment, context)
    unused = ["routerMode", "frontend"] if routed else ["epp"]
    unused += [] if download_volume(deployment) else ["download"]
    unused = [key for key in unused if given.get(key)]
    # The operator refuses a graph with more than one picker, or with none.
    unused += ["epp.replicas"] if routed and pickers != 1 else []
    return [f"{FIELD}.{key}" for key in unused]


def _engine(deployment: ModelDeployment) -> list[str]:
    engine, mocker = deployment.spec.engine, is_mocker(deployment)
    given = flags.engine_args(deployment)
    without_fields = mocker or deployment.engine_type == EngineType.TRTLLM
    connector = (
        not mocker and deployment.engine_type == EngineType.VLLM and _connector_is_ignored(deployment, given)
    )
    return [
        *_only(image=mocker and bool(deployment.spec.image)),
        *_only(
            engine__image=mocker and bool(engine and engine.image),
            engine__contextLength=bool(without_fields and engine and engine.context_length is not None),
            engine__trustRemoteCode=bool(without_fields and engine and engine.trust_remote_code),
            engine__enablePrefixCaching=bool(
                without_fields and engine and engine.enable_prefix_caching is False
            ),
            engine__enforceEager=bool(without_fields and engine and engine.enforce_eager),
            engine__args=mocker and bool(given),
            engine__extraArgs=mocker and bool(flags.extra_args(deployment)),
        ),
        *([f"spec.engine.args.{CONNECTOR_KEY}"] if connector else []),
    ]


def _connector_is_ignored(deployment: ModelDeployment, given: dict[str, str]) -> bool:
    if CONNECTOR_KEY not in given:
        return False
    return not is_disaggregated(deployment) or given[CONNECTOR_KEY].lower() not in ("nixl", "nixlconnector")


def _scaling(deployment: ModelDeployment) -> list[str]:
    if not is_disaggregated(deployment):
        return rendering.given_groups(deployment)
    # 1 is the CRD's default, which the API server writes beside the groups.
    return _only(scaling__replicas=rendering.replica_count(deployment) not in (None, 1))


def _resources(deployment: ModelDeployment) -> list[str]:
    resources = deployment.spec.resources
    if resources is None or not (is_disaggregated(deployment) or is_mocker(deployment)):
        return []
    return _only(
        resources__gpu=deployment.gpu_count > 0,
        resources__memory=bool(resources.memory),
        resources__cpu=bool(resources.cpu),
    )


def _idle_gpus(deployment: ModelDeployment) -> list[str]:
    """GPUs that nothing uses: an engine takes one unless a flag says how (dynamo.md, weak spot 7)."""
    if is_mocker(deployment) or is_parallel(deployment):
        return []
    if not is_disaggregated(deployment):
        return _only(resources__gpu__count=deployment.gpu_count > 1)
    scaling = deployment.spec.scaling
    prefill, decode = (scaling.prefill, scaling.decode) if scaling else (None, None)
    return _only(
        scaling__prefill__gpu__count=prefill is not None and group_gpus(prefill) > 1,
        scaling__decode__gpu__count=decode is not None and group_gpus(decode) > 1,
    )
