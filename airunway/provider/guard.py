"""What a tenant may make of a deployment: overrides, fields of what is rendered, and how much it demands.

`Provider.render` goes through here, so there is no rendering without it: at admission, in `plan`, and in the
step that writes. Pure; the settings are a value in the context.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airunway.api.findings import FieldError, FieldErrorType
from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import FIELD, OverridesMode
from airunway.api.paths import Path, Pattern, names, outside, pattern, shown
from airunway.provider.annotation_size import annotation_findings
from airunway.provider.ceilings import Ceilings, above
from airunway.provider.counting import builtin_demand
from airunway.provider.demand import Demand, total
from airunway.provider.manifest import Manifest, RenderError
from airunway.provider.object_shape import BUILTIN
from airunway.provider.overrides import overrides_of
from airunway.provider.pod_rules import pod_findings
from airunway.provider.pod_shape import pod_annotations
from airunway.provider.policy import OverridesPolicy
from airunway.provider.rendering import owner_reference
from airunway.provider.request_limits import request_findings
from airunway.provider.shapes import NotInShape

if TYPE_CHECKING:  # what is guarded knows its guard
    from airunway.provider.contract import Provider, RenderContext, Stage

MODE_SETTING = "AIRUNWAY_OVERRIDES"
ALLOWED_SETTING = "AIRUNWAY_OVERRIDES_ALLOWED"
_MAX_FINDINGS = 10
"""In one message; whoever wrote a thousand of them learns nothing from the rest."""


class NotAllowed(RenderError):
    """The deployment asks for what it may not have."""

    def __init__(self, findings: Sequence[FieldError]) -> None:
        shown_ones = [f"{finding.field}: {finding.detail}" for finding in findings[:_MAX_FINDINGS]]
        more = len(findings) - len(shown_ones)
        super().__init__("; ".join([*shown_ones, *([f"and {more} more"] if more > 0 else [])]))
        self.findings = list(findings)


def render_within(provider: Provider, deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    """What a provider renders, if it is allowed. Raises NotAllowed, and RenderError as the provider does.

    Objects that its stages may create are judged and counted with the others, and not answered.
    """
    policy = context.policy
    refused = list(override_findings(provider, deployment, policy))
    if refused:
        raise NotAllowed(refused)
    rendered = provider.objects(deployment, context)
    staged = [obj for stage in provider.stages(deployment, context) for obj in stage.creates]
    objects = [*staged, *rendered]
    found = [*_foreign(provider, deployment, objects), *_forbidden(provider, objects, policy)]
    if not found:  # what is not of a known shape cannot be counted either
        found = [
            *_of_the_picker(deployment, policy.permitted(provider.name)),
            *_above_ceilings(provider, objects, policy.ceilings),
            *annotation_findings(objects),
            *request_findings(objects),
            *pod_findings(objects),
        ]
    if found:
        raise NotAllowed(found)
    return rendered


SAID_BY: Mapping[object, str] = {
    # Sizes that overrides bring would not be held against the ceilings at admission.
    "replicas": "spec.resources / spec.scaling",
    "minReplicas": "spec.scaling",
    "maxReplicas": "spec.scaling",
    "resources": "spec.resources / spec.scaling",
    "nodeSelector": "spec.nodeSelector",
    "tolerations": "spec.tolerations",
    "env": "spec.env",
    "image": "spec.engine.image",
    "labels": "spec.podTemplate.metadata",
    "annotations": "spec.podTemplate.metadata",
}
"""What a person who overrides such a field can give in the spec itself."""


def refuse_unannounced(stage: Stage, created: Sequence[Mapping[str, Any]]) -> None:
    """Raise RenderError when a stage wants to create what it did not announce, and so nobody judged."""
    for obj in created:
        if obj not in stage.creates:
            raise RenderError(f"spec: the stage {stage.condition} creates a {obj.get('kind')} unannounced")


def override_findings(
    provider: Provider, deployment: ModelDeployment, policy: OverridesPolicy
) -> Iterator[FieldError]:
    """What a deployment's overrides touch and may not. Raises RenderError when they are no object."""
    given = overrides_of(deployment)
    if given and policy.mode == OverridesMode.OFF:
        yield switched_off()
    if policy.mode != OverridesMode.ALLOWLIST:
        return
    allowed = [*map(pattern, provider.overridable), *policy.permitted(provider.name)]
    for path in outside(given, allowed) if given else ():
        yield not_on_list(path, f"provider {provider.name} does not let this path be overridden")


