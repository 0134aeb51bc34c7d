"""The kinds of the gateway: which of them a cluster serves, and in which version each is written. Pure.

Source: gateway.md §3 and §14. A version is taken by what is served: CRDs are renewed while models run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

GATEWAY_GROUP = "gateway.networking.k8s.io"
POOL_GROUP = "inference.networking.k8s.io"
ISTIO_GROUP = "networking.istio.io"
GROUPS = (GATEWAY_GROUP, POOL_GROUP, ISTIO_GROUP)

GATEWAY, HTTP_ROUTE, REFERENCE_GRANT = "Gateway", "HTTPRoute", "ReferenceGrant"
INFERENCE_POOL, DESTINATION_RULE = "InferencePool", "DestinationRule"

_VERSIONS: Mapping[str, tuple[str, Sequence[str], str]] = {
    GATEWAY: (GATEWAY_GROUP, ("v1",), "gateways"),
    HTTP_ROUTE: (GATEWAY_GROUP, ("v1",), "httproutes"),
    REFERENCE_GRANT: (GATEWAY_GROUP, ("v1beta1", "v1"), "referencegrants"),
    INFERENCE_POOL: (POOL_GROUP, ("v1",), "inferencepools"),
    DESTINATION_RULE: (ISTIO_GROUP, ("v1beta1", "v1", "v1alpha3"), "destinationrules"),
}
"""Group, the versions whose shape is known, first choice first, and the plural."""
_NEEDED = (INFERENCE_POOL, HTTP_ROUTE, GATEWAY)


@dataclass(frozen=True, kw_only=True)
class GatewayKind:
    """A kind that is read or written for the gateway. `builtin`: every cluster serves it."""

    api_version: str
    kind: str
    plural: str
    builtin: bool = False


SERVICE = GatewayKind(api_version="v1", kind="Service", plural="services", builtin=True)
SERVICE_ACCOUNT = GatewayKind(api_version="v1", kind="ServiceAccount", plural="serviceaccounts", builtin=True)
CONFIG_MAP = GatewayKind(api_version="v1", kind="ConfigMap", plural="configmaps", builtin=True)
DEPLOYMENT = GatewayKind(api_version="apps/v1", kind="Deployment", plural="deployments", builtin=True)
ROLE = GatewayKind(api_version="rbac.authorization.k8s.io/v1", kind="Role", plural="roles", builtin=True)
ROLE_BINDING = GatewayKind(
    api_version="rbac.authorization.k8s.io/v1", kind="RoleBinding", plural="rolebindings", builtin=True
)
PICKER_KINDS = (SERVICE_ACCOUNT, ROLE, ROLE_BINDING, CONFIG_MAP, DEPLOYMENT, SERVICE)
"""Of the endpoint picker, in the order in which they are written."""


@dataclass(frozen=True)
class ServedKinds:
    """The gateway kinds that a cluster serves, by kind."""

    kinds: Mapping[str, GatewayKind]

    @property
    def complete(self) -> bool:
        """Whether models can be published: pools, routes and Gateways are all known."""
        return all(kind in self.kinds for kind in _NEEDED)

    @property
    def missing(self) -> str:
        """The kinds that are lacking, in words; empty when none is."""
        lacking = [kind for kind in _NEEDED if kind not in self.kinds]
        return ", ".join(f"{kind} ({_VERSIONS[kind][0]}/{_VERSIONS[kind][1][0]})" for kind in lacking)

    def __getitem__(self, kind: str) -> GatewayKind:
        return self.kinds[kind]

    def get(self, kind: str) -> GatewayKind | None:
        """The kind as it is served, None when it is not."""
        return self.kinds.get(kind)


NOTHING_SERVED = ServedKinds({})


def kinds_served(served: Mapping[str, Mapping[str, str]]) -> ServedKinds:
    """What a cluster serves of the gateway. `served`: group version to its kinds and their plurals."""
    found = {}
    for kind, (group, versions, plural) in _VERSIONS.items():
        known = next((one for one in versions if kind in served.get(f"{group}/{one}", {})), None)
        if known is not None:
            found[kind] = GatewayKind(api_version=f"{group}/{known}", kind=kind, plural=plural)
    return ServedKinds(found)


def known_versions(group: str) -> list[str]:
    """The group versions that are worth asking for, of one group."""
    return sorted(
        {f"{group}/{one}" for owner, versions, _ in _VERSIONS.values() if owner == group for one in versions}
    )


WITH_ISTIO = ServedKinds(
    {
        kind: GatewayKind(api_version=f"{group}/{versions[0]}", kind=kind, plural=plural)
        for kind, (group, versions, plural) in _VERSIONS.items()
    }
)
"""A cluster with everything."""
ALL_KNOWN = ServedKinds({name: kind for name, kind in WITH_ISTIO.kinds.items() if name != DESTINATION_RULE})
"""A cluster with everything but Istio: what a plan is made for when no cluster is asked."""
