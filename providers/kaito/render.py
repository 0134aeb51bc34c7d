"""Render a ModelDeployment as one KAITO Workspace. Pure: no clock, no network. Source: kaito.md §6, §8."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import EngineType, ModelDeployment, ModelSource, ServingMode
from airunway.engines.flag_table import FlagKind, FlagTable
from airunway.engines.grammars import without_command_line
from airunway.provider import (
    ArgumentRules,
    Manifest,
    RenderContext,
    RenderError,
    devices,
    object_names,
    overrides,
    pod_options,
    pod_security,
    rendering,
    storage,
)
from airunway.provider.pod_options import RolloutPolicy
from airunway.providers.kaito.bookkeeping import with_record
from airunway.providers.kaito.config import NAME, WORKSPACE
from airunway.providers.kaito.model_image import (
    FILE_ARGUMENT,
    RUNNER,
    URL_ARGUMENT,
    is_direct,
    model_image,
    named_serving_image,
)
from airunway.providers.kaito.presets import (
    DISABLE_BENCHMARK,
    RUN_BENCHMARK,
    benchmark_annotations,
    takes_token,
)
from airunway.providers.kaito.template import is_known_image, pod_template
from airunway.providers.kaito.template_fields import unknown_overrides

GPU_NODE_LABEL = "nvidia.com/gpu.present"
AUTO_PROVISIONING_VARIABLE = "AIRUNWAY_KAITO_NODE_AUTO_PROVISIONING"
GPU_INSTANCE_VARIABLE = "AIRUNWAY_KAITO_GPU_INSTANCE_TYPE"
CPU_INSTANCE_VARIABLE = "AIRUNWAY_KAITO_CPU_INSTANCE_TYPE"
INSTANCE_VARIABLES = (AUTO_PROVISIONING_VARIABLE, GPU_INSTANCE_VARIABLE, CPU_INSTANCE_VARIABLE)

_STATEFUL_SET = object_names.DerivedName(
    what='the StatefulSet "<name>" that KAITO makes', room=object_names.MAX_STATEFUL_SET_LENGTH
)
_TITLE = "KAITO's runner"
_SETTINGS = FlagTable(_TITLE, {FILE_ARGUMENT: FlagKind.TEXT, URL_ARGUMENT: FlagKind.TEXT})
_ON = frozenset({"1", "t", "true", "y", "yes", "on", "enabled"})


def check(deployment: ModelDeployment) -> str | None:
    """Why KAITO cannot take the deployment, or None (kaito.md §6)."""
    engine = deployment.engine_type
    if engine in (EngineType.SGLANG, EngineType.TRTLLM):
        return f"spec.engine.type: {NAME} does not support the {engine} engine; use vllm or llamacpp"
    if deployment.serving_mode == ServingMode.DISAGGREGATED:
        return f"spec.serving.mode: {NAME} does not support disaggregated serving; use aggregated"
    if engine == EngineType.LLAMACPP and not (named_serving_image(deployment) or model_image(deployment)):
        hint = f"; in direct mode name a runner such as {RUNNER}" if is_direct(deployment) else ""
        return f"spec.engine.image: the llamacpp engine on {NAME} needs an image with its server{hint}"
    return (
        _device_problem(deployment)
        or pod_options.option_problem(deployment)
        or object_names.name_problem(deployment, [_STATEFUL_SET])
        or (object_names.service_link_problem(deployment) if is_preset(deployment) else None)
    )


def is_preset(deployment: ModelDeployment) -> bool:
    """Whether KAITO says what the pods are; else the template does."""
    return deployment.engine_type == EngineType.VLLM


def _device_problem(deployment: ModelDeployment) -> str | None:
    """Presets ask for whole NVIDIA GPUs by themselves, and AIKit's images hold NVIDIA's stack."""
    gpu_type = rendering.gpu_type(deployment)
    if is_preset(deployment):
        if deployment.gpu_count == 0 or gpu_type == rendering.NVIDIA_GPU:
            return None
        return (
            f"spec.resources.gpu.type: {NAME}'s presets run on whole GPUs, {rendering.NVIDIA_GPU}, "
            f"not on {gpu_type}; use another provider"
        )
    image = named_serving_image(deployment)
    asked = devices.devices_of(deployment)
    if image and not is_known_image(image):
        return devices.device_problem(deployment, image=image)
    other = next((group for group in asked if not group.is_nvidia), None)
    if other is not None:
        return (
            f"{other.field}.gpu.type: {image or 'the image that is built'} runs on NVIDIA GPUs and CPUs, "
            f"not on {other.type}; name a fitting image in spec.engine.image"
        )
    return devices.partition_problem(deployment, asked)


def render(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """The Workspace, with the record of what is written as its last annotation."""
    given = overrides.overrides_of(deployment)
    overrides.refuse_identity(given)
    workspace: Manifest = {
        "apiVersion": WORKSPACE.api_version,
        "kind": WORKSPACE.kind,
        "metadata": rendering.object_metadata(
            deployment, labels=_labels(deployment), annotations=_annotations(deployment, context)
        ),
        "resource": _resource(deployment, context),
        "inference": _inference(deployment, context),
    }
    merged = overrides.merge(workspace, given, null_deletes=True)
    claims = storage.managed_claims(deployment) if deployment.engine_type == EngineType.LLAMACPP else []
    return [with_record(_with_isolated_pods(merged, context)), *claims]


def _with_isolated_pods(workspace: Manifest, context: RenderContext) -> Manifest:
    """The Workspace, the pods of its template isolated; those of a preset are KAITO's own.

    AIKit's images run as root, so `restricted` has to be asked for.
    """
    inference = workspace.get("inference")
    template = inference.get("template") if isinstance(inference, Mapping) else None
    pod = template.get("spec") if isinstance(template, Mapping) else None
    if not (isinstance(inference, Mapping) and isinstance(template, Mapping) and isinstance(pod, Mapping)):
        return workspace
    security = pod_security.pod_security(context.env, NAME, home=True)
    isolated = {**template, "spec": pod_security.isolated(pod, security)}
    return {**workspace, "inference": {**inference, "template": isolated}}


def _labels(deployment: ModelDeployment) -> dict[str, str]:
    return {**deployment.pod_labels, **_own_labels(deployment)}


def _annotations(deployment: ModelDeployment, context: RenderContext) -> dict[str, str]:
    own = benchmark_annotations(deployment, context) if is_preset(deployment) else {}
    return {**deployment.pod_annotations, **own}


def _own_labels(deployment: ModelDeployment) -> dict[str, str]:
    return {**rendering.object_labels(deployment), names.LABEL_MODEL_DEPLOYMENT: deployment.name}


def _resource(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    selector = {"kubernetes.io/os": "linux", **rendering.node_selector(deployment)}
    if deployment.gpu_count > 0 and _needs_nvidia_node(deployment):
        selector[GPU_NODE_LABEL] = "true"
    resource: dict[str, Any] = {
        "count": rendering.replica_count(deployment) or 1,  # nodes; KAITO cannot run on none
        "labelSelector": {"matchLabels": selector},
    }
    instance_type = _instance_type(deployment, context.env)
    return {**resource, "instanceType": instance_type} if instance_type else resource


def _needs_nvidia_node(deployment: ModelDeployment) -> bool:
    # Presets run on NVIDIA GPUs only; a template runs on the GPU that its image is made for.
    return is_preset(deployment) or all(group.is_nvidia for group in devices.devices_of(deployment))


def _instance_type(deployment: ModelDeployment, env: Mapping[str, str]) -> str:
    if env.get(AUTO_PROVISIONING_VARIABLE, "").strip().lower() not in _ON:
        return ""
    variable = GPU_INSTANCE_VARIABLE if deployment.gpu_count > 0 else CPU_INSTANCE_VARIABLE
    return env.get(variable, "").strip()


def _inference(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    if is_preset(deployment):
        return {"preset": _preset(deployment, context)}
    if deployment.engine_type == EngineType.LLAMACPP:
        return {"template": pod_template(deployment, context)}
    engine = deployment.engine_type or "no engine"
    raise RenderError(f"spec.engine.type: {NAME} runs vllm and llamacpp, not {engine}")


def _preset(deployment: ModelDeployment, context: RenderContext) -> dict[str, Any]:
    secret = rendering.hugging_face_secret(deployment)
    options = rendering.without_empty(
        modelAccessSecret=secret if takes_token(deployment, context) else "",
        imagePullSecrets=[entry["name"] for entry in pod_options.pull_secrets(deployment)],
    )
    return {"name": rendering.model_id(deployment), **rendering.without_empty(presetOptions=options)}


def argument_rules(deployment: ModelDeployment) -> ArgumentRules | None:
    """KAITO starts the engines: only keys about the GGUF file mean something, and none for a preset."""
    if deployment.engine_type != EngineType.LLAMACPP:
        return None
    return ArgumentRules(grammar=without_command_line(_TITLE, _SETTINGS))


def ignored_fields(deployment: ModelDeployment) -> list[str]:
    """Given fields that a Workspace cannot express (kaito.md §8.5, weak spots 3 and 14)."""
    spec, engine = deployment.spec, deployment.spec.engine
    replicas = rendering.replica_count(deployment)
    args = sorted((engine.args or {}) if engine else {})
    ignored = {
        "spec.model.servedName": bool(spec.model.served_name),
        "spec.engine.contextLength": bool(engine and engine.context_length is not None),
        "spec.engine.trustRemoteCode": bool(engine and engine.trust_remote_code),
        "spec.engine.enforceEager": bool(engine and engine.enforce_eager),
        "spec.engine.extraArgs": bool(engine and engine.extra_args),
        "spec.engine.enablePrefixCaching": bool(engine and engine.enable_prefix_caching is False),
        # A Workspace counts nodes: more nodes are one bigger preset, or pods that no Service selects.
        "spec.scaling.replicas": replicas is not None and replicas != 1,
        **dict.fromkeys(rendering.given_groups(deployment), True),
    }
    if is_preset(deployment):
        resources = spec.resources
        ignored |= {
            "spec.image": bool(spec.image),
            "spec.engine.image": bool(engine and engine.image),
            "spec.engine.args": bool(args),
            "spec.env": bool(spec.env),
            "spec.resources.cpu": bool(resources and resources.cpu),
            "spec.resources.memory": bool(resources and resources.memory),
            "spec.resources.gpu.count": deployment.gpu_count > 1,
            "spec.tolerations": bool(spec.tolerations),
            # On the Workspace, where KAITO may read it; its pods get none of it.
            "spec.podTemplate.metadata": bool(
                deployment.pod_labels
                or deployment.pod_annotations.keys() - {DISABLE_BENCHMARK, RUN_BENCHMARK}
            ),
            "spec.model.storage": bool(storage.storage_volumes(deployment)),
        }
    else:
        ignored |= {f"spec.engine.args.{key}": True for key in args if key not in _understood(deployment)}
        ignored |= dict.fromkeys(rendering.replaced_variables(deployment), True)
        ignored |= dict.fromkeys(unknown_overrides(deployment), True)
    ignored |= dict.fromkeys(rendering.replaced_labels(deployment, _own_labels(deployment)), True)
    # A Workspace goes before another one comes, however many nodes it has (`replacement`).
    unmet = pod_options.unmet_rollout(deployment, (RolloutPolicy.NO_SURGE, RolloutPolicy.RECREATE))
    return [*(path for path, is_ignored in ignored.items() if is_ignored), *unmet]


def ignored_here(deployment: ModelDeployment, context: RenderContext) -> list[str]:
    """A token for a preset that the cluster's KAITO takes none for."""
    secret = rendering.hugging_face_secret(deployment)
    unused = secret and is_preset(deployment) and not takes_token(deployment, context)
    return ["spec.secrets.huggingFaceToken"] if unused else []


def _understood(deployment: ModelDeployment) -> set[str]:
    """Keys of `engine.args` that a template has a use for."""
    if model_image(deployment) is not None:
        return {FILE_ARGUMENT}
    has_model = deployment.spec.model.source is ModelSource.CUSTOM or not rendering.model_id(deployment)
    return set() if has_model else {URL_ARGUMENT}
