"""The gateway's kinds as custom resources, with the fields that this control plane reads or writes.

Schemas of our own, in place of those of Gateway API v1.5.1 and its Inference Extension v1.5.0, which are far
longer. Source: gateway.md §6 to §10 and §14.
"""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_PORT: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535}
_ANYTHING: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
_LABELS: Schema = {"type": "object", "additionalProperties": _TEXT}


def _some(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, "x-kubernetes-list-type": "atomic", **more}


def _obj(*required: str, **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, **({"required": list(required)} if required else {})}


def _listed(*keys: str, items: Schema) -> Schema:
    return {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }


def _text(**more: Any) -> Schema:
    return {**_TEXT, **more}


_POOL_SPEC = _obj(
    "selector",
    "targetPorts",
    "endpointPickerRef",
    selector=_obj("matchLabels", matchLabels=_LABELS),
    targetPorts=_some(_obj("number", number=_PORT), minItems=1, maxItems=8),
    endpointPickerRef=_obj(
        "name",
        group=_text(default="", maxLength=253),
        kind=_text(default="Service", maxLength=63),
        name=_text(maxLength=253, minLength=1),
        port=_obj("number", number=_PORT),
        failureMode=_text(default="FailClose", enum=["FailOpen", "FailClose"]),
    ),
)
_PARENT = _obj(
    "name",
    group=_text(default="gateway.networking.k8s.io"),
    kind=_text(default="Gateway"),
    name=_text(maxLength=253, minLength=1),
    namespace=_text(maxLength=63),
    sectionName=_text(maxLength=253),
    port=_PORT,
)
_HEADER = _obj(
    "name",
    "value",
    type=_text(default="Exact", enum=["Exact", "RegularExpression"]),
    name=_text(maxLength=256, minLength=1),
    value=_text(maxLength=4096, minLength=1),
)
_BACKEND = _obj(
    "name",
    group=_text(default=""),
    kind=_text(default="Service"),
    name=_text(maxLength=253, minLength=1),
    namespace=_text(maxLength=63),
    port=_PORT,
    weight={"type": "integer", "format": "int32", "default": 1, "minimum": 0},
)
_ROUTE_SPEC = _obj(
    parentRefs=_some(_PARENT, maxItems=32),
    hostnames=_some(_TEXT),
    rules=_some(
        _obj(
            name=_TEXT,
            matches=_some(
                _obj(
                    path=_obj(type=_text(default="PathPrefix"), value=_text(default="/")),
                    headers=_listed("name", items=_HEADER),
                    method=_TEXT,
                )
            ),
            backendRefs=_some(_BACKEND),
            timeouts=_obj(
                request=_text(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"),
                backendRequest=_text(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"),
            ),
        )
    ),
)
_SELECTOR = _obj(
    matchLabels=_LABELS,
    matchExpressions=_some(_obj("key", "operator", key=_TEXT, operator=_TEXT, values=_some(_TEXT))),
)
_LISTENER = _obj(
    "name",
    "port",
    "protocol",
    name=_text(maxLength=253, minLength=1),
    hostname=_TEXT,
    port=_PORT,
    protocol=_text(maxLength=255, minLength=1),
    tls=_ANYTHING,
    allowedRoutes={
        **_obj(
            kinds=_some(_obj("kind", group=_text(default="gateway.networking.k8s.io"), kind=_TEXT)),
            namespaces={
                **_obj(
                    **{"from": _text(default="Same", enum=["All", "Selector", "Same"])}, selector=_SELECTOR
                ),
                "default": {"from": "Same"},
            },
        ),
        "default": {"namespaces": {"from": "Same"}},
    },
)
_GATEWAY_SPEC = _obj(
    "gatewayClassName",
    "listeners",
    gatewayClassName=_text(minLength=1),
    listeners=_listed("name", items=_LISTENER),
    infrastructure=_ANYTHING,
    addresses=_some(_ANYTHING),
)
_REFERENCE = _obj("group", "kind", group=_TEXT, kind=_TEXT, namespace=_TEXT, name=_TEXT)
_GRANT_SPEC = _obj("from", "to", **{"from": _some(_REFERENCE), "to": _some(_REFERENCE)})


def _definition(
    group: str,
    kind: str,
    plural: str,
    spec: Schema,
    versions: tuple[str, ...] = ("v1",),
    *,
    scope: str = "Namespaced",
) -> Schema:
    """A CustomResourceDefinition; the first version is stored."""
    schema = {"type": "object", "properties": {"spec": spec, "status": _ANYTHING}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": f"{plural}.{group}",
            "annotations": {
                "api-approved.kubernetes.io": "https://github.com/kubernetes-sigs/gateway-api/pull/1"
            },
        },
        "spec": {
            "group": group,
            "scope": scope,
            "names": {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()},
            "versions": [
                {
                    "name": version,
                    "served": True,
                    "storage": version == versions[0],
                    "subresources": {"status": {}},
                    "schema": {"openAPIV3Schema": schema},
                }
                for version in versions
            ],
        },
    }


_GATEWAY, _POOL = "gateway.networking.k8s.io", "inference.networking.k8s.io"
POOLS = _definition(_POOL, "InferencePool", "inferencepools", _POOL_SPEC)
ROUTES = _definition(_GATEWAY, "HTTPRoute", "httproutes", _ROUTE_SPEC)
GATEWAYS = _definition(_GATEWAY, "Gateway", "gateways", _GATEWAY_SPEC)
GRANTS = _definition(_GATEWAY, "ReferenceGrant", "referencegrants", _GRANT_SPEC, ("v1beta1",))
RULES = _definition(
    "networking.istio.io", "DestinationRule", "destinationrules", _ANYTHING, ("v1beta1", "v1")
)
CLASSES = _definition(
    _GATEWAY,
    "GatewayClass",
    "gatewayclasses",
    _obj("controllerName", controllerName=_TEXT, description=_TEXT),
    scope="Cluster",
)
GATEWAY_API = (POOLS, ROUTES, GATEWAYS, GRANTS)
"""What publishing needs; Istio's kind is extra, and the class is the gateway's controller's own."""
