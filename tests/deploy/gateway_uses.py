"""What publishing deployments behind a Gateway asks of the API server; see `uses`."""

from __future__ import annotations

from tests.deploy.uses import MODEL_DEPLOYMENTS, Use

PUBLISHING, PUBLISHED = "airunway.activities.gateway", "airunway.workers.gateway_watch"
GATEWAYS, ROUTES = "gateways.gateway.networking.k8s.io", "httproutes.gateway.networking.k8s.io"
GRANTS, POOLS = "referencegrants.gateway.networking.k8s.io", "inferencepools.inference.networking.k8s.io"
PICKERS = [
    *("serviceaccounts", "configmaps", "services", "deployments.apps"),
    *("roles.rbac.authorization.k8s.io", "rolebindings.rbac.authorization.k8s.io"),
]
RULES = "destinationrules.networking.istio.io"
OWN_OBJECTS = [ROUTES, POOLS, RULES, *PICKERS]
"""What publishes a deployment, and is its own."""
GATEWAY_KINDS = {PUBLISHING: OWN_OBJECTS, PUBLISHED: [GATEWAYS, ROUTES, POOLS, GRANTS, *PICKERS]}
"""What the calls of a place are about whose kind is a variable."""


def publishing() -> list[Use]:
    """Behind a Gateway: what is looked at, what is written, and what an endpoint picker is granted."""
    written = "it is written by the code that writes upstream objects"
    granted = "whoever makes a Role must have what it grants: an endpoint picker reads pods and pools"
    extension = "inference.networking.x-k8s.io"
    return [
        *(Use(verbs="get delete", resource=kind, at=PUBLISHING) for kind in OWN_OBJECTS),
        *(Use(verbs="create patch", resource=kind, because=written) for kind in (ROUTES, POOLS, *PICKERS)),
        Use(verbs="create patch", resource=RULES, at=PUBLISHING),
        Use(verbs="list patch", resource=GATEWAYS, at=PUBLISHING),
        Use(verbs="list", resource=GATEWAYS, at="airunway.activities.deployment"),
        Use(verbs="list", resource=ROUTES, at=PUBLISHING),
        Use(verbs="list create patch delete", resource=GRANTS, at=PUBLISHING),
        Use(verbs="list", resource="pods", at=PUBLISHING),
        Use(verbs="get", resource="namespaces", at=PUBLISHING),
        Use(verbs="list", resource=MODEL_DEPLOYMENTS, at=PUBLISHING),
        *(
            Use(
                verbs="update",
                resource=kind,
                subresource="finalizers",
                because="the API server asks for it where an owner reference has blockOwnerDeletion",
            )
            for kind in (MODEL_DEPLOYMENTS, POOLS)
        ),
        *(
            Use(verbs="get list watch", resource=kind, because=granted)
            for kind in (
                *("pods", POOLS),
                *(f"{name}.{extension}" for name in ("inferenceobjectives", "inferencemodelrewrites")),
            )
        ),
        Use(verbs="create get update", resource="leases.coordination.k8s.io", because=granted),
    ]


def following() -> list[Use]:
    """The watcher's part."""
    return [Use(verbs="list watch", resource=kind, at=PUBLISHED) for kind in GATEWAY_KINDS[PUBLISHED]]
