"""What a provider is: a value of plain functions, found through the entry point group `airunway.providers`.

A provider decides and never acts: no clock, no network, no cluster. The core calls its functions from
activities, does the reading and writing itself, and knows no provider by name. A provider from outside
registers the same way as the shipped ones::

    [project.entry-points."airunway.providers"]
    <name> = "<package>:PROVIDER"
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airunway.api.core_types import Condition
from airunway.api.model_deployment import ModelDeployment
from airunway.api.model_image import ModelImageSpec
from airunway.api.names import LABEL_DEPLOYMENT, field_manager_for, finalizer_for
from airunway.api.status import UnifiedStatus
from airunway.provider.argument_rules import ArgumentRules
from airunway.provider.demand import Demand
from airunway.provider.guard import render_within
from airunway.provider.manifest import Manifest as Manifest
from airunway.provider.manifest import RenderError as RenderError
from airunway.provider.operator_objects import OperatorObjects
from airunway.provider.operator_peer import OperatorPeer
from airunway.provider.policy import OverridesPolicy
from airunway.provider.refusals import NO_VERDICT, RefusalVerdict
from airunway.provider.serving_image_report import (
    DescribeServingImage,
    ServingImageReport,
    ServingImageResolution,
)
from airunway.provider.shapes import Shape
from airunway.provider.upstream_kind import UpstreamKind as UpstreamKind


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What a provider's InferenceProviderConfig says: annotations (own keys only) and spec."""

    annotations: Mapping[str, str]
    spec: Mapping[str, Any]
    keeps_rules: bool = False
    """`selectionRules` that an administrator added stay; else the registered spec replaces all of it."""


@dataclass(frozen=True, kw_only=True)
class UpstreamFacts:
    """What the core found in the cluster for a provider's health check.

    `kinds`: the provider's own kinds that are served now, with every version of each that is served.
    `deployments`: the Deployments of the whole cluster that match `Provider.operator_selector`.
    """

    kinds: Sequence[UpstreamKind] = ()
    deployments: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class UpstreamHealth:
    """Whether the provider can take deployments now.

    `condition` is the condition type to write on the config (`UpstreamReady` for kaito); empty: none.
    `reason` is a condition reason; on a ModelDeployment it becomes the reason of `Ready=False`.
    """

    ready: bool
    reason: str = ""
    message: str = ""
    condition: str = ""
    crd_version: str = ""


@dataclass(frozen=True, kw_only=True)
class RenderContext:
    """What rendering may depend on besides the deployment.

    `env`: the environment of the provider's worker. `model_image`: reference, by digest, of the image that
    was built of the model's files (`Provider.model_image`). `serving_image`: reference of the server's image
    as it was resolved (`Provider.describe_serving_image`). None: there is none.
    """

    env: Mapping[str, str] = field(default_factory=dict)
    model_image: str | None = None
    model_image_pull_secret: str = ""
    """Secret of the deployment's namespace that the model's image is pulled with; empty: none is needed."""
    serving_image: str | None = None
    routed_by_gateway: bool = False
    """Whether a gateway that can be used in this cluster would route to an InferencePool of the deployment's
    own, as recorded. What `spec.gateway` says comes on top of it."""
    api_version: str = ""
    """Version of its first kind to write, as recorded; empty: the oldest that the provider knows."""
    served_fields: Collection[str] = ()
    """Those of `Provider.optional_fields` that the cluster serves, as recorded."""
    learned: Collection[str] = ()
    """Those of `Provider.learnable` that a refusal taught of this deployment, as recorded (`lessons`)."""
    policy: OverridesPolicy = field(default_factory=OverridesPolicy)
    """What the deployment may override and demand; as the settings are by default."""


@dataclass(frozen=True, kw_only=True)
class StageVerdict:
    """What the objects of a stage mean. Not ready and no failure: wait.

    `create` and `delete` are carried out in every case, also beside a failure. A created object is never
    changed later; somebody else may create it first. A deletion holds for the uid of the object given.
    `retry_seconds`: when to reconcile again, 0: at the next event; with a failure: it may go away by itself.
    `pod_selector`: label selector of pods that may say why the wait is long; what they say is added to the
    condition's message.
    """

    condition: Condition
    ready: bool = False
    failure: str = ""
    retry_seconds: int = 0
    pod_selector: str = ""
    create: Sequence[Manifest] = ()
    delete: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Stage:
    """What must be so before the rendered objects are written, e.g. claims that are bound.

    The core reads the objects called `reads` (in the deployment's namespace), asks `judge` with what it
    found, in the same order and None for what is not there, and sets the condition of the verdict. The
    first stage that is not ready ends the reconcile; later ones keep the condition they have.
    """

    condition: str
    """Type of the condition that its verdicts carry."""
    reads: Sequence[tuple[UpstreamKind, str]]
    judge: Callable[[Sequence[Mapping[str, Any] | None]], StageVerdict]
    creates: Sequence[Manifest] = ()
    """Every object that a verdict may want created, whatever is there: they are judged and counted before."""


