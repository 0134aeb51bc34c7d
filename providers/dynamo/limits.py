"""What tenants may override in a graph, what a rendered one may hold, and what Dynamo's operator makes of it.

Source: dynamo.md §8.11, §9, §15, and the operator's own type DynamoGraphDeployment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from airunway.api.paths import Path
from airunway.provider import Manifest, overridable
from airunway.provider.counting import (
    EPHEMERAL_STORAGE,
    amount,
    entries,
    mapping,
    pod_demand,
    resources_demand,
    surge,
    whole_number,
)
from airunway.provider.demand import ZERO, Demand, total
from airunway.provider.object_shape import METADATA
from airunway.provider.pod_shape import CONTAINER, POD, POD_FIELDS, PROBE, pod_annotations
from airunway.provider.shapes import (
    NotInShape,
    Shape,
    anything,
    each,
    every,
    fields,
    keys_without,
    never,
    only,
)
from airunway.providers.dynamo.config import BETA
from airunway.providers.dynamo.graph_parts import FRONTEND, PICKER, ROLES, WORKER
from airunway.providers.dynamo.services import MAX_SURGE, ROLL_OUT_TOLD, STRATEGY

_SERVICE = "spec.services.*"
_POD = f"{_SERVICE}.extraPodSpec"

OVERRIDABLE = (
    *("routerMode", "frontend.replicas", "frontend.resources.cpu", "frontend.resources.memory"),
    *("epp.replicas", "epp.image", "epp.resources.cpu", "epp.resources.memory"),
    *("download.resources.cpu", "download.resources.memory"),
    "spec.envs",
    *(f"{_SERVICE}.{key}" for key in ("multinode.nodeCount", "sharedMemory", "envs", "eppConfig")),
    f"{_SERVICE}.runtimeVersionOverride",
    *(f"{_SERVICE}.{key}" for key in ("livenessProbe", "readinessProbe", "frontendSidecar.envs")),
    *overridable.metadata_paths(f"{_SERVICE}.extraPodMetadata"),
    *overridable.pod_paths(_POD),
    *overridable.container_paths(f"{_POD}.mainContainer"),
)
"""Not in it: services of one's own, their kind, size and namespace, and what opens them to outside."""

_MAX_DIGITS = 9
"""Of a number in an annotation; the operator reads 32 bits."""
_OUTSIDE = "would open the service beyond the cluster's network"
_FOREIGN = "would join the graph to another deployment's"


def _metadata(annotations: Shape = anything, *, but: Collection[str] = ()) -> Shape:
    """Labels and annotations of pods, without those by which Dynamo's processes find each other."""

    def check(value: Any, at: Path) -> Any:
        yield from keys_without("nvidia.com/", but=but)(value, at)
        yield from annotations(value, at)

    return check


_SIDECAR = fields(dict.fromkeys(("image", "args", "env", "envs", "envFromSecret"), anything))
_RESOURCE = fields(
    {"cpu": anything, "memory": anything, "gpu": anything, "gpuType": anything, "custom": anything}
)
_SERVICE_SHAPE = fields(
    {
        "componentType": only("frontend", "worker", "epp", why="may only be frontend, worker or epp"),
        "subComponentType": only("prefill", "decode"),
        "replicas": anything,
        "runtimeVersionOverride": anything,
        "multinode": fields({"nodeCount": anything}),
        "resources": fields(
            {"requests": _RESOURCE, "limits": _RESOURCE, "claims": never("would claim devices (DRA)")}
        ),
        "sharedMemory": fields({"size": anything, "disabled": anything}),
        "envs": anything,
        "envFromSecret": anything,
        "labels": _metadata(),
        "annotations": _metadata(pod_annotations, but=ROLL_OUT_TOLD),
        "extraPodMetadata": fields({"labels": _metadata(), "annotations": _metadata(pod_annotations)}),
        "extraPodSpec": fields({**POD_FIELDS, "mainContainer": CONTAINER}),
        "frontendSidecar": _SIDECAR,
        "livenessProbe": PROBE,
        "readinessProbe": PROBE,
        "eppConfig": anything,
        "volumeMounts": each(
            fields(dict.fromkeys(("name", "mountPoint", "readOnly", "useAsCompilationCache"), anything))
        ),
        "dynamoNamespace": never(_FOREIGN),
        "globalDynamoNamespace": never(_FOREIGN),
        "ingress": never(_OUTSIDE),
        "autoscaling": never("would change the number of pods by itself"),
        "scalingAdapter": never("would change the number of pods by itself"),
    }
)
_ALPHA_SHAPE = fields(
    {
        "apiVersion": anything,
        "kind": anything,
        "metadata": METADATA,
        "spec": fields(
            {
                "backendFramework": anything,
                "envs": anything,
                "pvcs": each(
                    fields(
                        {"name": anything, "create": only(False, why="may only name claims that are there")}
                    )
                ),
                "services": every(_SERVICE_SHAPE),
            }
        ),
    }
)


_COMPONENT_SHAPE = fields(
    {
        "name": anything,
        "type": only(FRONTEND, WORKER, PICKER, *ROLES, why="may only be frontend, worker or epp"),
        "replicas": anything,
        "runtimeVersionOverride": anything,
        "multinode": fields({"nodeCount": anything}),
        "sharedMemorySize": anything,
        "compilationCache": fields({"pvcName": anything, "mountPath": anything}),
        "eppConfig": anything,
        "frontendSidecar": anything,
        "podTemplate": fields(
            {
                "metadata": fields(
                    {"labels": _metadata(), "annotations": _metadata(pod_annotations, but=ROLL_OUT_TOLD)}
                ),
                "spec": POD,
            }
        ),
        "globalDynamoNamespace": never(_FOREIGN),
        "scalingAdapter": never("would change the number of pods by itself"),
    }
)
_BETA_SHAPE = fields(
    {
        "apiVersion": anything,
        "kind": anything,
        "metadata": METADATA,
        "spec": fields({"backendFramework": anything, "env": anything, "components": each(_COMPONENT_SHAPE)}),
    }
)


