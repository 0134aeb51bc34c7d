"""The objects that publish a deployment: pool, route, permission. Pure.

Source: gateway.md §7, §9.2, §10. The endpoint picker's are in `picker.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.gateway.capabilities import PoolPlace
from airunway.gateway.kinds import (
    GATEWAY_GROUP,
    HTTP_ROUTE,
    INFERENCE_POOL,
    POOL_GROUP,
    REFERENCE_GRANT,
    GatewayKind,
    ServedKinds,
)
from airunway.gateway.naming import (
    LABEL_MANAGED_BY,
    LABEL_MODEL_NAME,
    MANAGED_BY,
    MODEL_HEADER,
    PICKER_PORT,
    grant_name,
    model_name_label,
    picker_name,
)

Object = dict[str, Any]


def pool(
    deployment: ModelDeployment, served: ServedKinds, *, selector: Mapping[str, str], port: int
) -> Object:
    """The InferencePool. `selector`: of the pods behind the deployment's Service; empty: AI Runway's label.

    By the Service's own labels pods are in the pool from their first moment; none has to be labelled, and
    relabelled whenever one is made again (gateway.md, weak spot 5).
    """
    labels = dict(selector) or {names.LABEL_MODEL_DEPLOYMENT: deployment.name}
    return {
        **head(served[INFERENCE_POOL], deployment),
        "spec": {
            "selector": {"matchLabels": labels},
            "targetPorts": [{"number": port}],
            "endpointPickerRef": {"name": picker_name(deployment.name), "port": {"number": PICKER_PORT}},
        },
    }


def route(
    deployment: ModelDeployment,
    served: ServedKinds,
    *,
    gateway: tuple[str, str],
    section: str,
    model_name: str,
    wanted_name: str,
    backend: PoolPlace,
    timeout: str,
    waits: bool = False,
) -> Object:
    """The HTTPRoute of a model name on a Gateway (namespace, name).

    `wanted_name`: in place of `model_name`, once nobody else has it. `waits`: it has no parent until then.
    `timeout`: of a request, as Gateway API writes it; `0s`: none.
    """
    obj = head(served[HTTP_ROUTE], deployment)
    obj["metadata"]["labels"] = {LABEL_MODEL_NAME: model_name_label(gateway, wanted_name)}
    namespace, name = gateway
    parent = {"name": name, "namespace": namespace, **({"sectionName": section} if section else {})}
    header = {"type": "Exact", "name": MODEL_HEADER, "value": model_name}
    obj["spec"] = {
        "parentRefs": [] if waits else [parent],
        "rules": [
            {
                "matches": [{"path": {"type": "PathPrefix", "value": "/"}, "headers": [header]}],
                "backendRefs": [
                    {
                        "group": POOL_GROUP,
                        "kind": INFERENCE_POOL,
                        "name": backend.name,
                        "namespace": backend.namespace,
                    }
                ],
                "timeouts": {"request": timeout},
            }
        ],
    }
    return obj


def destination_rule(deployment: ModelDeployment, kind: GatewayKind, *, picker_service: str) -> Object:
    """How Istio speaks to a picker, which serves TLS with a certificate that it signed itself."""
    obj = head(kind, deployment, name=picker_service)
    obj["spec"] = _to_picker(picker_service, deployment.namespace)
    return obj


def pools_rule(kind: GatewayKind, pool_obj: Mapping[str, Any]) -> Object | None:
    """The same for a pool in another namespace, which owns it; None: the pool names no picker."""
    meta, service = pool_obj["metadata"], picker_of(pool_obj)
    if not service:
        return None
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": service,
            "namespace": meta["namespace"],
            "labels": {LABEL_MANAGED_BY: MANAGED_BY},
            "ownerReferences": [_pool_as_owner(pool_obj)],
        },
        "spec": _to_picker(service, meta["namespace"]),
    }


def picker_of(pool_obj: Mapping[str, Any]) -> str:
    """The Service of a pool's endpoint picker; empty: it names none."""
    reference = (pool_obj.get("spec") or {}).get("endpointPickerRef") or {}
    return str(reference.get("name") or "")


def _to_picker(service: str, namespace: str) -> Object:
    return {
        "host": f"{service}.{namespace}.svc.cluster.local",
        "trafficPolicy": {"tls": {"mode": "SIMPLE", "insecureSkipVerify": True}},
    }


def _pool_as_owner(pool_obj: Mapping[str, Any]) -> Object:
    return {
        "apiVersion": pool_obj["apiVersion"],
        "kind": INFERENCE_POOL,
        "name": pool_obj["metadata"]["name"],
        "uid": pool_obj["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


def leads_to(route_obj: Mapping[str, Any], place: PoolPlace) -> bool:
    """Whether a route has a pool for its backend."""
    own = route_obj["metadata"]["namespace"]
    return any(
        (ref.get("namespace") or own, ref.get("name")) == (place.namespace, place.name)
        for rule in (route_obj.get("spec") or {}).get("rules") or []
        for ref in rule.get("backendRefs") or []
    )


def reference_grant(kind: GatewayKind, pool_obj: Mapping[str, Any], *, namespaces: set[str]) -> Object:
    """Permission for the routes of some namespaces to use a pool of another one; the pool owns it."""
    meta = pool_obj["metadata"]
    return {
        "apiVersion": kind.api_version,
        "kind": REFERENCE_GRANT,
        "metadata": {
            "name": grant_name(meta["name"]),
            "namespace": meta["namespace"],
            "labels": {LABEL_MANAGED_BY: MANAGED_BY},
            "ownerReferences": [_pool_as_owner(pool_obj)],
        },
        "spec": {
            "from": [
                {"group": GATEWAY_GROUP, "kind": HTTP_ROUTE, "namespace": one} for one in sorted(namespaces)
            ],
            "to": [{"group": POOL_GROUP, "kind": INFERENCE_POOL, "name": meta["name"]}],
        },
    }


def permits(grant: Mapping[str, Any], *, namespace: str, pool_name: str) -> bool:
    """Whether a ReferenceGrant lets the routes of a namespace use a pool beside it."""
    spec = grant.get("spec") or {}
    may = any(
        (entry.get("group"), entry.get("kind"), entry.get("namespace"))
        == (GATEWAY_GROUP, HTTP_ROUTE, namespace)
        for entry in spec.get("from") or []
    )
    to = any(
        (entry.get("group"), entry.get("kind")) == (POOL_GROUP, INFERENCE_POOL)
        and entry.get("name") in (None, "", pool_name)
        for entry in spec.get("to") or []
    )
    return may and to


def granted_namespaces(grant: Mapping[str, Any] | None) -> set[str]:
    """The namespaces whose routes a grant is for."""
    return {str(entry.get("namespace")) for entry in ((grant or {}).get("spec") or {}).get("from") or []}


def head(kind: GatewayKind, deployment: ModelDeployment, *, name: str = "") -> Object:
    """What every object of a deployment begins with: it is owned by it, and lives beside it."""
    owner = {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "name": deployment.name,
        "uid": deployment.metadata.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name or deployment.name,
            "namespace": deployment.namespace,
            "ownerReferences": [owner],
        },
    }
