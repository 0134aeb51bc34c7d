"""A restart of any part loses nothing and doubles nothing."""

from __future__ import annotations

from tests.e2e.system import System


async def test_what_happened_while_the_watcher_was_away_is_caught_up(system: System) -> None:
    await system.running("changed")
    await system.running("deleted")
    await system.stop("watcher")
    await system.edit("changed", {"spec": {"scaling": {"replicas": 2}}})
    await system.delete("deleted")
    await system.deploy("created")

    system.start_watcher()

    await system.until(lambda: system.server("changed")["spec"]["replicas"] == 2, "two replicas")
    await system.until(lambda: not system.deployment("deleted"), "deleted")
    await system.serve("created")
    await system.until_phase("created", "Running")


async def test_a_worker_that_stops_in_the_middle_is_continued_by_the_next(system: System) -> None:
    await system.running("before")
    await system.stop("worker")
    await system.deploy("chat")
    await system.edit("before", {"spec": {"scaling": {"replicas": 4}}})

    system.start_worker()

    await system.serve("chat")
    await system.until_phase("chat", "Running")
    await system.until(lambda: system.server("before")["spec"]["replicas"] == 4, "four replicas")


async def test_two_watchers_do_not_double_anything(system: System) -> None:
    first = system.settings
    system.start_second_watcher(first)

    await system.running("chat")
    await system.stop("watcher")  # the second takes over
    await system.running("after")

    await system.until_events("chat", {"DeploymentReady"})
    told = await system.events("chat")
    assert len(told) == len(set(told))


async def test_a_worker_going_away_makes_its_provider_unready_and_coming_back_ready(system: System) -> None:
    await system.running("before")  # so it has registered: the config may be ready from another test's worker
    await system.stop("worker")
    assert (await system.read_config())["status"]["ready"] is False

    system.start_worker()

    await system.running("chat")
