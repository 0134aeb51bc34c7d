"""What workflows count is counted when it happens, and not again when the history is replayed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from temporalio.worker import Replayer

from airunway.api.decision import Outcome
from airunway.api.status import Phase
from airunway.metrics.registry import EXPOSITION, Served
from airunway.workers.served_workflows import WORKFLOWS
from airunway.workers.temporal.converter import data_converter
from tests.metrics.scraping import Series, series
from tests.replay.stories import FOLDER, recorded
from tests.workflows.world import World

PASSES = ("airunway_reconciliation_duration_seconds_count", frozenset({("provider", "acme")}))


@pytest.fixture(autouse=True)
def serves() -> Iterator[None]:
    EXPOSITION.serve(Served.WORKER)
    yield
    EXPOSITION.withdraw(Served.WORKER)


def now() -> Series:
    """What workflows count; other series of the process change by themselves."""
    return {
        key: count
        for key, count in series(EXPOSITION.text()).items()
        if key[0].startswith(("airunway_reconciliation", "airunway_image", "airunway_installation"))
    }


def errors(kind: str) -> float:
    labels = frozenset({("provider", "acme"), ("error_type", kind)})
    return now().get(("airunway_reconciliation_errors_total", labels), 0.0)


async def until_running(world: World) -> None:
    await world.start()
    await world.until_phase(Phase.DEPLOYING)
    await world.upstream(Phase.RUNNING)
    await world.until_phase(Phase.RUNNING)
    await world.quiet()


async def test_each_reconcile_of_a_deployment_with_a_provider_is_measured(world: World) -> None:
    before = now().get(PASSES, 0.0)

    await until_running(world)

    assert now()[PASSES] >= before + 2


async def test_a_refused_change_is_an_error_of_its_kind(world: World) -> None:
    await until_running(world)
    before = {kind: errors(kind) for kind in ("validation", "provider_change", "engine_selection")}

    world.outcome, world.finding = Outcome.PROVIDER_CHANGE, "spec.provider.name cannot be changed"
    await world.edit()
    await world.quiet()

    assert errors("provider_change") == before["provider_change"] + 1
    assert errors("validation") == before["validation"]
    assert errors("engine_selection") == before["engine_selection"]


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)
async def test_a_replay_counts_nothing(file: Path) -> None:
    replayer = Replayer(workflows=WORKFLOWS, data_converter=data_converter())
    before = now()

    await replayer.replay_workflow(recorded(file))

    assert now() == before
