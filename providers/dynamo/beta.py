"""A graph of v1alpha1 said in v1beta1. Pure.

Everything is rendered, and overridden, in v1alpha1's words, which the reference and its users know; this says
the same in the newer version's: one pod template for each component instead of ten fields beside it. Source:
the two published schemas, and how the operator converts one into the other. What has no counterpart is
refused, never left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from airunway.api.overrides import FIELD
from airunway.provider import Manifest, RenderError, rendering
from airunway.provider.pod_security import PodSecurity, isolated_container
from airunway.providers.dynamo.config import BETA
from airunway.providers.dynamo.graph_parts import ROLES, WORKER

MAIN, SIDECAR = "main", "sidecar-frontend"
"""Containers: the component's own, which the operator looks for, and the frontend beside a worker."""

_RENAMED_IN_SPEC = {"envs": "env"}
_CLAIMS = "pvcs"
_WITHOUT_COUNTERPART = (
    *("dynamoNamespace", "ingress", "autoscaling", "serviceName"),
    *("gpuMemoryService", "failover", "checkpoint"),
)
_SAID_OTHERWISE = frozenset(
    {
        *("componentType", "subComponentType", "sharedMemory", "scalingAdapter", "frontendSidecar"),
        *("volumeMounts", "annotations", "labels", "extraPodMetadata", "extraPodSpec"),
        *("resources", "envs", "envFromSecret", "livenessProbe", "readinessProbe"),
    }
)
_DEVICE_KEYS = ("gpu", "gpuType", "custom")
_SIZES = ("requests", "limits", "claims")
_TAKEN_APART = {
    ("sharedMemory",): ("size", "disabled"),
    ("scalingAdapter",): ("enabled",),
    ("extraPodMetadata",): ("labels", "annotations"),
    ("resources",): _SIZES,
    ("extraPodSpec", "mainContainer", "resources"): _SIZES,
}
"""Objects of a service of which each field is said elsewhere: what is not among these would be lost."""
_MOUNT = ("name", "mountPoint", "readOnly", "useAsCompilationCache")


def to_beta(graph: Manifest, security: PodSecurity) -> Manifest:
    """The graph in v1beta1. `security`: of the frontend beside a worker, which v1alpha1 has no word for.

    Raises RenderError for what v1beta1 cannot say, and for parts of another shape than theirs.
    """
    spec = {
        _RENAMED_IN_SPEC.get(key, key): value
        for key, value in graph["spec"].items()
        if key not in (_CLAIMS, "services")  # a claim is named where it is mounted
    }
    for index, claim in enumerate(_list(graph["spec"], _CLAIMS, f"{FIELD}.spec")):
        named = ("name", "create") if not claim.get("create") else ("name",)
        _refuse_lost(claim, named, f"{FIELD}.spec.{_CLAIMS}[{index}]")
    components = [_component(name, entry, security) for name, entry in graph["spec"]["services"].items()]
    return {**graph, "apiVersion": BETA, "spec": {**spec, "components": components}}


def _component(name: str, service: Mapping[str, Any], security: PodSecurity) -> dict[str, Any]:
    at = f"{FIELD}.spec.services.{name}"
    for key in _WITHOUT_COUNTERPART:
        if service.get(key) is not None:
            raise _nothing_like(f"{at}.{key}")
    _refuse_what_is_lost(service, at)
    kind, role = service.get("componentType"), service.get("subComponentType")
    same = {key: value for key, value in service.items() if key not in _SAID_OTHERWISE}
    sidecar = service.get("frontendSidecar")
    return {
        "name": name,
        "type": role if kind == WORKER and role in ROLES else kind,
        **same,
        **_shared_memory(service, at),
        **({"scalingAdapter": {}} if _object(service, "scalingAdapter", at).get("enabled") else {}),
        **_cache(service, at),
        **({"frontendSidecar": SIDECAR} if sidecar is not None else {}),
        "podTemplate": _template(service, at, security),
    }


def _refuse_what_is_lost(service: Mapping[str, Any], at: str) -> None:
    """Raise RenderError for what stands in a part that is taken apart, and has no place in v1beta1."""
    for way, known in _TAKEN_APART.items():
        part, path = service, at
        for key in way:
            part, path = _object(part, key, path), f"{path}.{key}"
        _refuse_lost(part, known, path)
    for index, mount in enumerate(_mounts(service, at)):
        _refuse_lost(mount, _MOUNT, f"{at}.volumeMounts[{index}]")


def _refuse_lost(part: Mapping[str, Any], known: Collection[str], at: str) -> None:
    for key, value in part.items():
        if key not in known and value is not None:
            raise _nothing_like(f"{at}.{key}")


def _nothing_like(path: str) -> RenderError:
    return RenderError(f"{path}: {BETA}, in which this graph is written, has nothing like it")


def _shared_memory(service: Mapping[str, Any], at: str) -> dict[str, Any]:
    given = _object(service, "sharedMemory", at)
    if given.get("disabled"):
        return {"sharedMemorySize": "0"}
    return {"sharedMemorySize": given["size"]} if given.get("size") is not None else {}


# -- volumes ------------------------------------------------------------------------------------------------


