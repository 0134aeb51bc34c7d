"""What the API server refuses in a container: probes, hooks, ports, mounts, variables and amounts. Pure.

Source: k8s.io/kubernetes, pkg/apis/core/validation/validation.go, of the release that `tests/real` runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from airunway.api import quantities
from airunway.api.paths import Path
from airunway.api.server_names import (
    label_fault,
    port_name_fault,
    resource_fault,
    subdomain_fault,
    variable_fault,
)
from airunway.provider.counting import is_device
from airunway.provider.server_parts import (
    MAX_PORT,
    absent,
    amount,
    distinct,
    flag,
    given_of,
    once_each,
    one_of,
    only_one,
    parts,
    port_reference,
    text,
    together,
    whole,
)
from airunway.provider.shapes import NotInShape, Shape, each

_HEADER = re.compile(r"[-A-Za-z0-9]+")
_HUGE_PAGES = "hugepages-"


def _header_fault(name: str) -> str:
    return "" if _HEADER.fullmatch(name) else "must be letters, digits and '-'"


def _image_fault(image: str) -> str:
    return "must not begin or end with white space" if image.strip(quantities.SPACES) != image else ""


def relative_path_fault(path: str) -> str:
    """What is wrong with a path below a volume."""
    return "must be relative, without '..'" if path.startswith("/") or ".." in path.split("/") else ""


# -- probes and hooks ---------------------------------------------------------------------------------------

_HEADERS = each(parts({"name": text(_header_fault), "value": text()}, required=("name",)))
_HANDLERS: Mapping[str, Shape] = {
    "exec": parts({"command": each(text())}, required=("command",)),
    "grpc": parts({"port": whole(1, MAX_PORT), "service": text()}, required=("port",)),
    "httpGet": parts(
        {
            **{"path": text(), "port": port_reference, "host": text(), "httpHeaders": _HEADERS},
            "scheme": one_of("HTTP", "HTTPS"),
        },
        required=("port",),
    ),
    "tcpSocket": parts({"port": port_reference, "host": text()}, required=("port",)),
}
_COUNTS = dict.fromkeys(
    ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "failureThreshold"), whole(0)
)


def _probe(*, successes: Shape, grace: Shape) -> Shape:
    known = {**_HANDLERS, **_COUNTS, "successThreshold": successes, "terminationGracePeriodSeconds": grace}
    return parts(known, also=only_one(*_HANDLERS))


_LIFE_PROBE = _probe(successes=whole(0, 1), grace=whole(1))
PROBES: Mapping[str, Shape] = {
    "livenessProbe": _LIFE_PROBE,
    "startupProbe": _LIFE_PROBE,
    "readinessProbe": _probe(successes=whole(0), grace=absent("is for liveness and startup probes")),
}
"""By the field of a container, which some upstream objects have beside their containers."""

_HOOKS = {key: rule for key, rule in _HANDLERS.items() if key != "grpc"}
_HOOK = parts(
    {**_HOOKS, "sleep": parts({"seconds": whole(0)})},
    also=only_one("exec", "httpGet", "sleep", "tcpSocket"),
)


# -- ports, mounts, variables -------------------------------------------------------------------------------

_PORT = parts(
    {
        "name": text(port_name_fault),
        **{"containerPort": whole(1, MAX_PORT), "hostPort": whole(0, MAX_PORT), "hostIP": text()},
        "protocol": one_of("TCP", "UDP", "SCTP"),
    },
    required=("containerPort",),
)
_PORTS = once_each(_PORT, "name")
_APPLIED_PORTS = together(_PORTS, distinct("containerPort", "protocol", defaults={"protocol": "TCP"}))
"""An apply knows its ports by these; an operator that creates a pod may have some twice."""


def _mount_together(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    yield from only_one("subPath", "subPathExpr", needed=False)(
        {key: found for key, found in value.items() if found != ""}, at
    )
    if value.get("recursiveReadOnly") in ("Enabled", "IfPossible") and not value.get("readOnly"):
        yield NotInShape(path=(*at, "recursiveReadOnly"), why="needs readOnly: true")


_MOUNT = parts(
    {
        **{"name": text(), "mountPath": text(), "readOnly": flag},
        **{"subPath": text(relative_path_fault), "subPathExpr": text(relative_path_fault)},
        "mountPropagation": one_of("None", "HostToContainer", "Bidirectional"),
        "recursiveReadOnly": one_of("Disabled", "Enabled", "IfPossible"),
    },
    required=("name", "mountPath"),
    also=_mount_together,
)
_WHOLE_SOURCE = parts({"name": text(subdomain_fault), "optional": flag}, required=("name",))
_VARIABLES_FROM = parts(
    {"prefix": text(variable_fault), "configMapRef": _WHOLE_SOURCE, "secretRef": _WHOLE_SOURCE},
    also=only_one("configMapRef", "secretRef"),
)
_VARIABLE = parts({"name": text(), "value": text()}, required=("name",))
"""Its name and its source: `selection.server_rules`, which knows the field of the spec."""


# -- amounts and rights -------------------------------------------------------------------------------------


def _amounts(value: Any, at: Path) -> Iterator[NotInShape]:
    """`limits` or `requests`."""
    if value is None:
        return
    if not isinstance(value, Mapping):
        yield NotInShape(path=at, why="must be an object")
        return
    for name, given in value.items():
        if why := resource_fault(name):
            yield NotInShape(path=(*at, name), why=why)
            continue
        wrong = list(amount(given, (*at, name)))
        yield from wrong
        if not wrong and given is not None and is_device(name) and quantities.parse(str(given)) % 1:
            yield NotInShape(path=(*at, name), why="must be a whole number of devices")


def _amounts_together(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    limits, requests = (value.get(part) or {} for part in ("limits", "requests"))
    if not isinstance(limits, Mapping) or not isinstance(requests, Mapping):
        return
    for name, given in requests.items():
        if given is None or not (is_device(name) or name.startswith(_HUGE_PAGES)):
            continue
        limit = limits.get(name)
        if limit is None or _differ(str(given), str(limit)):
            yield NotInShape(path=(*at, "requests", name), why="must be the same as its limit")
    named = {*limits, *requests}
    if any(name.startswith(_HUGE_PAGES) for name in named) and not named & {"cpu", "memory"}:
        yield NotInShape(path=at, why="must ask for cpu or memory beside huge pages")


def _differ(one: str, other: str) -> bool:
    return (
        quantities.is_valid(one)
        and quantities.is_valid(other)
        and quantities.parse(one) != quantities.parse(other)
    )


RESOURCES = parts({"limits": _amounts, "requests": _amounts}, also=_amounts_together)


def _profile_together(value: Mapping[str, Any], at: Path) -> Iterator[NotInShape]:
    local = value.get("localhostProfile")
    if value.get("type") == "Localhost" and not local:
        yield NotInShape(path=(*at, "localhostProfile"), why="is required where type is Localhost")
    elif value.get("type") != "Localhost" and local is not None:
        yield NotInShape(path=(*at, "localhostProfile"), why="is for type Localhost")


_PROFILE = parts(
    {"type": one_of("Localhost", "RuntimeDefault", "Unconfined"), "localhostProfile": text()},
    required=("type",),
    also=_profile_together,
)
USER: Mapping[str, Shape] = {
    **dict.fromkeys(("runAsUser", "runAsGroup"), whole(0)),
    **dict.fromkeys(("seccompProfile", "appArmorProfile"), _PROFILE),
    "runAsNonRoot": flag,
}
"""What the security contexts of pods and of containers both have."""
_NAMES = each(text())
_SECURITY = parts(
    {
        **USER,
        **dict.fromkeys(("allowPrivilegeEscalation", "privileged", "readOnlyRootFilesystem"), flag),
        "capabilities": parts({"add": _NAMES, "drop": _NAMES}),
    }
)


# -- the container ------------------------------------------------------------------------------------------

_RESIZE = parts(
    {
        "resourceName": one_of("cpu", "memory"),
        "restartPolicy": one_of("NotRequired", "RestartContainer"),
    },
    required=("resourceName", "restartPolicy"),
)


def container(*, whole_one: bool) -> Shape:
    """A container. `whole_one`: no operator fills in what is not given, and it is applied as it is."""
    return parts(
        {
            **{"name": text(label_fault), "image": text(_image_fault), "workingDir": text()},
            "imagePullPolicy": one_of("Always", "IfNotPresent", "Never"),
            **{"command": _NAMES, "args": _NAMES},
            "env": once_each(_VARIABLE, "name") if whole_one else each(_VARIABLE),
            "envFrom": each(_VARIABLES_FROM),
            "ports": _APPLIED_PORTS if whole_one else _PORTS,
            **PROBES,
            "lifecycle": parts({"postStart": _HOOK, "preStop": _HOOK, "stopSignal": text()}),
            "volumeMounts": once_each(_MOUNT, "mountPath"),
            "resources": RESOURCES,
            "resizePolicy": each(_RESIZE),
            "securityContext": _SECURITY,
            "terminationMessagePath": text(),
            "terminationMessagePolicy": one_of("File", "FallbackToLogsOnError"),
            **dict.fromkeys(("stdin", "stdinOnce", "tty"), flag),
        },
        required=("name", "image") if whole_one else (),
    )


def mounts_of(value: Mapping[str, Any]) -> Iterator[tuple[int, Any]]:
    """The mounts of a container that name a volume, with their places."""
    mounts = value.get("volumeMounts")
    for index, mount in enumerate(mounts if isinstance(mounts, list) else ()):
        if isinstance(mount, Mapping) and given_of(mount, ("name",)):
            yield index, mount["name"]