def graph_shape(graph: Any, at: Path) -> Iterator[NotInShape]:
    """A graph in the version that it is written in."""
    beta = isinstance(graph, Mapping) and graph.get("apiVersion") == BETA
    yield from (_BETA_SHAPE if beta else _ALPHA_SHAPE)(graph, at)


def graph_demand(graph: Manifest) -> Demand:
    """Every service: its replicas, times the nodes that each is spread over, and one Service."""
    if graph.get("apiVersion") == BETA:
        spec = mapping(graph.get("spec"), ("spec",))
        return total(
            _component_demand(entry, at)
            for entry, at in entries(spec.get("components"), ("spec", "components"))
        )
    services = mapping(mapping(graph.get("spec"), ("spec",)).get("services"), ("spec", "services"))
    return total(_service_demand(entry, ("spec", "services", name)) for name, entry in services.items())


def _service_demand(given: Any, at: Path) -> Demand:
    service = mapping(given, at)
    if not service:
        return Demand()
    told, where = mapping(service.get("annotations"), (*at, "annotations")), (*at, "annotations")
    works = service.get("componentType") == WORKER
    return _demand(
        service, at, _pod(service, at), surge=lambda replicas: _surge(told, where, replicas, works)
    )


def _component_demand(component: Mapping[str, Any], at: Path) -> Demand:
    where: Path = (*at, "podTemplate")
    template = mapping(component.get("podTemplate"), where)
    metadata = mapping(template.get("metadata"), (*where, "metadata"))
    told = mapping(metadata.get("annotations"), (*where, "metadata", "annotations"))
    works = component.get("type") in (WORKER, *ROLES)
    pod = pod_demand(
        mapping(template.get("spec"), (*where, "spec")),
        (*where, "spec"),
        shared_memory=amount(component.get("sharedMemorySize"), (*at, "sharedMemorySize")),
    )
    return _demand(
        component, at, pod, surge=lambda replicas: _surge(told, (*where, "metadata"), replicas, works)
    )


def _demand(part: Mapping[str, Any], at: Path, pod: Demand, *, surge: Callable[[int], int]) -> Demand:
    """A service with pods like this one. `surge`: pods beside so many replicas."""
    replicas = whole_number(part.get("replicas"), (*at, "replicas"), default=1)
    multinode = mapping(part.get("multinode"), (*at, "multinode"))
    nodes = max(1, whole_number(multinode.get("nodeCount"), (*at, "multinode", "nodeCount"), default=1))
    spread = Demand(nodes=replicas * nodes) if nodes > 1 else Demand()
    return pod.times((replicas + surge(replicas)) * nodes) + spread + Demand(services=("ClusterIP",))


def _surge(told: Mapping[str, Any], at: Path, replicas: int, works: bool) -> int:
    """Pods beside the replicas while the operator replaces them, as annotations say."""
    given = told.get(MAX_SURGE)
    if told.get(STRATEGY) == "Recreate" or (given is None and not works):
        return 0  # what routes is small, and is not told how
    number = (
        int(given) if isinstance(given, str) and given.isdecimal() and len(given) < _MAX_DIGITS else given
    )
    return surge(number, (*at, MAX_SURGE), replicas=replicas)


def _pod(service: Mapping[str, Any], at: Path) -> Demand:
    """One pod: what the service asks for, and what its containers ask for beside that."""
    own = _resources(service.get("resources"), (*at, "resources"))
    where: Path = (*at, "extraPodSpec")
    extra = mapping(service.get("extraPodSpec"), where)
    main = mapping(extra.get("mainContainer"), (*where, "mainContainer"))
    asked = resources_demand(main.get("resources"), (*where, "mainContainer", "resources"))
    main_container = Demand(
        gpus=max(own.gpus, asked.gpus),
        cpu=max(own.cpu, asked.cpu),
        memory=max(own.memory, asked.memory),
        ephemeral_storage=max(own.ephemeral_storage, asked.ephemeral_storage),
    )
    shared_at: Path = (*at, "sharedMemory")
    shared = mapping(service.get("sharedMemory"), shared_at)
    size = ZERO if shared.get("disabled") else amount(shared.get("size"), (*shared_at, "size"))
    return pod_demand(extra, where, beside=main_container, shared_memory=size)


def _resources(given: Any, at: Path) -> Demand:
    """Dynamo's own form: `gpu`, `cpu`, `memory`, and other devices in `custom`; the larger of both counts."""
    asked = []
    for part in ("requests", "limits"):
        where: Path = (*at, part)
        values = mapping(mapping(given, at).get(part), where)
        custom = mapping(values.get("custom"), (*where, "custom"))
        named = {key: amount(value, (*where, "custom", key)) for key, value in custom.items()}
        disk = named.pop(EPHEMERAL_STORAGE, ZERO)
        asked.append(
            Demand(
                gpus=amount(values.get("gpu"), (*where, "gpu")) + sum(named.values(), ZERO),
                cpu=amount(values.get("cpu"), (*where, "cpu")),
                memory=amount(values.get("memory"), (*where, "memory")),
                ephemeral_storage=disk,
            )
        )
    requests, limits = asked
    return Demand(
        gpus=max(requests.gpus, limits.gpus),
        cpu=max(requests.cpu, limits.cpu),
        memory=max(requests.memory, limits.memory),
        ephemeral_storage=max(requests.ephemeral_storage, limits.ephemeral_storage),
    )
