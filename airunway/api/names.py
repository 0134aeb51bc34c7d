"""Names on the wire: API group, labels, annotations, finalizers, task queues, workflow ids.

One place for every string that another program matches on, so that none is spelled twice.
Source: crds.md §1 and §8.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

GROUP = "airunway.ai"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"
CATEGORY = "airunway"
"""`kubectl get airunway` lists the kinds of both."""

DEPLOYMENT_KIND = "ModelDeployment"
DEPLOYMENT_PLURAL = "modeldeployments"
CONFIG_KIND = "InferenceProviderConfig"
CONFIG_PLURAL = "inferenceproviderconfigs"

SYSTEM_NAMESPACE = "airunway-system"
INSTALLER_NAMESPACE = "airunway-installer"
"""Of the installer alone: its account may do nearly everything."""
CHART_DIGESTS = "airunway-chart-digests"
"""ConfigMap there: which archive each chart was when it was first used."""

# Field managers: who wrote a field, for the API server and for people. A provider's is `field_manager_for`.
FIELD_MANAGER = "airunway"
"""Of our CRDs, and of every patch without a manager of its own."""
STATUS_FIELD_MANAGER = FIELD_MANAGER
"""Of every status this control plane writes by server-side apply."""
HEARTBEAT_FIELD_MANAGER = "airunway-heartbeats"
"""Of what the watcher writes on the config of a provider whose worker fell silent."""
INSTALLER_FIELD_MANAGER = "airunway-installer"
"""Of the CRDs beside a provider's charts, and of the status of a config that was uninstalled."""
MODEL_IMAGE_FIELD_MANAGER = "airunway-images"
"""Of the registry and the builder in the cluster."""
WEBHOOK_FIELD_MANAGER = "airunway-webhook"
"""Of the webhooks' certificate."""
WEB_FIELD_MANAGER = "airunway-web"
"""Of the key of session cookies, and of tokens that people save for Hugging Face."""
WEB_SESSION_SECRET = "airunway-web-session-key"
"""Secret with that key; it comes empty with the manifests."""
VALUES_FIELD_MANAGER = "airunway-cli"
"""Of the Secrets with the chart values that a person gave."""
SAMPLES_FIELD_MANAGER = "airunway-up"
"""Of the samples that `airunway up` applies."""
SANDBOX_FIELD_MANAGER = "airunway-sandbox"
"""Of what the sandbox's controllers write."""
FORMER_FIELD_MANAGERS = frozenset({"provider"})
"""Of the provider controllers of AI Runway, whose objects are taken over (crds.md §8.1)."""
FORMER_STATUS_MANAGERS = FORMER_FIELD_MANAGERS | {"manager"}
"""Of whoever wrote a deployment's status before: those controllers, and AI Runway's core (core.md §9)."""
FORMER_CORE, FORMER_CORE_LEASE = "airunway-controller-manager", "2038fe6a.airunway.ai"
"""Deployment and Lease of AI Runway's core (core.md §16); a provider's are both `airunway-<p>-provider`."""

LABEL_MANAGED_BY = "airunway.ai/managed-by"
LABEL_MODEL_DEPLOYMENT = "airunway.ai/model-deployment"
LABEL_DEPLOYMENT = "airunway.ai/deployment"
LABEL_MODEL_SOURCE = "airunway.ai/model-source"
LABEL_ENGINE_TYPE = "airunway.ai/engine-type"
MANAGED_BY = "airunway"

