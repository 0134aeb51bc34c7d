"""Every image and every model that rendered objects name, whatever path it came by. Pure.

Providers' kinds put pods, and images outside of pods, in places of their own. So nothing is looked up by its
place: every field that is called an image counts as one, also where no pod is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.clients.kubernetes import Object

_NO_IMAGES = frozenset({"annotations", "labels", "matchLabels", "managedFields", "nodeSelector"})
"""Mappings whose keys are somebody's own words."""
ARGUMENTS = frozenset({"args", "command"})


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
    if key in _NO_IMAGES:
        return value
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
        if key in _NO_IMAGES:
            continue
        if not _is_image_field(str(key)):
            yield from _images(entry, here)
        elif _volume_reference(entry):
            yield RenderedImage(path=f"{here}.reference", value=entry["reference"])
        elif entry:  # an empty one is for the operator to fill
            yield RenderedImage(path=here, value=entry)


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


def variables_in(value: Any) -> Iterator[str]:
    """Names of the environment variables that objects set."""
    if isinstance(value, list):
        for entry in value:
            yield from variables_in(entry)
    elif isinstance(value, Mapping):
        for key, entry in value.items():
            if key == "env" and isinstance(entry, list):
                yield from (str(one["name"]) for one in entry if isinstance(one, Mapping) and "name" in one)
            else:
                yield from variables_in(entry)
