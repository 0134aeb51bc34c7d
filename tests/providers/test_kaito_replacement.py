"""Which changes of a Workspace need a new one."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import RenderContext
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from airunway.providers.kaito.bookkeeping import LAST_APPLIED, record_text
from tests.providers.build import runner

Workspace = dict[str, Any]


def rendered(given: ModelDeployment) -> Workspace:
    return PROVIDER.render(given, RenderContext())[0]


def changed(workspace: Workspace, change: Callable[[Workspace], Any]) -> Workspace:
    copied = copy.deepcopy(workspace)
    change(copied)
    return copied


def containers(workspace: Workspace) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workspace["inference"]["template"]["spec"]["containers"]
    return found


def as_made_by_the_reference(workspace: Workspace, **container: Any) -> None:
    for key in ("startupProbe", "readinessProbe"):
        containers(workspace)[0].pop(key)
    containers(workspace)[0].get("resources", {}).pop("limits", None)
    containers(workspace)[0].update(container)
    workspace["inference"]["template"]["spec"].pop("tolerations", None)
    workspace["metadata"]["annotations"][LAST_APPLIED] = record_text(workspace)


def as_the_operator_writes_it_back(workspace: Workspace) -> None:
    """What becomes of a template that is read into Kubernetes' types and written back."""
    containers(workspace)[0]["resources"] = {"requests": {"memory": "1Gi"}}
    workspace["inference"]["template"]["spec"]["tolerations"] = [{"operator": "Exists"}]
    workspace["inference"]["template"]["metadata"]["creationTimestamp"] = None


def forget_record(workspace: Workspace) -> None:
    workspace["metadata"]["annotations"].pop(LAST_APPLIED)


PRESET = rendered(deployment())
TEMPLATE = rendered(runner())
TOLERANT = rendered(runner(gpus=1, tolerations=[{"operator": "Exists"}]))

MEMORY = rendered(runner(resources={"memory": "1024Mi"}, tolerations=[{"operator": "Exists"}]))
MISSPELT = PROVIDER.render(
    deployment(provider={"overrides": {"inference": {"preset": {"acessMode": "private"}}}}),
    RenderContext(policy=OverridesPolicy(allowed={"kaito": ["inference.preset.acessMode"]})),
)[0]


@dataclass(frozen=True)
class Case:
    reason: str
    live: Workspace
    desired: Workspace
    want: str | None


CASES = [
    Case("nothing changed", PRESET, PRESET, None),
    Case("nothing changed in a template", TEMPLATE, TEMPLATE, None),
    Case("count", PRESET, rendered(deployment(scaling={"replicas": 2})), "resource.count"),
    Case(
        "the same count in another number type",
        changed(PRESET, lambda ws: ws["resource"].update(count=1.0)),
        PRESET,
        None,
    ),
    Case("a node label", PRESET, rendered(deployment(nodeSelector={"a": "b"})), "resource.labelSelector"),
    Case(
        "a node label less", rendered(deployment(nodeSelector={"a": "b"})), PRESET, "resource.labelSelector"
    ),
    Case(
        "a node label that KAITO added",
        changed(PRESET, lambda ws: ws["resource"]["labelSelector"]["matchLabels"].update(extra="x")),
        PRESET,
        None,
    ),
    Case(
        "a node label of a Workspace without a record was written by us",
        changed(
            PRESET,
            lambda ws: (
                forget_record(ws),
                ws["resource"]["labelSelector"]["matchLabels"].update(extra="x"),
            ),
        ),
        PRESET,
        "resource.labelSelector",
    ),
    Case(
        "an instance type that changes",
        changed(PRESET, lambda ws: ws["resource"].update(instanceType="a")),
        changed(PRESET, lambda ws: ws["resource"].update(instanceType="b")),
        "resource.instanceType",
    ),
    Case(
        "an instance type that is set first may be patched",
        PRESET,
        changed(PRESET, lambda ws: ws["resource"].update(instanceType="b")),
        None,
    ),
    Case(
        "an instance type that KAITO filled in",
        changed(PRESET, lambda ws: ws["resource"].update(instanceType="default")),
        PRESET,
        None,
    ),
    Case("a token", PRESET, rendered(deployment(secrets={"huggingFaceToken": "s"})), "inference.preset"),
    Case("a token less", rendered(deployment(secrets={"huggingFaceToken": "s"})), PRESET, "inference.preset"),
    Case(
        "what KAITO fills in in a preset",
        changed(PRESET, lambda ws: ws["inference"]["preset"].update(accessMode="public")),
        PRESET,
        None,
    ),
    Case("from preset to template", rendered(deployment(gpus=0)), TEMPLATE, "cannot be set or unset"),
    Case("from template to preset", TEMPLATE, rendered(deployment(gpus=0)), "cannot be set or unset"),
    Case("an image", TEMPLATE, rendered(runner(image="other")), "does not roll out"),
    Case("a variable", TEMPLATE, rendered(runner(env=[{"name": "A"}])), "does not roll out"),
    Case("tolerations that are added", rendered(runner(gpus=1)), TOLERANT, "does not roll out"),
    Case("tolerations that go", TOLERANT, rendered(runner(gpus=1)), "does not roll out"),
    Case(
        "labels and annotations are patched",
        PRESET,
        rendered(deployment(podTemplate={"metadata": {"labels": {"a": "b"}}})),
        None,
    ),
    Case(
        "what AI Runway's own controller left out is no reason to stop a model",
        changed(TOLERANT, as_made_by_the_reference),
        TOLERANT,
        None,
    ),
    Case(
        "another image is one, whoever made the Workspace",
        changed(TOLERANT, lambda ws: as_made_by_the_reference(ws, image="old")),
        TOLERANT,
        "does not roll out",
    ),
    Case(
        "the operator's own form of a template",
        changed(MEMORY, as_the_operator_writes_it_back),
        MEMORY,
        None,
    ),
    Case(
        "the operator's own form beside a change that can be patched",
        changed(MEMORY, as_the_operator_writes_it_back),
        changed(MEMORY, lambda ws: ws["resource"].update(instanceType="b")),
        None,
    ),
    Case(
        "a preset field that the API server does not know",
        changed(MISSPELT, lambda ws: ws["inference"]["preset"].pop("acessMode")),
        MISSPELT,
        None,
    ),
    Case(
        "an inference part deleted by overrides",
        PRESET,
        changed(PRESET, lambda ws: ws.pop("inference")),
        None,
    ),
    Case(
        "another kind", {"kind": "PersistentVolumeClaim"}, {"kind": "PersistentVolumeClaim", "spec": {}}, None
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_replacement_reason(case: Case) -> None:
    reason = PROVIDER.replacement_reason(case.live, case.desired)

    assert reason is None if case.want is None else reason and case.want in reason
