"""What is remembered of each built image: its digest above all, which no tag of the registry can say. Pure.

Kept in the control plane's namespace, where whoever can push to the registry cannot write.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

ABANDONED_AFTER = timedelta(hours=48)
"""A build whose end nobody recorded. Longer than any is given (`messages.model_image.build_step`): a model of
100 GB has 28 hours of a slow line."""


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_MAX_BYTES = 2**63 - 1
_MAX_NAME = 512


class RecordState(StrEnum):
    """Where an image stands."""

    BUILDING = "building"
    PUSHED = "pushed"
    """Its digest is known from the builder; nobody has compared it yet."""
    BUILT = "built"
    """It may be deployed."""
    REMOVING = "removing"
    """It is being removed; nobody may use it any more."""


class ImageRecord(BaseModel):
    """One image, by its identity."""

    model_config = ConfigDict(frozen=True)

    state: RecordState
    name: str = Field(max_length=_MAX_NAME)
    """Repository in the registry."""
    bytes: int = Field(ge=0, le=_MAX_BYTES)
    """Size of the model's files."""
    namespace: str = Field(default="", max_length=_MAX_NAME)
    """Whose deployment wanted it first: it counts against that namespace's share."""
    digest: str = Field(default="", max_length=_MAX_NAME)
    """Of the manifest, as the builder reported it."""
    build: str = Field(default="", max_length=_MAX_NAME)
    """Which attempt is under way."""
    since: AwareDatetime
    """Of the state."""
    used: AwareDatetime
    """When a deployment last asked for it."""

    def is_being_built(self, now: datetime) -> bool:
        """Whether a build of it is under way."""
        return self.state is RecordState.BUILDING and now - self.since < ABANDONED_AFTER

    def has_room(self, now: datetime) -> bool:
        """Whether it takes room in the registry, or soon will."""
        return self.state is not RecordState.BUILDING or self.is_being_built(now)


def records_in(data: Mapping[str, str] | None) -> dict[str, ImageRecord]:
    """The records of a ConfigMap's data, by identity. What cannot be read is no record: nothing is deployed
    on the word of it."""
    found = {}
    for identity, text in (data or {}).items():
        try:
            record = ImageRecord.model_validate_json(text)
        except ValidationError:
            continue
        if not record.digest or _DIGEST.fullmatch(record.digest):  # a tag would be looked up as well
            found[identity] = record
    return found
