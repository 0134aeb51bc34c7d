"""Finds what listens where a request of `services/proxy`, `pods/proxy` or `pods/portforward` is to go.

Pods of the emulated cluster have no network. Whoever pretends what runs in them says by `PodAddress` where a
port of a pod is served in truth, on loopback.

Source: ResourceLocation in k8s.io/kubernetes/pkg/registry/core/{service,pod}.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from .errors import StatusError, bad_request, not_found
from .store import Store

Obj = dict[str, Any]
Address = tuple[str, int]
PodAddress = Callable[[Obj, int], Awaitable[Address | None]]
"""Where a port of a pod is served: host and port, or None where nothing listens."""


def unavailable(words: str) -> StatusError:
    """Nobody is there to answer."""
    return StatusError(503, "ServiceUnavailable", words)


def split(kind: str, text: str) -> tuple[str, str]:
    """Name and port (perhaps empty) of `name`, `name:port` or `scheme:name:port`."""
    parts = text.split(":")
    if len(parts) == 3 and parts[0] in ("http", "https", ""):
        parts = parts[1:]
    if len(parts) > 2 or not parts[0]:
        raise bad_request(f'invalid {kind} request "{text}"')
    return parts[0], parts[1] if len(parts) == 2 else ""


def pod_and_port(store: Store, plural: str, namespace: str, text: str) -> tuple[Obj, int]:
    """The pod behind a name, and its port. Raises what a real server refuses it with."""
    if plural == "services":
        return _behind_service(store, namespace, text)
    name, port = split("pod", text)
    pod = pod_named(store, namespace, name)
    if not port:
        port = str(next((entry["containerPort"] for entry in _ports(pod)), 80))
    if not (pod.get("status") or {}).get("podIP"):
        raise bad_request("address not allowed")
    return pod, _number(port)


def pod_named(store: Store, namespace: str, name: str) -> Obj:
    """A pod, or 404."""
    version = store.table(("", "pods")).get(namespace, name)
    if version is None:
        raise not_found("pods", "", name)
    return version.obj


def _number(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise bad_request(f'invalid port "{text}"')
    return int(text)


def _behind_service(store: Store, namespace: str, text: str) -> tuple[Obj, int]:
    name, port = split("service", text)
    version = store.table(("", "services")).get(namespace, name)
    if version is None:
        raise not_found("services" if port.isdecimal() else "endpoints", "", name)
    spec = version.obj["spec"]
    ports = spec.get("ports") or []
    if port.isdecimal():
        entry = next((one for one in ports if one["port"] == int(port)), None)
        if entry is None:
            raise unavailable(f'no service port {port} found for service "{name}"')
    else:
        entry = next((one for one in ports if one.get("name", "") == port), None)
    ready = list(_endpoints(store, namespace, spec, entry or (ports[0] if ports else {})))
    if not ready:
        raise unavailable(f'no endpoints available for service "{name}"')
    if entry is None:
        raise unavailable(f'no endpoints available for service "{text}"')
    return random.choice(ready)


def _endpoints(store: Store, namespace: str, spec: Obj, entry: Obj) -> Iterator[tuple[Obj, int]]:
    """The ready pods of a Service with the number of the port on each."""
    selector = (spec.get("selector") or {}).items()
    for version in store.table(("", "pods")).all(namespace) if selector else ():
        pod = version.obj
        if not selector <= (pod["metadata"].get("labels") or {}).items():
            continue
        if not _is_ready(pod) and not (spec.get("publishNotReadyAddresses") and _has_address(pod)):
            continue
        target = entry.get("targetPort") or entry.get("port", 0)
        if isinstance(target, str):
            target = next((one["containerPort"] for one in _ports(pod) if one.get("name") == target), 0)
        if target:
            yield pod, target


def _is_ready(pod: Obj) -> bool:
    status = pod.get("status") or {}
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in status.get("conditions") or ())
    return ready and _has_address(pod) and "deletionTimestamp" not in pod["metadata"]


def _has_address(pod: Obj) -> bool:
    return bool((pod.get("status") or {}).get("podIP"))


def _ports(pod: Obj) -> list[Obj]:
    return [port for container in pod["spec"]["containers"] for port in container.get("ports") or ()]


async def address_of(where: PodAddress | None, pod: Obj, port: int) -> Address:
    """Where to connect to. Raises 503, as when a pod refuses the connection."""
    found = await where(pod, port) if where is not None else None
    if found is None:
        ip = (pod.get("status") or {}).get("podIP", "")
        why = f"dial tcp {ip}:{port}: connect: connection refused"
        raise unavailable(f"error trying to reach service: {why}")
    return found
