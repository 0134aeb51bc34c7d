"""Every model that a deployment names: in its spec, in flags, and in what was rendered of it. Pure.

A model can be named beside `spec.model.id`: by a flag of the server, by an adapter, by a draft model. What an
image or a volume holds already is no source; whoever may bring any image may bring any model. What has no
name to compare is judged by `evasions`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from airunway.api.model_deployment import ModelDeployment, ModelSource
from airunway.clients.kubernetes import Object
from airunway.engines.arguments import boolean, is_option
from airunway.engines.flag_table import canonical
from airunway.engines.words_taken import words_taken
from airunway.provider.flags import engine_args, extra_args
from airunway.trust.rendered import arguments_in, presets_in, variables_in

MODEL_FLAGS = frozenset(
    {
        *("config", "extra-llm-api-options", "modelexpress-config", "models-preset"),  # files of flags
        *("custom-module-dirs", "custom-tokenizer", "reasoning-parser-plugin", "tool-parser-plugin"),  # code
        *("decrypted-config-file", "decrypted-draft-config-file", "default-mm-loras", "docker-repo"),
        *("draft-model-path", "ggufUrl", "hf-config-path", "hf-repo", "hf-repo-draft", "hf-repo-v"),
        *("kt-weight-path", "lora", "lora-modules", "lora-paths", "lora-scaled", "mmproj", "mmproj-url"),
        *("model", "model-draft", "model-express-url", "model-loader-extra-config", "model-path"),
        *("model-tag", "model-url", "modelopt-checkpoint-restore-path", "models-dir", "prompt-adapters"),
        *("qlora-adapter-name-or-path", "remote-instance-weight-loader-seed-instance-ip"),
        *("spec-draft-hf", "spec-draft-model", "spec-model", "speculative-config"),
        *("speculative-draft-model-path", "speculative-model", "tokenizer", "tokenizer-path"),
    }
)
"""Flags of vLLM, SGLang, TensorRT-LLM, llama.cpp, Dynamo and KAITO that name a model, a file of one, or what
could name one."""
_NO_ABBREVIATIONS = frozenset({"draft", "prompt", "reasoning-parser", "tool-parser"})
"""Flags of their own, which are also the beginning of one of these."""
_SHORT_FORMS = frozenset({"-dr", "-hf", "-hfd", "-hfr", "-hfrd", "-hfrv", "-hfv", "-mmu", "-mu", "-sc"})
_SHORT_FORMS_OF_FILES = frozenset({"-m", "-md", "-mm"})
"""llama.cpp's; Python has a module after `-m`, so that they count in what users write only."""

_JSON_KEYS = frozenset(
    {
        *("model", "path", "tokenizer", "base_model_name", "draft_model", "lora_path"),
        *("tensorizer_dir", "tensorizer_uri"),
    }
)
MODEL_VARIABLE, ARGUMENTS_VARIABLE = "MODEL_ID", "VLLM_ENGINE_ARGS"
"""By which the image of a Ray server of one's own is told what to serve."""
_SCHEMES = ("huggingface://", "hf://")
_FOREIGN_SCHEMES = ("http://", "https://", "oci://", "s3://", "gs://", "ftp://", "modelscope://")
_MIN_ABBREVIATION = 4
"""Characters: the servers' parsers take the beginning of a flag for all of it."""


def models_of_spec(deployment: ModelDeployment) -> Iterator[str]:
    """What the spec asks for; a model that is in the image, or supplied otherwise, as `custom:<id>`."""
    model = deployment.spec.model
    if model.source is ModelSource.CUSTOM:
        yield f"custom:{model.id or ''}"
    elif model.id:
        yield model.id
    engine = deployment.engine_type
    for key, value in engine_args(deployment).items():
        if _names_model(f"--{key}"):
            yield from _values([value], every=_is_map_of_models(key))
        elif words_taken(f"--{key}", engine) == 0 and boolean(value) is None:
            yield value  # it stands alone behind a switch
    yield from _in_words(extra_args(deployment), local=True)
    yield from _alone(extra_args(deployment), engine)
    for words in arguments_in([overrides_in(deployment)]):
        yield from _in_words(words, local=True)


