"""What a pretend model server calls its models, and which engine it pretends to be. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

SERVES_ANNOTATION = "sandbox.airunway.ai/serves"
"""On pods that find their models elsewhere than in their command line: the models, with blanks between."""
_PREMADE = {
    "llama3.2:1b": "llama-3.2-1b-instruct",
    "llama3.2:3b": "llama-3.2-3b-instruct",
    "llama3.1:8b": "llama-3.1-8b-instruct",
    "llama3.3:70b": "llama-3.3-70b-instruct",
    "mixtral:8x7b": "mixtral-8x7b-instruct",
    "phi4:14b": "phi-4-14b-instruct",
    "gemma2:2b": "gemma-2-2b-instruct",
    "qwq:32b": "qwq-32b",
    "codestral:22b": "codestral-22b",
    "gpt-oss:20b": "gpt-oss-20b",
}
"""What AIKit's ready-made images call their models, by the end of the image's name."""
_SERVED, _LOADED = "--served-model-name", ("--model", "--model-path")


def models_of(pod: Mapping[str, Any]) -> list[str]:
    """What the server of a pod calls its model, as the real ones take it from their command line.

    vLLM and SGLang: the served names, else the model. A llama.cpp runner: the file it loads. Else the image,
    which holds its model.
    """
    said = ((pod.get("metadata") or {}).get("annotations") or {}).get(SERVES_ANNOTATION)
    if said:
        return str(said).split()
    container = pod["spec"]["containers"][0]
    words = _words(container)
    for flags in ((_SERVED,), _LOADED):
        if found := _values(words, flags):
            return found
    if words[:1] == ["serve"] or words[:2] == ["vllm", "serve"]:
        return [words[words.index("serve") + 1]] if words[-1] != "serve" else []
    source = next((word for word in words if "://" in word), "")
    if source:
        return [source.split("://", 1)[1].split("?")[0].rstrip("/").rsplit("/", 1)[-1]]
    environment = {entry["name"]: entry.get("value") for entry in container.get("env") or []}
    if loaded := environment.get("MODEL_ID"):
        return [str(loaded)]
    image = str(container.get("image") or "").split("@")[0].rsplit("/", 1)[-1]
    return [_PREMADE.get(image) or image.split(":")[0]]


def loaded_models(pod: Mapping[str, Any]) -> list[str]:
    """What the servers of a pod load from the hub themselves, as their command line or environment says."""
    found = str(((pod.get("metadata") or {}).get("annotations") or {}).get(SERVES_ANNOTATION) or "").split()
    for container in pod.get("spec", {}).get("containers") or []:
        words = _words(container)
        found += _values(words, _LOADED)
        found += words[words.index("serve") + 1 :][:1] if "serve" in words[:2] else []
        variables = container.get("env") or []
        found += [str(entry.get("value")) for entry in variables if entry["name"] == "MODEL_ID"]
    return found


def _words(container: Mapping[str, Any]) -> list[str]:
    """Its command line, that of a shell's `-c` taken apart."""
    words = [str(word) for word in [*(container.get("command") or []), *(container.get("args") or [])]]
    if "-c" not in words[:-1]:
        return words
    try:
        return shlex.split(words[words.index("-c") + 1])
    except ValueError:
        return words


def _values(words: list[str], flags: tuple[str, ...]) -> list[str]:
    """What follows one of some flags, as `--flag a b` or `--flag=a`."""
    for index, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag not in flags:
            continue
        if equals:
            return [value] if value else []
        rest = words[index + 1 :]
        end = next((at for at, other in enumerate(rest) if other.startswith("-")), len(rest))
        return rest[: end if flag == _SERVED else min(end, 1)]
    return []


def is_llamacpp(pod: Mapping[str, Any]) -> bool:
    """Whether what runs in a pod is llama.cpp or built on it; else vLLM, or what measures like it."""
    container = pod["spec"]["containers"][0]
    image = str(container.get("image") or "").lower()
    return any(part in image for part in ("aikit", "llama-cpp", "llamacpp")) or any(
        "://" in word for word in _words(container)
    )
