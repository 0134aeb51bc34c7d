"""Which engines can serve a model of the hub, and how much memory it takes (install.md B6)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from airunway.web.derive.pods import whole

_ENGINES = {"V": "vllm", "S": "sglang", "T": "trtllm", "L": "llamacpp"}
_PIPELINES = frozenset({"text-generation", "text2text-generation", "conversational", "image-text-to-text"})
_LIBRARIES = frozenset({"transformers", "vllm", "gguf", ""})
_ENDINGS = {".C": "ForCausalLM", ".G": "ForConditionalGeneration"}

_ALLOWED: Mapping[str, str] = {
    "VSTL": """
        Llama.C Mistral.C Mixtral.C QWenLMHeadModel Qwen2.C Qwen2Moe.C Qwen3.C Qwen3Moe.C Gemma.C Phi.C
        Phi3.C PhiMoE.C GPT2LMHeadModel GPTNeoX.C DeepseekV2.C ChatGLMModel Cohere.C InternLM2.C
        Granite.C GraniteMoe.C Starcoder2.C Baichuan.C Dbrx.C Exaone.C
    """,
    "VSL": """
        Llama4.C Mistral3.G Gemma2.C Gemma3.C Gemma3n.C GptOss.C Glm4.C Glm4Moe.C KimiLinear.C
        FalconH1.C NemotronH.C Cohere2.C MiniCPM.C MiniCPM3.C Olmo.C Olmo2.C Olmoe.C StableLm.C
        Exaone4.C BailingMoe.C HunYuanMoEV1.C HunYuanDenseV1.C Lfm2.C Afmoe.C Arcee.C MiMoV2Flash.C
        Step3p5.C
    """,
    "VS": """
        MistralLarge3.C Ministral3.C Qwen3VL.G Qwen3_5.G Qwen3_5Moe.G Gemma3.G DeepseekV3.C
        DeepseekV32.C Glm4MoeLite.C GlmMoeDsa.C KimiK25.G InternLM3.C GraniteMoeHybrid.C ExaoneMoE.C
        Persimmon.C Solar.C TeleFLM.C Xverse.C Grok1.C Orion.C BailingMoeV2.C SarvamMoE.C SarvamMLA.C
        LongcatFlash.C MiMo.C
    """,
    "VST": """
        Phi4MM.C GPTJ.C GPTBigCode.C OPT.C Grok1Model.C
    """,
    "VTL": """
        Deepseek.C Falcon.C Nemotron.C InternLM.C Bloom.C MPT.C Mpt.C Arctic.C Mamba.C
    """,
    "VT": """
        ChatGLM.G BaiChuan.C DeciLM.C
    """,
    "VL": """
        GPTNeo.C Jamba.C Mamba2.C MiniMaxM2.C Lfm2Moe.C Dots1.C Ernie4_5.C Ernie4_5_Moe.C Plamo2.C
        Plamo3.C SeedOss.C
    """,
    "T": """
        QWen.C RecurrentGemma.C ChatGLM.C JAISLMHeadModel
    """,
    "V": """
        Llama4.G Qwen3Next.C Qwen2_5_VL.G Qwen3VLMoe.G Gemma3n.G DeepseekVLV2.C GLM4V.C KimiVL.G
        MoonshotKimia.C FalconMamba.C Cohere2Vision.G InternVLChatModel Olmo3.C GraniteMoeShared.C
        Laguna.C TeleChat2.C Zamba2.C MiniMax.C Bamba.C
    """,
}

_BY_NAME: Sequence[tuple[str, str]] = (
    (r"llama[-_]?4", "Llama4.C"),
    (r"llama", "Llama.C"),
    (r"(?:^|[^a-z0-9])mixtral", "Mixtral.C"),
    (r"(?:^|[^a-z0-9])ministral", "Ministral3.C"),
    (r"(?:^|[^a-z0-9])mistral-large", "MistralLarge3.C"),
    (r"(?:^|[^a-z0-9])mistral", "Mistral.C"),
    (r"(?:^|[^a-z0-9])qwen[-_]?3\.5", "Qwen3_5.G"),
    (r"(?:^|[^a-z0-9])qwen[-_]?3.*moe", "Qwen3Moe.C"),
    (r"(?:^|[^a-z0-9])qwen[-_]?3", "Qwen3.C"),
    (r"(?:^|[^a-z0-9])qwen[-_]?2.*moe", "Qwen2Moe.C"),
    (r"(?:^|[^a-z0-9])qwen", "Qwen2.C"),
    (r"(?:^|[^a-z0-9])gemma[-_]?3n", "Gemma3n.C"),
    (r"(?:^|[^a-z0-9])gemma[-_]?3", "Gemma3.C"),
    (r"(?:^|[^a-z0-9])gemma[-_]?2", "Gemma2.C"),
    (r"(?:^|[^a-z0-9])gemma", "Gemma.C"),
    (r"(?:^|[^a-z0-9])phi[-_]?4", "Phi4MM.C"),
    (r"(?:^|[^a-z0-9])phi[-_]?3", "Phi3.C"),
    (r"(?:^|[^a-z0-9])phi", "Phi.C"),
    (r"(?:^|[^a-z0-9])kimi-k[-_]?2", "KimiK25.G"),
    (r"(?:^|[^a-z0-9])kimi", "KimiLinear.C"),
    (r"(?:^|[^a-z0-9])falcon-h", "FalconH1.C"),
    (r"(?:^|[^a-z0-9])falcon", "Falcon.C"),
    (r"(?:^|[^a-z0-9])deepseek-v[-_]?3", "DeepseekV3.C"),
    (r"(?:^|[^a-z0-9])deepseek", "DeepseekV2.C"),
    (r"(?:^|[^a-z0-9])glm[-_]?4", "Glm4.C"),
    (r"(?:^|[^a-z0-9])chatglm", "ChatGLMModel"),
    (r"(?:^|[^a-z0-9])nemotron", "Nemotron.C"),
    (r"(?:^|[^a-z0-9])granite", "Granite.C"),
    (r"(?:^|[^a-z0-9])olmo[-_]?2", "Olmo2.C"),
    (r"(?:^|[^a-z0-9])olmo", "Olmo.C"),
    (r"(?:^|[^a-z0-9])internlm[-_]?3", "InternLM3.C"),
    (r"(?:^|[^a-z0-9])internlm", "InternLM2.C"),
    (r"(?:^|[^a-z0-9])cohere[-_]?2", "Cohere2.C"),
    (r"(?:^|[^a-z0-9])(?:cohere|command-r)", "Cohere.C"),
    (r"(?:^|[^a-z0-9])grok", "Grok1.C"),
    (r"(?:^|[^a-z0-9])jamba", "Jamba.C"),
    (r"(?:^|[^a-z0-9])minicpm", "MiniCPM.C"),
    (r"(?:^|[^a-z0-9])exaone", "Exaone.C"),
    (r"(?:^|[^a-z0-9])starcoder", "Starcoder2.C"),
    (r"(?:^|[^a-z0-9])gpt-oss", "GptOss.C"),
)

_PARAMETERS = re.compile(r"(?:^|[-_./])([0-9]+(?:\.[0-9]+)?)([BM])(?![a-z0-9])", re.IGNORECASE)


def _full(name: str) -> str:
    return name[:-2] + _ENDINGS[name[-2:]] if name[-2:] in _ENDINGS else name


_ENGINES_OF: Mapping[str, str] = {
    _full(name): letters for letters, names in _ALLOWED.items() for name in names.split()
}


def hub_model(answer: Mapping[str, Any]) -> dict[str, Any]:
    """HfModel of an entry of the hub's list."""
    identity = str(answer.get("id") or answer.get("modelId") or "")
    author, _, name = identity.rpartition("/")
    library, pipeline = str(answer.get("library_name") or ""), str(answer.get("pipeline_tag") or "")
    architectures = architectures_of(answer, identity)
    is_gguf = library == "gguf" or "gguf" in identity.lower()
    engines = engines_of(architectures, is_gguf=is_gguf)
    fits = is_compatible(architectures, engines, pipeline=pipeline, library=library, is_gguf=is_gguf)
    shown: dict[str, Any] = {
        "id": identity,
        "author": str(answer.get("author") or author),
        "name": name,
        "downloads": whole(answer.get("downloads")),
        "likes": whole(answer.get("likes")),
        "pipelineTag": pipeline,
        "libraryName": library,
        "architectures": architectures,
        "gated": bool(answer.get("gated")),
        "supportedEngines": engines,
        "compatible": fits,
    }
    if count := parameter_count(answer, identity):
        gigabytes = math.ceil(count * 2 * 1.2 / 2**30)
        shown |= {
            "parameterCount": count,
            "estimatedGpuMemory": f"{gigabytes}GB",
            "estimatedGpuMemoryGb": gigabytes,
        }
    if not fits:
        shown["incompatibilityReason"] = "no engine here is known to serve its architecture"
    return shown


