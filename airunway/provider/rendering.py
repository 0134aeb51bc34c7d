"""What renderers share: owner, labels, environment, scheduling, images. Pure functions on plain values.

Apart from `devices`, `flags`, `object_names`, `overrides`, `pod_options` and `storage`, which are subjects of
their own. Maps are built in the order in which the contract lists their keys, so that rendering twice gives
the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from airunway.api import names
from airunway.api.core_types import EnvVar
from airunway.api.model_deployment import EngineType, ModelDeployment
from airunway.provider.manifest import RenderError

HF_TOKEN = "HF_TOKEN"
"""Variable of the serving container, and key of the Secret, that hold the Hugging Face token."""

NVIDIA_GPU = "nvidia.com/gpu"


def owner_reference(deployment: ModelDeployment) -> dict[str, Any]:
    """Reference that makes the deployment the controlling owner of an object (crds.md §8.1)."""
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "name": deployment.name,
        "uid": deployment.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def object_labels(deployment: ModelDeployment) -> dict[str, str]:
    """The four labels of kaito, kuberay, llmd and vllm objects (crds.md §8.4)."""
    return {
        names.LABEL_MANAGED_BY: names.MANAGED_BY,
        names.LABEL_DEPLOYMENT: deployment.name,
        names.LABEL_MODEL_SOURCE: model_source(deployment),
        names.LABEL_ENGINE_TYPE: deployment.engine_type,
    }


def object_metadata(
    deployment: ModelDeployment,
    *,
    name: str = "",
    labels: Mapping[str, str],
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Metadata of an object that the deployment owns; `name` defaults to the deployment's."""
    metadata: dict[str, Any] = {
        "name": name or deployment.name,
        "namespace": deployment.namespace,
        "ownerReferences": [owner_reference(deployment)],
        "labels": dict(labels),
    }
    if annotations:
        metadata["annotations"] = dict(annotations)
    return metadata


def model_id(deployment: ModelDeployment) -> str:
    """`spec.model.id`; empty when absent."""
    return deployment.spec.model.id or ""


def model_source(deployment: ModelDeployment) -> str:
    """`spec.model.source` as given; empty when absent (the CRD default needs an API server)."""
    source = deployment.spec.model.source
    return source.value if source else ""


def serving_image_override(deployment: ModelDeployment) -> str:
    """`spec.engine.image`, else `spec.image`; empty when the user names none (crds.md §2.5)."""
    engine = deployment.spec.engine
    return (engine.image if engine else None) or deployment.spec.image or ""


def replica_count(deployment: ModelDeployment) -> int | None:
    """`spec.scaling.replicas` as given; None when absent, so that an explicit 0 can be told apart."""
    return deployment.spec.scaling.replicas if deployment.spec.scaling else None


def gpu_type(deployment: ModelDeployment) -> str:
    """Extended resource name of the GPUs; the CRD's default when absent."""
    resources = deployment.spec.resources
    return (resources.gpu.type if resources and resources.gpu else None) or NVIDIA_GPU


def other_engine_problem(deployment: ModelDeployment, *, provider: str) -> str | None:
    """Why a provider that runs nothing but vLLM cannot take the deployment, or None."""
    engine = deployment.engine_type
    if engine == EngineType.VLLM:
        return None
    return f"spec.engine.type: {provider} runs the vllm engine only, not {engine or 'no engine'}"


def missing_gpus(field: str, *, needed_by: str) -> str:
    """That GPUs are needed and none are asked for. `field`: of their number."""
    return f"{field}: {needed_by} needs at least one GPU; set it to 1 or more"


def given_groups(deployment: ModelDeployment) -> list[str]:
    """Paths of the worker groups that are given; aggregated serving has no use for them."""
    scaling = deployment.spec.scaling
    given = {"prefill": scaling.prefill, "decode": scaling.decode} if scaling else {}
    return [f"spec.scaling.{role}" for role, group in given.items() if group is not None]


def hugging_face_secret(deployment: ModelDeployment) -> str:
    """`spec.secrets.huggingFaceToken`: name of a Secret; empty when absent."""
    secrets = deployment.spec.secrets
    return (secrets.hugging_face_token if secrets else None) or ""


