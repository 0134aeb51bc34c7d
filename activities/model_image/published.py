"""The images that may be deployed: what the builder built, as recorded, if the registry still has just that.

A tag says nothing here: whoever can push can move one. An image is looked up by the digest that was recorded
when it was built; its manifest and config are read and compared with their digests, byte for byte.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from airunway.activities.model_image.errors import ImageNotVerified
from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.model_image.records import ModelImageRecords, Records
from airunway.api import names
from airunway.api.model_image import ModelImageRef
from airunway.clients.registry.errors import ImageBroken
from airunway.clients.registry.storage import ModelImageStorage, StoredModelImage
from airunway.modelimage.config import config_flaw
from airunway.modelimage.plan import AIKIT_LAYOUT, ModelImagePlan
from airunway.modelimage.records import ImageRecord, RecordState
from airunway.modelimage.retention import IN_HAND

_log = structlog.get_logger(__name__)

_NOTED_EVERY = IN_HAND / 6
"""How exactly it is remembered when an image was last asked for."""


@dataclass(frozen=True)
class RecordedModelImages:
    """What was built, as far as it can be read. `options`: what nodes call the registry."""

    storage: ModelImageStorage
    records: ModelImageRecords
    options: ModelImageOptions

    async def find(self, plan: ModelImagePlan) -> ModelImageRef | None:
        """The image of a plan; None when none was recorded, or the registry has not just that one any more.
        Raises ClientErrors."""
        seen = await self._look(plan)
        return self._reference(seen[1], plan) if seen else None

    async def _look(self, plan: ModelImagePlan) -> tuple[ImageRecord, StoredModelImage] | None:
        record = (await self.records.read()).images.get(plan.identity)
        if record is None or (record.state, record.name) != (RecordState.BUILT, plan.name):
            return None
        if not record.digest:
            return None
        try:
            found = await self.storage.find(plan.name, record.digest)
            if found is None or _flaw(found, plan) or not await self.storage.has_blobs(found):
                return None
        except ImageBroken:
            return None
        return record, found

    def _reference(self, found: StoredModelImage, plan: ModelImagePlan) -> ModelImageRef:
        name = f"{self.options.pull_host_of(plan.name)}/{plan.name}"
        return ModelImageRef(
            reference=f"{name}@{found.digest}",
            tagged=f"{name}:{plan.tag}",
            pull_secret=self.options.pull_secret if plan.private_to else "",
        )


@dataclass(frozen=True)
class PublishedModelImages(RecordedModelImages):
    """The same for who may write as well: the records, and the registry's tags."""

    async def check(self, plan: ModelImagePlan) -> str:
        """The host that has the image. Raises RegistryUnavailable or RegistryDenied when it cannot be
        used."""
        await self.storage.ping(plan.name)
        return self.storage.host_of(plan.name)

    async def find(self, plan: ModelImagePlan) -> ModelImageRef | None:
        """The same, after which the image is known to be wanted. Without one it is built again."""
        seen = await self._look(plan)
        if seen is None:
            return None
        record, found = seen
        await self._put_back_tag(found, plan)
        if self.records.now() - record.used >= _NOTED_EVERY and not await self._note_use(plan, record):
            return None
        return self._reference(found, plan)

    async def publish(self, plan: ModelImagePlan, digest: str) -> ModelImageRef:
        """Pull a manifest back, compare, only then move the tags and let it be deployed.

        Only the digest that the build reported is taken. Raises ImageNotVerified, ClientErrors.
        """
        record = (await self.records.read()).images.get(plan.identity)
        if record is None or record.digest != digest or record.name != plan.name:
            raise ImageNotVerified(f"{plan.name}@{digest} is not what the builder reported for this image")
        found = await self.storage.find(plan.name, digest)
        if found is None:
            raise ImageNotVerified(f"{plan.name}@{digest} is not in the registry after its push")
        flaw = _flaw(found, plan)
        if flaw or not await self.storage.has_blobs(found):
            raise ImageNotVerified(f"{plan.name}@{found.digest}: {flaw or 'layers are missing'}")
        await self.storage.tag(found, plan.tag)
        if await self._can_move_visible_tag(plan):
            await self.storage.tag(found, plan.visible_tag)
        await self._record_built(plan, digest)
        return self._reference(found, plan)

    async def _can_move_visible_tag(self, plan: ModelImagePlan) -> bool:
        """Whether AI Runway's tag, which several models may share, is free or was this file's before."""
        try:
            there = await self.storage.find(plan.name, plan.visible_tag)
        except ImageBroken:
            return False
        if there is None:
            return True
        was = (there.labels.get(names.LABEL_IMAGE_MODEL), there.labels.get(names.LABEL_IMAGE_FILE))
        return was == (plan.repository, plan.main.path)

    async def _put_back_tag(self, found: StoredModelImage, plan: ModelImagePlan) -> None:
        """Somebody who can push let the image's own tag point elsewhere. Nothing is deployed by it, but
        people read it."""
        there = await self.storage.digest_of(plan.name, plan.tag)
        if there != found.digest:
            _log.warning(
                "the tag of a model image was moved or removed; it is put back",
                image=f"{plan.name}:{plan.tag}",
                built=found.digest,
                found=there or "nothing",
            )
            await self.storage.tag(found, plan.tag)

    async def _note_use(self, plan: ModelImagePlan, seen: ImageRecord) -> bool:
        """Record that a deployment asked for it; whether it was still there to be given."""
        now = self.records.now()

        def used(there: Records) -> Mapping[str, ImageRecord | None]:
            record = there.images.get(plan.identity)
            if record is None or (record.state, record.digest) != (RecordState.BUILT, seen.digest):
                return {}
            return {plan.identity: record.model_copy(update={"used": now})}

        return bool(await self.records.change(used))

    async def _record_built(self, plan: ModelImagePlan, digest: str) -> None:
        now = self.records.now()

        def built(there: Records) -> Mapping[str, ImageRecord | None]:
            record = there.images.get(plan.identity)
            if record is None or record.digest != digest or record.state is RecordState.REMOVING:
                raise ImageNotVerified(f"{plan.name}@{digest} was removed while it was verified")
            changed = {"state": RecordState.BUILT, "since": now, "used": now}
            return {plan.identity: record.model_copy(update=changed)}

        await self.records.change(built)


def _flaw(found: StoredModelImage, plan: ModelImagePlan) -> str:
    """Why an image is not the one of the plan; empty when it is. AIKit's images say nothing of themselves."""
    if plan.layout == AIKIT_LAYOUT:
        return ""
    if found.layer_bytes < plan.total_bytes:
        return f"its layers have {found.layer_bytes} bytes, the model alone {plan.total_bytes}"
    return config_flaw(plan, found.config)
