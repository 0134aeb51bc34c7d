"""Which Dynamo runtime is in an image, as the operator asks for it. Pure.

The operator reads it off the image's tag, and refuses an image whose tag says nothing unless the graph does.
A graph that says it in any case is the same one whether its images go by tag or by digest.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from airunway.providers.dynamo.config import ALPHA, BETA
from airunway.providers.dynamo.release import VERSION

RUNTIME_FIELD = "runtimeVersionOverride"
SERVED_FIELDS = {ALPHA: f"spec.services.*.{RUNTIME_FIELD}", BETA: f"spec.components.*.{RUNTIME_FIELD}"}
"""Its path in each version; operators before 1.4 do not have it."""

_SEMVER = re.compile(r"[vV]?(\d+)\.(\d+)\.(\d+)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")
_ACCEPTED = re.compile(r"((0|[1-9][0-9]{0,3})\.){2}(0|[1-9][0-9]{0,3})")
"""What the field takes."""
_NATIVE_PICKER = (1, 5, 0)


def runtime_version(image: str) -> str:
    """`1.4.2` of `registry/name:v1.4.2-cuda13@sha256:…`; of a tag that says nothing, our own release."""
    name = image.partition("@")[0].rpartition("/")[2]
    found = _SEMVER.fullmatch(name.partition(":")[2])
    version = ".".join(found.group(1, 2, 3)) if found else ""
    return version if _ACCEPTED.fullmatch(version) else VERSION


def takes_picker_config(image: str) -> bool:
    """Whether an endpoint picker is told by the graph what to do: the operator refuses that from 1.5 on."""
    return tuple(map(int, runtime_version(image).split("."))) < _NATIVE_PICKER


def is_served(api_version: str, served: Collection[str]) -> bool:
    """Whether the field is among those that a cluster serves, in the version that is written."""
    return SERVED_FIELDS.get(api_version) in served
