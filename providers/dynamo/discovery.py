"""How Dynamo's processes find each other, and so which of their pods need a token. Pure.

With Kubernetes, the operator's default, each process writes and watches objects of the API server, as an
account that the operator makes for the graph. With etcd only the endpoint picker does, which watches pods.
"""

from __future__ import annotations

from collections.abc import Mapping

from airunway.provider import RenderError

VARIABLE = "AIRUNWAY_DYNAMO_DISCOVERY"
"""In the environment of the provider's worker: `kubernetes` or `etcd`; empty: as the operator is set up."""
ANNOTATION = "nvidia.com/dynamo-discovery-backend"
"""Of the graph: the operator goes by it instead of its own setting."""

KUBERNETES, ETCD = "kubernetes", "etcd"
_PICKER = "epp"


def discovery(env: Mapping[str, str]) -> str:
    """What the environment says; empty: nothing. Raises RenderError for what it cannot mean."""
    given = env.get(VARIABLE, "").strip().lower()
    if given not in ("", KUBERNETES, ETCD):
        raise RenderError(f"{VARIABLE}: must be {KUBERNETES} or {ETCD}, not {given!r}")
    return given


def discovery_annotations(backend: str) -> dict[str, str]:
    """The annotation that tells the operator, if there is anything to tell."""
    return {ANNOTATION: backend} if backend else {}


def needs_token(component_type: object, backend: str) -> bool:
    """Whether pods of a component ask the API server for anything."""
    return backend != ETCD or component_type == _PICKER