ANNOTATION_PAUSED = "airunway.ai/reconcile-paused"
PAUSED = "Paused"
"""Condition of a ModelDeployment that a command holds; the annotation of AI Runway writes nothing."""
ANNOTATION_RETRY = "airunway.ai/retry"
"""On a ModelDeployment: any new value tries again what failed, once."""
ANNOTATION_PULL_SECRETS = "airunway.ai/image-pull-secrets"
"""On a ModelDeployment: Secrets of its namespace, with commas, that its images are pulled with."""
ANNOTATION_ROLLOUT = "airunway.ai/rollout"
"""On a ModelDeployment: how a new version takes the place of the one before: NoSurge, Surge or Recreate."""
ANNOTATION_EXTERNAL_REPLICAS = "airunway.ai/external-replicas"
"""On a ModelDeployment: `true` leaves the replicas of its upstream objects to somebody else altogether."""
ANNOTATION_STANDBY_REPLICAS = "airunway.ai/standby-replicas"
"""On a Deployment of this system that was installed with no pods: how many it has once it is started."""
ANNOTATION_TEST_BACKEND = "airunway.ai/dynamo-test-backend"
TEST_BACKEND_MOCKER = "mocker"
"""Its one value: no engine runs, and nothing is published."""
RENDERED_ANNOTATIONS = frozenset(
    {ANNOTATION_PULL_SECRETS, ANNOTATION_ROLLOUT, ANNOTATION_EXTERNAL_REPLICAS, ANNOTATION_TEST_BACKEND}
)
"""Those that say how a deployment's objects are rendered, whatever its provider."""
ANNOTATION_GENERATED_BY = "airunway.ai/generated-by"
ANNOTATION_RECIPE_PREFIX = "airunway.ai/recipe."
ANNOTATION_DISPLAY_NAME = "airunway.ai/display-name"
ANNOTATION_DESCRIPTION = "airunway.ai/description"
ANNOTATION_DEFAULT_NAMESPACE = "airunway.ai/default-namespace"
ANNOTATION_DOCUMENTATION = "airunway.ai/documentation"
ANNOTATION_DOCUMENTATION_URL = "airunway.ai/documentation-url"
ANNOTATION_CAPABILITIES = "airunway.ai/capabilities"
ANNOTATION_HEALTH = "airunway.ai/health"
ANNOTATION_INSTALLATION = "airunway.ai/installation"

ANNOTATION_TASK_QUEUE = "airunway.ai/task-queue"
"""On an InferenceProviderConfig: the Temporal task queue its worker listens on.

A config without it belongs to a provider controller of AI Runway's own kind: such a deployment is
handed over by `status.provider.name` and the controller writes the rest of the status.
"""

ANNOTATION_MODEL_ACCESS = "airunway.ai/model-access"
"""On an InferenceProviderConfig: who may call its models, for people and for whom a change of it concerns."""

ANNOTATION_UPSTREAM_KINDS = "airunway.ai/upstream-kinds"
"""On an InferenceProviderConfig: the kinds it creates, a JSON list of `{apiVersion, kind, plural}`.

From it the watcher knows what to follow for a provider whose package it does not have.
"""

ANNOTATION_MADE_KINDS = "airunway.ai/made-kinds"
"""On an InferenceProviderConfig: the kinds that its operator makes of those and that matter, likewise."""

ANNOTATION_POD_LABEL = "airunway.ai/pod-label"
"""On an InferenceProviderConfig: the label by which pods bear the name of the deployment that they serve.

From it the watcher knows whose pods they are, of a provider whose package it does not have.
"""

INSTALLER_QUEUE = "installer"
"""Where charts are installed: a queue of its own, so that its worker may have rights that no other has."""
IMAGES_QUEUE = "images"
"""Queue of the builds alone: how many run at once is how many slots its workers have."""

# On a Namespace, where only an administrator of the cluster can put them; docs/security.md.
ANNOTATION_ALLOWED_IMAGES = "airunway.ai/allowed-images"
ANNOTATION_ALLOWED_MODELS = "airunway.ai/allowed-models"
ANNOTATION_VERIFIED_IMAGES = "airunway.ai/verified-images"
POLICY_ANNOTATIONS = frozenset(
    {ANNOTATION_ALLOWED_IMAGES, ANNOTATION_ALLOWED_MODELS, ANNOTATION_VERIFIED_IMAGES}
)

_WORKFLOW_KINDS = ("modeldeployment", "provider", "image")
MAX_MODEL_IN_ID = 100  # characters; a digest and the cluster stand beside it
MAX_WORKFLOW_ID_LENGTH = 255  # a column of Temporal's database; `limit.maxIDLength` is set to it

# What Temporal's visibility knows of a workflow (`messages.search_attributes`).
PHASE_ATTRIBUTE = "AirunwayPhase"
ENGINE_ATTRIBUTE = "AirunwayEngine"
PROVIDER_ATTRIBUTE = "AirunwayProvider"
NAMESPACE_ATTRIBUTE = "AirunwayNamespace"
MODEL_ATTRIBUTE = "AirunwayModel"
CLUSTER_ATTRIBUTE = "AirunwayCluster"
IMAGE_ATTRIBUTE = "AirunwayImage"

