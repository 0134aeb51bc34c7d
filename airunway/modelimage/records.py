"""What is remembered of each built image: its digest above all, which no tag of the registry can say. Pure.

Kept in the control plane's namespace, where whoever can push to the registry cannot write.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, ValidationError

ABANDONED_AFTER = timedelta(hours=48)
"""A build whose end nobody recorded. Longer than any is given (`messages.model_image.build_step`): a model of
100 GB has 28 hours of a slow line."""


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
    name: str
    """Repository in the registry."""
    bytes: int
    """Size of the model's files."""
    namespace: str = ""
    """Whose deployment wanted it first: it counts against that namespace's share."""
    digest: str = ""
    """Of the manifest, as the builder reported it."""
    build: str = ""
    """Which attempt is under way."""
    since: datetime
    """Of the state."""
    used: datetime
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
            found[identity] = ImageRecord.model_validate_json(text)
        except ValidationError:
            continue
    return found