def token_entry(deployment: ModelDeployment) -> dict[str, Any] | None:
    """The `HF_TOKEN` variable that reads the Hugging Face Secret, if the deployment names one."""
    secret = hugging_face_secret(deployment)
    if not secret:
        return None
    return {"name": HF_TOKEN, "valueFrom": {"secretKeyRef": {"name": secret, "key": HF_TOKEN}}}


def environment_entry(entry: EnvVar) -> dict[str, Any]:
    """One `spec.env` entry as the pod wants it: a source wins over a value; neither: the bare name.

    The API server refuses an entry with both, so the losing one is left out here.
    """
    rendered: dict[str, Any] = {"name": entry.name}
    source = entry.value_from.dump() if entry.value_from else {}
    if source:
        rendered["valueFrom"] = source
    elif entry.value:
        rendered["value"] = entry.value
    return rendered


def user_environment(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """`spec.env` in order, every kind of source passed through whole."""
    return [environment_entry(entry) for entry in deployment.spec.env or ()]


def once_each(entries: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Variables by name, each once: the API server refuses to apply a second one.

    Of two with one name the later counts, as it does in a container.
    """
    last: dict[str, dict[str, Any]] = {}
    for entry in entries:
        last.pop(entry["name"], None)
        last[entry["name"]] = entry
    return list(last.values())


def replaced_variables(deployment: ModelDeployment) -> list[str]:
    """Paths of `spec.env` entries that never reach the container: a later one counts, or the token."""
    names_given = [entry.name for entry in deployment.spec.env or ()]
    later = [HF_TOKEN] if hugging_face_secret(deployment) else []
    return [
        f"spec.env[{index}]"
        for index, name in enumerate(names_given)
        if name in [*names_given[index + 1 :], *later]
    ]


def replaced_labels(deployment: ModelDeployment, ours: Mapping[str, str]) -> list[str]:
    """Paths of `spec.podTemplate` labels that give way to ours, in the order given."""
    return [
        f"spec.podTemplate.metadata.labels[{key}]"
        for key, value in deployment.pod_labels.items()
        if ours.get(key, value) != value
    ]


def environment_names(deployment: ModelDeployment) -> set[str]:
    """Names of the variables that the user sets."""
    return {entry.name for entry in deployment.spec.env or ()}


def tolerations(deployment: ModelDeployment) -> list[dict[str, Any]]:
    """`spec.tolerations`: key and operator always, even when empty; the rest when set."""
    rendered = []
    for entry in deployment.spec.tolerations or ():
        toleration: dict[str, Any] = {"key": entry.key or "", "operator": entry.operator or ""}
        if entry.value:
            toleration["value"] = entry.value
        if entry.effect:
            toleration["effect"] = entry.effect
        if entry.toleration_seconds is not None:
            toleration["tolerationSeconds"] = entry.toleration_seconds
        rendered.append(toleration)
    return rendered


def node_selector(deployment: ModelDeployment) -> dict[str, str]:
    """`spec.nodeSelector`; empty when absent."""
    return dict(deployment.spec.node_selector or {})


def scheduling(deployment: ModelDeployment) -> dict[str, Any]:
    """`nodeSelector` and `tolerations` of a pod, each if there is any."""
    return without_empty(nodeSelector=node_selector(deployment), tolerations=tolerations(deployment))


def without_empty(**values: Any) -> dict[str, Any]:
    """The given entries without empty lists, maps and texts, and without None; 0 and false stay."""
    return {key: value for key, value in values.items() if value is not None and value not in ("", [], {})}


def seconds_from(env: Mapping[str, str], variable: str, *, default: int, minimum: int) -> int:
    """A whole number of seconds from the worker's environment.

    Raises RenderError when the variable holds anything else: a silent default would hide a typing error.
    """
    text = env.get(variable, "").strip()
    if not text:
        return default
    if not text.isdecimal() or int(text) < minimum:
        raise RenderError(f"{variable}: must be a whole number of seconds, at least {minimum}")
    return int(text)
