"""The Kubernetes API as this system uses it: plain JSON objects, server-side apply, errors by meaning.

client     Cluster: objects and watches             transport  one request: auth, TLS, errors
kinds      kinds and their paths                    encoding   the body of an apply
discovery  what the server serves                   watching   the events of one watch
starting   a kind that is only beginning to be served
warnings   what the server warns of
"""

from airunway.clients.kubernetes.client import Cluster
from airunway.clients.kubernetes.kinds import (
    APPS_DEPLOYMENTS,
    CONFIG_MAPS,
    CONFIGS,
    CRDS,
    DEPLOYMENTS,
    EVENTS,
    LEASES,
    NAMESPACES,
    NODES,
    PODS,
    SECRETS,
    Kind,
    Object,
    Resource,
)
from airunway.clients.kubernetes.listing import Listing
from airunway.clients.kubernetes.transport import APPLY, JSON_PATCH, MERGE_PATCH
from airunway.clients.kubernetes.watching import WatchEvent

__all__ = [
    "APPLY",
    "APPS_DEPLOYMENTS",
    "CONFIGS",
    "CONFIG_MAPS",
    "CRDS",
    "DEPLOYMENTS",
    "EVENTS",
    "JSON_PATCH",
    "LEASES",
    "MERGE_PATCH",
    "NAMESPACES",
    "NODES",
    "PODS",
    "SECRETS",
    "Cluster",
    "Kind",
    "Listing",
    "Object",
    "Resource",
    "WatchEvent",
]
