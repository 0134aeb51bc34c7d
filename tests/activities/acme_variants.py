"""The test provider in other shapes: two objects, a stage before the main one, a secret among them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from airunway.api import names
from airunway.api.conditions import condition
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, RenderContext, Stage, StageVerdict, UpstreamKind
from airunway.provider.rendering import owner_reference
from tests.e2e.acme import ACME, SERVER

CONFIG_MAP = UpstreamKind(api_version="v1", kind="ConfigMap", plural="configmaps", builtin=True)
SECRET = UpstreamKind(api_version="v1", kind="Secret", plural="secrets", builtin=True)


def companion(deployment: ModelDeployment, kind: UpstreamKind, data: Mapping[str, str]) -> Manifest:
    """An object beside the main one."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": f"{deployment.name}-settings",
            "namespace": deployment.namespace,
            "labels": {names.LABEL_MANAGED_BY: names.MANAGED_BY},
            "ownerReferences": [owner_reference(deployment)],
        },
        ("stringData" if kind is SECRET else "data"): dict(data),
    }


def _with_settings(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    values = {entry.name: entry.value or "" for entry in deployment.spec.env or ()}
    return [*ACME.render(deployment, context), companion(deployment, CONFIG_MAP, values)]


def _with_secret(deployment: ModelDeployment, context: RenderContext) -> list[Manifest]:
    values = {entry.name: entry.value or "" for entry in deployment.spec.env or ()}
    return [*ACME.render(deployment, context), companion(deployment, SECRET, values)]


def _claim_first(deployment: ModelDeployment, context: RenderContext) -> list[Stage]:
    name = f"{deployment.name}-claim"
    wanted = companion(deployment, CONFIG_MAP, {"bound": "no"})
    wanted["metadata"]["name"] = name

    def judge(live: Sequence[Mapping[str, Any] | None]) -> StageVerdict:
        claim = live[0]
        if claim is None:
            waiting = condition("StorageReady", "False", "Pending", "the claim is not bound")
            return StageVerdict(condition=waiting, retry_seconds=5, create=[wanted])
        if claim["data"]["bound"] == "lost":
            lost = condition("StorageReady", "False", "Lost", "the claim is lost")
            return StageVerdict(condition=lost, failure="storage: the claim is lost", delete=[claim])
        ready = claim["data"]["bound"] == "yes"
        said = condition("StorageReady", "True" if ready else "False", "Bound" if ready else "Pending")
        return StageVerdict(condition=said, ready=ready, retry_seconds=5)

    return [Stage(condition="StorageReady", reads=[(CONFIG_MAP, name)], judge=judge, creates=[wanted])]


TWO_OBJECTS = replace(ACME, kinds=[SERVER, CONFIG_MAP], objects=_with_settings)
WITH_SECRET = replace(ACME, kinds=[SERVER, SECRET], objects=_with_secret)
STAGED = replace(ACME, kinds=[SERVER, CONFIG_MAP], stages=_claim_first, stage_conditions=("StorageReady",))
