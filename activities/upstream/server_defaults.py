"""What the API server fills in by itself into objects of Kubernetes' own kinds. Pure.

Apart because of what follows from it: whoever creates an object owns these fields too, and the first apply
gives them up again, by which nothing changes. Without this they would be listed as if somebody had set them.
Source: k8s.io/kubernetes, pkg/apis/{apps,batch,core,networking}/v1/defaults.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ANY = object()
"""The API server chooses the value."""

_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "allocateLoadBalancerNodePorts": (True,),
    "apiVersion": ("v1",),
    "backoffLimit": (6,),
    "clusterIP": (_ANY,),
    "clusterIPs": (_ANY,),
    "completionMode": ("NonIndexed",),
    "completions": (1,),
    "creationTimestamp": (None,),
    "defaultMode": (420,),
    "divisor": ("0",),
    "dnsPolicy": ("ClusterFirst",),
    "externalTrafficPolicy": ("Cluster",),
    "failureThreshold": (3,),
    "imagePullPolicy": ("IfNotPresent", "Always"),
    "internalTrafficPolicy": ("Cluster",),
    "ipFamilies": (_ANY,),
    "ipFamilyPolicy": ("SingleStack",),
    "manualSelector": (False,),
    "maxSurge": ("25%",),
    "maxUnavailable": ("25%",),
    "parallelism": (1,),
    "path": ("/",),
    "periodSeconds": (10,),
    "podReplacementPolicy": ("TerminatingOrFailed",),
    "progressDeadlineSeconds": (600,),
    "protocol": ("TCP",),
    "replicas": (1,),
    "restartPolicy": ("Always",),
    "revisionHistoryLimit": (10,),
    "schedulerName": ("default-scheduler",),
    "scheme": ("HTTP",),
    "sessionAffinity": ("None",),
    "successThreshold": (1,),
    "suspend": (False,),
    "terminationGracePeriodSeconds": (30,),
    "terminationMessagePath": ("/dev/termination-log",),
    "terminationMessagePolicy": ("File",),
    "timeoutSeconds": (1,),
    "type": ("RollingUpdate", "ClusterIP", ""),
    "volumeMode": ("Filesystem",),
}
"""By the name of the field: of the kinds that are rendered, none has a name with two meanings here."""
_GROUPS = frozenset({"v1", "apps/v1", "batch/v1", "networking.k8s.io/v1"})
_AS_SIBLING: Mapping[str, str] = {
    "serviceAccount": "serviceAccountName",
    "targetPort": "port",
    "requests": "limits",
}
"""Field: the field beside it that it is filled in from."""


def has_defaults(obj: Mapping[str, Any]) -> bool:
    """Whether an object is of a kind for which these are known."""
    return obj.get("apiVersion") in _GROUPS


def is_default(name: str, parent: Any) -> bool:
    """Whether a field of a live object is as the API server would fill it in, with all that is within it."""
    if not isinstance(parent, Mapping) or name not in parent:
        return False
    value, sibling = parent[name], _AS_SIBLING.get(name)
    if sibling is not None and value == parent.get(sibling):
        return True
    if isinstance(value, Mapping):
        return all(is_default(inner, value) for inner in value)
    known = _DEFAULTS.get(name, ())
    return _ANY in known or value in known
