"""What must be so before an operator may be taken away. Source: install.md §A10, weak spots 28-30."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.installation.crds import crds_in, is_kept, name_of

Json = Mapping[str, Any]
MAX_LISTED = 20


@dataclass(frozen=True, kw_only=True)
class CustomKind:
    """A kind that a CRD defines."""

    crd: str
    group: str
    version: str
    """The version it is stored in."""
    plural: str
    kind: str


def uses(deployments: Iterable[Json], provider: str) -> list[str]:
    """The ModelDeployments (namespace/name) that name a provider or were given to it."""
    found = []
    for obj in deployments:
        named = ((obj.get("spec") or {}).get("provider") or {}).get("name")
        recorded = ((obj.get("status") or {}).get("provider") or {}).get("name")
        if provider in (named, recorded):
            meta = obj["metadata"]
            found.append(f"{meta['namespace']}/{meta['name']}")
    return sorted(found)


def goes_with_the_release(manifest: Iterable[Json]) -> list[dict[str, Any]]:
    """The CRDs that `helm uninstall` of a manifest would delete, and every custom resource with them."""
    return [crd for crd in crds_in(manifest) if not is_kept(crd)]


def kind_of(crd: Json) -> CustomKind | None:
    """The kind a CRD defines; None when it is not readable."""
    spec = crd.get("spec") or {}
    names = spec.get("names") or {}
    versions: Sequence[Json] = spec.get("versions") or []
    stored = [entry.get("name") for entry in versions if entry.get("storage")]
    if not (stored and names.get("plural") and spec.get("group")):
        return None
    return CustomKind(
        crd=name_of(crd),
        group=str(spec["group"]),
        version=str(stored[0]),
        plural=str(names["plural"]),
        kind=str(names.get("kind") or names["plural"]),
    )


def listed(entries: Sequence[str]) -> str:
    """Names for a message: not all of a thousand."""
    more = len(entries) - MAX_LISTED
    return ", ".join(entries[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")
