"""Whether an image that a deployment is to be rendered with is the one that was built of its model.

Its reference came through Temporal. So it is compared with what the registry has for the plan, and the plan
with what the deployment's provider wants. One that was seen there is remembered for a while: a digest stays
what it is, but the registry may lose the image, and have another one of the same plan then.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from airunway.activities.model_image.options import ModelImageOptions
from airunway.activities.model_image.published import RecordedModelImages
from airunway.activities.model_image.wanted import refuse_other_model, refuse_other_plan
from airunway.activities.owned import refused
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.plan import ModelImagePlan

MAX_REMEMBERED = 4096
REMEMBERED_SECONDS = 600.0
"""After so long an image that was built again is noticed by the deployments that run the one before."""


class BuiltModelImages:
    """The images of one registry, for the renderings of one process. `clock`: seconds."""

    def __init__(
        self,
        published: RecordedModelImages,
        options: ModelImageOptions,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._published, self._options, self._clock = published, options, clock
        self._seen: OrderedDict[tuple[str, str, str], float] = OrderedDict()

    async def is_replaced(
        self, built: ModelImageRef, plan: ModelImagePlan | None, wanted: ModelImageSpec, *, serving: str
    ) -> bool:
        """See that an image is that of the plan, and the plan of what is wanted.

        True: the deployment runs it, and the registry has another one of the plan by now.

        `serving`: reference that the deployment's status names. It counts while the registry does not
        answer, or has lost the image: what serves must not stop because of that. Raises a final failure for
        any other image, ClientErrors.
        """
        if plan is None:
            raise refused(f"image {built.reference} refused: nothing says of what it was built")
        refuse_other_plan(plan, self._options)
        refuse_other_model(plan, wanted)
        key = plan.identity, built.reference, built.pull_secret
        if self._clock() - self._seen.get(key, -REMEMBERED_SECONDS) < REMEMBERED_SECONDS:
            return False
        try:
            found = await self._published.find(plan)
        except RegistryUnavailable:
            if serving != built.reference:
                raise
            return False
        is_the_one = found is not None and _pulled(found) == _pulled(built)
        if serving == built.reference and not is_the_one:
            return found is not None
        if not is_the_one:
            has = f"is {found.reference}" if found else "is not there"
            raise refused(
                f"image {built.reference} refused: the registry's image of {plan.repository}"
                f"@{plan.commit[:12]} {has}"
            )
        self._seen[key] = self._clock()
        self._seen.move_to_end(key)
        if len(self._seen) > MAX_REMEMBERED:
            self._seen.popitem(last=False)
        return False


def _pulled(image: ModelImageRef) -> tuple[str, str]:
    """What nodes pull, and with what."""
    return image.reference, image.pull_secret
