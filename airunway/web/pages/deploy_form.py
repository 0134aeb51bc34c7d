"""The form for a new deployment: fields ↔ a ModelDeployment. Pure.

The YAML text is the whole of it; fields are the parts that most people set. A field that is changed is put
into the text, and what else stands there stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airunway.api.model_deployment import EngineType, ModelSource
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.api.plain_text import yaml_text
from airunway.console.documents import UnreadableDocument, read_text

MAX_TEXT_BYTES = 64 * 1024
"""Of a manifest that is typed; reading it takes a third of a second."""
Body = dict[str, Any]


@dataclass(frozen=True)
class FormField:
    """A field of the form. `path`: where its value stands in the object."""

    name: str
    label: str
    path: tuple[str, ...]
    is_number: bool = False
    choices: tuple[str, ...] = ()
    """The first one is for a field that is absent."""
    hint: str = ""


FIELDS = (
    FormField("name", "Name", ("metadata", "name"), hint="lower case letters, digits and -"),
    FormField("namespace", "Namespace", ("metadata", "namespace"), hint="default"),
    FormField("model", "Model", ("spec", "model", "id"), hint="owner/name on Hugging Face"),
    FormField("source", "From", ("spec", "model", "source"), choices=("", *ModelSource)),
    FormField("engine", "Engine", ("spec", "engine", "type"), choices=("", *EngineType)),
    FormField("provider", "Provider", ("spec", "provider", "name"), hint="chosen for you"),
    FormField("replicas", "Replicas", ("spec", "scaling", "replicas"), is_number=True, hint="1"),
    FormField("gpus", "GPUs of a replica", ("spec", "resources", "gpu", "count"), is_number=True, hint="0"),
    FormField("memory", "Memory of a replica", ("spec", "resources", "memory"), hint="16Gi"),
    FormField(
        "context",
        "Context, in tokens",
        ("spec", "engine", "contextLength"),
        is_number=True,
        hint="the model's",
    ),
    FormField(
        "image",
        "Image",
        (
            "spec",
            "image",
        ),
        hint="the provider's",
    ),
    FormField(
        "token",
        "Secret with a Hugging Face token",
        ("spec", "secrets", "huggingFaceToken"),
        hint="for gated models",
    ),
)
BY_NAME = {field.name: field for field in FIELDS}


def example_body() -> Body:
    """What an empty form begins with."""
    return {
        "apiVersion": API_VERSION,
        "kind": DEPLOYMENT_KIND,
        "metadata": {"name": "my-model", "namespace": "default"},
        "spec": {"model": {"id": "Qwen/Qwen3-0.6B"}, "resources": {"gpu": {"count": 1}}},
    }


def body_of(text: str) -> Body:
    """The object of a text. Raises UnreadableDocument: too long, not YAML, none or more than one object."""
    if len(text.encode(errors="replace")) > MAX_TEXT_BYTES:
        raise UnreadableDocument(f"the text is longer than {MAX_TEXT_BYTES // 1024} KiB; use kubectl apply")
    found = list(read_text(text, name="line"))
    if len(found) != 1:
        raise UnreadableDocument(f"one {DEPLOYMENT_KIND} is wanted here; the text holds {len(found)} objects")
    document = found[0]
    if document.kind != DEPLOYMENT_KIND or document.api_version != API_VERSION:
        raise UnreadableDocument(f"apiVersion {API_VERSION} and kind {DEPLOYMENT_KIND} are wanted here")
    return document.body


def text_of(body: Mapping[str, Any]) -> str:
    """The YAML text of an object."""
    return yaml_text([dict(body)])


def fields_of(body: Mapping[str, Any]) -> dict[str, str]:
    """What stands in the fields; a value that no field can show is left out."""
    shown = {}
    for field in FIELDS:
        value: Any = body
        for step in field.path:
            value = value.get(step) if isinstance(value, Mapping) else None
        is_text = isinstance(value, str | int) and not isinstance(value, bool)
        shown[field.name] = str(value) if is_text else ""
    return shown


def with_fields(body: Mapping[str, Any], given: Mapping[str, str]) -> Body:
    """The object with the fields that say something else than it does; an emptied one is taken away."""
    result, before = dict(body), fields_of(body)
    for name, text in given.items():
        field = BY_NAME.get(name)
        if field is not None and text.strip() != before[name]:
            result = _with(result, field.path, _value(field, text.strip()))
    return result


def _value(field: FormField, text: str) -> Any:
    if text and field.is_number and text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 16:
        return int(text)
    return text or None  # what should be a number and is none is said by the plan


def _with(given: Any, path: tuple[str, ...], value: Any) -> Body:
    """A mapping with a value at a path; None takes it away, and a mapping that is left empty with it."""
    result = dict(given) if isinstance(given, Mapping) else {}
    step, rest = path[0], path[1:]
    inner = _with(result.get(step), rest, value) if rest else value
    if inner is None or inner == {}:
        result.pop(step, None)
    else:
        result[step] = inner
    return result
