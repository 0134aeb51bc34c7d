"""The one or two groups of pods of a deployment: what each is called, how large it is, what it is for.

Source: llmd.md §7 to §9.1. Apart from rendering, so that checks and diagnosis speak of the same groups.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from airunway.api.model_deployment import Gpu, ModelDeployment, ServingMode, WorkerGroup
from airunway.provider import rendering, server_pod

_SUFFIXES = {"serving": "", "decode": "-decode", "prefill": "-prefill"}
_KV_ROLES = {"decode": "kv_consumer", "prefill": "kv_producer"}


@dataclass(frozen=True, kw_only=True)
class Component(server_pod.ModelServer):
    """One Deployment with its Service.

    `role`: `serving` (aggregated), `decode` or `prefill`; the prefill Service is internal (llmd.md §9.4).
    `field`: the spec field that sizes it, for messages.
    """

    role: str
    field: str

    @property
    def kv_role(self) -> str:
        """Its part in the transfer of the KV cache; empty when there is none."""
        return _KV_ROLES.get(self.role, "")


def is_disaggregated(deployment: ModelDeployment) -> bool:
    """Whether prefill and decode run apart."""
    return deployment.serving_mode == ServingMode.DISAGGREGATED


def components(deployment: ModelDeployment) -> list[Component]:
    """The primary component first. A group that is not given is empty, which `check` refuses."""
    if is_disaggregated(deployment):
        scaling = deployment.spec.scaling
        return [
            _group(deployment, "decode", scaling.decode if scaling else None),
            _group(deployment, "prefill", scaling.prefill if scaling else None),
        ]
    whole = server_pod.whole_server(deployment)
    return [Component(role="serving", field="spec.resources", **asdict(whole))]


def service_suffixes(deployment: ModelDeployment) -> list[str]:
    """What the Services' names have after the deployment's."""
    return [_SUFFIXES[component.role] for component in components(deployment)]


def _group(deployment: ModelDeployment, role: str, given: WorkerGroup | None) -> Component:
    gpu = (given.gpu if given else None) or Gpu()
    return Component(
        role=role,
        field=f"spec.scaling.{role}",
        name=f"{deployment.name}{_SUFFIXES[role]}",
        replicas=(given.replicas if given else None) or 0,
        gpus=gpu.count or 0,
        gpu_type=gpu.type or rendering.NVIDIA_GPU,
        memory=(given.memory if given else None) or "",
        takes_requests=role != "prefill",
    )
