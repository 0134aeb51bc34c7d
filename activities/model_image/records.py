"""The records of built images, in one ConfigMap of the control plane's namespace.

Each change is made of what was read just before, or not at all: the API server refuses it when somebody else
wrote in between, and it is thought out again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from airunway.api import names
from airunway.clients.errors import AlreadyExists, Conflict, NotFound
from airunway.clients.kubernetes import CONFIG_MAPS, Cluster, Object
from airunway.modelimage.records import ImageRecord, records_in

Changes = Mapping[str, ImageRecord | None]
"""By identity; None: forget it."""

_REMOVED_AT = "airunway.ai/removed-at"
_ATTEMPTS = 10


@dataclass(frozen=True)
class Records:
    """What is recorded. `removed_at`: when images were last removed from the registry; empty: never."""

    images: Mapping[str, ImageRecord]
    removed_at: str = ""


def _now() -> datetime:
    return datetime.now(UTC)


class ModelImageRecords:
    """The records of one cluster. `clock`: the time that they are given."""

    def __init__(self, cluster: Cluster, *, namespace: str, clock: Callable[[], datetime] = _now) -> None:
        self._cluster, self._namespace, self.now = cluster, namespace, clock

    async def read(self) -> Records:
        """Everything. Raises ApiError."""
        return _records(await self._find())

    async def change(self, decide: Callable[[Records], Changes], *, removes: bool = False) -> Changes:
        """Make the changes that are decided on what is recorded now; answers them.

        What `decide` raises goes on, and nothing is changed. `removes`: images leave the registry for this.
        Raises ApiError.
        """
        for _ in range(_ATTEMPTS):
            live = await self._find() or await self._create()
            changes = decide(_records(live))
            if not changes:
                return changes
            data = {key: record and record.model_dump_json() for key, record in changes.items()}
            metadata: Object = {"resourceVersion": live["metadata"]["resourceVersion"]}
            if removes:
                metadata["annotations"] = {_REMOVED_AT: self.now().isoformat()}
            try:
                await self._cluster.patch(
                    CONFIG_MAPS,
                    names.MODEL_IMAGES,
                    {"metadata": metadata, "data": data},
                    namespace=self._namespace,
                    field_manager=names.MODEL_IMAGE_FIELD_MANAGER,
                )
            except (Conflict, NotFound):
                continue
            return changes
        raise Conflict(f"ConfigMap {self._namespace}/{names.MODEL_IMAGES} is changed all the time")

    async def _find(self) -> Object | None:
        return await self._cluster.find(CONFIG_MAPS, names.MODEL_IMAGES, namespace=self._namespace)

    async def _create(self) -> Object:
        body = {"metadata": {"name": names.MODEL_IMAGES}, "data": {}}
        try:
            return await self._cluster.create(
                CONFIG_MAPS,
                body,
                namespace=self._namespace,
                field_manager=names.MODEL_IMAGE_FIELD_MANAGER,
            )
        except AlreadyExists:
            return await self._cluster.get(CONFIG_MAPS, names.MODEL_IMAGES, namespace=self._namespace)


def _records(live: Object | None) -> Records:
    if live is None:
        return Records({})
    annotations = live["metadata"].get("annotations") or {}
    return Records(records_in(live.get("data")), str(annotations.get(_REMOVED_AT) or ""))