def architectures_of(answer: Mapping[str, Any], identity: str) -> list[str]:
    """What its configuration says, else what its name tells."""
    config = answer.get("config")
    told = config.get("architectures") if isinstance(config, Mapping) else None
    if isinstance(told, list) and told:
        return [str(name) for name in told]
    found = next((name for pattern, name in _BY_NAME if re.search(pattern, identity, re.IGNORECASE)), "")
    return [_full(found)] if found else []


def engines_of(architectures: Sequence[str], *, is_gguf: bool) -> list[str]:
    """The engines that serve one of these; llama.cpp only what is GGUF already."""
    if is_gguf:
        return ["llamacpp"]
    letters = {letter for name in architectures for letter in _ENGINES_OF.get(name, "")}
    return [engine for letter, engine in _ENGINES.items() if letter in letters and letter != "L"]


def is_compatible(
    architectures: Sequence[str], engines: Sequence[str], *, pipeline: str, library: str, is_gguf: bool
) -> bool:
    """Whether it can be deployed, as far as that can be known."""
    if is_gguf:
        return True
    known = bool(engines)
    return known and (bool(architectures) or (pipeline in _PIPELINES and library in _LIBRARIES))


def parameter_count(answer: Mapping[str, Any], identity: str) -> int:
    """How many parameters; 0 where nothing tells."""
    told = answer.get("safetensors")
    if isinstance(told, Mapping):
        if total := whole(told.get("total")):
            return total
        parts = told.get("parameters")
        if isinstance(parts, Mapping) and (total := sum(whole(count) for count in parts.values())):
            return total
    return parameters_in_name(identity)


def parameters_in_name(identity: str) -> int:
    """The number before `B` or `M` in a name; 0 where there is none."""
    found = _PARAMETERS.search(identity)
    return round(float(found[1]) * (1e9 if found[2].upper() == "B" else 1e6)) if found else 0
