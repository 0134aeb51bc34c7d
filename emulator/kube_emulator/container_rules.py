"""Checks what a container asks for and how it is probed; apart from `pod_rules`, which needs no numbers.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go and pkg/apis/core/helper/helpers.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import causes, quantities
from .errors import Cause
from .metadata import label_fault, qualified_fault

Obj = Mapping[str, Any]
PORT_RANGE = "must be between 1 and 65535, inclusive"
_NOT_NEGATIVE = "must be greater than or equal to 0"
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_OF_QUOTAS = ("configmaps", "persistentvolumeclaims", "pods", "secrets", "services", "storage")
_HUGE_PAGES = "hugepages-"
_QUOTA = "requests."
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def resources(found: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a container's resources."""
    limits, requests = found.get("limits") or {}, found.get("requests") or {}
    for part, amounts in (("limits", limits), ("requests", requests)):
        for name, amount in amounts.items():
            yield from _amount(name, amount, f"{path}.{part}[{name}]")
    for name, amount in requests.items():
        over = _may_be_overcommitted(name)
        if name not in limits:
            if not over:
                words = "Limit must be set for non overcommitable resources"
                yield causes.required(f"{path}.limits", words)
            continue
        wanted, limit = quantities.number(amount), quantities.number(limits[name])
        if wanted != limit and not over:
            words = f"must be equal to {name} limit of {limits[name]}"
            yield causes.invalid(f"{path}.requests", amount, words)
        elif wanted > limit:
            words = f"must be less than or equal to {name} limit of {limits[name]}"
            yield causes.invalid(f"{path}.requests", amount, words)
    named = {*limits, *requests}
    if any(name.startswith(_HUGE_PAGES) for name in named) and not named & {"cpu", "memory"}:
        yield causes.forbidden(path, "HugePages require cpu or memory")


def ports(found: Any, path: str) -> Iterator[Cause]:
    """Everything wrong with the ports of a container."""
    names: set[str] = set()
    for index, port in enumerate(found):
        name, number = port.get("name", ""), port.get("containerPort", 0)
        faults = _port_name_faults(name) if name else []
        yield from (causes.invalid(f"{path}[{index}].name", name, fault) for fault in faults)
        if name and not faults and name in names:
            yield causes.duplicate(f"{path}[{index}].name", name)
        names.add(name)
        if number == 0:
            yield causes.required(f"{path}[{index}].containerPort")
        elif not 0 < number < 65536:
            yield causes.invalid(f"{path}[{index}].containerPort", number, PORT_RANGE)
        if (protocol := port.get("protocol", "TCP")) not in _PROTOCOLS:
            yield causes.not_supported(f"{path}[{index}].protocol", protocol, _PROTOCOLS)


def _port_name_faults(name: str) -> list[str]:
    """Why a port cannot be called so; empty when it can."""
    rules = (
        (len(name) > 15, "must be no more than 15 characters"),
        (
            not re.fullmatch(r"[-a-z0-9]+", name),
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ),
        (not re.search(r"[a-z]", name), "must contain at least one letter (a-z)"),
        ("--" in name, "must not contain consecutive hyphens"),
        (
            bool(name) and "-" in (name[0], name[-1]),
            "must not begin or end with a hyphen",
        ),
    )
    return [words for broken, words in rules if broken]


def _amount(name: str, amount: Any, path: str) -> Iterator[Cause]:
    if fault := qualified_fault(name):
        yield causes.invalid(path, name, fault)
    elif "/" not in name and name not in _STANDARD and not name.startswith(_HUGE_PAGES):
        if name not in _OF_QUOTAS:
            yield causes.invalid(path, name, "must be a standard resource type or fully qualified")
        yield causes.invalid(path, name, "must be a standard resource for containers")
    elif "/" in name and "kubernetes.io/" not in name and _fits_no_quota(name):
        yield causes.invalid(path, name, "doesn't follow extended resource name standard")
    value = quantities.number(amount)
    if value < 0:
        yield causes.invalid(path, amount, _NOT_NEGATIVE)
    if not _may_be_overcommitted(name) and "/" in name and value % 1:
        yield causes.invalid(path, amount, "must be an integer")


def _fits_no_quota(name: str) -> bool:
    return name.startswith(_QUOTA) or bool(qualified_fault(_QUOTA + name))


