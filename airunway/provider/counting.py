"""Count what rendered objects demand, whatever path it came by. Pure.

Kubernetes' own kinds are counted here; what an operator makes of a custom resource is said by its provider
(`Provider.demand`), with the same functions. What cannot be read cannot be counted, and is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from airunway.api.paths import Path, shown
from airunway.api.quantities import InvalidQuantity, parse
from airunway.provider.demand import ZERO, Demand, total
from airunway.provider.manifest import Manifest, RenderError

_MAX_DIGITS = 24
"""Of a number in JSON; nothing that is counted is larger than the quantities of the API, which have 19."""

_DEVICE_CLASSES = "deviceclass.resource.kubernetes.io"
"""With the name of a device class, a resource that is a claim of such devices, since Kubernetes 1.34."""

EPHEMERAL_STORAGE = "ephemeral-storage"
"""The resource that is space on the node's own disk."""

_USUAL_SURGE = "25%"
"""What the API server fills in."""

_NOTHING = Demand()


def builtin_demand(obj: Manifest) -> Demand:
    """The demand of an object of a kind that every cluster serves. Raises RenderError for any other kind."""
    kind, spec = obj.get("kind"), mapping(obj.get("spec"), ("spec",))
    at: Path = ("spec", "template", "spec")
    if kind == "Deployment":
        pods = whole_number(spec.get("replicas"), ("spec", "replicas"), default=1) + _surge(spec)
        return template_demand(spec.get("template"), at[:-1]).times(pods)
    if kind == "Job":
        count = whole_number(spec.get("parallelism"), ("spec", "parallelism"), default=1)
        return template_demand(spec.get("template"), at[:-1]).times(count)
    if kind == "Service":
        return service_demand(spec, ("spec",))
    if kind == "PersistentVolumeClaim":
        requests = mapping(mapping(spec.get("resources"), ("spec", "resources")).get("requests"), ("spec",))
        where: Path = ("spec", "resources", "requests", "storage")
        return Demand(storage=amount(requests.get("storage"), where))
    if kind in ("ConfigMap", "NetworkPolicy", "Secret"):
        return Demand()
    raise RenderError(f"spec: nobody says what a rendered {kind} demands, so it cannot be counted")


def service_demand(spec: Mapping[str, Any], at: Path) -> Demand:
    """One Service."""
    given = spec.get("type")
    if given is not None and not isinstance(given, str):
        raise RenderError(f"spec: {shown((*at, 'type'))} of a rendered object must be a text")
    return Demand(services=(given or "ClusterIP",))


def template_demand(template: Any, at: Path) -> Demand:
    """One pod of a template."""
    where: Path = (*at, "spec")
    return pod_demand(mapping(mapping(template, at).get("spec"), where), where)


def pod_demand(
    pod: Mapping[str, Any], at: Path, *, beside: Demand = _NOTHING, shared_memory: Decimal = ZERO
) -> Demand:
    """One pod: its containers together, or the largest init container, or what the pod asks for whole.

    What its empty volumes may hold is memory and disk of these, so the larger counts. `beside`: of a
    container that is not in the list; `shared_memory`: of a volume that is not.
    """
    main = beside + total(
        resources_demand(entry.get("resources"), (*where, "resources"))
        for entry, where in entries(pod.get("containers"), (*at, "containers"))
    )
    others = [
        resources_demand(entry.get("resources"), (*where, "resources"))
        for entry, where in entries(pod.get("initContainers"), (*at, "initContainers"))
    ]
    others.append(resources_demand(pod.get("resources"), (*at, "resources")))
    volumes = entries(pod.get("volumes"), (*at, "volumes"))
    others.append(
        Demand(memory=shared_memory) + total(_empty_volume(entry, where) for entry, where in volumes)
    )
    return Demand(
        pods=1,
        gpus=max(entry.gpus for entry in (main, *others)),
        cpu=max(entry.cpu for entry in (main, *others)),
        memory=max(entry.memory for entry in (main, *others)),
        ephemeral_storage=max(entry.ephemeral_storage for entry in (main, *others)),
    )


