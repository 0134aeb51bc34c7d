"""The images in the registry: whether one is that of a plan, and its tags once it was verified."""

from __future__ import annotations

from airunway.activities.model_image.errors import ImageNotVerified
from airunway.api import names
from airunway.api.model_image import ModelImageRef
from airunway.clients.registry.errors import ImageBroken
from airunway.clients.registry.storage import ModelImageStorage, StoredModelImage
from airunway.modelimage.plan import AIKIT_LAYOUT, ModelImagePlan


class PublishedModelImages:
    """What one registry holds. `pull_host`: what nodes call it."""

    def __init__(self, storage: ModelImageStorage, *, pull_host: str) -> None:
        self._storage, self._pull_host = storage, pull_host

    async def check(self) -> str:
        """Its host. Raises RegistryUnavailable or RegistryDenied when it cannot be used."""
        await self._storage.ping()
        return self._storage.host

    async def find(self, plan: ModelImagePlan) -> ModelImageRef | None:
        """The image of a plan; a broken one is not there, so that it is built again. Raises ClientErrors."""
        try:
            found = await self._storage.find(plan.name, plan.tag)
            if found is None or _flaw(found, plan) or not await self._storage.has_blobs(found):
                return None
        except ImageBroken:
            return None
        return self._reference(found, plan)

    async def publish(self, plan: ModelImagePlan, digest: str) -> ModelImageRef:
        """Pull a manifest back, compare, only then move the tags. Raises ImageNotVerified, ClientErrors."""
        found = await self._storage.find(plan.name, digest)
        if found is None:
            raise ImageNotVerified(f"{plan.name}@{digest} is not in the registry after its push")
        flaw = _flaw(found, plan)
        if flaw or not await self._storage.has_blobs(found):
            raise ImageNotVerified(f"{plan.name}@{found.digest}: {flaw or 'layers are missing'}")
        await self._storage.tag(found, plan.tag)
        if await self._can_move_visible_tag(plan):
            await self._storage.tag(found, plan.visible_tag)
        return self._reference(found, plan)

    async def _can_move_visible_tag(self, plan: ModelImagePlan) -> bool:
        """Whether AI Runway's tag, which several models may share, is free or was this file's before."""
        try:
            there = await self._storage.find(plan.name, plan.visible_tag)
        except ImageBroken:
            return False
        if there is None:
            return True
        was = (there.labels.get(names.LABEL_IMAGE_MODEL), there.labels.get(names.LABEL_IMAGE_FILE))
        return was == (plan.repository, plan.main.path)

    def _reference(self, found: StoredModelImage, plan: ModelImagePlan) -> ModelImageRef:
        name = f"{self._pull_host}/{plan.name}"
        return ModelImageRef(reference=f"{name}@{found.digest}", tagged=f"{name}:{plan.tag}")


def _flaw(found: StoredModelImage, plan: ModelImagePlan) -> str:
    """Why an image is not the one of the plan; empty when it is. AIKit's images say nothing of themselves."""
    if plan.layout == AIKIT_LAYOUT:
        return ""
    if found.layer_bytes < plan.total_bytes:
        return f"its layers have {found.layer_bytes} bytes, the model alone {plan.total_bytes}"
    if found.labels.get(names.LABEL_IMAGE_IDENTITY) != plan.identity:
        return "its config carries another identity"
    return ""
