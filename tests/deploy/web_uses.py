"""What the web process asks of the API server under its own account; callers' tokens are another matter."""

from __future__ import annotations

from airunway.api import names
from tests.deploy.uses import CLUSTER_NAME, CONFIGS, MODEL_DEPLOYMENTS, Use

AT = "airunway.web"
FOLLOWED = [MODEL_DEPLOYMENTS, CONFIGS, "pods", "nodes"]

SHOWING = [
    *(Use(verbs="list watch", resource=kind, at=AT) for kind in FOLLOWED),
    Use(verbs="create", resource="tokenreviews.authentication.k8s.io", because="web.identity"),
    Use(verbs="get", resource="customresourcedefinitions.apiextensions.k8s.io", at=AT),
    Use(verbs="list", resource="gateways.gateway.networking.k8s.io", at=AT),
    Use(
        verbs="get patch",
        resource="secrets",
        namespace=names.SYSTEM_NAMESPACE,
        names=[names.WEB_SESSION_SECRET],
        at=AT,
    ),
    Use(
        verbs="get",
        resource="configmaps",
        namespace=names.SYSTEM_NAMESPACE,
        names=["airunway-config"],
        at=AT,
    ),
    Use(
        verbs="get",
        resource="deployments.apps",
        namespace=names.SYSTEM_NAMESPACE,
        names=[names.REGISTRY],
        at=AT,
    ),
    Use(
        verbs="get",
        resource="configmaps",
        namespace="kube-system",
        names=["cluster-autoscaler-status"],
        at=AT,
    ),
    Use(verbs="list", resource="deployments.apps", namespace="kube-system", at=AT),
    CLUSTER_NAME,
]