WATCHER_LEASE = "airunway-watcher"

SERVICE_ACCOUNT_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"
"""Where a pod finds the token of its account; its namespace lies beside it."""

# Admission webhooks (crds.md §4.1).
MUTATING_CONFIGURATION = "airunway-mutating-webhook-configuration"
VALIDATING_CONFIGURATION = "airunway-validating-webhook-configuration"
MUTATING_WEBHOOK = "mmodeldeployment-v1alpha1.kb.io"
VALIDATING_WEBHOOK = "vmodeldeployment-v1alpha1.kb.io"
MUTATING_PATH = "/mutate-airunway-ai-v1alpha1-modeldeployment"
VALIDATING_PATH = "/validate-airunway-ai-v1alpha1-modeldeployment"
WEBHOOK_SERVICE = "airunway-webhook-service"
WEBHOOK_SECRET = "airunway-webhook-server-cert"
WEBHOOK_AUTHORITY = "airunway-ca"
WEBHOOK_ORGANISATION = "airunway"


UID_NAMESPACE = "kube-system"
_NAME_DIGITS = 12
"""Of the uid: two of a million clusters are alike with one chance in five hundred."""


def cluster_name_from(uid: str) -> str:
    """The name of a cluster whose `kube-system` has this uid, unless the settings say one."""
    return uid.replace("-", "")[:_NAME_DIGITS].lower()


def core_task_queue(cluster: str) -> str:
    """Task queue of one cluster's core: of all its workflows. `cluster` holds no dot."""
    return f"airunway.{cluster}"


def task_queue_beside(core: str, part: str) -> str:
    """Task queue of another part of the same cluster, from the core's."""
    return f"{core}.{part}"


def provider_queue(provider: str) -> str:
    """The part of the worker that serves one provider; see `task_queue_beside`."""
    return f"provider.{provider}"


def provider_task_queue(cluster: str, provider: str) -> str:
    """Task queue of the worker that serves one provider."""
    return task_queue_beside(core_task_queue(cluster), provider_queue(provider))


def finalizer_for(provider: str) -> str:
    """Finalizer that holds a ModelDeployment until the provider's objects are gone (crds.md §8.1)."""
    return f"airunway.ai/{provider}-provider"


def is_provider_finalizer(finalizer: str) -> bool:
    """Whether a finalizer is one that some provider of this system put on a ModelDeployment."""
    return finalizer.startswith("airunway.ai/") and finalizer.endswith("-provider")


def providers_of(finalizers: Iterable[str]) -> list[str]:
    """The providers whose finalizers are on a ModelDeployment."""
    held = filter(is_provider_finalizer, finalizers)
    return [entry.removeprefix("airunway.ai/").removesuffix("-provider") for entry in held]


def is_paused(metadata: Mapping[str, Any]) -> bool:
    """Whether an object carries the annotation `reconcile-paused`; no other value than "true" counts."""
    return (metadata.get("annotations") or {}).get(ANNOTATION_PAUSED) == "true"


def field_manager_for(provider: str) -> str:
    """Server-side-apply field manager for a provider's objects (crds.md §8.1)."""
    return f"{provider}-provider"


DEPLOYMENT_WORKFLOW = "ModelDeploymentWorkflow"
"""Its type."""
MODEL_IMAGE_WORKFLOW = "ModelImageWorkflow"
"""Type of the workflow of a model image."""


def deployment_workflow_id(cluster: str, namespace: str, name: str) -> str:
    """Workflow id of one ModelDeployment: its identity, so that it has one workflow at a time.

    A name that would make it longer than Temporal keeps ends in a digest.
    """
    return _within_limit(f"{deployment_workflow_prefix(cluster)}{namespace}/{name}")


def deployment_workflow_prefix(cluster: str) -> str:
    """How the workflow ids of all ModelDeployments of a cluster begin."""
    return f"modeldeployment/{cluster}/"


def cluster_of(workflow_id: str) -> str:
    """The cluster that a workflow belongs to; empty for an id that is none of ours."""
    parts = workflow_id.split("/")
    return parts[1] if len(parts) > 2 and parts[0] in _WORKFLOW_KINDS else ""