def _empty_volume(volume: Mapping[str, Any], at: Path) -> Demand:
    """What a volume that is empty at first may come to hold, in memory or on the node's disk."""
    where: Path = (*at, "emptyDir")
    given = mapping(volume.get("emptyDir"), where)
    size = amount(given.get("sizeLimit"), (*where, "sizeLimit"))
    return Demand(memory=size) if given.get("medium") else Demand(ephemeral_storage=size)


def resources_demand(resources: Any, at: Path) -> Demand:
    """What `resources` of a container or pod ask for: of request and limit the larger one."""
    given = mapping(resources, at)
    largest: dict[str, Decimal] = {}
    for part in ("requests", "limits"):
        for name, value in mapping(given.get(part), (*at, part)).items():
            largest[name] = max(largest.get(name, ZERO), amount(value, (*at, part, name)))
    return Demand(
        gpus=sum((value for name, value in largest.items() if is_device(name)), ZERO),
        cpu=largest.get("cpu", ZERO),
        memory=largest.get("memory", ZERO)
        + sum((value for name, value in largest.items() if name.startswith("hugepages-")), ZERO),
        ephemeral_storage=largest.get(EPHEMERAL_STORAGE, ZERO),
    )


def is_device(resource: str) -> bool:
    """Whether a resource is an extended one: it has a domain, and that is not Kubernetes' own.

    Of Kubernetes' own names, those of device classes stand for devices (DRA), as many as are asked for.
    """
    domain, slash, _ = resource.partition("/")
    if domain == _DEVICE_CLASSES:
        return bool(slash)
    return bool(slash) and domain != "kubernetes.io" and not domain.endswith(".kubernetes.io")


# -- reading ------------------------------------------------------------------------------------------------


def whole_number(value: Any, at: Path, *, default: int) -> int:
    """A count, at least 0. Raises RenderError for what is no whole number: it could not be counted."""
    if value is None:
        return default
    if isinstance(value, float) and value.is_integer() and abs(value) < 10**_MAX_DIGITS:
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise RenderError(f"spec: {shown(at)} of a rendered object must be a whole number, it is counted")
    return max(value, 0)


def amount(value: Any, at: Path) -> Decimal:
    """A quantity, at least 0. Raises RenderError for what is none."""
    if value is None:
        return ZERO
    text = value if isinstance(value, str) else "" if isinstance(value, bool) else repr(value)
    if isinstance(value, str | int | float) and text:
        try:
            return max(parse(text), ZERO)
        except InvalidQuantity:
            pass
    raise RenderError(f"spec: {shown(at)} of a rendered object must be a quantity, it is counted")


def mapping(value: Any, at: Path) -> Mapping[str, Any]:
    """An object, empty when it is absent. Raises RenderError for any other value."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RenderError(f"spec: {shown(at)} of a rendered object must be an object, it is counted")
    return value


def entries(value: Any, at: Path) -> list[tuple[Mapping[str, Any], Path]]:
    """The objects in a list with their paths. Raises RenderError when it is something else."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise RenderError(f"spec: {shown(at)} of a rendered object must be a list, it is counted")
    return [(mapping(entry, (*at, index)), (*at, index)) for index, entry in enumerate(value)]


def _surge(deployment: Mapping[str, Any]) -> int:
    """Pods beside the replicas that a roll-out may have."""
    strategy = mapping(deployment.get("strategy"), ("spec", "strategy"))
    rolling = mapping(strategy.get("rollingUpdate"), ("spec", "strategy", "rollingUpdate"))
    if strategy.get("type") == "Recreate":
        return 0
    replicas = whole_number(deployment.get("replicas"), ("spec", "replicas"), default=1)
    return surge(
        rolling.get("maxSurge"), ("spec", "strategy", "rollingUpdate", "maxSurge"), replicas=replicas
    )


def surge(given: Any, at: Path, *, replicas: int) -> int:
    """Pods that a `maxSurge` adds to replicas: so many, or a percentage; absent: the usual quarter."""
    if given is None:
        given = _USUAL_SURGE
    if not isinstance(given, str):
        return whole_number(given, at, default=0)
    percent = given.removesuffix("%")
    if percent == given or not percent.isdecimal() or len(percent) > _MAX_DIGITS:
        raise RenderError(f"spec: {shown(at)} of a rendered object must be a number or a percentage")
    return -(-replicas * int(percent) // 100)