def _cache(service: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The first mount that is a compilation cache, which the operator mounts by itself."""
    for mount in _mounts(service, at):
        if mount.get("useAsCompilationCache"):
            return {"compilationCache": {"pvcName": mount["name"], "mountPath": mount["mountPoint"]}}
    return {}


def _plain_mounts(service: Mapping[str, Any], at: str) -> list[Mapping[str, Any]]:
    mounts = _mounts(service, at)
    caches = [index for index, mount in enumerate(mounts) if mount.get("useAsCompilationCache")]
    return [mount for index, mount in enumerate(mounts) if index not in caches[:1]]


def _mounts(service: Mapping[str, Any], at: str) -> Sequence[Mapping[str, Any]]:
    return [entry for entry in _list(service, "volumeMounts", at) if isinstance(entry, Mapping)]


# -- the pod ------------------------------------------------------------------------------------------------


def _template(service: Mapping[str, Any], at: str, security: PodSecurity) -> dict[str, Any]:
    extra = _object(service, "extraPodMetadata", at)
    metadata = {
        key: {**_object(service, key, at), **_object(extra, key, f"{at}.extraPodMetadata")}
        for key in ("labels", "annotations")
    }
    pod = _object(service, "extraPodSpec", at)
    volumes = [
        {"name": mount["name"], "persistentVolumeClaim": {"claimName": mount["name"]}}
        for mount in _plain_mounts(service, at)
    ]
    return {
        **({"metadata": kept} if (kept := rendering.without_empty(**metadata)) else {}),
        "spec": {
            **{key: value for key, value in pod.items() if key not in ("mainContainer", "containers")},
            **rendering.without_empty(volumes=[*volumes, *_list(pod, "volumes", at)]),
            "containers": [_main(service, at), *_others(service, pod, at, security)],
        },
    }


def _main(service: Mapping[str, Any], at: str) -> dict[str, Any]:
    """The main container: what stands beside it in v1alpha1, and over that what is its own."""
    main = _object(_object(service, "extraPodSpec", at), "mainContainer", at)
    given = _list(main, "env", at)
    named = {entry.get("name") for entry in given if isinstance(entry, Mapping)}
    env = [entry for entry in _list(service, "envs", at) if entry.get("name") not in named]
    mounts = [
        {
            "name": mount["name"],
            "mountPath": mount["mountPoint"],
            **({"readOnly": True} if mount.get("readOnly") else {}),
        }
        for mount in _plain_mounts(service, at)
    ]
    probes = {key: service[key] for key in ("livenessProbe", "readinessProbe") if service.get(key)}
    return {
        **probes,
        **main,
        "name": MAIN,
        **rendering.without_empty(
            env=[*env, *given],
            envFrom=[*_secret(service), *_list(main, "envFrom", at)],
            resources=_resources(service, main, at),
            volumeMounts=[*mounts, *_list(main, "volumeMounts", at)],
        ),
    }


def _others(
    service: Mapping[str, Any], pod: Mapping[str, Any], at: str, security: PodSecurity
) -> list[dict[str, Any]]:
    """The containers of overrides, and the frontend beside a worker."""
    others = [dict(entry) for entry in _list(pod, "containers", at)]
    sidecar = _object(service, "frontendSidecar", at)
    for entry in others:
        if entry.get("name") in (MAIN, SIDECAR):
            raise RenderError(
                f"{at}.extraPodSpec.containers: {entry['name']!r} is the name of a container of ours"
            )
    if not sidecar:
        return others
    rest = {key: value for key, value in sidecar.items() if key not in ("envs", "envFromSecret")}
    beside = {
        **rest,
        "name": SIDECAR,
        **rendering.without_empty(env=_list(sidecar, "envs", at), envFrom=_secret(sidecar)),
    }
    return [*others, isolated_container(beside, security)]


def _secret(parent: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = parent.get("envFromSecret")
    return [{"secretRef": {"name": name}}] if name else []


def _resources(service: Mapping[str, Any], main: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Kubernetes' form of Dynamo's; what the container says itself wins."""
    beside, own = _object(service, "resources", at), _object(main, "resources", at)
    found = {
        part: {**_amounts(_object(beside, part, at), at), **_object(own, part, at)}
        for part in ("requests", "limits")
    }
    claims = own.get("claims") or beside.get("claims")
    return rendering.without_empty(**found, claims=claims)


def _amounts(given: Mapping[str, Any], at: str) -> dict[str, Any]:
    plain = {key: value for key, value in given.items() if key not in _DEVICE_KEYS}
    device = given.get("gpuType") or rendering.NVIDIA_GPU
    gpu = {device: given["gpu"]} if given.get("gpu") is not None else {}
    return {**plain, **gpu, **_object(given, "custom", at)}


# -- reading ------------------------------------------------------------------------------------------------


def _object(parent: Mapping[str, Any], key: str, at: str) -> Mapping[str, Any]:
    value = parent.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RenderError(f"{at}: {key} must stay an object")
    return value


def _list(parent: Mapping[str, Any], key: str, at: str) -> list[Mapping[str, Any]]:
    value = parent.get(key)
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(entry, Mapping) for entry in value):
        raise RenderError(f"{at}: {key} must stay a list of objects")
    return value
