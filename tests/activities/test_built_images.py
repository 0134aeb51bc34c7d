"""An image that a deployment is rendered with is the one that the registry has for the wanted plan."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from temporalio.exceptions import ApplicationError

from airunway.activities.model_image.built import BuiltModelImages
from airunway.activities.model_image.options import ModelImageOptions
from airunway.api.model_image import ModelImageRef, ModelImageSpec
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.messages.failures import NOT_AS_OWNED
from airunway.modelimage.plan import ModelImagePlan
from tests.modelimage.build import BASE, plan, planned

PLAN = plan()
WANTED = ModelImageSpec(repository=PLAN.repository)
NAME = f"localhost:30500/{PLAN.name}"
GENUINE = ModelImageRef(reference=f"{NAME}@sha256:{'a' * 64}")
OTHER_DIGEST = ModelImageRef(reference=f"{NAME}@sha256:{'e' * 64}")
ELSEWHERE = ModelImageRef(reference=f"evil.example.com/{PLAN.name}@sha256:{'a' * 64}")


class Registry:
    """Holds the genuine image of the plan."""

    def __init__(self) -> None:
        self.asked = 0
        self.away = self.empty = False

    async def find(self, wanted: ModelImagePlan) -> ModelImageRef | None:
        self.asked += 1
        if self.away:
            raise RegistryUnavailable("connection refused")
        return GENUINE if wanted == PLAN and not self.empty else None


def images(registry: Registry) -> BuiltModelImages:
    options = ModelImageOptions(cluster_name="here", base=BASE)
    return BuiltModelImages(registry, options)  # type: ignore[arg-type]


async def test_the_genuine_one_is_asked_for_once() -> None:
    registry = Registry()
    built = images(registry)

    await built.refuse_other(GENUINE, PLAN, WANTED, serving="")
    await built.refuse_other(GENUINE, PLAN, WANTED, serving="")

    assert registry.asked == 1


@pytest.mark.parametrize(
    ("image", "of", "wanted"),
    [
        pytest.param(OTHER_DIGEST, PLAN, WANTED, id="another digest of the same name"),
        pytest.param(ELSEWHERE, PLAN, WANTED, id="another registry"),
        pytest.param(GENUINE, None, WANTED, id="no plan"),
        pytest.param(GENUINE, plan(repository="evil/model"), WANTED, id="a plan of another model"),
        pytest.param(GENUINE, plan(revision="refs"), WANTED, id="a plan of another revision"),
        pytest.param(
            GENUINE, PLAN, WANTED.model_copy(update={"file": "other.gguf"}), id="a plan of another file"
        ),
        pytest.param(GENUINE, plan(base="evil.example.com/x@sha256:" + "b" * 64), WANTED, id="another base"),
        pytest.param(GENUINE, plan(files=[planned(content="evil")]), WANTED, id="other files"),
        pytest.param(GENUINE, PLAN.model_copy(update={"tag": "latest"}), WANTED, id="another tag"),
    ],
)
async def test_every_other_one_is_refused_for_good(
    image: ModelImageRef, of: ModelImagePlan | None, wanted: ModelImageSpec
) -> None:
    with pytest.raises(ApplicationError) as refused:
        await images(Registry()).refuse_other(image, of, wanted, serving="")

    assert (refused.value.type, refused.value.non_retryable) == (NOT_AS_OWNED, True)


def _away(registry: Registry) -> None:
    registry.away = True


def _empty(registry: Registry) -> None:
    registry.empty = True


@pytest.mark.parametrize("trouble", [_away, _empty])
async def test_what_serves_goes_on_without_the_registry(trouble: Callable[[Registry], None]) -> None:
    registry = Registry()
    trouble(registry)

    await images(registry).refuse_other(GENUINE, PLAN, WANTED, serving=GENUINE.reference)

    with pytest.raises((ApplicationError, RegistryUnavailable)):
        await images(registry).refuse_other(OTHER_DIGEST, PLAN, WANTED, serving=GENUINE.reference)
