"""The gateway's kinds as custom resources, with the fields that the contract names. Written for tests."""

from __future__ import annotations

from typing import Any

Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
PORT: Schema = {"type": "integer", "format": "int32", "minimum": 1, "maximum": 65535}
ANYTHING: Schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
LABELS: Schema = {"type": "object", "additionalProperties": TEXT}


def some(items: Schema, **more: Any) -> Schema:
    return {"type": "array", "items": items, "x-kubernetes-list-type": "atomic", **more}


def obj(*required: str, **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, **({"required": list(required)} if required else {})}


def listed(*keys: str, items: Schema) -> Schema:
    return {
        "type": "array",
        "items": items,
        "x-kubernetes-list-type": "map",
        "x-kubernetes-list-map-keys": list(keys),
    }


def text(**more: Any) -> Schema:
    return {**TEXT, **more}


POOL_SPEC = obj(
    "selector",
    "targetPorts",
    "endpointPickerRef",
    selector=obj("matchLabels", matchLabels=LABELS),
    targetPorts=some(obj("number", number=PORT), minItems=1, maxItems=8),
    endpointPickerRef=obj(
        "name",
        group=text(default="", maxLength=253),
        kind=text(default="Service", maxLength=63),
        name=text(maxLength=253, minLength=1),
        port=obj("number", number=PORT),
        failureMode=text(default="FailClose", enum=["FailOpen", "FailClose"]),
    ),
)
PARENT = obj(
    "name",
    group=text(default="gateway.networking.k8s.io"),
    kind=text(default="Gateway"),
    name=text(maxLength=253, minLength=1),
    namespace=text(maxLength=63),
    sectionName=text(maxLength=253),
    port=PORT,
)
HEADER = obj(
    "name",
    "value",
    type=text(default="Exact", enum=["Exact", "RegularExpression"]),
    name=text(maxLength=256, minLength=1),
    value=text(maxLength=4096, minLength=1),
)
BACKEND = obj(
    "name",
    group=text(default=""),
    kind=text(default="Service"),
    name=text(maxLength=253, minLength=1),
    namespace=text(maxLength=63),
    port=PORT,
    weight={"type": "integer", "format": "int32", "default": 1, "minimum": 0},
)
ROUTE_SPEC = obj(
    parentRefs=some(PARENT, maxItems=32),
    hostnames=some(TEXT),
    rules=some(
        obj(
            name=TEXT,
            matches=some(
                obj(
                    path=obj(type=text(default="PathPrefix"), value=text(default="/")),
                    headers=listed("name", items=HEADER),
                    method=TEXT,
                )
            ),
            backendRefs=some(BACKEND),
            timeouts=obj(
                request=text(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"),
                backendRequest=text(pattern=r"^([0-9]{1,5}(h|m|s|ms)){1,4}$"),
            ),
        )
    ),
)
SELECTOR = obj(
    matchLabels=LABELS,
    matchExpressions=some(obj("key", "operator", key=TEXT, operator=TEXT, values=some(TEXT))),
)
LISTENER = obj(
    "name",
    "port",
    "protocol",
    name=text(maxLength=253, minLength=1),
    hostname=TEXT,
    port=PORT,
    protocol=text(maxLength=255, minLength=1),
    tls=ANYTHING,
    allowedRoutes={
        **obj(
            kinds=some(obj("kind", group=text(default="gateway.networking.k8s.io"), kind=TEXT)),
            namespaces={
                **obj(**{"from": text(default="Same", enum=["All", "Selector", "Same"])}, selector=SELECTOR),
                "default": {"from": "Same"},
            },
        ),
        "default": {"namespaces": {"from": "Same"}},
    },
)
GATEWAY_SPEC = obj(
    "gatewayClassName",
    "listeners",
    gatewayClassName=text(minLength=1),
    listeners=listed("name", items=LISTENER),
    infrastructure=ANYTHING,
    addresses=some(ANYTHING),
)
REFERENCE = obj("group", "kind", group=TEXT, kind=TEXT, namespace=TEXT, name=TEXT)
GRANT_SPEC = obj("from", "to", **{"from": some(REFERENCE), "to": some(REFERENCE)})


def definition(group: str, kind: str, plural: str, spec: Schema, versions: tuple[str, ...]) -> Schema:
    """A CustomResourceDefinition; the first version is stored."""
    schema = {"type": "object", "properties": {"spec": spec, "status": ANYTHING}}
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
            "scope": "Namespaced",
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


POOLS = definition("inference.networking.k8s.io", "InferencePool", "inferencepools", POOL_SPEC, ("v1",))
ROUTES = definition("gateway.networking.k8s.io", "HTTPRoute", "httproutes", ROUTE_SPEC, ("v1",))
GATEWAYS = definition("gateway.networking.k8s.io", "Gateway", "gateways", GATEWAY_SPEC, ("v1",))
GRANTS = definition(
    "gateway.networking.k8s.io", "ReferenceGrant", "referencegrants", GRANT_SPEC, ("v1beta1",)
)
RULES = definition("networking.istio.io", "DestinationRule", "destinationrules", ANYTHING, ("v1beta1", "v1"))
GATEWAY_API = (POOLS, ROUTES, GATEWAYS, GRANTS)
