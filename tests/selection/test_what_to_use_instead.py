"""A refusal says what to use instead, wherever AI Runway's own does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.guard import override_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from airunway.selection.immutability import check_immutability
from airunway.selection.storage import check_storage
from airunway.selection.validation import check_workers, warnings_for

PROVIDERS = installed_providers()
DISAGGREGATED = {"serving": {"mode": "disaggregated"}}


def overriding(**overrides: Any) -> Iterable[str]:
    given = deployment(provider={"name": "vllm", "overrides": overrides})
    return [found.line for found in override_findings(PROVIDERS["vllm"], given, OverridesPolicy())]


def stored(*volumes: dict[str, Any], name: str = "chat") -> Iterable[str]:
    given = deployment(name=name, model={"id": "acme/chat", "storage": {"volumes": list(volumes)}})
    return [found.line for found in check_storage(given)]


def changed(before: dict[str, Any], after: dict[str, Any]) -> Iterable[str]:
    return [found.line for found in check_immutability(deployment(**before), deployment(**after))]


def managed(**volume: Any) -> dict[str, Any]:
    volumes = [{"name": "cache", "purpose": "modelCache", "size": "10Gi", **volume}] if volume else []
    return {"model": {"id": "acme/chat", "storage": {"volumes": volumes}}}


def refused(provider: str, **spec: Any) -> Iterable[str]:
    said = PROVIDERS[provider].check(deployment(**spec))
    return [said] if said else []


def warned(**spec: Any) -> Iterable[str]:
    return warnings_for(deployment(**spec))


def findings(check: Callable[[ModelDeployment], list[Any]], **spec: Any) -> Iterable[str]:
    return [found.line for found in check(deployment(**spec))]


def cache(purpose: str) -> dict[str, Any]:
    volume = {"name": "v", "purpose": purpose, "claimName": "c", "readOnly": True}
    return {"id": "acme/chat", "source": "huggingface", "storage": {"volumes": [volume]}}


@dataclass(frozen=True)
class Case:
    reason: str
    said: Iterable[str]
    words: tuple[str, ...] = field(default=())


CASES = [
    Case(
        "replicas are no override",
        overriding(spec={"replicas": 3}),
        ("use spec.resources / spec.scaling instead",),
    ),
    Case(
        "nor are resources, however deep",
        overriding(spec={"template": {"spec": {"containers": [{"name": "vllm", "resources": {"x": 1}}]}}}),
        ("use spec.resources / spec.scaling instead",),
    ),
    Case(
        "a privilege has no other place", overriding(spec={"hostPID": True}), ("an administrator can allow",)
    ),
    Case(
        "an identity is changed by another deployment",
        changed({"model": {"id": "acme/chat"}}, {"model": {"id": "acme/other"}}),
        ("model.id is immutable", "delete and recreate"),
    ),
    Case(
        "a managed volume goes with its deployment",
        changed(managed(mountPath="/m"), managed()),
        ("cannot be removed", "delete the ModelDeployment"),
    ),
    Case(
        "and is changed by another one",
        changed(managed(mountPath="/m"), managed(mountPath="/n")),
        ("managed storage volume is immutable", "delete the ModelDeployment"),
    ),
    Case("a claim is named or made", stored({"name": "v", "mountPath": "/v"}), ("claim that exists", "size")),
    Case(
        "a name that is given nevertheless",
        stored({"name": "v", "mountPath": "/v", "size": "1Gi", "claimName": "x"}),
        ("leave it out", "chat-v"),
    ),
    Case(
        "a claim's name that is too long",
        stored({"name": "v" * 63, "mountPath": "/v", "size": "1Gi"}, name="c" * 253),
        ("use a shorter name",),
    ),
    Case(
        "a Job's name that is too long",
        stored({"name": "v", "purpose": "modelCache", "mountPath": "/v", "size": "1Gi"}, name="c" * 250),
        ("use a shorter name",),
    ),
    Case(
        "a path that is not absolute",
        stored({"name": "v", "mountPath": "v", "claimName": "c"}),
        ("begin it with /",),
    ),
    Case(
        "GPUs in both places",
        findings(check_workers, **DISAGGREGATED, resources={"gpu": {"count": 1}}),
        ("cannot specify both", "leave resources.gpu out"),
    ),
    Case("Direct vLLM, disaggregated", refused("vllm", **DISAGGREGATED), ("use aggregated",)),
    Case("KAITO, disaggregated", refused("kaito", **DISAGGREGATED), ("use aggregated",)),
    Case("KAITO, another engine", refused("kaito", engine={"type": "sglang"}), ("use vllm or llamacpp",)),
    Case("KubeRay, another engine", refused("kuberay", engine={"type": "trtllm"}), ("the vllm engine only",)),
    Case("llm-d, another engine", refused("llmd", engine={"type": "trtllm"}), ("the vllm engine only",)),
    Case("Dynamo, another engine", refused("dynamo", engine={"type": "llamacpp"}), ("use vllm, sglang",)),
    Case(
        "Dynamo, trtllm disaggregated",
        refused("dynamo", engine={"type": "trtllm"}, **DISAGGREGATED),
        ("use aggregated, or the vllm or sglang engine",),
    ),
    Case(
        "a served name that nobody reads",
        warned(model={"source": "custom", "servedName": "x"}),
        ("the container names its model",),
    ),
    Case(
        "a context length that nobody reads",
        warned(engine={"type": "trtllm", "contextLength": 1}),
        ("when the engine is built",),
    ),
    Case("a cache that is not filled", warned(model=cache("modelCache")), ("holds the model already",)),
    Case("a cache that is not written", warned(model=cache("compilationCache")), ("leave readOnly out",)),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_refusal_says_what_to_use_instead(case: Case) -> None:
    text = "\n".join(case.said)

    assert [words for words in case.words if words not in text] == [], text
