"""Every image and every model that rendered objects name, whatever path it came by. Pure.

Providers' kinds put pods, and images outside of pods, in places of their own. So nothing is looked up by its
place: every field that is called an image counts as one, also where no pod is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.clients.kubernetes import Object

_WORDS = frozenset({"annotations", "labels", "matchLabels", "nodeSelector"})
"""Mappings of texts whose keys are somebody's own words. A part of an object may be called so as well."""
_ANNOTATIONS = "annotations"
ARGUMENTS = frozenset({"args", "command"})
_VARIABLES = frozenset({"env", "envs"})


@dataclass(frozen=True, kw_only=True)
class RenderedImage:
    """A field that names an image. `value` is no text when nobody can say what is pulled for it."""

    path: str
    value: Any


def images_in(objects: Sequence[Object]) -> list[RenderedImage]:
    """The images of objects, with the path of each, e.g. `Deployment.spec.template.spec…[0].image`."""
    return [found for obj in objects for found in _images(obj, str(obj.get("kind") or "object"))]


def with_images(objects: Sequence[Object], replaced: Mapping[str, str]) -> list[Object]:
    """The same objects with other images; they themselves stay as they are. `replaced`: old to new."""

    def renewed(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: _renewed_field(str(key), entry, replaced, renewed) for key, entry in value.items()}
        return [renewed(entry) for entry in value] if isinstance(value, list) else value

    return [renewed(obj) for obj in objects] if replaced else list(objects)


def _renewed_field(key: str, value: Any, replaced: Mapping[str, str], renewed: Callable[[Any], Any]) -> Any:
    if _are_words(key, value):
        told = {name: replaced.get(text, text) for name, text in _injected(key, value)}
        return {**value, **told}
    if _is_image_field(key) and isinstance(value, str):
        return replaced.get(value, value)
    if _is_image_field(key) and _volume_reference(value):
        return {**value, "reference": replaced.get(value["reference"], value["reference"])}
    return renewed(value)


def _images(value: Any, path: str) -> Iterator[RenderedImage]:
    if isinstance(value, list):
        for number, entry in enumerate(value):
            yield from _images(entry, f"{path}[{number}]")
    if not isinstance(value, Mapping):
        return
    for key, entry in value.items():
        here = f"{path}.{key}"
        if _are_words(key, entry):
            for name, text in _injected(key, entry):
                yield RenderedImage(path=f"{here}[{name}]", value=text)
            continue
        if not _is_image_field(str(key)):
            yield from _images(entry, here)
        elif _volume_reference(entry):
            yield RenderedImage(path=f"{here}.reference", value=entry["reference"])
        elif entry:  # an empty one is for the operator to fill
            yield RenderedImage(path=here, value=entry)


def _are_words(key: str, value: Any) -> bool:
    """Whether a value is labels, annotations or the like."""
    return (
        key in _WORDS
        and isinstance(value, Mapping)
        and not any(isinstance(entry, Mapping | list) for entry in value.values())
    )


def _injected(key: str, words: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Annotations that tell a webhook of somebody else which image to put into the pod, as Istio's
    `sidecar.istio.io/proxyImage` and Vault's `vault.hashicorp.com/agent-image`."""
    for name, text in words.items() if key == _ANNOTATIONS else ():
        _, slash, last = name.rpartition("/")
        if slash and last.lower().endswith("image") and text:
            yield name, text


def _is_image_field(key: str) -> bool:
    return key == "image" or key.endswith("Image")


def _volume_reference(value: Any) -> bool:
    """Whether a value is the source of a volume that is an image."""
    return isinstance(value, Mapping) and isinstance(value.get("reference"), str)


def arguments_in(objects: Sequence[Object]) -> Iterator[list[str]]:
    """The command lines of objects: every list of texts that is called `args` or `command`."""
    for obj in objects:
        yield from _arguments(obj)


def _arguments(value: Any) -> Iterator[list[str]]:
    if isinstance(value, list):
        for entry in value:
            yield from _arguments(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key in ARGUMENTS and isinstance(entry, list):
                yield [str(word) for word in entry]
            else:
                yield from _arguments(entry)


def presets_in(value: Any) -> Iterator[str]:
    """The names of presets that objects ask their operator for."""
    if isinstance(value, list):
        for entry in value:
            yield from presets_in(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key == "preset" and isinstance(entry, Mapping) and entry.get("name"):
                yield str(entry["name"])
            yield from presets_in(entry)


@dataclass(frozen=True, kw_only=True)
class Variable:
    """An environment variable of an object. `is_text`: it has its value here, not a reference to one."""

    name: str
    value: str
    is_text: bool


def variables_in(value: Any) -> Iterator[Variable]:
    """The environment variables that objects set, in whatever list."""
    if isinstance(value, list):
        for entry in value:
            yield from variables_in(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key in _VARIABLES and isinstance(entry, list):
                yield from (_variable(one) for one in entry if isinstance(one, Mapping) and "name" in one)
            else:
                yield from variables_in(entry)


def _variable(entry: Mapping[str, Any]) -> Variable:
    value = entry.get("value")
    return Variable(
        name=str(entry["name"]), value="" if value is None else str(value), is_text=not entry.get("valueFrom")
    )
