"""Every model that a deployment names: in its spec, in flags, and in what was rendered of it. Pure.

A model can be named beside `spec.model.id`: by a flag of the server, by an adapter, by a draft model. What an
image or a volume holds already is no source; whoever may bring any image may bring any model.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment, ModelSource
from airunway.clients.kubernetes import Object
from airunway.engines.flag_table import canonical
from airunway.provider.flags import engine_args, extra_args
from airunway.trust.rendered import ARGUMENTS, arguments_in, variables_in

MODEL_FLAGS = frozenset(
    {
        "draft-model-path",
        "ggufUrl",
        "hf-config-path",
        "hf-repo",
        "hf-repo-draft",
        "lora-modules",
        "lora-paths",
        "model",
        "model-path",
        "model-tag",
        "model-url",
        "speculative-config",
        "speculative-draft-model-path",
        "speculative-model",
        "tokenizer",
        "tokenizer-path",
    }
)
"""Flags of vLLM, SGLang, TensorRT-LLM, llama.cpp and KAITO that name a model, or a file of one."""
HUB_VARIABLES = frozenset({"HF_ENDPOINT", "SGLANG_USE_MODELSCOPE", "VLLM_USE_MODELSCOPE"})
"""Environment variables by which a server asks another hub for the same name."""

_SHORT_FORMS = frozenset({"-hf", "-hfd", "-hfr", "-mu"})
_JSON_KEYS = frozenset({"model", "path", "tokenizer", "base_model_name", "draft_model", "lora_path"})
_SCHEMES = ("huggingface://", "hf://")
_FOREIGN_SCHEMES = ("http://", "https://", "oci://", "s3://", "gs://", "ftp://", "modelscope://")
_MIN_ABBREVIATION = 4
"""Characters: the servers' parsers take the beginning of a flag for all of it."""
_OF_DOCUMENTS = re.compile(r"[\n\[{]")
"""A text with one of these may be a document of its own, which a server reads as it likes."""


def models_of_spec(deployment: ModelDeployment) -> Iterator[str]:
    """What the spec asks for; a model that is in the image, or supplied otherwise, as `custom:<id>`."""
    model = deployment.spec.model
    if model.source is ModelSource.CUSTOM:
        yield f"custom:{model.id or ''}"
    elif model.id:
        yield model.id
    for key, value in engine_args(deployment).items():
        if _names_model(key):
            yield from _values([value])
    yield from _in_words(extra_args(deployment), local=True)
    for words in arguments_in([_overrides(deployment)]):
        yield from _in_words(words, local=True)


def models_rendered(objects: Sequence[Object]) -> Iterator[str]:
    """What rendered command lines name; files in image and volumes are left out."""
    for words in arguments_in(objects):
        yield from _in_words(words, local=False)


def evasions(deployment: ModelDeployment, objects: Sequence[Object]) -> Iterator[str]:
    """Fields by which a model could be fetched from elsewhere than its name says, as sentences."""
    for name in sorted(HUB_VARIABLES.intersection(variables_in(list(objects)))):
        yield f"the environment variable {name} would fetch it from another hub; remove it"
    for path in _documents(_overrides(deployment), "spec.provider.overrides"):
        yield f"{path} is a document that could name any other; remove it"


def is_plain(model: str) -> bool:
    """Whether a name is one that a hub does not read as another one."""
    path = model.partition("://")[2] or model
    parts = path.split("/")
    return model.isprintable() and "\\" not in model and "%" not in model and ".." not in parts


def _overrides(deployment: ModelDeployment) -> dict[str, Any]:
    given = deployment.spec.provider.overrides if deployment.spec.provider else None
    return given if isinstance(given, dict) else {}


def _documents(value: Any, path: str) -> Iterator[str]:
    """Paths of texts that are more than a word or a sentence; command lines are judged for themselves."""
    if isinstance(value, str) and _OF_DOCUMENTS.search(value):
        yield path
    elif isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _documents(entry, f"{path}[{number}]")
    elif isinstance(value, dict):
        for key, entry in value.items():
            if key not in ARGUMENTS:
                yield from _documents(entry, f"{path}.{key}")


def _in_words(words: Sequence[str], *, local: bool) -> Iterator[str]:
    """The models that a command line names. `local`: also files, as `file:<path>`."""
    for number, word in enumerate(words):
        before = words[number - 1] if number else ""
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            if flag in _SHORT_FORMS or _names_model(flag):
                yield from _values([value] if value else _following(words[number + 1 :]), local=local)
        elif before == "serve" or (
            word.startswith((*_SCHEMES, *_FOREIGN_SCHEMES)) and not before.startswith("-")
        ):
            yield from _values([word], local=local)


def _following(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("-"):
            return
        yield word


def _names_model(flag: str) -> bool:
    name, _, last = canonical(flag).partition(".")
    if last and last.rpartition(".")[2] not in _JSON_KEYS:  # `--speculative-config.model`
        return False
    if name in MODEL_FLAGS:
        return True
    return len(name) >= _MIN_ABBREVIATION and any(known.startswith(name) for known in MODEL_FLAGS)


def _values(values: Sequence[str] | Iterator[str], *, local: bool = True) -> Iterator[str]:
    for value in values:
        for model in _in_json(value) if value[:1] in "{[" else [value]:
            named = model.partition("=")[2] if "=" in model and "://" not in model else model
            if named.startswith(("/", "./", "~")):
                yield from [f"file:{named}"] if local else []
            elif named:
                yield _of_hub(named)


def _in_json(text: str) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield text  # nobody can say what it names
        return
    yield from _named(document)


def _named(document: Any) -> Iterator[str]:
    waiting = [document]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, list):
            waiting += entry
        elif isinstance(entry, dict):
            yield from (str(value) for key, value in entry.items() if key in _JSON_KEYS and value)
            waiting += [value for value in entry.values() if isinstance(value, dict | list)]


def _of_hub(model: str) -> str:
    """A model of the hub by its name, however it is written."""
    for scheme in _SCHEMES:
        if model.startswith(scheme):
            return "/".join(model.removeprefix(scheme).split("/")[:2])
    return model
