"""The pods that come of what a provider renders, as the API server would be asked for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, Provider, RenderContext

PodSpec = dict[str, Any]


def pods_of(objects: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, PodSpec]]:
    """(object and part, the pod's spec), for every pod template in rendered objects."""
    for obj in objects:
        yield from _pods_in(obj, f"{obj['kind']} {obj['metadata']['name']}")


def _pods_in(value: Any, at: str) -> Iterator[tuple[str, PodSpec]]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _pods_in(item, f"{at}[{index}]")
    elif isinstance(value, Mapping):
        if "extraPodSpec" in value:  # Dynamo's form: the main container stands apart
            yield at, dynamo_pod(value)
        elif isinstance(value.get("containers"), list):
            yield at, dict(value)
        else:
            for key, item in value.items():
                yield from _pods_in(item, f"{at}.{key}")


def dynamo_pod(service: Mapping[str, Any]) -> PodSpec:
    """A service's pod as Dynamo's operator puts it together, with the sidecar that it makes itself."""
    extra = dict(service["extraPodSpec"])
    main = {"name": "main", **extra.pop("mainContainer", {})}
    sidecar = service.get("frontendSidecar")
    beside = [{"name": "frontend", "image": sidecar["image"], "args": sidecar["args"]}] if sidecar else []
    mounts = service.get("volumeMounts") or []
    main["volumeMounts"] = [{"name": entry["name"], "mountPath": entry["mountPoint"]} for entry in mounts]
    volumes = [
        {"name": entry["name"], "persistentVolumeClaim": {"claimName": entry["name"]}} for entry in mounts
    ]
    containers = [*extra.pop("containers", []), main, *beside]
    return {**extra, "containers": containers, "volumes": [*extra.pop("volumes", []), *volumes]}


def rendered_with_stages(
    provider: Provider, given: ModelDeployment, context: RenderContext
) -> list[Manifest]:
    """What is rendered, and what its stages create while nothing is there."""
    made: list[Manifest] = []
    for stage in provider.stages(given, context):
        verdict = stage.judge([None] * len(stage.reads))
        made += [dict(obj) for obj in verdict.create]
    return [*made, *provider.render(given, context)]
