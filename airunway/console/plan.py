"""What would become of a ModelDeployment: admission, choice, upstream objects. Pure.

The same functions that the worker uses answer here, so a plan is what happens, as far as it can be known
without the cluster (a digest that a registry would give, an object that exists already).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field, ValidationError

from airunway.activities.upstream.served_api import ServedApi, newest_of
from airunway.api.decision import Candidate, InstallationNeed, InstallPolicy, Outcome, SelectionFallback
from airunway.api.model_deployment import ModelDeployment
from airunway.api.model_image import ModelImageSpec
from airunway.api.provider_config import InferenceProviderConfig
from airunway.console.plan_publication import GatewayWorld, PlannedPublication, plan_publication
from airunway.modelimage.naming import PULL_HOST, repository_name, spec_problems
from airunway.provider.argument_advice import argument_findings
from airunway.provider.contract import Provider, RenderContext, RenderError
from airunway.provider.guard_at_admission import with_stages
from airunway.provider.policy import OverridesPolicy
from airunway.selection.admission import admit
from airunway.selection.admission_recheck import recheck_admission
from airunway.selection.annotations import annotation_warnings
from airunway.selection.decide import decide
from airunway.selection.installable import NONE_INSTALLABLE, Installable, install_command
from airunway.selection.provider_lookup import lookup_in
from airunway.selection.server_rules import metadata_findings
from airunway.trust.foreseen import images_rendered, rendered_findings, signature_notes, spec_findings
from airunway.trust.policy import TrustPolicy, policy_of

UID_PLACEHOLDER = "set-by-the-api-server"
DIGEST_PLACEHOLDER = "sha256:told-by-the-build"

MAX_NAME_LENGTH, MAX_NAMESPACE_LENGTH = 253, 63
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_SUBDOMAIN = re.compile(rf"{_LABEL.pattern}(\.{_LABEL.pattern})*")
_LABEL_WORDS = "must be lower case letters, digits and '-', begin and end with a letter or digit"
_SUBDOMAIN_WORDS = _LABEL_WORDS.replace("digits and '-'", "digits, '-' and '.'")


class PlannedChoice(BaseModel):
    """An engine or a provider, and why."""

    name: str
    reason: str = ""


class OtherProvider(BaseModel):
    """A provider that was not chosen, and why not."""

    name: str
    why_not: str = Field(serialization_alias="whyNot")
    would_accept: bool = Field(default=False, serialization_alias="wouldAcceptIfNamed")


class PlannedChange(BaseModel):
    """One object of the cluster, and what becomes of it. `when`: `now`, or with which other change."""

    when: str
    action: str
    """create, apply, delete; `keep` where nothing is changed."""
    what: str
    """Kind and name."""
    changed: list[str] = Field(default_factory=list)
    why: str = ""


class PlannedDeployment(BaseModel):
    """The plan of one document. `errors` not empty: it would be refused, or come to nothing."""

    source: str
    namespace: str
    name: str
    errors: list[str] = Field(default_factory=list)
    warnings: list[str] = Field(default_factory=list)
    engine: PlannedChoice | None = None
    provider: PlannedChoice | None = None
    others: list[OtherProvider] = Field(default_factory=list, serialization_alias="otherProviders")
    ignored_fields: list[str] = Field(default_factory=list, serialization_alias="ignoredFields")
    spec: dict[str, Any] = Field(default_factory=dict)
    """With the defaults that admission fills in."""
    builds: str = ""
    """The image that would be built first."""
    objects: list[dict[str, Any]] = Field(default_factory=list)
    note: str = ""
    """Why there are no objects although nothing is wrong."""
    published: PlannedPublication | None = None
    """Behind a Gateway, once it runs; None: it comes to nothing before."""
    changes: list[PlannedChange] | None = None
    """What becomes of the objects in the cluster; None: nobody looked."""

    @property
    def ok(self) -> bool:
        """Whether it would be deployed."""
        return not self.errors


class World(BaseModel):
    """What a plan is made against."""

    model_config = {"arbitrary_types_allowed": True}

    configs: list[InferenceProviderConfig]
    providers: Mapping[str, Provider]
    env: Mapping[str, str] = Field(default_factory=dict)
    alive_since: datetime
    """The oldest heartbeat of a provider that counts as alive."""
    fallback: SelectionFallback = SelectionFallback.NONE
    selector_enabled: bool = True
    installable: Installable = NONE_INSTALLABLE
    """Providers that lack only their operator, and what the policy is about them."""
    policy: OverridesPolicy = Field(default_factory=OverridesPolicy)
    """What may be overridden and demanded."""
    trust: TrustPolicy = Field(default_factory=TrustPolicy)
    """Images and models that may run where a Namespace says nothing."""
    namespaces: Mapping[str, Mapping[str, str]] = Field(default_factory=dict)
    """Annotations of Namespaces, as far as they were read."""
    gateway: GatewayWorld = Field(default_factory=GatewayWorld)
    """What there is of the gateway."""
    served: Mapping[str, ServedApi] = Field(default_factory=dict)
    """By provider: what the cluster serves of its main kind; of others the newest version is counted on."""


def shipped_configs(providers: Mapping[str, Provider]) -> list[InferenceProviderConfig]:
    """The registrations of the installed providers, as if all of them were ready."""
    return [
        InferenceProviderConfig.model_validate(
            {
                "metadata": {"name": provider.name, "annotations": dict(provider.registration().annotations)},
                "spec": dict(provider.registration().spec),
                "status": {"ready": True},
            }
        )
        for provider in providers.values()
    ]


def plan_deployment(
    body: Mapping[str, Any], *, source: str, namespace: str, world: World
) -> PlannedDeployment:
    """Plan one ModelDeployment as it was given. Never raises for a bad one: that is a finding."""
    raw_meta = body.get("metadata")
    meta: Mapping[str, Any] = raw_meta if isinstance(raw_meta, Mapping) else {}
    planned = PlannedDeployment(
        source=source,
        namespace=str(meta.get("namespace") or namespace),
        name=str(meta.get("name") or meta.get("generateName") or ""),
    )
    planned.errors += [*_name_errors(meta, planned), *_metadata_errors(meta)]
    admitted = admit(dict(body), lookup=lookup_in(world.configs))
    planned.warnings += [_unknown(path) for path in admitted.unknown_fields]
    planned.warnings += admitted.verdict.warnings
    planned.errors += list(dict.fromkeys(error.line for error in admitted.verdict.errors))
    if admitted.deployment is None:
        return planned
    planned.spec = dict((admitted.stored or {}).get("spec") or {})
    deployment = admitted.deployment
    deployment.metadata.name = planned.name
    deployment.metadata.namespace = planned.namespace
    deployment.metadata.uid = UID_PLACEHOLDER
    planned.warnings += annotation_warnings(deployment.metadata.annotations)
    # A reconcile checks what only admission does in the reference, for clusters without its webhooks.
    planned.errors += [error.line for error in recheck_admission(deployment).errors]
    policy = _policy(planned, world)
    planned.errors += [error.line for error in spec_findings(policy, deployment)]
    if planned.errors:
        return planned
    chosen = _choose(deployment, planned, world)
    if chosen is not None:
        _render(chosen, planned, world, policy)
        if planned.ok:
            planned.published = plan_publication(chosen, world.configs, world.gateway)
    return planned


def _policy(planned: PlannedDeployment, world: World) -> TrustPolicy:
    """What may run in the namespace; nothing may where its Namespace says what cannot be kept to."""
    try:
        return policy_of(world.trust, planned.namespace, world.namespaces.get(planned.namespace, {}))
    except ValueError as err:
        planned.errors.append(f"{err}; ask an administrator to shorten it")
        return world.trust


def _name_errors(meta: Mapping[str, Any], planned: PlannedDeployment) -> list[str]:
    """What the API server says of names, before it asks any admission webhook."""
    errors = []
    for field in ("name", "generateName", "namespace"):
        if meta.get(field) is not None and not isinstance(meta[field], str):
            errors.append(f"metadata.{field}: Invalid type: must be a string")
    if errors:
        return errors
    if not planned.name:
        return ["metadata.name: Required value: name or generateName is required"]
    generated = not meta.get("name")
    name = planned.name.rstrip("-.") if generated else planned.name
    if not _SUBDOMAIN.fullmatch(name) or len(name) > MAX_NAME_LENGTH:
        field = "generateName" if generated else "name"
        errors.append(f'metadata.{field}: Invalid value: "{name}": {_SUBDOMAIN_WORDS}')
    if not _LABEL.fullmatch(planned.namespace) or len(planned.namespace) > MAX_NAMESPACE_LENGTH:
        errors.append(f'metadata.namespace: Invalid value: "{planned.namespace}": {_LABEL_WORDS}')
    return errors


def _metadata_errors(meta: Mapping[str, Any]) -> list[str]:
    """What the API server says of labels and annotations, likewise."""
    given = {name: meta.get(name) or {} for name in ("labels", "annotations")}
    for name, values in given.items():
        if not isinstance(values, Mapping) or not all(
            isinstance(text, str) for pair in values.items() for text in pair
        ):
            return [f"metadata.{name}: Invalid type: must be texts by texts; put quotes around numbers"]
    found = metadata_findings(given["labels"], given["annotations"], "metadata")
    return [error.line for error in found]


def _unknown(path: str) -> str:
    return f"{path}: unknown field; `kubectl apply` refuses it, and the API server drops it"


def _choose(deployment: ModelDeployment, planned: PlannedDeployment, world: World) -> ModelDeployment | None:
    """Decide; answers the deployment with engine and provider in its status, None when there is none."""
    decision = decide(
        deployment,
        world.configs,
        alive_since=world.alive_since,
        fallback=world.fallback,
        selector_enabled=world.selector_enabled,
        installable=world.installable,
    )
    planned.warnings += [text for text in decision.warnings if text not in planned.warnings]
    if decision.engine:
        planned.engine = PlannedChoice(name=decision.engine.type, reason=decision.engine.reason)
    planned.others = _others(
        decision.candidates, world.configs, decision.provider.name if decision.provider else None
    )
    if decision.outcome is not Outcome.OK or decision.provider is None:
        planned.errors.append(decision.message or decision.finding)
        return None
    if decision.installation is not None:
        planned.warnings.append(_missing_operator(decision.installation))
    planned.provider = PlannedChoice(name=decision.provider.name, reason=decision.provider.reason)
    if decision.provider.name not in {config.name for config in world.configs}:
        planned.errors.append(
            f'spec.provider.name: no InferenceProviderConfig "{decision.provider.name}"; '
            f"registered: {', '.join(sorted(config.name for config in world.configs)) or 'none'}"
        )
        return None
    status = {
        "provider": {"name": decision.provider.name},
        "engine": {"type": decision.engine.type} if decision.engine else None,
    }
    return ModelDeployment.model_validate({**deployment.dump(), "status": status})


def _missing_operator(need: InstallationNeed) -> str:
    missing = f"the operator of provider {need.provider} is not installed"
    if need.policy is InstallPolicy.AUTO:
        return f"{missing}; it would be installed first"
    return f"{missing}; it waits until somebody runs: {install_command(need.provider)}"


def _others(
    candidates: Sequence[Candidate], configs: Sequence[InferenceProviderConfig], chosen: str | None
) -> list[OtherProvider]:
    if candidates:
        return [
            OtherProvider(
                name=entry.provider,
                # Empty is that of the one which would be chosen, were it ready.
                why_not=entry.why_not or "its operator is not installed",
                would_accept=entry.would_accept,
            )
            for entry in candidates
            if entry.provider != chosen
        ]
    named = f"spec.provider.name asks for {chosen}" if chosen else "not considered"
    return [OtherProvider(name=config.name, why_not=named) for config in configs if config.name != chosen]


def _render(
    deployment: ModelDeployment, planned: PlannedDeployment, world: World, policy: TrustPolicy
) -> None:
    provider = world.providers.get(deployment.recorded_provider)
    if provider is None:
        planned.note = (
            f"provider {deployment.recorded_provider} is not installed here; its own worker renders"
        )
        return
    problem = provider.check(deployment)
    if problem:
        planned.errors.append(problem)
        return
    planned.warnings += [finding.line for finding in argument_findings(provider, deployment)]
    wanted = provider.model_image(deployment)
    if wanted is not None:
        planned.builds = _build_words(wanted)
        planned.errors += spec_problems(wanted)
    image = f"{PULL_HOST}/{repository_name(wanted.repository)}@{DIGEST_PLACEHOLDER}" if wanted else None
    known = world.served.get(provider.name)
    # Without a cluster, or an operator in it, as for the one that would be installed.
    served = known if known is not None and known.versions else newest_of(provider)
    try:
        context = RenderContext(
            env=world.env,
            model_image=image,
            api_version=served.versions[0],
            served_fields=served.fields,
            policy=world.policy,
        )
        planned.ignored_fields += [
            *provider.ignored_fields(deployment),
            *provider.ignored_here(deployment, context),
        ]
        planned.objects = provider.render(deployment, context)
        judged = with_stages(provider, deployment, context, planned.objects)
    except RenderError as err:
        planned.errors.append(str(err))
        return
    findings = rendered_findings(policy, provider, deployment, judged, built_here=[image] if image else [])
    planned.errors += [finding.line for finding in findings]
    if not policy.is_open:  # to look for images takes a tenth of the plan
        images = [text for text in images_rendered(judged) if text != image]
        planned.warnings += signature_notes(policy, images)


def _build_words(spec: ModelImageSpec) -> str:
    file = spec.file or "the file that the rule of docs/images.md chooses"
    return f"an image of {spec.repository}@{spec.revision}, {file}"


def validation_errors(err: ValidationError) -> list[str]:
    """Each finding as `field: what is allowed`."""
    return [
        f"{'.'.join(str(part) for part in problem['loc']) or 'the document'}: {problem['msg']}"
        for problem in err.errors()
    ]