def _may_be_overcommitted(name: str) -> bool:
    return ("/" not in name or "kubernetes.io/" in name) and not name.startswith(_HUGE_PAGES)


_COUNTS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_HOOK_HANDLERS = ("exec", "httpGet", "tcpSocket", "sleep")
_HEADER = re.compile("[-A-Za-z0-9]+")
_HEADER_ERROR = (
    "a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used "
    "for validation is '[-A-Za-z0-9]+')"
)


def probe(found: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a probe; which one it is, the end of its path says."""
    yield from _handler(found, _HANDLERS, path)
    for name in _COUNTS:
        if found.get(name, 0) < 0:
            yield causes.invalid(f"{path}.{name}", found[name], _NOT_NEGATIVE)
    grace = found.get("terminationGracePeriodSeconds")
    if path.endswith(".readinessProbe"):
        if grace is not None:
            yield causes.invalid(
                f"{path}.terminationGracePeriodSeconds", grace, "must not be set for readinessProbes"
            )
        return
    if grace is not None and grace <= 0:
        yield causes.invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")
    if found.get("successThreshold", 1) != 1:
        yield causes.invalid(f"{path}.successThreshold", found["successThreshold"], "must be 1")


def lifecycle(found: Obj, path: str, *, grace: int) -> Iterator[Cause]:
    """Everything wrong with what is done after a start and before an end. `grace`: seconds to end in."""
    for name in ("postStart", "preStop"):
        hook = found.get(name)
        if hook is None:
            continue
        yield from _handler(hook, _HOOK_HANDLERS, f"{path}.{name}")
        seconds = (hook.get("sleep") or {}).get("seconds", 0)
        if not 0 <= seconds <= grace:
            words = f"must be non-negative and less than terminationGracePeriodSeconds ({grace})"
            yield causes.invalid(f"{path}.{name}.sleep", seconds, words)


def _handler(found: Obj, known: tuple[str, ...], path: str) -> Iterator[Cause]:
    given = [name for name in known if found.get(name) is not None]
    if not given:
        yield causes.required(path, "must specify a handler type")
    for name in given[1:]:
        yield causes.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    for name in given[:1]:
        yield from _one_handler(name, found[name] or {}, f"{path}.{name}")


def _one_handler(kind: str, given: Obj, path: str) -> Iterator[Cause]:
    if kind == "exec":
        if not given.get("command"):
            yield causes.required(f"{path}.command")
    elif kind != "sleep":
        yield from _port(given.get("port", 0), f"{path}.port")
    if kind != "httpGet":
        return
    if (scheme := given.get("scheme", "HTTP")) not in ("HTTP", "HTTPS"):
        yield causes.not_supported(f"{path}.scheme", scheme, ["HTTP", "HTTPS"])
    for header in given.get("httpHeaders") or ():
        if not _HEADER.fullmatch(header.get("name", "")):
            yield causes.invalid(f"{path}.httpHeaders", header.get("name", ""), _HEADER_ERROR)


def _port(port: Any, path: str) -> Iterator[Cause]:
    if isinstance(port, str):
        yield from (causes.invalid(path, port, fault) for fault in _port_name_faults(port))
    elif not 0 < port < 65536:
        yield causes.invalid(path, port, PORT_RANGE)


# --- the container itself -----------------------------------------------------------------------------------

_PULLS = ("Always", "IfNotPresent", "Never")
_MESSAGES = ("File", "FallbackToLogsOnError")


def identity(container: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with its name, its image, and what is done with both."""
    name, image = container.get("name", ""), container.get("image", "")
    if not name:
        yield causes.required(f"{path}.name")
    elif fault := label_fault(name):
        yield causes.invalid(f"{path}.name", name, fault)
    if not image:
        yield causes.required(f"{path}.image")
    elif image.strip() != image and path.startswith("spec.containers["):  # of a pod itself, in no template
        yield causes.invalid(f"{path}.image", image, "must not have leading or trailing whitespace")
    for field, known in (("imagePullPolicy", _PULLS), ("terminationMessagePolicy", _MESSAGES)):
        if (given := container.get(field)) and given not in known:
            yield causes.not_supported(f"{path}.{field}", given, known)
