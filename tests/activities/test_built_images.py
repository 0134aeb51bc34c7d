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
        self.holds = GENUINE

    async def find(self, wanted: ModelImagePlan) -> ModelImageRef | None:
        self.asked += 1
        if self.away:
            raise RegistryUnavailable("connection refused")
        return self.holds if wanted == PLAN and not self.empty else None


class Clock:
    """Seconds that pass when the test says so."""

    now = 5.0

    def __call__(self) -> float:
        return self.now


def images(registry: Registry, clock: Clock | None = None) -> BuiltModelImages:
    options = ModelImageOptions(cluster_name="here", base=BASE)
    return BuiltModelImages(registry, options, clock=clock or Clock())  # type: ignore[arg-type]


async def test_the_genuine_one_is_asked_for_once() -> None:
    registry = Registry()
    built = images(registry)

    await built.is_replaced(GENUINE, PLAN, WANTED, serving="")
    await built.is_replaced(GENUINE, PLAN, WANTED, serving="")

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
        await images(Registry()).is_replaced(image, of, wanted, serving="")

    assert (refused.value.type, refused.value.non_retryable) == (NOT_AS_OWNED, True)


def _away(registry: Registry) -> None:
    registry.away = True


def _empty(registry: Registry) -> None:
    registry.empty = True


@pytest.mark.parametrize("trouble", [_away, _empty])
async def test_what_serves_goes_on_without_the_registry(trouble: Callable[[Registry], None]) -> None:
    registry = Registry()
    trouble(registry)

    assert not await images(registry).is_replaced(GENUINE, PLAN, WANTED, serving=GENUINE.reference)

    with pytest.raises((ApplicationError, RegistryUnavailable)):
        await images(registry).is_replaced(OTHER_DIGEST, PLAN, WANTED, serving=GENUINE.reference)


async def test_of_an_image_that_serves_it_is_told_that_the_registry_has_another_one_now() -> None:
    """It was lost, and built again for somebody with other dates of its files."""
    ran = OTHER_DIGEST

    assert await images(Registry()).is_replaced(ran, PLAN, WANTED, serving=ran.reference)
    assert not await images(Registry()).is_replaced(GENUINE, PLAN, WANTED, serving=ran.reference)


async def test_a_replacement_is_noticed_though_the_image_was_seen_before() -> None:
    registry, clock = Registry(), Clock()
    built = images(registry, clock)
    assert not await built.is_replaced(GENUINE, PLAN, WANTED, serving=GENUINE.reference)
    registry.holds = OTHER_DIGEST

    clock.now += 599
    assert not await built.is_replaced(GENUINE, PLAN, WANTED, serving=GENUINE.reference)
    clock.now += 1
    assert await built.is_replaced(GENUINE, PLAN, WANTED, serving=GENUINE.reference)


async def test_another_secret_to_pull_with_is_taken_over_too() -> None:
    ran = GENUINE.model_copy(update={"pull_secret": "gone"})

    assert await images(Registry()).is_replaced(ran, PLAN, WANTED, serving=GENUINE.reference)
