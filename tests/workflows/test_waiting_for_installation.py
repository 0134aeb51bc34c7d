"""A deployment whose provider lacks its operator: it asks, or has it installed and waits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from temporalio.exceptions import ApplicationError

from airunway.api.decision import InstallationNeed, InstallPolicy
from airunway.api.status import Phase
from airunway.messages.commands import RETRY
from airunway.messages.deployment_workflow import INSTALL_REPORT
from airunway.messages.installation import JOIN_INSTALLATION, InstallReport
from airunway.messages.installation_workflow import InstallationOutcome
from tests.workflows.provider_fakes import PROVIDER
from tests.workflows.world import World

ASK = InstallationNeed(provider=PROVIDER, policy=InstallPolicy.ASK)
AUTO = InstallationNeed(provider=PROVIDER, policy=InstallPolicy.AUTO)
UNREADY = {"provider_ready": False, "provider_reason": "CRDMissing"}


async def report(world: World, *, succeeded: bool, message: str = "") -> None:
    world.installed = InstallationOutcome(succeeded=succeeded, message=message)
    answer = InstallReport(provider=PROVIDER, succeeded=succeeded, message=message)
    await world.handle.signal(INSTALL_REPORT, answer)


async def becomes_ready(world: World) -> None:
    """The provider's worker sees the operator, and the watcher sees the config."""
    world.installation, world.provider_ready = None, True
    await world.nudge("provider acme changed")


@pytest.mark.world(installation=ASK, **UNREADY)
async def test_asking_shows_the_command_and_installs_nothing(world: World) -> None:
    await world.start()
    await world.quiet()

    assert world.condition("ProviderInstalled")["reason"] == "InstallationRequired"
    assert "airunway providers install acme" in world.status["message"]
    assert world.status["phase"] == Phase.PENDING
    assert world.joins == []
    assert [reason for reason, _ in world.events].count("InstallationRequired") == 1


@pytest.mark.world(installation=ASK, **UNREADY)
async def test_it_goes_on_by_itself_once_the_operator_is_there(world: World) -> None:
    await world.start()
    await world.quiet()

    await becomes_ready(world)

    await world.until_phase(Phase.DEPLOYING)
    assert world.condition("ProviderInstalled")["status"] == "True"
    assert world.applied


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_the_operator_is_installed_and_waited_for(world: World) -> None:
    await world.start()
    await world.until(lambda: bool(world.joins))
    await world.quiet()

    (join,) = world.joins
    assert join.waiter == world.handle.id
    assert join.provider == PROVIDER
    assert world.condition("ProviderInstalled")["reason"] == "Installing"
    assert "provider/acme" in world.status["message"]

    await report(world, succeeded=True)
    await world.quiet()
    await becomes_ready(world)
    await world.upstream(Phase.RUNNING)

    await world.until_phase(Phase.RUNNING)
    assert world.condition("ProviderInstalled")["status"] == "True"
    assert len(world.joins) == 1


@pytest.mark.world(installation=AUTO, installer=False, **UNREADY)
async def test_a_missing_installer_is_reported(world: World) -> None:
    await world.start()
    await world.quiet()

    assert "no installer listens" in world.status["message"]


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_many_reconciles_ask_once(world: World) -> None:
    await world.start()
    await world.quiet()

    for _ in range(5):
        await world.nudge()
    await world.quiet()

    assert len(world.joins) == 1


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_a_lost_report_is_made_up_for_by_asking_again(world: World) -> None:
    await world.start()
    await world.quiet()

    await world.skip(timedelta(minutes=16))
    await world.nudge("audit: it waits")
    await world.quiet()

    assert len(world.joins) >= 2
    assert not world.joins[1].again


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_a_failed_installation_is_reported_and_not_begun_again_by_itself(world: World) -> None:
    await world.start()
    await world.quiet()

    await report(world, succeeded=False, message="the chart does not render")
    await world.quiet()

    assert world.condition("ProviderInstalled")["reason"] == "InstallationFailed"
    assert "does not render" in world.status["message"]
    assert len(world.joins) == 1
    assert ("InstallationFailed", world.condition("ProviderInstalled")["message"]) in world.events


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_a_persons_retry_reaches_the_installation(world: World) -> None:
    await world.start()
    await world.quiet()
    await report(world, succeeded=False, message="no")
    await world.quiet()

    await world.command(RETRY)
    await world.quiet()

    assert [join.again for join in world.joins] == [False, True]
    assert world.condition("ProviderInstalled")["reason"] == "Installing"


@pytest.mark.world(
    installation=AUTO,
    errors={JOIN_INSTALLATION.name: [ApplicationError("no", non_retryable=True)]},
    **UNREADY,
)
async def test_what_cannot_be_asked_for_is_reported(world: World) -> None:
    await world.start()
    await world.quiet()

    assert world.condition("ProviderInstalled")["reason"] == "InstallationFailed"


async def test_a_ready_provider_has_no_such_condition(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.quiet()

    assert "ProviderInstalled" not in {entry["type"] for entry in world.status["conditions"]}
    assert world.joins == []


@pytest.mark.world(installation=AUTO, **UNREADY)
async def test_an_installation_of_another_provider_means_nothing(world: World) -> None:
    await world.start()
    await world.quiet()

    other = InstallReport(provider="other", succeeded=False, message="x")
    await world.handle.signal(INSTALL_REPORT, other)
    await world.quiet()

    assert world.condition("ProviderInstalled")["reason"] == "Installing"
