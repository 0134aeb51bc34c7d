"""A model image whose failure lies elsewhere is begun again by itself; a dear build that failed is not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from airunway.api.status import Phase
from airunway.messages.commands import RETRY
from airunway.messages.deployment_state import ModelImageState
from airunway.messages.failure_endings import OF_MODEL_IMAGES, Ending
from airunway.messages.model_image import ModelImagePhase
from airunway.messages.model_image_failures import REASONS
from airunway.workflows.model_deployment.image_attempts import count_failure, until_next_attempt
from tests.workflows.deployment_image_world import SPEC, Both
from tests.workflows.failures import failure

NOW = datetime(2026, 1, 31, tzinfo=UTC)
FULL = "team-a has 40 GiB of the registry's 50 GiB"


@pytest.mark.parametrize(
    ("step", "kind", "reason"),
    [
        ("ensure_registry", "ImageQuotaExceeded", "ImageQuotaExceeded"),
        ("resolve_model_image", "AccessDenied", "ModelAccessDenied"),
        ("build_model_image", "RegistryDenied", "RegistryDenied"),
    ],
)
async def test_it_goes_on_by_itself_once_nothing_is_in_the_way(
    both_skipping: Both, step: str, kind: str, reason: str
) -> None:
    both_skipping.images.errors[step] = [failure(kind, words=FULL)] * 3
    await both_skipping.deployment.start()
    said = await both_skipping.until_built(reason)
    await both_skipping.deployment.until_phase(Phase.FAILED)
    assert said["message"] == f"{FULL}; it is looked at again by itself"
    assert (await both_skipping.deployment.quiet()).next_reconcile_at is not None

    for _ in range(4):
        await both_skipping.deployment.skip(timedelta(minutes=3))

    await both_skipping.deployment.until_phase(Phase.DEPLOYING)
    image = (await both_skipping.deployment.quiet()).state.model_image
    assert image is not None
    assert (image.phase, image.failures) == (ModelImagePhase.READY, 0)


async def test_other_news_do_not_begin_it_before_its_time(both: Both) -> None:
    both.images.errors["ensure_registry"] = [failure("ImageQuotaExceeded", words=FULL)] * 9
    await both.deployment.start()
    await both.until_built("ImageQuotaExceeded")
    await both.deployment.quiet()
    calls = list(both.images.calls)

    await both.deployment.nudge("something else changed")
    await both.deployment.quiet()

    assert both.images.calls == calls


async def test_a_retry_does_not_wait_for_its_time(both: Both) -> None:
    both.images.errors["ensure_registry"] = [failure("ImageQuotaExceeded", words=FULL)]
    await both.deployment.start()
    await both.until_built("ImageQuotaExceeded")
    await both.deployment.quiet()

    await both.deployment.command(RETRY)

    await both.deployment.until_phase(Phase.DEPLOYING)


# -- the table ---------------------------------------------------------------------------------------------


def attempt(reason: str, failures: int) -> ModelImageState:
    state = ModelImageState(spec=SPEC, phase=ModelImagePhase.FAILED, reason=reason, failures=failures - 1)
    count_failure(state, now=NOW)
    return state


@pytest.mark.parametrize("reason", sorted({*REASONS.values(), "BuildFailed"}))
def test_each_reason_is_tried_again_or_not_as_the_table_says(reason: str) -> None:
    by_itself = OF_MODEL_IMAGES.get(reason)
    wanted = by_itself is not None and by_itself.ending is Ending.IMAGE_BACKOFF

    delays = [until_next_attempt(attempt(reason, failures), now=NOW) for failures in (1, 2, 3, 50)]

    seconds = [delay.total_seconds() if delay is not None else None for delay in delays]
    assert seconds == ([30, 60, 120, 1800] if wanted else [None] * 4)


def test_once_its_time_has_come_nothing_is_waited_for() -> None:
    late = until_next_attempt(attempt("NoSpace", 1), now=NOW + timedelta(hours=9))

    assert late == timedelta(0)
