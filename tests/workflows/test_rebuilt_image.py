"""A deployment whose image the registry lost takes the one that was built again, once."""

from __future__ import annotations

import pytest

from airunway.api.status import Phase
from tests.workflows.deployment_image_world import Both
from tests.workflows.failures import failure
from tests.workflows.image_world import DIGEST


async def serving(both: Both) -> str:
    """A deployment that runs its image; answers the reference."""
    await both.deployment.start()
    await both.deployment.until_phase(Phase.DEPLOYING)
    await both.until_built("ImageReady")
    return str(both.deployment.status["image"]["resolved"])


def told(both: Both) -> list[str]:
    return [message for reason, message in both.deployment.events if reason == "ModelImageReplaced"]


async def test_an_image_that_was_built_again_with_another_digest_is_taken_once_and_said(both: Both) -> None:
    """The registry lost the one that runs, and somebody else had it built again."""
    before = await serving(both)
    both.images.digest = "sha256:" + "9" * 64
    both.deployment.replaced_images = {before}

    await both.deployment.edit()

    after = before.replace(DIGEST, both.images.digest)
    await both.until(lambda: both.deployment.status["image"]["resolved"] == after)
    built = both.deployment.rendered[-1].built_model_image
    assert built is not None and built.reference == after
    assert both.images.calls.count("build_model_image") == 1, "it is there already"
    await both.until(lambda: bool(told(both)))
    await both.deployment.edit()
    await both.until(lambda: both.deployment.upstream_generation == both.deployment.generation)
    (words,) = told(both)
    assert before in words and after in words


@pytest.mark.parametrize("trouble", ["the same again", "nobody can read it"])
async def test_a_deployment_keeps_its_image_while_no_other_can_be_read(both: Both, trouble: str) -> None:
    before = await serving(both)
    both.deployment.replaced_images = {before}
    reads = both.images.calls.count("read_model_image")
    if trouble == "nobody can read it":
        both.images.errors["read_model_image"] = [failure("Refused")]

    await both.deployment.edit()

    await both.until(lambda: both.images.calls.count("read_model_image") > reads)
    both.deployment.replaced_images = set()
    await both.deployment.edit()
    await both.until(lambda: both.deployment.upstream_generation == both.deployment.generation)
    assert both.deployment.status["image"]["resolved"] == before
    assert told(both) == []
