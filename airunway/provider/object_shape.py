"""What rendered objects of Kubernetes' own kinds may hold, and the metadata of any kind."""

from __future__ import annotations

from collections.abc import Mapping

from airunway.provider.pod_shape import POD_TEMPLATE
from airunway.provider.shapes import Shape, anything, each, fields, never, only

_CLUSTER = "would open the Service beyond the cluster's network"

METADATA_FIELDS: Mapping[str, Shape] = dict.fromkeys(
    ("name", "namespace", "labels", "annotations", "ownerReferences"), anything
)
"""Name, namespace and owner are compared with the deployment's own; see `guard`."""
METADATA = fields(METADATA_FIELDS)

SERVICE_SPEC = fields(
    {
        **dict.fromkeys(
            (
                *("type", "selector", "clusterIP", "clusterIPs", "internalTrafficPolicy", "ipFamilies"),
                *("ipFamilyPolicy", "publishNotReadyAddresses", "sessionAffinity", "sessionAffinityConfig"),
                "trafficDistribution",
            ),
            anything,
        ),
        "ports": each(
            fields(
                {
                    **dict.fromkeys(("name", "port", "targetPort", "protocol", "appProtocol"), anything),
                    "nodePort": never("would take a port of every node"),
                }
            )
        ),
        "externalIPs": never("would take over an address that is somebody else's"),
        "externalName": never("would answer with a name of somebody else's"),
        **dict.fromkeys(
            (
                *("loadBalancerIP", "loadBalancerClass", "loadBalancerSourceRanges", "healthCheckNodePort"),
                *("externalTrafficPolicy", "allocateLoadBalancerNodePorts"),
            ),
            never(_CLUSTER),
        ),
    }
)
"""`type` is held against the ceilings, which name the types that are allowed."""


def object_shape(**parts: Shape) -> Shape:
    """A whole object: its identity, and what its kind has beside it."""
    return fields({"apiVersion": anything, "kind": anything, "metadata": METADATA, **parts})


_DEPLOYMENT = fields(
    {
        **dict.fromkeys(
            (
                *("replicas", "selector", "strategy", "minReadySeconds", "progressDeadlineSeconds"),
                *("revisionHistoryLimit", "paused"),
            ),
            anything,
        ),
        "template": POD_TEMPLATE,
    }
)
_JOB = fields(
    {
        **dict.fromkeys(
            (
                *("activeDeadlineSeconds", "backoffLimit", "completions", "parallelism"),
                "ttlSecondsAfterFinished",
            ),
            anything,
        ),
        "template": POD_TEMPLATE,
    }
)
_CLAIM = fields(
    {
        "accessModes": anything,
        "resources": anything,
        "storageClassName": anything,
        "volumeMode": only("Filesystem"),
        "volumeName": never("would bind a volume that may be somebody else's"),
        "selector": never("would bind a volume that may be somebody else's"),
        "dataSource": never("would copy data from elsewhere"),
        "dataSourceRef": never("would copy data from elsewhere"),
    }
)

BUILTIN: Mapping[tuple[str, str], Shape] = {
    ("apps/v1", "Deployment"): object_shape(spec=_DEPLOYMENT),
    ("batch/v1", "Job"): object_shape(spec=_JOB),
    ("networking.k8s.io/v1", "NetworkPolicy"): object_shape(spec=anything),
    ("v1", "ConfigMap"): object_shape(data=anything, binaryData=anything, immutable=anything),
    ("v1", "PersistentVolumeClaim"): object_shape(spec=_CLAIM),
    ("v1", "Secret"): object_shape(
        data=anything,
        stringData=anything,
        immutable=anything,
        type=only(
            "Opaque", "kubernetes.io/dockerconfigjson", why="would make Kubernetes write a token into it"
        ),
    ),
    ("v1", "Service"): object_shape(spec=SERVICE_SPEC),
}
"""By apiVersion and kind."""
