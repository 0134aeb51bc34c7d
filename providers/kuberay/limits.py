"""What tenants may override in a RayService, what a rendered one may hold, and what KubeRay makes of it.

Source: kuberay.md §7 and weak spot 6, and KubeRay's own type RayService.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api.paths import Path
from airunway.provider import Manifest, overridable
from airunway.provider.counting import entries, mapping, service_demand, template_demand, whole_number
from airunway.provider.demand import Demand, total
from airunway.provider.object_shape import METADATA_FIELDS, SERVICE_SPEC
from airunway.provider.pod_shape import POD_TEMPLATE
from airunway.provider.shapes import anything, each, fields, keys_without, never

_CLUSTER = "spec.rayClusterConfig"
_GROUPS = f"{_CLUSTER}.workerGroupSpecs.*"

OVERRIDABLE = (
    *("spec.serveConfigV2", "spec.upgradeStrategy.type"),
    *("spec.serviceUnhealthySecondThreshold", "spec.deploymentUnhealthySecondThreshold"),
    f"{_CLUSTER}.rayVersion",
    f"{_CLUSTER}.headGroupSpec.rayStartParams",
    *(
        f"{_CLUSTER}.headGroupSpec.template.spec.containers.*.resources.{part}.{resource}"
        for part in ("limits", "requests")
        for resource in ("cpu", "memory")
    ),
    *overridable.template_paths(f"{_CLUSTER}.headGroupSpec.template"),
    f"{_GROUPS}.groupName",
    f"{_GROUPS}.rayStartParams",
    *overridable.template_paths(f"{_GROUPS}.template"),
)

_AUTOSCALER = "would run an autoscaler with a container of its own"
_SERVICE = fields(
    {"apiVersion": anything, "kind": anything, "metadata": anything, "spec": SERVICE_SPEC, "status": anything}
)
_HEAD = fields(
    {
        "rayStartParams": anything,
        "template": POD_TEMPLATE,
        "serviceType": anything,
        "headService": _SERVICE,
        "enableIngress": never("would open the dashboard beyond the cluster's network"),
    }
)
_WORKERS = fields(
    {
        **dict.fromkeys(
            (
                *("groupName", "replicas", "minReplicas", "maxReplicas", "numOfHosts", "idleTimeoutSeconds"),
                "rayStartParams",
            ),
            anything,
        ),
        "template": POD_TEMPLATE,
    }
)
RAY_SERVICE_SHAPE = fields(
    {
        "apiVersion": anything,
        "kind": anything,
        # Such as ray.io/ft-enabled: the operator copies them to the cluster and does as they say.
        "metadata": fields(
            {**METADATA_FIELDS, "labels": keys_without("ray.io/"), "annotations": keys_without("ray.io/")}
        ),
        "spec": fields(
            {
                "serveConfigV2": anything,
                "serveService": _SERVICE,
                "serviceUnhealthySecondThreshold": anything,
                "deploymentUnhealthySecondThreshold": anything,
                "upgradeStrategy": fields({"type": anything}),
                "rayClusterConfig": fields(
                    {
                        "rayVersion": anything,
                        "authOptions": anything,
                        "headGroupSpec": _HEAD,
                        "workerGroupSpecs": each(_WORKERS),
                        "enableInTreeAutoscaling": never(_AUTOSCALER),
                        "autoscalerOptions": never(_AUTOSCALER),
                        "gcsFaultToleranceOptions": never("would write into a Redis of anybody's"),
                    }
                ),
            }
        ),
    }
)


def ray_service_demand(service: Manifest) -> Demand:
    """The head, every worker group at its largest, and a Service each for head and application.

    While KubeRay upgrades, a second cluster of the same size stands beside the first; that is not counted.
    """
    spec = mapping(service.get("spec"), ("spec",))
    at: Path = ("spec", "rayClusterConfig")
    cluster = mapping(spec.get("rayClusterConfig"), at)
    head_at: Path = (*at, "headGroupSpec")
    head = mapping(cluster.get("headGroupSpec"), head_at)
    groups = entries(cluster.get("workerGroupSpecs"), (*at, "workerGroupSpecs"))
    return total(
        [
            template_demand(head.get("template"), (*head_at, "template")).times(1),
            *(_group_demand(group, where) for group, where in groups),
            service_demand({"type": head.get("serviceType")}, head_at),
            *(
                service_demand(mapping(mapping(given, where).get("spec"), where), (*where, "spec"))
                for given, where in (
                    (head.get("headService"), (*head_at, "headService")),
                    (spec.get("serveService"), ("spec", "serveService")),
                )
            ),
        ]
    )


def _group_demand(group: Mapping[str, Any], at: Path) -> Demand:
    replicas = max(
        whole_number(group.get(key), (*at, key), default=0)
        for key in ("replicas", "minReplicas", "maxReplicas")
    )
    hosts = max(1, whole_number(group.get("numOfHosts"), (*at, "numOfHosts"), default=1))
    spread = Demand(nodes=replicas * hosts) if hosts > 1 else Demand()
    return template_demand(group.get("template"), (*at, "template")).times(replicas * hosts) + spread
