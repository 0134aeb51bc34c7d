"""The contract tests for provider authors: each rule finds the provider that breaks it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.api.status import Phase, UnifiedStatus
from airunway.provider import Manifest, Provider, Registration, RenderContext, RenderError, UpstreamHealth
from airunway.provider import testing as kit
from tests.e2e.acme import ACME

CONTEXT = RenderContext()
SHARED: dict[str, Any] = {"model": "acme/chat-9b"}


def main() -> Manifest:
    return ACME.render(kit.deployment(), CONTEXT)[0]


def registering(**spec: Any) -> Provider:
    wanted = {**ACME.registration().spec, **spec}
    return replace(ACME, registration=lambda: Registration(annotations={}, spec=wanted))


def rendering(change: Callable[[Manifest], object]) -> Provider:
    """Acme, with something done to its object."""

    def render(given: ModelDeployment, context: RenderContext) -> list[Manifest]:
        (obj,) = ACME.objects(given, context)
        change(obj)
        return [obj]

    return replace(ACME, objects=render)


def refusing(given: ModelDeployment, context: RenderContext) -> list[Manifest]:
    raise RenderError("something is wrong")


def counting() -> Provider:
    count = iter(range(100))
    return rendering(lambda obj: obj["spec"].update(number=next(count)))


def changing(given: ModelDeployment, context: RenderContext) -> list[Manifest]:
    given.spec.model.id = "other/model"
    return ACME.render(given, context)


def reading(read: Callable[[Mapping[str, Any]], UnifiedStatus]) -> Provider:
    return replace(ACME, read_status=read)


@dataclass(frozen=True)
class Case:
    reason: str
    provider: Provider
    finding: str


CASES = [
    Case("an unknown field", registering(color="red"), "unknown field spec.color"),
    Case("a value of another type", registering(selectionRules=[{"condition": 1}]), "condition"),
    Case("nothing to offer", registering(capabilities={"engines": []}), "never chosen"),
    Case("a name that is none", replace(ACME, name="Acme.x"), "cannot name"),
    Case("unready without a reason", replace(ACME, health=lambda _: UpstreamHealth(ready=False)), "a reason"),
    Case("a refusal without a field", replace(ACME, check=lambda _: "no"), "field's path"),
    Case("a path that is none", replace(ACME, ignored_fields=lambda _: ["tolerations"]), "no path"),
    Case("a rendering error without a field", replace(ACME, objects=refusing), "field's path"),
    Case("another rendering each time", counting(), "the second time"),
    Case("a deployment that is changed", replace(ACME, objects=changing), "changes the deployment"),
    Case("a part that is shared", rendering(lambda obj: obj.update(spec=SHARED)), "share"),
    Case("an undeclared kind", rendering(lambda obj: obj.update(kind="Other")), "nobody watches"),
    Case("no owner", rendering(lambda obj: obj["metadata"].pop("ownerReferences")), "controlling owner"),
    Case("no label", rendering(lambda obj: obj["metadata"].pop("labels")), "found by it"),
    Case("a long label", rendering(lambda obj: obj["metadata"]["labels"].update(a="x" * 64)), "refuses"),
    Case("a strange place", rendering(lambda obj: obj["metadata"].update(namespace="x")), "namespace"),
    Case("a status of its own", rendering(lambda obj: obj.update(status={})), "its operator's"),
    Case("a version", rendering(lambda obj: obj["metadata"].update(resourceVersion="1")), "API server's"),
    Case("a name that is too long", rendering(lambda obj: obj["metadata"].update(name="a" * 254)), "no name"),
    Case("no end of replacing", replace(ACME, replacement_reason=lambda a, b: "why not"), "by itself"),
    Case("a state it cannot bear", reading(lambda obj: UnifiedStatus(**obj["status"])), "KeyError"),
    Case(
        "running from the start",
        reading(lambda obj: UnifiedStatus(phase=Phase.RUNNING, resource_name="chat", resource_kind="Server")),
        "counts as running",
    ),
]


def findings(provider: Provider) -> list[str]:
    """What the whole kit finds."""
    given = kit.deployment()
    found = [
        *kit.registration_problems(provider),
        *kit.health_problems(provider),
        *kit.answer_problems(provider, given),
        *kit.rendering_problems(provider, given, CONTEXT),
    ]
    if provider.read_status is not ACME.read_status:
        return [*found, *kit.status_problems(provider, main(), [])]
    if provider.objects is not refusing:
        given = kit.deployment()
        objects = kit.everything(provider, given, CONTEXT)
        found += kit.object_problems(provider, given, objects)
        found += kit.name_problems(provider, given, CONTEXT)
    return found


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_broken_rule_is_found(case: Case) -> None:
    assert any(case.finding in found for found in findings(case.provider)), findings(case.provider)
