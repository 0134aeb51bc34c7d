"""What KubeRay makes of a RayService and its clusters, and what it says. Pure but for the clock.

Shapes of KubeRay 1.7.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from airunway.sandbox.operators.faults import knobs
from airunway.sandbox.operators.objects import Object, replacing, short_hash, with_condition
from airunway.sandbox.operators.upstream import deployment, owned, service

API_VERSION, SERVICE_KIND, CLUSTER_KIND = "ray.io/v1", "RayService", "RayCluster"
PORT = 8000
_PORTS = {"serve": PORT, "dashboard": 8265, "gcs": 6379}
_COUNTS = ("replicas", "minReplicas", "maxReplicas", "scaleStrategy")


def cluster(service: Mapping[str, Any]) -> Object:
    """The RayCluster that a RayService describes, named by what it is made of, numbers of workers aside."""
    config: Object = dict(service["spec"]["rayClusterConfig"])
    groups = [
        {key: value for key, value in group.items() if key not in _COUNTS} for group in _groups_of(config)
    ]
    name = f"{service['metadata']['name']}-{short_hash({**config, 'workerGroupSpecs': groups})[:5]}"
    labels = {
        "ray.io/originated-from-cr-name": service["metadata"]["name"],
        "ray.io/originated-from-crd": SERVICE_KIND,
    }
    meta = owned(service, name, labels, api_version=API_VERSION)
    meta["annotations"] = knobs(service["metadata"])
    return {"apiVersion": API_VERSION, "kind": CLUSTER_KIND, "metadata": meta, "spec": config}


def _groups_of(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = config.get("workerGroupSpecs") or []
    return found


def deployments(cluster: Mapping[str, Any]) -> list[Object]:
    """Its head and its groups of workers. KubeRay makes bare pods; labels and counts are as there."""
    return [
        deployment(
            cluster,
            name,
            _template(cluster, group.get("template") or {}, labels),
            api_version=API_VERSION,
            replicas=replicas,
            select=labels,
        )
        for name, group, labels, replicas in _parts(cluster)
    ]


def _parts(cluster: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any], dict[str, str], int]]:
    own = cluster["metadata"]["name"]
    yield f"{own}-head", cluster["spec"].get("headGroupSpec") or {}, _labels(own, "head", "headgroup"), 1
    for group in _groups_of(cluster["spec"]):
        name = str(group.get("groupName"))
        replicas = group.get("replicas")
        count = (1 if replicas is None else int(replicas)) * int(group.get("numOfHosts") or 1)
        yield f"{own}-{name}-worker", group, _labels(own, "worker", name), count


def _labels(cluster: str, node_type: str, group: str) -> dict[str, str]:
    return {"ray.io/cluster": cluster, "ray.io/node-type": node_type, "ray.io/group": group}


def _template(cluster: Mapping[str, Any], given: Mapping[str, Any], labels: Mapping[str, str]) -> Object:
    meta: Mapping[str, Any] = given.get("metadata") or {}
    spec: Object = {"containers": [{"name": "ray", "image": "example/ray"}], **(given.get("spec") or {})}
    main, *others = spec["containers"]
    ports = [{"name": name, "containerPort": port} for name, port in _PORTS.items()]
    spec["containers"] = [{"ports": ports, **main}, *others]
    return {
        "metadata": {
            "labels": {**(meta.get("labels") or {}), **labels, "ray.io/serve": "true"},
            "annotations": {**(meta.get("annotations") or {}), **knobs(cluster["metadata"])},
        },
        "spec": spec,
    }


def services(ray_service: Mapping[str, Any], serving: str) -> list[Object]:
    """The Services by which a RayService is called, selecting the cluster that serves."""
    name, select = ray_service["metadata"]["name"], {"ray.io/cluster": serving}
    return [
        service(
            ray_service,
            f"{name}-serve-svc",
            {**select, "ray.io/serve": "true"},
            {"serve": PORT},
            api_version=API_VERSION,
        ),
        service(
            ray_service,
            f"{name}-head-svc",
            {**select, "ray.io/node-type": "head"},
            _PORTS,
            api_version=API_VERSION,
        ),
    ]


def cluster_status(cluster: Mapping[str, Any], ready: Mapping[str, int]) -> Object:
    """A RayCluster's status; `ready`: pods by name of their Deployment. A count of zero is left out there."""
    parts = list(_parts(cluster))
    head_ready = ready.get(parts[0][0], 0) > 0
    desired = sum(part[3] for part in parts[1:])
    workers = sum(min(ready.get(part[0], 0), part[3]) for part in parts[1:])
    known = (cluster.get("status") or {}).get("conditions") or []
    serves = head_ready and workers >= desired
    return {
        "observedGeneration": cluster["metadata"]["generation"],
        "state": "ready" if serves else None,
        "desiredWorkerReplicas": desired or None,
        "readyWorkerReplicas": workers or None,
        "availableWorkerReplicas": workers or None,
        "conditions": with_condition(
            known,
            {
                "type": "HeadPodReady",
                "status": str(head_ready),
                "reason": "HeadPodRunningAndReady" if head_ready else "ContainersNotReady",
                "message": "" if head_ready else "the head is not ready yet",
            },
        ),
    }


def is_ready(cluster: Mapping[str, Any]) -> bool:
    """Whether head and all workers of the present specification are."""
    status = cluster.get("status") or {}
    observed = status.get("observedGeneration") == cluster["metadata"]["generation"]
    return observed and status.get("state") == "ready"


def service_status(
    ray_service: Mapping[str, Any], serving: Mapping[str, Any], pending: Mapping[str, Any] | None
) -> Object:
    """A RayService's status."""
    ready = is_ready(serving)
    said = ray_service.get("status") or {}
    known = said.get("conditions") or []
    reason = "NonZeroServeEndpoints" if ready else "Initializing"
    words = "Number of serve endpoints is greater than 0" if ready else "the Ray cluster is coming up"
    entries = with_condition(
        known, {"type": "Ready", "status": str(ready), "reason": reason, "message": words}
    )
    upgrading = "BothActivePendingClustersExist" if pending else "NoPendingCluster"
    entries = with_condition(
        entries,
        {
            "type": "UpgradeInProgress",
            "status": str(pending is not None),
            "reason": upgrading,
            "message": "",
        },
    )
    return {
        "observedGeneration": ray_service["metadata"]["generation"],
        "serviceStatus": "Running" if ready else None,
        "numServeEndpoints": 1 if ready else None,
        "activeServiceStatus": replacing(
            said.get("activeServiceStatus"), _cluster_part(ray_service, serving)
        ),
        "pendingServiceStatus": replacing(
            said.get("pendingServiceStatus"), _cluster_part(ray_service, pending)
        )
        if pending
        else None,
        "conditions": entries,
    }


def _cluster_part(ray_service: Mapping[str, Any], cluster: Mapping[str, Any]) -> Object:
    config = yaml.safe_load(ray_service["spec"].get("serveConfigV2") or "") or {}
    names = [str(one.get("name") or "default") for one in config.get("applications") or []]
    running = {"status": "RUNNING", "serveDeploymentStatuses": {}}
    part = {"rayClusterName": cluster["metadata"]["name"], "rayClusterStatus": cluster.get("status") or {}}
    return part | ({"applicationStatuses": dict.fromkeys(names, running)} if is_ready(cluster) else {})
