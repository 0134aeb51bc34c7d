"""What the two webhooks decide about one write. The rules themselves are in `selection`.

A write that leaves the spec as it is, or concerns an object that is being deleted, always passes as it
came: finalizers must come off even when the rules became stricter or a provider's config went away
(crds.md, weak spot 2). Nothing here has an effect outside, so a dry run needs no care.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from http import HTTPStatus
from typing import Any

from pydantic import ValidationError

from airunway.api import names
from airunway.api.bounds import spec_problem
from airunway.api.findings import FieldError, Verdict
from airunway.api.model_deployment import ModelDeployment
from airunway.provider.argument_advice import admission_warnings
from airunway.provider.guard_at_admission import (
    admission_findings,
    device_findings,
    name_findings,
    option_findings,
)
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.selection.admission import decoding_errors, deployment_schema, undecodable, whole_numbers
from airunway.selection.annotations import annotation_warnings
from airunway.selection.defaulting import with_defaults
from airunway.selection.provider_lookup import Lookup, LookupProblem
from airunway.selection.server_rules import server_findings
from airunway.selection.stored_rules import is_mocker
from airunway.selection.validation import validate_create, validate_update
from airunway.trust.foreseen import images_of_spec, rendered_findings, signature_notes, spec_findings
from airunway.trust.policy import TrustPolicy
from airunway.webhook import advice
from airunway.webhook.found_policy import FoundPolicy
from airunway.webhook.json_patch import difference
from airunway.webhook.reviews import ALLOWED, AdmissionAnswer, AdmissionRequest, errored, verdict_answer

FindProvider = Callable[[str], Awaitable[Lookup]]
"""Name of a provider to its config, or why there is none (crds.md §4.3, V6). Never raises."""
FindPolicy = Callable[[str], Awaitable[FoundPolicy]]
"""Name of a namespace to what may run there. Never raises."""


async def _open_policy(_: str) -> FoundPolicy:
    return FoundPolicy()


@dataclass(frozen=True, kw_only=True)
class AdmissionInputs:
    """What the rules look at besides the request. `overrides`: what may be overridden and demanded."""

    find: FindProvider
    overrides: OverridesPolicy = field(default_factory=OverridesPolicy)
    policy_of: FindPolicy = _open_policy


class Undecodable(ValueError):
    """The object cannot be read as a ModelDeployment."""


async def default(request: AdmissionRequest, _: AdmissionInputs) -> AdmissionAnswer:
    """The mutating webhook (crds.md §4.2): a patch with what is filled in."""
    if passes_unseen(request):
        return ALLOWED
    try:
        obj = _raw(request.object)
        wrong = undecodable(obj, deployment_schema())
        if wrong:
            raise Undecodable(_lines(wrong))
    except Undecodable as err:
        return errored(HTTPStatus.BAD_REQUEST, str(err))
    return AdmissionAnswer(allowed=True, patch=difference(obj, with_defaults(obj)))


async def validate(request: AdmissionRequest, given: AdmissionInputs) -> AdmissionAnswer:
    """The validating webhook (crds.md §4.3-§4.6)."""
    if passes_unseen(request):
        return ALLOWED
    try:
        new = _decoded(request.object)
        old = _decoded(request.old) if request.is_update else None
    except Undecodable as err:
        return errored(HTTPStatus.BAD_REQUEST, str(err))
    provider = await _provider_of(new, given.find)
    allowed = await given.policy_of(request.namespace or new.namespace)
    verdict = _verdict(old, new, provider)
    verdict.errors += server_findings(new.spec)
    verdict.errors += device_findings(new, installed_providers())
    verdict.errors += option_findings(new, installed_providers())
    verdict.errors += _refused_objects(new, given.overrides, allowed.policy)
    verdict.warnings += [*allowed.warnings, *signature_notes(allowed.policy, images_of_spec(new))]
    verdict.warnings += advice.about_provider(new, provider)
    verdict.warnings += admission_warnings(new, installed_providers())
    verdict.warnings += annotation_warnings(new.metadata.annotations)
    if old is None:
        verdict.errors += name_findings(new, installed_providers())
        verdict.warnings += advice.about_name(new)
    return verdict_answer(verdict)


def passes_unseen(request: AdmissionRequest) -> bool:
    """Whether the write is none of the webhooks' business."""
    if not request.concerns_spec:
        return True
    if not request.is_update:
        return False
    return _terminating(request.old) or _terminating(request.object) or not _changes_what_is_judged(request)


def _terminating(obj: Any) -> bool:
    # Of the mutating request, only the old object is sure to tell: a PUT may leave the time out.
    metadata = obj.get("metadata") if isinstance(obj, dict) else None
    return isinstance(metadata, dict) and bool(metadata.get("deletionTimestamp"))


def _changes_what_is_judged(request: AdmissionRequest) -> bool:
    old, new = _judged(request.old), _judged(request.object)
    return old is None or new is None or old != new


def _judged(obj: Any) -> str | None:
    """What the rules judge, as one text: the spec, and the annotation that waives some of them.

    A text, because to Python `1 == True`. None for what is no object with a spec.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("spec"), dict):
        return None
    metadata = obj.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    backend = annotations.get(names.ANNOTATION_TEST_BACKEND) if isinstance(annotations, dict) else None
    return json.dumps([obj["spec"], backend], sort_keys=True)


def _raw(obj: Any) -> dict[str, Any]:
    """The object, without changing it, if it is a ModelDeployment of our version at all."""
    if not isinstance(obj, dict):
        raise Undecodable("the request has no object")
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if kind != names.DEPLOYMENT_KIND or version != names.API_VERSION:
        raise Undecodable(f"expected a {names.DEPLOYMENT_KIND} of {names.API_VERSION}, not {kind} {version}")
    if problem := spec_problem(obj):
        raise Undecodable(f"spec: {problem}")
    return obj


def _decoded(obj: Any) -> ModelDeployment:
    raw = copy.copy(_raw(obj))
    try:
        return ModelDeployment.model_validate(whole_numbers(raw))
    except ValidationError as err:
        raise Undecodable(_lines(decoding_errors(err))) from err


def _lines(errors: list[FieldError]) -> str:
    return Verdict(errors=errors).message


async def _provider_of(deployment: ModelDeployment, find: FindProvider) -> Lookup | None:
    """The config that the deployment pins; None when it pins none, or the test backend waives the check."""
    if not deployment.provider_name or is_mocker(deployment):
        return None
    return await find(deployment.provider_name)


def _refused_objects(
    deployment: ModelDeployment, overrides: OverridesPolicy, policy: TrustPolicy
) -> list[FieldError]:
    """What may not be overridden, demanded or run (docs/security.md)."""
    judge = partial(rendered_findings, policy)
    return [
        *spec_findings(policy, deployment),
        *admission_findings(deployment, installed_providers(), overrides, judge=judge),
    ]


def _verdict(old: ModelDeployment | None, new: ModelDeployment, provider: Lookup | None) -> Verdict:
    found = provider or Lookup(problem=LookupProblem.NOT_FOUND)  # not asked for then
    if old is None:
        return validate_create(new, lookup=lambda _: found)
    return validate_update(old, new, lookup=lambda _: found)
