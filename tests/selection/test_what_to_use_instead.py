"""A refusal says what to use instead, wherever AI Runway's own does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.helm.classify import HelmFailure, classify
from airunway.gateway.choice import choose_gateway
from airunway.installation.metadata import read_metadata
from airunway.installation.state import Facts, status_of
from airunway.modelimage.naming import AikitRequest, request_errors
from airunway.provider import RenderContext, RenderError, UpstreamFacts
from airunway.provider.guard import override_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment
from airunway.providers.dynamo.stages import judge_claims
from airunway.selection.compatibility import with_any_provider, with_provider
from airunway.selection.decide import decide
from airunway.selection.immutability import check_immutability
from airunway.selection.limits import check_limits
from airunway.selection.storage import check_storage
from airunway.selection.stored_rules import image_conflict
from airunway.selection.validation import check_flags, check_workers, warnings_for
from tests.installation.build import config

PROVIDERS = installed_providers()
NOW = datetime(2026, 2, 1, tzinfo=UTC)
DISAGGREGATED = {"serving": {"mode": "disaggregated"}}
MOCKER = {"airunway.ai/dynamo-test-backend": "mocker"}
CLAIMED = {"storage": {"volumes": [{"name": "v", "mountPath": "/v", "claimName": "weights"}]}}
NO_IMAGE = {"engine": {"type": "llamacpp"}, "model": {"source": "custom"}}
ON_GPUS = {"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True}
VLLM_ON_GPUS = InferenceProviderConfig.model_validate(
    {"metadata": {"name": "vllm"}, "spec": {"capabilities": {"engines": [ON_GPUS]}}}
)
GOES_OVER = deployment(
    provider={"name": "vllm"}, status={"engine": {"type": "vllm"}, "provider": {"name": "kuberay"}}
)


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


def rendering(provider: str, **spec: Any) -> Iterable[str]:
    try:
        PROVIDERS[provider].objects(deployment(**spec), RenderContext())
    except RenderError as err:
        return [str(err)]
    return []


def helm(said: str) -> Iterable[str]:
    return [str(classify(HelmFailure(text=said), subject="release op"))]


def silent_since(heartbeat: str) -> Iterable[str]:
    given = config("acme", status={"ready": True, "lastHeartbeat": heartbeat})
    return [status_of(read_metadata(given), given, Facts(), alive_since=NOW).message]


def gateways(*names: str) -> Iterable[str]:
    found = [{"metadata": {"namespace": "edge", "name": name}, "spec": {}} for name in names]
    choice = choose_gateway(found, configured=None, asked=None, namespace="team-a", labels={})
    return [choice.finding.message] if choice.finding else []


def cache(purpose: str) -> dict[str, Any]:
    volume = {"name": "v", "purpose": purpose, "claimName": "c", "readOnly": True}
    return {"id": "acme/chat", "source": "huggingface", "storage": {"volumes": [volume]}}


@dataclass(frozen=True)
class Case:
    reason: str
    said: Iterable[str]
    words: tuple[str, ...] = field(default=())


CASES = [
    # The paragraphs of the contract that have the refusal stand above those of each.
    # crds.md §4.4
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
        "a privilege has no other place",
        overriding(spec={"hostPID": True}),
        ("an administrator can allow",),
    ),
    # crds.md §4.5
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
    # crds.md §4.3
    Case(
        "a claim is named or made",
        stored({"name": "v", "mountPath": "/v"}),
        ("claim that exists", "size"),
    ),
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
    # core.md §4.1
    Case(
        "GPUs in both places",
        findings(check_workers, **DISAGGREGATED, resources={"gpu": {"count": 1}}),
        ("cannot specify both", "leave resources.gpu out"),
    ),
    # vllm.md §6
    Case("Direct vLLM, disaggregated", refused("vllm", **DISAGGREGATED), ("use aggregated",)),
    # kaito.md §6
    Case("KAITO, disaggregated", refused("kaito", **DISAGGREGATED), ("use aggregated",)),
    Case(
        "KAITO, another engine",
        refused("kaito", engine={"type": "sglang"}),
        ("use vllm or llamacpp",),
    ),
    # kuberay.md §6
    Case(
        "KubeRay, another engine",
        refused("kuberay", engine={"type": "trtllm"}),
        ("the vllm engine only",),
    ),
    # llmd.md §7
    Case(
        "llm-d, another engine",
        refused("llmd", engine={"type": "trtllm"}),
        ("the vllm engine only",),
    ),
    # dynamo.md §6
    Case(
        "Dynamo, another engine",
        refused("dynamo", engine={"type": "llamacpp"}),
        ("use vllm, sglang",),
    ),
    # dynamo.md §2
    Case(
        "Dynamo, trtllm disaggregated",
        refused("dynamo", engine={"type": "trtllm"}, **DISAGGREGATED),
        ("use aggregated, or the vllm or sglang engine",),
    ),
    # crds.md §4.6
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
    Case(
        "a cache that is not filled",
        warned(model=cache("modelCache")),
        ("holds the model already",),
    ),
    Case(
        "a cache that is not written",
        warned(model=cache("compilationCache")),
        ("leave readOnly out",),
    ),
    # core.md §4.1
    Case(
        "two images",
        [image_conflict(deployment(image="a", engine={"image": "b"}))],
        ("spec.engine.image is preferred", "remove spec.image"),
    ),
    # core.md §5
    Case(
        "an engine without GPUs on a provider of those",
        [found.message for found in with_provider(deployment(gpus=0), VLLM_ON_GPUS, engine="vllm")],
        ("set resources.gpu.count > 0",),
    ),
    # core.md §18.5
    Case(
        "an engine without GPUs, whoever serves it",
        [found.message for found in with_any_provider(deployment(gpus=0), [VLLM_ON_GPUS], engine="vllm")],
        ("set resources.gpu.count > 0",),
    ),
    # core.md §9
    Case(
        "another provider",
        [decide(GOES_OVER, [], alive_since=NOW).message or ""],
        ("delete and recreate",),
    ),
    # crds.md §4.3
    Case(
        "a flag in two places",
        findings(check_flags, engine={"args": {"tp": "1"}, "extraArgs": ["--tp=2"]}),
        ("spec.engine.args", "spec.engine.extraArgs"),
    ),
    Case(
        "an amount above its limit",
        [found.line for found in check_limits(deployment(gpus=65, scaling={"replicas": 33}).spec)],
        ("maximum allowed (64)", "maximum allowed (32)"),
    ),
    *(
        # dynamo.md §6, kuberay.md §6, llmd.md §7 and vllm.md §6
        Case(f"{name} without GPUs", refused(name, gpus=0), ("set it to 1 or more",))
        for name in ("dynamo", "kuberay", "llmd", "vllm")
    ),
    *(
        Case(
            f"{name} without GPUs for its prefill",
            refused(name, gpus=0, **DISAGGREGATED, scaling={"prefill": {}, "decode": {"gpu": {"count": 1}}}),
            ("spec.scaling.prefill.gpu.count", "set it to 1 or more"),
        )
        for name in ("dynamo", "kuberay", "llmd")
    ),
    # dynamo.md §6
    Case(
        "Dynamo's mocker without its workers",
        refused("dynamo", annotations=MOCKER, **DISAGGREGATED),
        ("spec.scaling.prefill: required",),
    ),
    # dynamo.md §7.1
    Case(
        "a claim that is not there",
        [judge_claims(deployment(model=CLAIMED), [None]).failure],
        ("create it, or set a size",),
    ),
    # dynamo.md §8.8
    Case(
        "a flag with its dashes",
        rendering("dynamo", engine={"args": {"--tp": "2"}}),
        ("write it without dashes",),
    ),
    # kaito.md §3
    Case(
        "KAITO, which is not there",
        [PROVIDERS["kaito"].health(UpstreamFacts(kinds=PROVIDERS["kaito"].kinds)).message],
        ("Helm chart", "kaito-workspace", "az aks update --enable-ai-toolchain-operator", "kube-system"),
    ),
    # kaito.md §6
    Case("KAITO's llama.cpp without an image", refused("kaito", **NO_IMAGE), ("engine.image",)),
    # install.md §A7
    Case(
        "a right that Helm lacks",
        helm("deployments.apps is forbidden: cannot create resource"),
        ("apply the optional installer RBAC, or run the shown commands", "cannot create resource"),
    ),
    Case(
        "an object of another installation",
        helm('CustomResourceDefinition "a.kaito.sh" in namespace "" exists; invalid ownership metadata'),
        ('CustomResourceDefinition "a.kaito.sh" belongs to another', "remove that one, or use"),
    ),
    # install.md §A9.4
    Case(
        "a provider that says nothing any more",
        silent_since("2026-01-01T00:00:00Z"),
        ("not reporting", "check its worker"),
    ),
    # gateway.md §4
    Case("no Gateway", gateways(), ("make one",)),
    Case("several Gateways", gateways("a", "b"), ('airunway.ai/inference-gateway="true"',)),
    # gguf-build.md §8.1
    Case(
        "no file of a model",
        request_errors(AikitRequest(source="huggingface")),
        ("modelId", "ggufFile"),
    ),
    Case(
        "a file of another kind",
        request_errors(AikitRequest(source="huggingface", model="a/b", file="c.bin")),
        ("ggufFile must be a .gguf file",),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_a_refusal_says_what_to_use_instead(case: Case) -> None:
    text = "\n".join(case.said)

    assert text
    assert [words for words in case.words if words not in text] == [], text