def models_rendered(objects: Sequence[Object]) -> Iterator[str]:
    """What rendered command lines, variables and presets name; files in image and volumes are left out.

    A preset that is a repository of the hub is downloaded from there, whatever source the spec says.
    """
    yield from (name for name in presets_in(list(objects)) if "/" in name)
    for words in arguments_in(objects):
        yield from _in_words(words, local=False)
    for variable in variables_in(list(objects)):
        if variable.name == MODEL_VARIABLE:
            yield from _values([variable.value])
        elif variable.name == ARGUMENTS_VARIABLE:
            yield from _in_words(_split(variable.value), local=True)


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # a quote that is not closed
        return text.split()


def overrides_in(deployment: ModelDeployment) -> dict[str, Any]:
    """The overrides; empty when there are none, and when they are none."""
    given = deployment.spec.provider.overrides if deployment.spec.provider else None
    return given if isinstance(given, dict) else {}


def is_plain(model: str) -> bool:
    """Whether a name is one that a hub does not read as another one."""
    path = model.partition("://")[2] or model
    parts = path.split("/")
    return model.isprintable() and "\\" not in model and "%" not in model and ".." not in parts


def _in_words(words: Sequence[str], *, local: bool) -> Iterator[str]:
    """The models that a command line names. `local`: also files, as `file:<path>`."""
    for number, word in enumerate(words):
        before = words[number - 1] if number else ""
        if word.startswith("-"):
            flag, _, value = word.partition("=")
            if _names_model(flag) or (local and flag in _SHORT_FORMS_OF_FILES):
                given = [value] if value else _following(words[number + 1 :])
                yield from _values(given, local=local, every=_is_map_of_models(flag))
        elif before == "serve" or (
            word.startswith((*_SCHEMES, *_FOREIGN_SCHEMES)) and not before.startswith("-")
        ):
            yield from _values([word], local=local)


def _alone(words: Sequence[str], engine: str) -> Iterator[str]:
    """Words that are no flag's: a server takes the first of them for its model."""
    awaited = 0
    for number, word in enumerate(words):
        if word == "--":
            yield from words[number + 1 :]
            return
        if is_option(word):
            awaited = 0 if "=" in word else words_taken(word, engine)
        elif awaited:
            awaited -= 1
        else:
            yield _of_hub(word)


def _following(words: Sequence[str]) -> Iterator[str]:
    for word in words:
        if word.startswith("-"):
            return
        yield word


def _names_model(flag: str) -> bool:
    name, _, last = canonical(flag).partition(".")
    if last and last.rpartition(".")[2] not in _JSON_KEYS:  # `--speculative-config.model`
        return False
    if name in MODEL_FLAGS or (not flag.startswith("--") and f"-{name}" in _SHORT_FORMS):
        return True
    is_beginning = len(name) >= _MIN_ABBREVIATION and name not in _NO_ABBREVIATIONS
    return is_beginning and any(known.startswith(name) for known in MODEL_FLAGS)


def _is_map_of_models(flag: str) -> bool:
    """Whether its JSON has models under keys of anybody's choice."""
    return canonical(flag).startswith("default-mm")


def _values(
    values: Sequence[str] | Iterator[str], *, local: bool = True, every: bool = False
) -> Iterator[str]:
    for value in values:
        for model in _in_json(value, every=every) if value[:1] in "{[" else [value]:
            named = model.partition("=")[2] if "=" in model and "://" not in model else model
            if named.startswith(("/", "./", "~")):
                yield from [f"file:{named}"] if local else []
            elif named:
                yield _of_hub(named)


def _in_json(text: str, *, every: bool) -> Iterator[str]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        yield text  # nobody can say what it names
        return
    yield from _named(document, every=every)


def _named(document: Any, *, every: bool) -> Iterator[str]:
    waiting = [document]
    while waiting:
        entry = waiting.pop()
        if isinstance(entry, list):
            waiting += entry
        elif isinstance(entry, dict):
            yield from (str(value) for key, value in entry.items() if key in _JSON_KEYS and value)
            waiting += [value for value in entry.values() if every or isinstance(value, dict | list)]
        elif every and isinstance(entry, str):
            yield entry


def _of_hub(model: str) -> str:
    """A model of the hub by its name, however it is written."""
    for scheme in _SCHEMES:
        if model.startswith(scheme):
            return "/".join(model.removeprefix(scheme).split("/")[:2])
    return model
