"""The fixed catalogues: models of Hugging Face that are known to work, and images that AIKit has made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airunway.modelimage.naming import PREMADE, PREMADE_REPOSITORY

_ENGINES = {"V": "vllm", "S": "sglang", "T": "trtllm"}
_TEXT, _IMAGE = "text-generation", "image-text-to-text"

_HUB: Sequence[tuple[str, str, str, int, str, str, str, bool]] = (
    ("Qwen/Qwen3-0.6B", "Qwen3 0.6B", "0.6B", 32768, "4GB", "VST", _TEXT, False),
    ("google/gemma-3-1b-it", "Gemma 3 1B", "1B", 32768, "4GB", "VS", _TEXT, True),
    ("microsoft/Phi-4-mini-instruct", "Phi-4 mini", "3.8B", 131072, "8GB", "VS", _TEXT, False),
    ("Qwen/Qwen3-4B", "Qwen3 4B", "4B", 32768, "10GB", "VST", _TEXT, False),
    ("google/gemma-3-4b-it", "Gemma 3 4B", "4B", 131072, "10GB", "VS", _IMAGE, True),
    ("Qwen/Qwen3-8B", "Qwen3 8B", "8B", 32768, "18GB", "VST", _TEXT, False),
    (
        "deepseek-ai/DeepSeek-R1-Distill-Llama-8B",
        "DeepSeek R1 Llama 8B",
        "8B",
        16384,
        "18GB",
        "VS",
        _TEXT,
        False,
    ),
    (
        "mistralai/Ministral-3-8B-Instruct-2512-BF16",
        "Ministral 3 8B",
        "8B",
        262144,
        "18GB",
        "VS",
        _IMAGE,
        False,
    ),
)
_PREMADE_NAMES: Mapping[str, tuple[str, str, str, str]] = {
    "llama3.2:1b": ("Llama 3.2", "1B", "Llama", "llama-3.2-1b-instruct"),
    "llama3.2:3b": ("Llama 3.2", "3B", "Llama", "llama-3.2-3b-instruct"),
    "llama3.1:8b": ("Llama 3.1", "8B", "Llama", "llama-3.1-8b-instruct"),
    "llama3.3:70b": ("Llama 3.3", "70B", "Llama", "llama-3.3-70b-instruct"),
    "mixtral:8x7b": ("Mixtral", "8x7B", "Apache", "mixtral-8x7b-instruct"),
    "phi4:14b": ("Phi 4", "14B", "MIT", "phi-4-14b-instruct"),
    "gemma2:2b": ("Gemma 2", "2B", "Gemma", "gemma-2-2b-instruct"),
    "qwq:32b": ("QwQ", "32B", "Apache 2.0", "qwq-32b"),
    "codestral:22b": ("Codestral", "22B", "MNLP", "codestral-22b"),
    "gpt-oss:20b": ("GPT-OSS", "20B", "Apache 2.0", "gpt-oss-20b"),
}
"""Name, size, licence, and what its server calls the model (gguf-build.md §9)."""


def _of_hub(entry: tuple[str, str, str, int, str, str, str, bool]) -> dict[str, Any]:
    identity, name, size, context, memory, engines, task, gated = entry
    shown: dict[str, Any] = {
        "id": identity,
        "name": name,
        "description": f"{name} of {identity.partition('/')[0]}",
        "size": size,
        "task": task,
        "conversational": True,
        "contextLength": context,
        "supportedEngines": [_ENGINES[letter] for letter in engines],
        "minGpuMemory": memory,
        "minGpus": 1,
    }
    return {**shown, "gated": True} if gated else shown


def premade_models() -> list[dict[str, Any]]:
    """Premade of each image."""
    return [_premade(identity) for identity in PREMADE]


def _premade(identity: str) -> dict[str, Any]:
    name, size, licence, served = _PREMADE_NAMES[identity]
    return {
        "id": identity,
        "name": name,
        "size": size,
        "image": f"{PREMADE_REPOSITORY}/{identity}",
        "modelName": served,
        "license": licence,
        "description": f"{name} {size}, quantised for llama.cpp, on the processor",
        "computeType": "cpu",
    }


def _of_premade(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"kaito/{entry['id'].replace(':', '-')}",
        "name": f"{entry['name']} {entry['size']}",  # two of them have one name
        "description": entry["description"],
        "size": entry["size"],
        "task": _TEXT,
        "conversational": True,
        "license": entry["license"],
        "supportedEngines": ["llamacpp"],
        "minGpus": 0,
    }


CATALOGUE: Sequence[dict[str, Any]] = [
    *map(_of_hub, _HUB),
    *map(_of_premade, premade_models()),
]


def catalogue_model(identity: str) -> dict[str, Any] | None:
    """One entry, by its id in any case."""
    wanted = identity.lower()
    return next((entry for entry in CATALOGUE if entry["id"].lower() == wanted), None)


def min_gpus_of(model: str) -> int:
    """GPUs that a worker needs for a model, as the catalogue says; 1 for one it does not know."""
    found = catalogue_model(model)
    return int(found["minGpus"]) if found else 1
