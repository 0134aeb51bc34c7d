"""The rules of one namespace: the settings, and what its Namespace object lays over them. Pure.

A Namespace can be changed by nobody who has rights in it alone, so its annotations are an administrator's.
A list there takes the place of the setting's.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from airunway.api import names
from airunway.trust.models import is_plain
from airunway.trust.references import (
    ImageName,
    InvalidReference,
    image_name,
    matches_image,
    matches_model,
    may_match_image,
)

IMAGES_SETTING = "AIRUNWAY_ALLOWED_IMAGES"
MODELS_SETTING = "AIRUNWAY_ALLOWED_MODELS"
VERIFIED_SETTING = "AIRUNWAY_VERIFIED_IMAGES"

EVERYTHING = ("*",)
MAX_GLOBS = 256
"""In one list: each is compared with each image."""
MAX_MODELS = 256
"""That one deployment names: each is compared with each glob."""
MAX_SHOWN_GLOBS = 8


@dataclass(frozen=True, kw_only=True)
class Globs:
    """A list, and where it is set: what a message names."""

    globs: tuple[str, ...]
    where: str

    @property
    def takes_all(self) -> bool:
        """Whether everything meets it."""
        return "*" in self.globs

    def has_image(self, image: ImageName) -> bool:
        """Whether an image meets one for sure: what is allowed."""
        return any(matches_image(glob, image) for glob in self.globs)

    def may_have_image(self, image: ImageName) -> str:
        """The first glob that an image may turn out to meet, for what is demanded; empty: none."""
        return next((glob for glob in self.globs if may_match_image(glob, image)), "")

    def matches_model(self, model: str) -> bool:
        """Whether a model meets one."""
        return any(matches_model(glob, model) for glob in self.globs)

    def __str__(self) -> str:
        shown = ", ".join(self.globs[:MAX_SHOWN_GLOBS])
        more = f" and {len(self.globs) - MAX_SHOWN_GLOBS} more" if len(self.globs) > MAX_SHOWN_GLOBS else ""
        return f"{self.where} ({shown or 'nothing'}{more})"


@dataclass(frozen=True, kw_only=True)
class TrustPolicy:
    """What may run in a namespace, and which of its images must be signed."""

    images: Globs = field(default=Globs(globs=EVERYTHING, where=IMAGES_SETTING))
    models: Globs = field(default=Globs(globs=EVERYTHING, where=MODELS_SETTING))
    verified: Globs = field(default=Globs(globs=(), where=VERIFIED_SETTING))

    @property
    def is_open(self) -> bool:
        """Whether nothing is asked of anybody."""
        return self.images.takes_all and self.models.takes_all and not self.verified.globs

    def image_problem(self, text: str) -> str:
        """Why an image may not run here, as a sentence; empty when it may."""
        try:
            image = image_name(text)
        except InvalidReference as err:
            return f"{err}, so nobody can say whether it is allowed by {self.images}; write registry/name:tag"
        if self.images.has_image(image):
            return ""
        ignored = "; of a tag and a digest the digest is what runs" if image.tag and image.digest else ""
        return (
            f"the image {text} ({image.untagged}) is not allowed by {self.images}{ignored}; take an image"
            " that is, or ask an administrator to add it there"
        )

    def verification_rule(self, text: str) -> str:
        """The glob by which an image must be signed; empty: it need not be. Raises InvalidReference."""
        return self.verified.may_have_image(image_name(text)) if self.verified.globs else ""

    def model_problem(self, models: Iterable[str]) -> str:
        """Why one of these models may not be served here, as a sentence; empty when they all may."""
        if self.models.takes_all:
            return ""
        for number, model in enumerate(models):
            if number >= MAX_MODELS:
                return f"it names more than {MAX_MODELS} models; where models are limited, name fewer"
            if not is_plain(model) or not self.models.matches_model(model):
                return (
                    f"the model {model!r} is not allowed by {self.models}; take a model that is, or ask an"
                    " administrator to add it there"
                )
        return ""


def policy_of(defaults: TrustPolicy, namespace: str, annotations: Mapping[str, str]) -> TrustPolicy:
    """The policy of a namespace. Raises ValueError for an annotation that cannot be read."""

    def chosen(annotation: str, default: Globs) -> Globs:
        if annotation not in annotations:
            return default
        where = f"the annotation {annotation} of the Namespace {namespace}"
        return Globs(globs=read_globs(annotations[annotation], where=where), where=where)

    return TrustPolicy(
        images=chosen(names.ANNOTATION_ALLOWED_IMAGES, defaults.images),
        models=chosen(names.ANNOTATION_ALLOWED_MODELS, defaults.models),
        verified=chosen(names.ANNOTATION_VERIFIED_IMAGES, defaults.verified),
    )


def policy_annotations(annotations: Mapping[str, str]) -> Mapping[str, str]:
    """Those of a Namespace that say what may run in it."""
    return {name: text for name, text in annotations.items() if name in names.POLICY_ANNOTATIONS}


def read_globs(text: str, *, where: str) -> tuple[str, ...]:
    """Globs with commas, blanks or lines between them, or as a JSON list of texts. Raises ValueError."""
    if text.lstrip().startswith("["):
        document = _json(text, where)
        if not isinstance(document, list) or not all(isinstance(entry, str) for entry in document):
            raise ValueError(f"{where} is no list of globs")
        found = tuple(document)
    else:
        found = tuple(re.split(r"[\s,]+", text.strip(" ,\n\t"))) if text.strip(" ,\n\t") else ()
    if any(not glob or glob != glob.strip() for glob in found):
        raise ValueError(f"{where} holds a glob that is empty, or begins or ends with blanks")
    if len(found) > MAX_GLOBS:
        raise ValueError(f"{where} has {len(found)} entries; at most {MAX_GLOBS} are read")
    return found


def _json(text: str, where: str) -> object:
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        raise ValueError(f"{where} is no JSON list of globs") from None
    return found


def setting_policy(*, images: Sequence[str], models: Sequence[str], verified: Sequence[str]) -> TrustPolicy:
    """What the settings say for every namespace that says nothing itself."""
    return TrustPolicy(
        images=Globs(globs=tuple(images), where=IMAGES_SETTING),
        models=Globs(globs=tuple(models), where=MODELS_SETTING),
        verified=Globs(globs=tuple(verified), where=VERIFIED_SETTING),
    )
