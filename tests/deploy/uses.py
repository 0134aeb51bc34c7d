"""What each process asks of the API server, and where in the code: the list that the roles are held against.

A line is one kind of request: verbs, resource, and how far it reaches. Whoever adds a call to the API server
adds a line here and a rule to the role: `test_rights.py` fails for a line that the role lacks, and for
whatever the role grants beyond these lines; `test_rights_called.py` for a call that is not here, and for a
line that no call backs. That the lines are true is seen where they are enforced:
`tests/real/test_least_rights.py` does the main job under them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airunway.api import names
from airunway.modelimage.builder_objects import BUILDER_CERTIFICATES
from airunway.provider import Provider, UpstreamKind

CONFIGS, MODEL_DEPLOYMENTS = "inferenceproviderconfigs.airunway.ai", "modeldeployments.airunway.ai"
WORKER, WATCHER, WEBHOOK = "airunway-worker", "airunway-watcher", "airunway-webhook"
INSTALLER, PROVIDER = "airunway-installer", "provider"
WEB = "airunway-web"
"""Accounts; PROVIDER stands for that of each provider's worker."""

MADE_ONCE = {"dynamo": ("persistentvolumeclaims", "jobs.batch")}
"""Kinds of a provider that its stages make and delete, and nobody changes."""


@dataclass(frozen=True, kw_only=True)
class Use:
    """Requests to one resource; `resource` is written as kubectl does: `deployments.apps`, `pods`."""

    verbs: str
    resource: str
    subresource: str = ""
    namespace: str = ""
    """Empty: in every namespace, or the resource has none."""
    names: Sequence[str] = ()
    """Empty: of any name. `create` and `list` cannot be limited to names."""
    at: str = ""
    """Place in `RUN_BY` whose code makes the request; empty: none does, `because` says who."""
    because: str = ""
    granted: bool = True
    """False: asked only where somebody bound a role of their own."""


FOLLOWING = "airunway.activities.upstream.following"
MADE_WATCH = "airunway.workers.made_watch"
"""Is about what a provider's operator made, where other modules are about what the provider makes."""

RUN_BY = {
    "airunway.activities.deployment": (WORKER,),
    "airunway.activities.gateway": (WORKER,),
    "airunway.activities.installation": (INSTALLER,),
    "airunway.activities.model_image": (WORKER,),
    "airunway.activities.trust.image_signer": (WORKER,),
    "airunway.activities.trust.namespace_policies": (PROVIDER, WEBHOOK),
    "airunway.activities.trust.verification_keys": (PROVIDER,),
    "airunway.activities.upstream": (PROVIDER,),
    "airunway.activities.upstream.diagnostics": (PROVIDER, WORKER),
    FOLLOWING: (PROVIDER,),
    "airunway.clients.events": (WORKER, WATCHER),
    "airunway.clients.helm": (INSTALLER,),
    "airunway.clients.lease": (INSTALLER,),
    "airunway.web": (WEB,),
    "airunway.webhook": (WEBHOOK,),
    "airunway.workers.cluster_name": (WORKER, WATCHER, INSTALLER, PROVIDER, WEB, WEBHOOK),
    "airunway.workers.gateway_watch": (WATCHER,),
    "airunway.workers.heartbeats": (WATCHER,),
    "airunway.workers.lease_store": (WATCHER,),
    MADE_WATCH: (WATCHER,),
    "airunway.workers.pod_watch": (WATCHER,),
    "airunway.workers.registration": (PROVIDER,),
    "airunway.workers.watcher": (WATCHER,),
}
"""Module or room that calls the API server, to the accounts that run it; the longest that fits counts."""


def written_as(kind: UpstreamKind) -> str:
    """A kind as `Use.resource` has it."""
    return f"{kind.plural}.{kind.group}" if kind.group else kind.plural


# -- what several processes do -----------------------------------------------------------------------------

CLUSTER_NAME = Use(
    verbs="get", resource="namespaces", names=["kube-system"], at="airunway.workers.cluster_name"
)
EVENTS = Use(verbs="create get patch", resource="events", at="airunway.clients.events")


