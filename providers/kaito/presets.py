"""What versions of KAITO make of their presets: which take a token, which measure themselves. Pure.

Which version a cluster runs is told by the fields of its Workspace: `resource.partition` came with 0.12.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import NO_VERDICT, RefusalVerdict, RenderContext, rendering

PARTITION = "resource.partition"
"""A field that Workspaces have from KAITO 0.12 on."""

WITHOUT_TOKEN, WITH_TOKEN = "PresetWithoutToken", "PresetWithToken"
"""What KAITO's webhook teaches where the table is wrong; the version of an operator is not all of it."""

DISABLE_BENCHMARK, RUN_BENCHMARK = "kaito.sh/disable-benchmark", "kaito.sh/run-benchmark"
"""Annotations of a Workspace: 0.12 measures unless the first is "true", 0.10 only if the second is."""


@dataclass(frozen=True, kw_only=True)
class PresetTable:
    """One version's presets, in lower case, as KAITO compares them.

    `refuse_token`: images with their weights inside, which `modelAccessSecret` is refused for. Every other
    preset, and every model of Hugging Face that is none, downloads when it starts, and takes one.
    `need_token`: refused without.
    """

    version: str
    refuse_token: Collection[str] = ()
    need_token: Collection[str] = ()
    measures: bool = False
    """A preset on vLLM is measured under load before it is ready, unless it is asked not to be."""


KAITO_0_10 = PresetTable(
    version="0.10",
    refuse_token=frozenset(
        (
            *("deepseek-r1-distill-llama-8b", "deepseek-ai/deepseek-r1-distill-llama-8b"),
            *("deepseek-r1-distill-qwen-14b", "deepseek-ai/deepseek-r1-distill-qwen-14b"),
            *("falcon-7b", "tiiuae/falcon-7b", "falcon-7b-instruct", "tiiuae/falcon-7b-instruct"),
            *("falcon-40b", "tiiuae/falcon-40b", "falcon-40b-instruct", "tiiuae/falcon-40b-instruct"),
            *("gpt-oss-20b", "openai/gpt-oss-20b"),
            *("mistral-7b", "mistralai/mistral-7b-v0.3"),
            *("mistral-7b-instruct", "mistralai/mistral-7b-instruct-v0.3"),
            *("phi-3-mini-4k-instruct", "microsoft/phi-3-mini-4k-instruct"),
            *("phi-3-mini-128k-instruct", "microsoft/phi-3-mini-128k-instruct"),
            *("phi-3-medium-4k-instruct", "microsoft/phi-3-medium-4k-instruct"),
            *("phi-3-medium-128k-instruct", "microsoft/phi-3-medium-128k-instruct"),
            *("phi-3.5-mini-instruct", "microsoft/phi-3.5-mini-instruct"),
            *("phi-4", "microsoft/phi-4", "phi-4-mini-instruct", "microsoft/phi-4-mini-instruct"),
            *("qwen2.5-coder-7b-instruct", "qwen/qwen2.5-coder-7b-instruct"),
            *("qwen2.5-coder-32b-instruct", "qwen/qwen2.5-coder-32b-instruct"),
        )
    ),
    need_token=frozenset(
        (
            *("llama-3.1-8b-instruct", "meta-llama/llama-3.1-8b-instruct"),
            *("llama-3.3-70b-instruct", "meta-llama/llama-3.3-70b-instruct"),
        )
    ),
)
"""Source: KAITO v0.10.0's own validation, run on each of its presets without and with `modelAccessSecret`."""

KAITO_0_12 = PresetTable(version="0.12", measures=True)
"""Source: KAITO's presets/workspace/models/vllm_model.go, where since the images with weights are gone every
preset has `DownloadAtRuntime`, for which api/v1beta1/workspace_validation.go takes a token; and
`ShouldRunBenchmark` in api/v1beta1/labels.go."""