def namespace_of(workflow_id: str) -> str:
    """The namespace of a deployment's workflow; empty for any other."""
    parts = workflow_id.split("/")
    return parts[2] if len(parts) > 3 and parts[0] == "modeldeployment" else ""


def _within_limit(workflow_id: str) -> str:
    if len(workflow_id) <= MAX_WORKFLOW_ID_LENGTH:
        return workflow_id
    digest = hashlib.sha256(workflow_id.encode()).hexdigest()[:16]
    return f"{workflow_id[: MAX_WORKFLOW_ID_LENGTH - 17]}-{digest}"


def values_secret(provider: str) -> str:
    """Secret of the system's namespace that keeps the chart values a person laid over the config's."""
    return f"airunway-values-{provider}"


def installation_workflow_id(cluster: str, provider: str) -> str:
    """Workflow id of a provider's installation: one at a time, whoever asks."""
    return f"provider/{cluster}/{provider}"


# Model images (gguf-build.md §2).
REGISTRY = "airunway-registry"
REGISTRY_PORT = 5000
REGISTRY_NODE_PORT = 30500
REGISTRY_PULL = "airunway-registry-pull"
"""Service of the registry's reading side, which nodes pull from."""
REGISTRY_PULL_PORT = 5001
REGISTRY_LOGIN = "airunway-registry-login"
"""Secret with the logins that may push to the registry and delete from it."""
REGISTRY_PRIVATE_PORT = 5002
"""Where images of private models are pushed to: a registry of their own in the same pod."""
REGISTRY_PRIVATE_READS_PORT = 5003
"""Where those are read from, by `PRIVATE_PULLS` only."""
PRIVATE_PULLS = "airunway-private-pulls"
"""Deployment and Service of what nodes pull private images from; and the Secret with the keys that the
namespaces' logins are derived from."""
PRIVATE_PULLS_PORT = 5004
PRIVATE_PULLS_NODE_PORT = 30501
PULL_SECRET = "airunway-model-images-pull"
"""Secret of a namespace that its private images are pulled with from the registry in the cluster."""
MODEL_IMAGES = "airunway-model-images"
"""ConfigMap in the control plane's namespace: which images were built, and with which digest."""
BUILDER = "airunway-builder"
BUILDER_PORT = 1234
BUILDER_NAMESPACE = "airunway-builder"
"""Of nothing but the builder: its pods may do what no other of ours may."""

ANNOTATION_GGUF_MODE = "airunway.ai/gguf-mode"
GGUF_DIRECT = "direct"
"""Its one value, on a ModelDeployment: no image is built of its GGUF file."""
ANNOTATION_MODEL_REVISION = "airunway.ai/model-revision"
"""On a ModelDeployment: branch, tag or commit of the model's repository; the contract has no field for it."""
ANNOTATION_CANCEL_BUILD = "airunway.ai/cancel-build"
"""On a ModelDeployment: any new value stops waiting for the build of its image, once."""

LABEL_IMAGE_IDENTITY = "airunway.ai/image-identity"
"""In the config of a built image: digest of all it was made of."""
LABEL_IMAGE_MODEL = "airunway.ai/model-repository"
LABEL_IMAGE_COMMIT = "airunway.ai/model-commit"
LABEL_IMAGE_FILE = "airunway.ai/model-file"


def model_image_workflow_id(cluster: str, repository: str, identity: str) -> str:
    """Workflow id of one model image: the model, for people, and the digest of what is built.

    So it is built once, whoever asks.
    """
    model = repository if len(repository) <= MAX_MODEL_IN_ID else f"{repository[: MAX_MODEL_IN_ID - 1]}…"
    return f"{model_image_workflow_prefix(cluster)}{model}/{identity}"


def model_image_build_workflow_id(image_workflow_id: str) -> str:
    """Workflow id of the build of a model image: one at a time."""
    return f"{image_workflow_id}{_BUILD}"


def image_of_build(build_workflow_id: str) -> str:
    """Workflow id of the image that a build's workflow makes; any other id as it is."""
    return build_workflow_id.removesuffix(_BUILD)


_BUILD = "/build"


def model_image_workflow_prefix(cluster: str) -> str:
    """How the workflow ids of all model images of a cluster begin."""
    return f"image/{cluster}/"