def diagnosis(namespace: str = "") -> list[Use]:
    """Why a pod does not come up."""
    at, kinds = "airunway.activities.upstream.diagnostics", ["pods", "events"]
    kinds += ["deployments.apps", "replicasets.apps", "statefulsets.apps"]
    return [Use(verbs="list", resource=kind, namespace=namespace, at=at) for kind in kinds]


# -- the core's worker -------------------------------------------------------------------------------------

DEPLOYING = [
    Use(verbs="get patch", resource=MODEL_DEPLOYMENTS, at="airunway.activities.deployment"),
    Use(
        verbs="patch",
        resource=MODEL_DEPLOYMENTS,
        subresource="status",
        at="airunway.activities.deployment",
    ),
    Use(verbs="list", resource=CONFIGS, at="airunway.activities.deployment"),
    EVENTS,
    CLUSTER_NAME,
]
REGISTRY_OBJECTS = {
    "deployments.apps": [names.REGISTRY],
    "services": [names.REGISTRY, names.REGISTRY_PULL],
    "persistentvolumeclaims": [f"{names.REGISTRY}-data"],
    "configmaps": [f"{names.REGISTRY}-config"],
    "networkpolicies.networking.k8s.io": [names.REGISTRY],
}
BUILDER_OBJECTS = {
    "deployments.apps": [names.BUILDER],
    "services": [names.BUILDER],
    "persistentvolumeclaims": [f"{names.BUILDER}-cache"],
    "configmaps": [f"{names.BUILDER}-config"],
    "networkpolicies.networking.k8s.io": [names.BUILDER],
}


def building(system: str = names.SYSTEM_NAMESPACE, builder: str = names.BUILDER_NAMESPACE) -> list[Use]:
    """Registry and builder, each in its namespace; their login and certificates, records, models' tokens."""
    at = "airunway.activities.model_image"
    found = [*diagnosis(system), *diagnosis(builder)]
    for namespace, objects in ((system, REGISTRY_OBJECTS), (builder, BUILDER_OBJECTS)):
        for kind, named in objects.items():
            found.append(Use(verbs="get patch", resource=kind, namespace=namespace, names=named, at=at))
            found.append(Use(verbs="create", resource=kind, namespace=namespace, at=at))
    registry = [names.REGISTRY_LOGIN, names.PRIVATE_PULLS]
    for namespace, secrets in ((builder, [BUILDER_CERTIFICATES]), (system, registry)):
        found.append(Use(verbs="get patch", resource="secrets", namespace=namespace, names=secrets, at=at))
    # An apply names what it creates, so this can be limited to a name as well.
    found.append(Use(verbs="get create patch", resource="secrets", names=[names.PULL_SECRET], at=at))
    records = {"resource": "configmaps", "namespace": names.SYSTEM_NAMESPACE}
    found.append(Use(verbs="get patch", names=[names.MODEL_IMAGES], at=at, **records))
    found.append(Use(verbs="create", at=at, **records))
    for kind in (MODEL_DEPLOYMENTS, "pods"):  # whose images are in use
        found.append(Use(verbs="list", resource=kind, at=at))
    found.append(Use(verbs="get", resource="secrets", names=["hf-token-secret"], at=at))
    found.append(Use(verbs="get", resource=MODEL_DEPLOYMENTS, at=at))
    signer, key = "airunway.activities.trust.image_signer", ["airunway-signing-key"]
    found.append(Use(verbs="get", resource="secrets", namespace=system, names=key, at=signer))
    return found


# -- providers ---------------------------------------------------------------------------------------------


BUILDS_IMAGES = ("kaito",)
"""Providers whose deployments run images that are built here: they see by the records which those are."""


