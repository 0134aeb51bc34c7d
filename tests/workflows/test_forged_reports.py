"""Reports that nobody of this system sent: what they say is read from its owner, and acted on only then."""

from __future__ import annotations

import pytest

from airunway.api.decision import InstallationNeed, InstallPolicy
from airunway.api.model_image import ModelImageRef
from airunway.api.status import Phase
from airunway.messages.deployment_workflow import IMAGE_REPORT, INSTALL_REPORT
from airunway.messages.installation import InstallReport
from airunway.messages.installation_workflow import READ_INSTALLATION
from airunway.messages.model_image import (
    READ_MODEL_IMAGE,
    BuildProgress,
    ModelImagePhase,
    ModelImageReport,
)
from tests.workflows.deployment_image_world import Both
from tests.workflows.image_world import DIGEST
from tests.workflows.provider_fakes import PROVIDER
from tests.workflows.world import World

EVIL = "evil.example.com/x@sha256:" + "e" * 64
AUTO = InstallationNeed(provider=PROVIDER, policy=InstallPolicy.AUTO)


def report(both: Both, phase: ModelImagePhase, *, workflow_id: str = "") -> ModelImageReport:
    """About the image that is waited for, with an image of somebody else in it."""
    return ModelImageReport(
        identity=both.images.joined[0].plan.identity,
        workflow_id=workflow_id or both.image_id(),
        phase=phase,
        progress=BuildProgress(step=str(phase)),
        image=ModelImageRef(reference=EVIL, tagged=EVIL),
        reason="BuildFailed",
        message="because somebody says so",
    )


@pytest.mark.parametrize(
    "phase", [ModelImagePhase.READY, ModelImagePhase.FAILED, ModelImagePhase.CANCELLED], ids=str
)
async def test_an_image_that_somebody_says_is_over_goes_on_being_built(
    both: Both, phase: ModelImagePhase
) -> None:
    gate = await both.being_built()

    await both.deployment.handle.signal(IMAGE_REPORT, report(both, phase))
    await both.until(lambda: READ_MODEL_IMAGE.name in both.images.calls)
    await both.deployment.quiet()

    assert not any(request.built_model_image for request in both.deployment.rendered)
    assert both.condition()["reason"] == "ImageBuilding"
    assert both.deployment.status["phase"] == Phase.PENDING
    assert [what for what, _ in await both.deployment.journal()].count("NotBorneOut") == 1
    gate.set()
    await both.deployment.until_phase(Phase.DEPLOYING)
    (built,) = {
        request.built_model_image.reference
        for request in both.deployment.rendered
        if request.built_model_image
    }
    assert built.endswith(DIGEST)


async def test_an_image_that_is_there_is_the_registrys_whatever_a_report_says(both: Both) -> None:
    await both.being_built()
    both.images.in_registry.add(both.images.joined[0].plan.identity)

    await both.deployment.handle.signal(IMAGE_REPORT, report(both, ModelImagePhase.READY))

    await both.deployment.until_phase(Phase.DEPLOYING)
    image = both.deployment.status["image"]
    assert image["digest"] == DIGEST
    assert "evil" not in str(both.deployment.statuses)


async def test_a_report_has_nobody_else_than_an_image_left(both: Both) -> None:
    await both.being_built()
    listener = await both.images.listener()

    other = report(both, ModelImagePhase.BUILDING, workflow_id=listener.id)
    await both.deployment.handle.signal(IMAGE_REPORT, other.model_copy(update={"identity": "0" * 64}))
    await both.deployment.quiet()

    history = await both.deployment.handle.fetch_history()
    signalled = [
        event.signal_external_workflow_execution_initiated_event_attributes.workflow_execution.workflow_id
        for event in history.events
        if event.HasField("signal_external_workflow_execution_initiated_event_attributes")
    ]
    assert listener.id not in signalled


@pytest.mark.parametrize("succeeded", [True, False])
@pytest.mark.world(installation=AUTO, provider_ready=False, provider_reason="CRDMissing")
async def test_an_installation_that_somebody_says_is_over_is_waited_for(
    world: World, succeeded: bool
) -> None:
    await world.start()
    await world.until(lambda: bool(world.joins))
    await world.quiet()

    forged = InstallReport(provider=PROVIDER, succeeded=succeeded, message="because somebody says so")
    await world.handle.signal(INSTALL_REPORT, forged)
    await world.until(lambda: READ_INSTALLATION.name in world.calls)
    await world.quiet()

    assert world.condition("ProviderInstalled")["reason"] == "Installing"
    assert "somebody says so" not in str(world.statuses)
    assert [what for what, _ in await world.journal()].count("NotBorneOut") == 1
