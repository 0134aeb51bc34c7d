"""Whether an image that a deployment is to be rendered with is the one that was built of its model.

Its reference came through Temporal. So it is compared with what the registry has for the plan, and the plan
with what the deployment's provider wants. One that was seen there is remembered: a digest stays what it is.
"""

from __future__ import annotations

from collections import OrderedDict

from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.model_image.published import RecordedModelImages
from airunway.activities.model_image.wanted import refuse_other_model, refuse_other_plan
from airunway.activities.owned import refused
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.plan import ModelImagePlan

MAX_REMEMBERED = 4096


class BuiltModelImages:
    """The images of one registry, for the renderings of one process."""

    def __init__(self, published: RecordedModelImages, options: ModelImageOptions) -> None:
        self._published, self._options = published, options
        self._seen: OrderedDict[tuple[str, str], None] = OrderedDict()

    async def refuse_other(
        self, built: ModelImageRef, plan: ModelImagePlan | None, wanted: ModelImageSpec, *, serving: str
    ) -> None:
        """See that an image is that of the plan, and the plan of what is wanted.

        `serving`: reference that the deployment's status names. It counts while the registry does not
        answer, or has lost the image: what serves must not stop because of that. Raises a final failure,
        ClientErrors.
        """
        if plan is None:
            raise refused(f"image {built.reference} refused: nothing says of what it was built")
        refuse_other_plan(plan, self._options)
        refuse_other_model(plan, wanted)
        key = plan.identity, built.reference
        if key in self._seen:
            return
        try:
            found = await self._published.find(plan)
        except RegistryUnavailable:
            if serving != built.reference:
                raise
            return
        if found is None and serving == built.reference:
            return
        if found is None or (found.reference, found.pull_secret) != (built.reference, built.pull_secret):
            has = f"is {found.reference}" if found else "is not there"
            raise refused(
                f"image {built.reference} refused: the registry's image of {plan.repository}"
                f"@{plan.commit[:12]} {has}"
            )
        self._seen[key] = None
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