def _registering(provider: str) -> list[Use]:
    """With its config; and what tells of controllers of AI Runway's own."""
    upstream, registration, own = "airunway.activities.upstream", "airunway.workers.registration", [provider]
    return [
        # An apply, and a list or watch of one name, say which: so these can be limited to a name as well.
        Use(verbs="get list watch create patch", resource=CONFIGS, names=own, at=registration),
        Use(
            verbs="register",
            resource=CONFIGS,
            names=own,
            because="the policy airunway-provider-configs asks for it where annotations change",
        ),
        Use(verbs="patch", resource=CONFIGS, subresource="status", names=own, at=registration),
        # Whether controllers of AI Runway's own still run beside it, while somebody changes what it writes.
        Use(verbs="get", resource=CONFIGS, names=own, at=upstream),
        Use(
            verbs="get",
            resource="leases.coordination.k8s.io",
            names=[names.FORMER_CORE_LEASE, f"airunway-{provider}-provider"],
            at=upstream,
        ),
    ]


def providing(provider: Provider) -> list[Use]:
    """What a provider's worker does, for itself and with its kinds."""
    upstream, registration = "airunway.activities.upstream", "airunway.workers.registration"
    found = [
        CLUSTER_NAME,
        Use(verbs="get patch", resource=MODEL_DEPLOYMENTS, at=upstream),
        Use(
            verbs="update",
            resource=MODEL_DEPLOYMENTS,
            subresource="finalizers",
            because="the API server asks for it where an owner reference has blockOwnerDeletion",
        ),
        *_registering(provider.name),
        *diagnosis(),
        Use(verbs="get list watch", resource="namespaces", at="airunway.activities.trust.namespace_policies"),
        *(
            Use(
                verbs="get",
                resource=kind,
                names=["airunway-verification-keys"],
                at="airunway.activities.trust.verification_keys",
            )
            for kind in ("configmaps", "secrets")
        ),
    ]
    if provider.name in BUILDS_IMAGES:
        why = "its worker sees by the records, in the core's code, whether an image is the one that was built"
        found.append(Use(verbs="get", resource="configmaps", names=[names.MODEL_IMAGES], because=why))
        why = "it compares a private image with the records, and the registry wants its namespace's login"
        found.append(Use(verbs="get", resource="secrets", names=[names.PULL_SECRET], because=why))
    if provider.operator_selector:
        found.append(Use(verbs="list", resource="deployments.apps", at=registration))
    for kind in map(written_as, provider.kinds):
        changed = "" if kind in MADE_ONCE.get(provider.name, ()) else " patch"
        found.append(Use(verbs=f"get list create delete{changed}", resource=kind, at=upstream))
    if provider.operator_objects is not None:
        kind = written_as(provider.operator_objects.kind)
        found.append(Use(verbs="get patch", resource=kind, at=FOLLOWING))
    return found


# -- watcher and webhook -----------------------------------------------------------------------------------


def watching(kinds: Iterable[str], made: Iterable[str]) -> list[Use]:
    """The watcher: `kinds` are those of the shipped providers, `made` those that operators make of them."""
    lease = "airunway.workers.lease_store"
    space = names.SYSTEM_NAMESPACE
    follows = [MODEL_DEPLOYMENTS, CONFIGS, "namespaces", *kinds]
    return [
        *(Use(verbs="list watch", resource=kind, at="airunway.workers.watcher") for kind in follows),
        *(Use(verbs="list watch", resource=kind, at=MADE_WATCH) for kind in made),
        Use(verbs="list watch", resource="pods", at="airunway.workers.pod_watch"),
        Use(verbs="patch", resource=CONFIGS, subresource="status", at="airunway.workers.heartbeats"),
        Use(verbs="create", resource="leases.coordination.k8s.io", namespace=space, at=lease),
        Use(
            verbs="get patch",
            resource="leases.coordination.k8s.io",
            namespace=space,
            names=["airunway-watcher"],
            at=lease,
        ),
        EVENTS,
        CLUSTER_NAME,
    ]


