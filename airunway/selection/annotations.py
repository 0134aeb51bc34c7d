"""Annotations of a deployment that say nothing: a value that does not count, a name misspelt. Pure.

Kubernetes takes any annotation. Who writes `reconcile-paused: "yes"` believes that it is paused, so a warning
stands in plan, admission and status. What decides how pods are rendered is refused instead (`pod_options`).
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping

from airunway.api import names
from airunway.api.findings import shortened
from airunway.api.server_names import MAX_PART

_OFF = ("", "false")
_COUNTS: Mapping[str, str] = {
    names.ANNOTATION_PAUSED: "true",
    names.ANNOTATION_TEST_BACKEND: names.TEST_BACKEND_MOCKER,
    names.ANNOTATION_GGUF_MODE: names.GGUF_DIRECT,
}
"""The one value of each that has an effect."""
_IN_ANY_CASE = frozenset({names.ANNOTATION_GGUF_MODE})
_KNOWN = (
    *sorted(names.RENDERED_ANNOTATIONS),
    *(names.ANNOTATION_PAUSED, names.ANNOTATION_RETRY, names.ANNOTATION_CANCEL_BUILD),
    *(names.ANNOTATION_GGUF_MODE, names.ANNOTATION_MODEL_REVISION, names.ANNOTATION_GENERATED_BY),
)
_OURS = f"{names.GROUP}/"
_BARE = {key.removeprefix(_OURS): key for key in _KNOWN}
_LIKE_ENOUGH = 0.8
MAX_WARNINGS = 8


def annotation_warnings(annotations: Mapping[str, str]) -> list[str]:
    """A sentence for each annotation that is ours and has no effect."""
    return list(_warnings(annotations))[:MAX_WARNINGS]


def _warnings(annotations: Mapping[str, str]) -> Iterator[str]:
    for key, value in annotations.items():
        counts = _COUNTS.get(key)
        given = value.strip().lower() if key in _IN_ANY_CASE else value
        if counts is not None and given not in (counts, *_OFF):
            shown = shortened(value)
            yield f"metadata.annotations[{key}]: {shown!r} has no effect; the value that counts is {counts!r}"
        elif meant := _meant(key):
            yield f"metadata.annotations[{key}]: has no effect; did you mean {meant}?"


def _meant(key: str) -> str:
    """The annotation that a key nearly is; empty when it is known, or like none."""
    bare = key.removeprefix(_OURS)
    if bare == key or bare in _BARE or len(bare) > MAX_PART:
        return ""
    like = difflib.get_close_matches(bare, _BARE, n=1, cutoff=_LIKE_ENOUGH)
    return _BARE[like[0]] if like else ""
