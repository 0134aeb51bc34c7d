"""Which rights a worker uses, recorded call by call, and which its manifest grants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml
from kubernetes.aio.client import Configuration

from airunway.clients.kubernetes import APPLY, Cluster, Object

Right = tuple[str, str, str]
"""API group, resource (with its subresource), verb."""

ROOT = Path(__file__).resolve().parents[2]


class RecordingCluster(Cluster):
    """A client that notes the right each of its calls takes."""

    used: set[Right]

    def act_as(self, user: str) -> None:
        """Impersonate a user from now on; calls before do not count."""
        self.used = set()
        client = self._transport.api_client
        authenticate = client.update_params_for_auth

        async def impersonate(headers: dict[str, str], *rest: Any) -> None:
            headers["Impersonate-User"] = user
            await authenticate(headers, *rest)

        setattr(client, "update_params_for_auth", impersonate)  # noqa: B010  (typed as a method)

    def __init__(self, configuration: Configuration, **options: Any) -> None:
        super().__init__(configuration, **options)
        self.used = set()
        send = self._transport.send

        async def recorded(method: str, path: str, **options: Any) -> Any:
            self.used |= rights_of(method, path, options.get("content_type", ""), options.get("body"))
            return await send(method, path, **options)

        setattr(self._transport, "send", recorded)  # noqa: B010  (typed as a method)


def rights_of(method: str, path: str, content_type: str, body: Any) -> set[Right]:
    """The rights of one request; none for discovery, which everybody has."""
    head, *parts = path.strip("/").split("/")
    if head == "openapi":
        return set()
    group = "" if head == "api" else parts.pop(0)
    parts = parts[1:]  # without the version
    if parts[:1] == ["namespaces"] and len(parts) > 2:
        parts = parts[2:]
    if not parts:
        return set()
    resource = "/".join([parts[0], *parts[2:]])
    named = len(parts) > 1
    verbs = {"POST": ["create"], "DELETE": ["delete"], "PATCH": ["patch"]}.get(method)
    verbs = verbs or (["get"] if named else ["list"])
    if content_type == APPLY and resource == parts[0]:
        verbs = ["patch", "create"]  # an apply creates what is not there
    found = {(group, resource, verb) for verb in verbs}
    owners = (body.get("metadata") or {}).get("ownerReferences") if isinstance(body, dict) else None
    if any(owner.get("blockOwnerDeletion") for owner in owners or ()):
        found.add(("airunway.ai", "modeldeployments/finalizers", "update"))
    return found


def manifest(provider: str) -> list[Object]:
    """The objects that run a shipped provider's worker on its own."""
    path = ROOT / "providers" / provider / "deploy" / f"{provider}.yaml"
    return list(yaml.safe_load_all(path.read_text()))


def granted(objects: Iterable[Mapping[str, Any]]) -> set[Right]:
    """What the ClusterRoles among the objects grant."""
    return {
        (group, resource, verb)
        for obj in objects
        if obj["kind"] == "ClusterRole"
        for rule in obj.get("rules") or ()
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
