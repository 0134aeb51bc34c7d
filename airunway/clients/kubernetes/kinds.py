"""Kinds of objects and the paths they are served at. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

from airunway.clients.errors import NotFound

Object = dict[str, Any]


class Kind(Protocol):
    """What the client needs to know of a kind."""

    @property
    def api_version(self) -> str:
        """Group and version, e.g. `apps/v1`; `v1` for the core group."""

    @property
    def plural(self) -> str:
        """Name in paths, e.g. `deployments`."""


@dataclass(frozen=True)
class Resource:
    """A kind by its API version and plural."""

    api_version: str
    plural: str


DEPLOYMENTS = Resource("airunway.ai/v1alpha1", "modeldeployments")
CONFIGS = Resource("airunway.ai/v1alpha1", "inferenceproviderconfigs")
CRDS = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
CONFIG_MAPS = Resource("v1", "configmaps")
EVENTS = Resource("v1", "events")
PODS = Resource("v1", "pods")
CONFIG_MAPS = Resource("v1", "configmaps")
SECRETS = Resource("v1", "secrets")
NAMESPACES = Resource("v1", "namespaces")
NODES = Resource("v1", "nodes")
APPS_DEPLOYMENTS = Resource("apps/v1", "deployments")
LEASES = Resource("coordination.k8s.io/v1", "leases")


def group_version_path(api_version: str) -> str:
    """URL path of a group version; the core group has a place of its own."""
    return f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"


def path_of(
    kind: Kind, *, namespace: str | None = None, name: str | None = None, subresource: str = ""
) -> str:
    """URL path of a collection or an object.

    Raises NotFound for a name that no object can have: users name objects, and one that is more than a step
    of the path would lead to another namespace.
    """
    scope = f"/namespaces/{_step(namespace)}" if namespace else ""
    path = f"{group_version_path(kind.api_version)}{scope}/{kind.plural}"
    if name is not None:
        path += f"/{_step(name)}"
    return f"{path}/{subresource}" if subresource else path


def _step(name: str) -> str:
    # What Kubernetes itself says of names in paths: apimachinery, IsValidPathSegmentName.
    if name in ("", ".", "..") or "/" in name or "%" in name:
        raise NotFound(f"no object can be called {name[:253]!r}", status=404, reason="NotFound")
    return quote(name)