def switched_off() -> FieldError:
    """Overrides where an administrator wants none."""
    return _finding(FIELD, f"overrides are switched off ({MODE_SETTING}=off)")


def not_on_list(path: Path, why: str) -> FieldError:
    """A path of the overrides that nobody permits, with the field of the spec that says the same."""
    instead = next((SAID_BY[key] for key in reversed(path) if key in SAID_BY), "")
    advice = f"use {instead} instead, or have an administrator" if instead else "an administrator can"
    return _finding(
        f"{FIELD}.{shown(path)}" if path else FIELD,
        f"not allowed: {why}; {advice} allow it in {ALLOWED_SETTING}",
    )


def unknown_provider_findings(
    name: str, deployment: ModelDeployment, policy: OverridesPolicy
) -> list[FieldError]:
    """The same for a provider whose package is not installed here, so nothing says what it lets override."""
    given = overrides_of(deployment)
    if given and policy.mode == OverridesMode.OFF:
        return [switched_off()]
    if not given or policy.mode == OverridesMode.ANYTHING:
        return []
    why = f"the package of provider {name}, which says what may be overridden, is not installed here"
    return [not_on_list(path, why) for path in outside(given, policy.permitted(name))]


# -- what was rendered --------------------------------------------------------------------------------------


def _foreign(
    provider: Provider, deployment: ModelDeployment, objects: Sequence[Manifest]
) -> Iterator[FieldError]:
    """Objects that are not this deployment's, in its namespace, of a kind that the provider declares."""
    owner = owner_reference(deployment)
    for obj in objects:
        metadata = obj.get("metadata")
        metadata = metadata if isinstance(metadata, Mapping) else {}
        name = f"{obj.get('kind')} {metadata.get('name')}"
        if provider.kind_of(obj) is None:
            yield _finding("spec", f"the rendered {name} is of a kind that provider {provider.name} has not")
        if metadata.get("namespace") != deployment.namespace:
            yield _finding("spec", f"the rendered {name} must lie in the deployment's namespace")
        if metadata.get("ownerReferences") != [owner]:
            yield _finding("spec", f"the rendered {name} must be owned by the deployment, and by nobody else")


def _forbidden(
    provider: Provider, objects: Sequence[Manifest], policy: OverridesPolicy
) -> Iterator[FieldError]:
    permitted = policy.permitted(provider.name)
    for obj in objects:
        shape = BUILTIN.get(_kind_of(obj)) or provider.shapes.get(str(obj.get("kind")))
        if shape is None:
            words = f"provider {provider.name} does not say what a {obj.get('kind')} may hold"
            yield _finding("spec", words)
            continue
        for found in shape(obj, ()):
            if not any(names(entry, found.path) for entry in permitted):
                yield _not_in_shape(provider, obj, found)


def _of_the_picker(deployment: ModelDeployment, permitted: Sequence[Pattern]) -> Iterator[FieldError]:
    """What annotations of pods must not say, where the provider puts them on no pod of its own: the endpoint
    picker has them too."""
    for found in pod_annotations(
        deployment.pod_annotations, ("spec", "podTemplate", "metadata", "annotations")
    ):
        if not any(entry[-1:] == found.path[-1:] for entry in permitted):
            yield _finding(shown(found.path), found.why)


def _not_in_shape(provider: Provider, obj: Manifest, found: NotInShape) -> FieldError:
    return _finding(
        "spec",
        f"{shown(found.path)} of the rendered {obj.get('kind')} {obj['metadata'].get('name')} {found.why}; "
        f"an administrator can allow the path for {provider.name} in {ALLOWED_SETTING}",
    )


def _above_ceilings(
    provider: Provider, objects: Sequence[Manifest], ceilings: Ceilings
) -> Iterator[FieldError]:
    for words in above(total(_demand(provider, obj) for obj in objects), ceilings):
        yield _finding("spec", words)


def _demand(provider: Provider, obj: Manifest) -> Demand:
    return (
        builtin_demand(obj) if _kind_of(obj) in BUILTIN or provider.demand is None else provider.demand(obj)
    )


def _kind_of(obj: Manifest) -> tuple[str, str]:
    return str(obj.get("apiVersion")), str(obj.get("kind"))


def _finding(at: str, detail: str) -> FieldError:
    return FieldError(type=FieldErrorType.FORBIDDEN, field=at, detail=detail)
