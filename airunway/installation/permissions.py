"""Which rights an installation needs, from what the chart renders to. Source: install.md §A15."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.installation.crds import crds_in

VERBS = ("get", "create", "patch")
"""What Helm does to every object of a chart; deleting is for an uninstall and a rollback."""


@dataclass(frozen=True, kw_only=True, order=True)
class Need:
    """A right: a verb on a resource; `namespace` empty: cluster-wide."""

    group: str
    resource: str
    verb: str
    namespace: str = ""

    def __str__(self) -> str:
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{self.verb} {what}" + (f" in {self.namespace}" if self.namespace else "")


def kinds_defined(documents: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], tuple[str, bool]]:
    """The kinds that CRDs among documents define, as `needs_of` wants them: (plural, namespaced)."""
    found = {}
    for crd in crds_in(documents):
        spec = crd.get("spec") or {}
        named = spec.get("names") or {}
        for version in spec.get("versions") or []:
            key = (f"{spec.get('group')}/{version.get('name')}", str(named.get("kind")))
            found[key] = (str(named.get("plural")), spec.get("scope") == "Namespaced")
    return found


def needs_of(
    documents: Iterable[Mapping[str, Any]],
    plurals: Mapping[tuple[str, str], tuple[str, bool]],
    *,
    namespace: str,
) -> list[Need]:
    """The rights for a chart's objects and for Helm's own record of the release.

    `plurals`: (apiVersion, kind) to (plural, namespaced). A kind that neither the cluster nor the chart
    defines cannot be asked about. `namespace`: of the release; empty: there is none.
    """
    verbs = ("list", "create") if namespace else ()
    needs = {Need(group="", resource="secrets", verb=verb, namespace=namespace) for verb in verbs}
    for document in documents:
        api_version, kind = str(document.get("apiVersion") or ""), str(document.get("kind") or "")
        known = plurals.get((api_version, kind))
        if known is None:
            continue
        plural, namespaced = known
        where = str((document.get("metadata") or {}).get("namespace") or namespace) if namespaced else ""
        group = api_version.rpartition("/")[0]
        needs |= {Need(group=group, resource=plural, verb=verb, namespace=where) for verb in VERBS}
    return sorted(needs)