ADMITTING = [
    CLUSTER_NAME,
    Use(verbs="get list watch", resource=CONFIGS, at="airunway.webhook"),
    *(
        Use(
            verbs="get patch",
            resource=f"{kind}webhookconfigurations.admissionregistration.k8s.io",
            names=[f"airunway-{kind}-webhook-configuration"],
            at="airunway.webhook",
        )
        for kind in ("mutating", "validating")
    ),
    Use(
        verbs="get patch",
        resource="secrets",
        namespace=names.SYSTEM_NAMESPACE,
        names=[names.WEBHOOK_SECRET],
        at="airunway.webhook",
    ),
    Use(
        verbs="create",
        resource="secrets",
        at="airunway.webhook",
        granted=False,
        because="the Secret comes empty with the manifests, since `create` cannot be limited to a name",
    ),
    Use(verbs="get list watch", resource="namespaces", at="airunway.activities.trust.namespace_policies"),
]

# -- the installer -----------------------------------------------------------------------------------------

WHOLE = "get list watch create update patch delete"
CHART_KINDS = [
    *("configmaps", "secrets", "serviceaccounts", "services", "pods", "persistentvolumeclaims"),
    *(f"{kind}.apps" for kind in ("daemonsets", "deployments", "replicasets", "statefulsets")),
    *("cronjobs.batch", "jobs.batch", "horizontalpodautoscalers.autoscaling", "poddisruptionbudgets.policy"),
    *("networkpolicies.networking.k8s.io", "priorityclasses.scheduling.k8s.io"),
    *("apiservices.apiregistration.k8s.io", "customresourcedefinitions.apiextensions.k8s.io"),
    *(f"{kind}webhookconfigurations.admissionregistration.k8s.io" for kind in ("mutating", "validating")),
    *(
        f"{kind}.storage.k8s.io"
        for kind in ("csidrivers", "csinodes", "csistoragecapacities", "storageclasses", "volumeattachments")
    ),
    *(f"{kind}.rbac.authorization.k8s.io" for kind in ("roles", "rolebindings")),
    *(f"cluster{kind}.rbac.authorization.k8s.io" for kind in ("roles", "rolebindings")),
    *("clusterpolicies.nvidia.com", "nvidiadrivers.nvidia.com", "nodefeaturerules.nfd.k8s-sigs.io"),
]
"""What the charts of the shipped providers, and of the GPU operator, bring, or grant to their operators."""

CHARTS = [
    *(Use(verbs=WHOLE, resource=kind, because="charts bring it") for kind in CHART_KINDS),
    Use(verbs="get list watch create update patch", resource="namespaces", because="charts bring it"),
    Use(
        verbs=WHOLE,
        resource="volumeattachments.storage.k8s.io",
        subresource="status",
        because="an operator is granted it",
    ),
    Use(verbs="get", resource="pods", subresource="log", because="why a hook of a chart failed"),
    *(
        Use(
            verbs="bind escalate",
            resource=f"{kind}.rbac.authorization.k8s.io",
            because="a chart's roles grant what the installer has not",
        )
        for kind in ("roles", "clusterroles")
    ),
    Use(verbs="get list", resource="*.*", because="custom resources are counted before their CRD goes"),
]


def installing() -> list[Use]:
    """The installer: its own calls, and what the charts take."""
    at, helm, lock = "airunway.activities.installation", "airunway.clients.helm", "airunway.clients.lease"
    definitions = "customresourcedefinitions.apiextensions.k8s.io"
    space = names.INSTALLER_NAMESPACE
    return [
        Use(verbs="get delete", resource=definitions, at=at),
        Use(verbs="get delete", resource="secrets", at=at),
        Use(verbs="get list", resource="deployments.apps", at=at),
        Use(
            verbs="get create patch",
            resource="configmaps",
            namespace=space,
            names=[names.CHART_DIGESTS],
            at=at,
        ),
        Use(verbs="list", resource="pods", at=at),
        Use(verbs="list", resource="nodes", at=at),
        Use(verbs="get", resource=CONFIGS, at=at),
        Use(verbs="patch", resource=CONFIGS, subresource="status", at=at),
        Use(verbs="list", resource=MODEL_DEPLOYMENTS, at=at),
        Use(verbs="list", resource="*.*", at=at),
        Use(verbs="get list patch delete", resource="secrets", at=helm),
        Use(verbs="get create patch", resource="leases.coordination.k8s.io", namespace=space, at=lock),
        CLUSTER_NAME,
        *CHARTS,
    ]
