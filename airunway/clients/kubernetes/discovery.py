"""What an API server serves now: groups, versions, kinds, and its own version."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import quote

from airunway.clients.errors import NotFound
from airunway.clients.kubernetes.kinds import Object, group_version_path
from airunway.clients.kubernetes.transport import Transport

_KINDS = "x-kubernetes-group-version-kind"


class Discovery:
    """Asks each time: a CRD may come or go at any moment."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def served_versions(self, group: str) -> list[str]:
        """Versions of an API group that are served now; empty when the group is unknown."""
        try:
            answer = await self._transport.request("GET", f"/apis/{quote(group)}")
        except NotFound:
            return []
        return [version["version"] for version in answer.get("versions", [])]

    async def served_group_versions(self) -> list[str]:
        """All API versions that are served now, e.g. `v1` and `apps/v1`."""
        groups = (await self._transport.request("GET", "/apis")).get("groups", [])
        return ["v1", *(version["groupVersion"] for group in groups for version in group["versions"])]

    async def served_kinds(self, api_version: str) -> dict[str, str]:
        """Kind to plural of everything a group version serves; empty when it is unknown."""
        found = await self.served_resources(api_version)
        return {kind: plural for kind, (plural, _) in found.items()}

    async def served_resources(self, api_version: str) -> dict[str, tuple[str, bool]]:
        """Kind to plural, and whether it is namespaced; empty when the group version is unknown."""
        try:
            answer = await self._transport.request("GET", group_version_path(api_version))
        except NotFound:
            return {}
        return {
            entry["kind"]: (entry["name"], bool(entry.get("namespaced")))
            for entry in answer.get("resources", [])
            if "/" not in entry["name"]
        }

    async def served_fields(self, api_version: str, kind: str, paths: Collection[str]) -> frozenset[str]:
        """Which of these fields of a kind are served, as `spec.a.*.b` (`*`: any key or item); none when the
        kind is unknown.

        Everybody may ask. The answer has megabytes, so it is not for every reconcile.
        """
        try:
            document = await self._transport.request("GET", f"/openapi/v3{group_version_path(api_version)}")
        except NotFound:
            return frozenset()
        return _fields_in(document, api_version, kind, frozenset(paths))

    async def server_version(self) -> str:
        """Version of the API server, e.g. `v1.37.2`."""
        return str((await self._transport.request("GET", "/version"))["gitVersion"])


def _fields_in(document: Object, api_version: str, kind: str, paths: frozenset[str]) -> frozenset[str]:
    group, _, version = api_version.rpartition("/")
    served = {"group": group, "version": version, "kind": kind}
    schemas = (document.get("components") or {}).get("schemas") or {}
    found = [schema for schema in schemas.values() if served in schema.get(_KINDS, ())]
    return frozenset(path for path in paths for schema in found if _has_field(schema, path.split(".")))


def _has_field(schema: Mapping[str, Any], path: list[str]) -> bool:
    if path[0] == "*":
        inner = schema.get("items") or schema.get("additionalProperties")
    else:
        inner = (schema.get("properties") or {}).get(path[0])
    if not isinstance(inner, Mapping):
        return False
    return len(path) == 1 or _has_field(inner, path[1:])
