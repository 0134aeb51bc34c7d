"""What admission can know of `guard`: a deployment that no provider could render within it is refused.

The provider and the engine may not be chosen yet. Then each that could be is tried, and one that is allowed
is enough: the step that renders judges the chosen one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from airunway.api.findings import FieldError, FieldErrorType, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.api.paths import outside, pattern
from airunway.provider.contract import Provider, RenderContext, RenderError
from airunway.provider.devices import devices_of, partition_problem
from airunway.provider.guard import (
    NotAllowed,
    not_on_list,
    override_findings,
    switched_off,
    unknown_provider_findings,
)
from airunway.provider.manifest import Manifest
from airunway.provider.overrides import overrides_of
from airunway.provider.pod_options import option_problem
from airunway.provider.policy import OverridesPolicy

MODEL_IMAGE = "image.invalid/of-a-model"
"""Stands for the image that would be built first."""

JudgeObjects = Callable[[Provider, ModelDeployment, Sequence[Manifest]], list[FieldError]]
"""What else is to be said of one rendering; empty: it may be."""


def admission_findings(
    deployment: ModelDeployment,
    providers: Mapping[str, Provider],
    policy: OverridesPolicy,
    *,
    judge: JudgeObjects = lambda *_: [],
) -> list[FieldError]:
    """What is refused at admission; empty for what only rendering can judge. Never raises RenderError."""
    try:
        name = deployment.provider_name or deployment.recorded_provider
        if name and name not in providers:
            return unknown_provider_findings(name, deployment, policy)
        if name:
            possible = [providers[name]]
            unlisted = list(override_findings(providers[name], deployment, policy))
        else:
            possible = list(providers.values())
            unlisted = _overridable_by_nobody(deployment, providers, policy)
        return unlisted or _refused_by_all(possible, deployment, policy, judge)
    except RenderError:  # overrides that are no object: said by the rule about their form
        return []


def name_findings(deployment: ModelDeployment, providers: Mapping[str, Provider]) -> list[FieldError]:
    """A name from which the provider that is asked for cannot derive its objects' names.

    For new deployments only: nobody can rename one. Where the provider refuses the deployment for another
    reason, nothing is said of the name: a check tells it last.
    """
    told = _told_by_checks(deployment, providers)
    return [_finding(problem, deployment.name) for problem in told if problem.startswith("metadata.name: ")][
        :1
    ]


def device_findings(deployment: ModelDeployment, providers: Mapping[str, Provider]) -> list[FieldError]:
    """Devices on which the image does not run, whichever engine the provider that is asked for starts."""
    slices = partition_problem(deployment, devices_of(deployment))
    told = _told_by_checks(deployment, providers)
    meant = (entry for entry in told if entry == slices or entry.partition(": ")[0].endswith(".gpu.type"))
    return [_finding(problem, "") for problem in meant][:1]


def option_findings(deployment: ModelDeployment, providers: Mapping[str, Provider]) -> list[FieldError]:
    """An annotation about the pods that says nothing which can be done; of a provider from here only."""
    problem = option_problem(deployment)
    foreign = deployment.provider_name and deployment.provider_name not in providers
    return [] if problem is None or foreign else [_finding(problem, "")]


def _finding(problem: str, value: str) -> FieldError:
    field, _, detail = problem.partition(": ")
    return field_error(FieldErrorType.INVALID, field, detail, value)


def _told_by_checks(deployment: ModelDeployment, providers: Mapping[str, Provider]) -> list[str]:
    """What the checks of the provider say that is asked for; nothing if it takes one of its engines."""
    provider = providers.get(deployment.provider_name)
    problems = (
        [provider.check(candidate) for candidate in with_engines(provider, deployment)] if provider else []
    )
    told = [problem for problem in problems if problem]
    return told if len(told) == len(problems) else []


def _overridable_by_nobody(
    deployment: ModelDeployment, providers: Mapping[str, Provider], policy: OverridesPolicy
) -> list[FieldError]:
    given = overrides_of(deployment)
    if given and policy.mode == OverridesMode.OFF:
        return [switched_off()]
    if policy.mode != OverridesMode.ALLOWLIST:
        return []
    allowed = [
        entry
        for provider in providers.values()
        for entry in (*map(pattern, provider.overridable), *policy.permitted(provider.name))
    ]
    return [not_on_list(path, "no provider lets this path be overridden") for path in outside(given, allowed)]


def _refused_by_all(
    providers: list[Provider], deployment: ModelDeployment, policy: OverridesPolicy, judge: JudgeObjects
) -> list[FieldError]:
    """The findings of the first, if every rendering that comes about is refused."""
    # What stages make may be there already once it was handed over, and is not made again then.
    render = Provider.render if deployment.recorded_provider else rendered_at_first
    first: list[FieldError] = []
    for provider in providers:
        for candidate in with_engines(provider, deployment):
            try:
                if provider.check(candidate) is not None:
                    continue
                context = _context(provider, candidate, policy)
                findings = judge(provider, candidate, render(provider, candidate, context))
            except NotAllowed as refused:
                findings = refused.findings
            except RenderError:
                continue  # for another reason than what it may have; rendering says it
            if not findings:
                return []
            first = first or findings
    return first


def rendered_at_first(
    provider: Provider, deployment: ModelDeployment, context: RenderContext
) -> list[Manifest]:
    """The objects, and before them those that the stages may make. Raises RenderError."""
    return with_stages(provider, deployment, context, provider.render(deployment, context))


def with_stages(
    provider: Provider, deployment: ModelDeployment, context: RenderContext, rendered: list[Manifest]
) -> list[Manifest]:
    """What was rendered, and before it what the stages may make. Raises RenderError."""
    return [obj for stage in provider.stages(deployment, context) for obj in stage.creates] + rendered


def with_engines(provider: Provider, deployment: ModelDeployment) -> Iterator[ModelDeployment]:
    """The deployment with its engine, else with each that the provider offers."""
    if deployment.engine_type:
        yield deployment
        return
    for engine in provider.registration().spec.get("capabilities", {}).get("engines", ()):
        status = {"engine": {"type": engine["name"]}}
        yield ModelDeployment.model_validate({**deployment.dump(), "status": status})


def _context(provider: Provider, deployment: ModelDeployment, policy: OverridesPolicy) -> RenderContext:
    wanted = provider.model_image(deployment)
    return RenderContext(model_image=MODEL_IMAGE if wanted is not None else None, policy=policy)
