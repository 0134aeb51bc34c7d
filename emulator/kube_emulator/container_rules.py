"""Checks what a container asks for and how it is probed; apart from `pod_rules`, which needs no numbers.

Source: k8s.io/kubernetes/pkg/apis/core/validation/validation.go and pkg/apis/core/helper/helpers.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from . import causes, quantities
from .errors import Cause
from .metadata import qualified_fault

Obj = Mapping[str, Any]
PORT_RANGE = "must be between 1 and 65535, inclusive"
_NOT_NEGATIVE = "must be greater than or equal to 0"
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_HUGE_PAGES = "hugepages-"
_QUOTA = "requests."


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


def probe(found: Obj, path: str) -> Iterator[Cause]:
    """Everything wrong with a probe."""
    given = [name for name in _HANDLERS if found.get(name) is not None]
    if not given:
        yield causes.required(path, "must specify a handler type")
    for name in given[1:]:
        yield causes.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    if given and given[0] in ("httpGet", "tcpSocket", "grpc"):
        yield from _port((found[given[0]] or {}).get("port"), f"{path}.{given[0]}.port")
    for name in _COUNTS:
        if found.get(name, 0) < 0:
            yield causes.invalid(f"{path}.{name}", found[name], _NOT_NEGATIVE)
    grace = found.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield causes.invalid(f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0")


def _port(port: Any, path: str) -> Iterator[Cause]:
    if isinstance(port, int) and not 0 < port < 65536:
        yield causes.invalid(path, port, PORT_RANGE)