def table_of(context: RenderContext) -> PresetTable:
    """The table of the version that is rendered for; of the older one where nothing is known."""
    return KAITO_0_12 if PARTITION in context.served_fields else KAITO_0_10


def takes_token(deployment: ModelDeployment, context: RenderContext) -> bool:
    """Whether the preset may be given a token for Hugging Face: as KAITO said, else as its table says."""
    if WITHOUT_TOKEN in context.learned or WITH_TOKEN in context.learned:
        return WITH_TOKEN in context.learned
    return rendering.model_id(deployment).lower() not in table_of(context).refuse_token


# -- the benchmark ---------------------------------------------------------------------------------------


def benchmark_annotations(deployment: ModelDeployment, context: RenderContext) -> dict[str, str]:
    """The annotation that spares a preset its benchmark, unless the user has asked for one.

    A minute of full load before each start, and a model that counts as not ready for ever if the measuring
    fails, are nothing to have by default.
    """
    if not table_of(context).measures or wants_benchmark(deployment):
        return {}
    return {DISABLE_BENCHMARK: "true"}


def wants_benchmark(deployment: ModelDeployment) -> bool:
    """Whether an annotation of `spec.podTemplate.metadata` asks for it, in the words of either version."""
    given = deployment.pod_annotations
    return given.get(RUN_BENCHMARK) == "true" or given.get(DISABLE_BENCHMARK, "true") != "true"


# -- what a cluster and its operator tell ----------------------------------------------------------------


def features_of(live: Mapping[str, Any]) -> list[str]:
    """A Workspace that opts out of the benchmark, or gives a token that 0.10 refuses, is made for 0.12."""
    metadata, inference = live.get("metadata"), live.get("inference")
    annotations = metadata.get("annotations") if isinstance(metadata, Mapping) else None
    if isinstance(annotations, Mapping) and DISABLE_BENCHMARK in annotations:
        return [PARTITION]
    preset = inference.get("preset") if isinstance(inference, Mapping) else None
    options = preset.get("presetOptions") if isinstance(preset, Mapping) else None
    has_token = isinstance(options, Mapping) and bool(options.get("modelAccessSecret"))
    name = str(preset.get("name")).lower() if isinstance(preset, Mapping) else ""
    return [PARTITION] if has_token and name in KAITO_0_10.refuse_token else []


# As v0.10.0 and v0.12.0 say it in workspace_validation.go, and the versions between.
_REFUSES_TOKEN = re.compile(r"preset does not require a modelAccessSecret")
_NEEDS_TOKEN = re.compile(
    r"preset (?:is private and )?requires (?:authentication and needs )?a modelAccessSecret"
)
_NO_NODES = re.compile(
    r"No nodes found (?:with valid GPU features )?matching (?:the )?(?:specified )?label selector",
    re.IGNORECASE,
)
_NAME_A_SECRET = (
    "name a Secret with the key HF_TOKEN in spec.secrets.huggingFaceToken, of an account that may download it"
)


def learned_about(deployment: ModelDeployment) -> str:
    """The preset, as KAITO compares it: another one may have to be told the contrary."""
    return rendering.model_id(deployment).lower()


def judge_refusal(deployment: ModelDeployment, refusal: str) -> RefusalVerdict:
    """What KAITO's webhook means: another way with the token, or nodes that are not there yet."""
    if _NO_NODES.search(refusal):
        return RefusalVerdict(
            waiting="a node that matches resource.labelSelector: spec.nodeSelector, and labels of GPU nodes"
        )
    if _REFUSES_TOKEN.search(refusal):
        return RefusalVerdict(learned=WITHOUT_TOKEN)
    if _NEEDS_TOKEN.search(refusal):
        if rendering.hugging_face_secret(deployment):
            return RefusalVerdict(learned=WITH_TOKEN)
        return RefusalVerdict(advice=_NAME_A_SECRET)
    return NO_VERDICT
