"""When a RayService must be made again: when KubeRay would bring up a second cluster beside it. Pure.

KubeRay changes a cluster's pods in one way only: another cluster of the same size, which takes over when it
serves. On devices of which there are only as many as were asked for it waits for ever, for those that the
first one holds. So, unless `Surge` is asked for, the first cluster goes before the second comes. Numbers of
workers (`clusters`) and the Serve application are changed in place.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, mapping_at, pod_options
from airunway.provider.pod_options import RolloutPolicy
from airunway.providers.kuberay.clusters import WORKER_COUNTS
from airunway.providers.kuberay.config import RAY_SERVICE

CLUSTER_DIGEST = "airunway.ai/ray-cluster"
"""Annotation of a RayService that is not to have a second cluster: a digest of the one it describes."""
SCHEDULING_DIGEST = "airunway.ai/scheduling"
"""Annotation of pods with a digest of what of them KubeRay does not compare."""

_NOT_COMPARED = ("tolerations", "schedulingGates")
"""Of a pod's spec, from KubeRay 1.5.2 on: Kueue sets them, and that is no reason for another cluster."""


def with_digest(service: Manifest, deployment: ModelDeployment) -> Manifest:
    """The RayService with the digest of its cluster, unless a second one is welcome."""
    if pod_options.rollout_of(deployment) is RolloutPolicy.SURGE:
        return service
    metadata = service["metadata"]
    digest = cluster_digest(service["spec"]["rayClusterConfig"])
    annotations = {**metadata.get("annotations", {}), CLUSTER_DIGEST: digest}
    return {**service, "metadata": {**metadata, "annotations": annotations}}


def with_scheduling_digest(template: Manifest) -> Manifest:
    """A pod template that KubeRay sees change when tolerations or scheduling gates do, in every version."""
    content = {key: value for key in _NOT_COMPARED if (value := template["spec"].get(key))}
    if not content:
        return template
    metadata = template["metadata"]
    annotations = {**metadata.get("annotations", {}), SCHEDULING_DIGEST: _digest(content)}
    return {**template, "metadata": {**metadata, "annotations": annotations}}


def cluster_digest(cluster: Mapping[str, Any]) -> str:
    """A short text that is another one when KubeRay would bring up another cluster."""
    groups = [
        {key: value for key, value in group.items() if key not in WORKER_COUNTS}
        for group in cluster["workerGroupSpecs"]
    ]
    return _digest({**cluster, "workerGroupSpecs": groups})


def _digest(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def replacement_reason(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    """Why the RayService has to go first, or None. One without a digest is changed in place.

    That is one of AI Runway's own controller, or one that was made while `Surge` was asked for.
    """
    if live.get("kind") != RAY_SERVICE.kind:
        return None
    made_for, wanted = (
        mapping_at(obj, "metadata", "annotations").get(CLUSTER_DIGEST) for obj in (live, desired)
    )
    if not made_for or not wanted or made_for == wanted:
        return None
    return "KubeRay would bring up a second cluster, which needs the devices that the first one holds"