def _no_replacement(live: Mapping[str, Any], desired: Mapping[str, Any]) -> str | None:
    return None


def _nothing_ignored(deployment: ModelDeployment) -> list[str]:
    return []


def _nothing_ignored_here(deployment: ModelDeployment, context: RenderContext) -> list[str]:
    return []


def _no_verdict(deployment: ModelDeployment, refusal: str) -> RefusalVerdict:
    return NO_VERDICT


def _all_of_it(deployment: ModelDeployment) -> str:
    return ""


def _no_features(live: Mapping[str, Any]) -> list[str]:
    return []


def _no_rules(deployment: ModelDeployment) -> ArgumentRules | None:
    return None


def _no_stages(deployment: ModelDeployment, context: RenderContext) -> list[Stage]:
    return []


def _no_image(deployment: ModelDeployment) -> str | None:
    return None


def _no_model_image(deployment: ModelDeployment) -> ModelImageSpec | None:
    return None


def _no_report(
    deployment: ModelDeployment, resolution: ServingImageResolution | None, now: datetime
) -> ServingImageReport | None:
    return None


def _main_object_alone(status: UnifiedStatus, companions: Sequence[Mapping[str, Any]]) -> UnifiedStatus:
    return status


@dataclass(frozen=True, kw_only=True)
class Provider:
    """A provider as the core sees it."""

    name: str
    """Equals the name of its InferenceProviderConfig."""
    version: str = ""
    """Of its package, in the status of its config; empty: that of the distribution which registers it."""
    kinds: Sequence[UpstreamKind]
    """Every kind it creates; the first is the one whose status is followed. The core watches them all."""
    registration: Callable[[], Registration]
    """Its InferenceProviderConfig."""
    check: Callable[[ModelDeployment], str | None]
    """Why it cannot take a deployment, or None. Becomes `ProviderCompatible`."""
    objects: Callable[[ModelDeployment, RenderContext], list[Manifest]]
    """The complete upstream objects, main object first, with owner references. Raises RenderError.

    For `render`, which everybody else calls.
    """
    read_status: Callable[[Mapping[str, Any]], UnifiedStatus]
    """The main object's state. Running only when the object's *current* generation is rolled out, and
    none of its own conditions and counts says otherwise. A count that it does not give stays None: then pods
    are counted. The core holds the state against the pods besides (`evidence`).

    Raises ValueError when the object is not readable.
    """
    with_companions: Callable[[UnifiedStatus, Sequence[Mapping[str, Any]]], UnifiedStatus] = (
        _main_object_alone
    )
    """(main object's status, the other rendered objects as they are live) -> the status to report.

    For providers whose deployment is more than one workload; by default the main object says it all.
    """
    health: Callable[[UpstreamFacts], UpstreamHealth]
    """Whether its upstream operator can be used."""
    variables: Sequence[str] | None = None
    """Variables of the environment that it reads, `AIRUNWAY_<NAME>_…`, besides those of its pods' security.

    A process refuses to start with others that begin so. None: it does not say, and all are let through.
    """
    operator_selector: str = ""
    """Label selector of the operator's Deployments, for `UpstreamFacts`; empty: none are listed."""
    replacement_reason: Callable[[Mapping[str, Any], Mapping[str, Any]], str | None] = _no_replacement
    """(live, desired) -> why the object must be deleted and made again to get there, or None."""
    ignored_fields: Callable[[ModelDeployment], list[str]] = _nothing_ignored
    """Paths of what is given and it cannot honour: `spec.tolerations`, `metadata.annotations[a]`."""
    ignored_here: Callable[[ModelDeployment, RenderContext], list[str]] = _nothing_ignored_here
    """Further ones, that it cannot honour in the cluster that is rendered for."""
    argument_rules: Callable[[ModelDeployment], ArgumentRules | None] = _no_rules
    """How the engine of a deployment reads `engine.args` and `engine.extraArgs`, for warnings about them.

    None when the provider passes none on, or does not know.
    """
    serving_image_to_resolve: Callable[[ModelDeployment], str | None] = _no_image
    """Reference of the image that should be resolved to a digest before rendering, or None.

    None as well when the deployment's status holds the answer for the same reference.
    """
    describe_serving_image: DescribeServingImage = _no_report
    """(deployment, answer, now) -> the image's status; None: the provider does not resolve images.

    The answer is None when no registry was asked: nothing to resolve, or resolution is switched off.
    """
    model_image: Callable[[ModelDeployment], ModelImageSpec | None] = _no_model_image
    """The image to build before rendering, or None. With it, the provider needs no other image."""
    default_serving_image: str = ""
    """The image taken when the deployment names none; its resolution is not the user's concern."""
    annotations: Sequence[str] = ()
    """Annotations of a deployment that its rendering heeds, besides `names.RENDERED_ANNOTATIONS`. What
    nobody asked for by spec or annotations does not change an object that serves."""
    replica_fields: Sequence[str] = ("spec.replicas",)
    """Where its objects hold how many copies serve, as `spec.services.*.replicas`; none: nowhere that scales.

    Left as they are found where a deployment's replicas are somebody else's (`names.
    ANNOTATION_EXTERNAL_REPLICAS`).
    """
    operator_objects: OperatorObjects | None = None
    """What its operator makes of the main object, where fields of it do not follow that by themselves."""
    pod_label: str = LABEL_DEPLOYMENT
    """Label by which the pods that serve a deployment bear its name. They are followed, and read for
    readiness and for what is in the way of a roll-out."""
    replica_labels: Mapping[str, str] = field(default_factory=dict)
    """Further labels of those of its pods that count as replicas; empty: all do."""
    role_label: str = ""
    """Label that tells the roles of its pods apart, e.g. head and workers, prefill and decode: none of those
    that `read_status` names may be without a pod."""
    serving_ports: Sequence[int] = ()
    """Ports of its pods that are there to be called; empty: all of them."""
    operator_peers: Sequence[OperatorPeer] = ()
    """Who but callers has to reach the pods."""
    optional_fields: Sequence[str] = ()
    """Fields of its first kind that not every version of its operator has, as `spec.a.*.b`; `*` stands for
    any key or item. The newest version has all of them: a plan that knows no cluster counts on that."""
    fields_of_newer: Sequence[str] = ()
    """Those of `optional_fields` that a newer operator wants to be told: written from the next change of the
    spec on, also into an object that was made without."""
    depends_on_gateway: bool = False
    """Rendering depends on `RenderContext.routed_by_gateway`. That, the version of its first kind, and which
    `optional_fields` are served, is found out once, recorded in the status, and kept for as long as the main
    object stands."""
    features_of: Callable[[Mapping[str, Any]], Collection[str]] = _no_features
    """What of a cluster a live main object was made for, where no status records it (`cluster_features`)."""
    learnable: Sequence[str] = ()
    """What only a refusal tells of a cluster, a word each; recorded beside the fields that it serves."""
    learned_about: Callable[[ModelDeployment], str] = _all_of_it
    """What of a deployment a refusal is about, e.g. its model: with another one, what was learned of the
    first counts no more. Empty: the deployment, whatever it asks for."""
    judge_refusal: Callable[[ModelDeployment, str], RefusalVerdict] = _no_verdict
    """(deployment, what the API server said when it refused an object) -> what that means."""
    crd_version: str = ""
    """`status.upstreamCRDVersion` of its config when the health check found none better."""
    overridable: Sequence[str] = ()
    """Paths of `spec.provider.overrides` that a tenant may give, as `airunway.api.paths` reads them."""
    shapes: Mapping[str, Shape] = field(default_factory=dict)
    """Kind to what a rendered object of it may hold; Kubernetes' own kinds are known (`object_shape`)."""
    demand: Callable[[Manifest], Demand] | None = None
    """What its operator makes of a rendered object of a kind of its own, counted. Raises RenderError.

    Kinds that every cluster serves are counted without it (`counting`).
    """
    stages: Callable[[ModelDeployment, RenderContext], list[Stage]] = _no_stages
    """What must be ready, in this order, before `render`'s objects are written. Raises RenderError."""
    stage_conditions: Sequence[str] = ()
    """Condition types that its stages set; one that no stage of a deployment has goes from its status."""

    def render(self, deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
        """The `objects`, if the deployment may have them: overrides, fields and ceilings (`guard`).

        Raises RenderError, which is `guard.NotAllowed` for what the deployment may not have.
        """
        return render_within(self, deployment, context)

    def kind_of(self, obj: Mapping[str, Any]) -> UpstreamKind | None:
        """The kind of an object, in the object's version; None for one that is none of the provider's."""
        wanted = obj.get("apiVersion"), obj.get("kind")
        versions = (version for kind in self.kinds for version in kind.versions)
        return next((entry for entry in versions if (entry.api_version, entry.kind) == wanted), None)

    def pod_selector(self, deployment: str) -> str:
        """Label selector of the pods that serve the deployment of that name."""
        return f"{self.pod_label}={deployment}"

    def replica_selector(self, deployment: str) -> str:
        """Of those of them that count as replicas, as an autoscaler reads it (`status.selector`)."""
        labels = {self.pod_label: deployment, **self.replica_labels}
        return ",".join(f"{key}={value}" for key, value in labels.items())

    @property
    def finalizer(self) -> str:
        """Finalizer it puts on a ModelDeployment."""
        return finalizer_for(self.name)

    @property
    def field_manager(self) -> str:
        """Field manager of its server-side applies."""
        return field_manager_for(self.name)
