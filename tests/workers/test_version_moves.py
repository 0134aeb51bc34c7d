"""Open runs move to the current build: by a hint while their worker drains, by force when it is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from airunway.messages.deployment_workflow import OBJECT_CHANGED
from airunway.workers.drain import until_drained
from airunway.workers.version_moves import VersionMoves, stale_runs
from airunway.workers.version_routing import UNVERSIONED, read_routing, set_ramping
from tests.workers.version_site import NewDeployment, OldDeployment, Site

pytestmark = pytest.mark.timeout(600)


async def test_idle_runs_move_while_their_own_worker_drains(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        runs = [await site.start(f"d{number}") for number in range(3)]
        async with site.worker("2", NewDeployment):
            await site.make_current("2")
            moves = site.moves("2", [NewDeployment])

            async def all_moved() -> bool:
                await moves.look()
                return [await site.build_of(run) for run in runs] == ["2", "2", "2"]

            await site.until(all_moved)

            lives = [await site.life(run) for run in runs]
            assert [life.runs for life in lives] == [2, 2, 2], "a new run each, with what it knew"
            assert [life.seen for life in lives] == [1, 1, 1], "one hint is enough"
            await until_drained(site.client, site.version("1"), limit=timedelta(seconds=60), look_seconds=0.1)
            routing = await read_routing(site.client, site.deployment)
            assert routing is not None
            assert [run async for run in stale_runs(site.client, site.deployment, routing)] == []


async def test_of_many_runs_some_are_moved_at_a_look_and_none_is_left_behind(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        runs = [await site.start(f"d{number}") for number in range(5)]
        for run in runs:
            await site.listed(run)
        async with site.worker("2", NewDeployment):
            await site.make_current("2")
            moves = site.moves("2", [NewDeployment], at_a_look=2)

            first = await moves.look()

            async def all_moved() -> bool:
                assert await moves.look() <= 2
                return {await site.build_of(run) for run in runs} == {"2"}

            await site.until(all_moved)
            assert first == 2


async def test_a_run_whose_build_is_gone_goes_on_where_it_was_if_its_history_replays(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("kept")
    async with site.worker("2"):
        await site.make_current("2")
        await run.signal(OBJECT_CHANGED, {"cause": "an edit that nobody saw"})
        moves = site.moves("2")

        await _look_until_stale(moves, site)
        assert await site.build_of(run) == "1", "first it is only missed"
        site.skipped += timedelta(minutes=3)

        async def arrived() -> bool:
            await moves.look()
            return await site.build_of(run) == "2" and not await site.has_override(run)

        await site.until(arrived)
        life = await site.life(run)
        assert life.runs == 1, "the same run"
        assert life.seen >= 1, "the edit was acted on"


async def test_a_run_whose_build_is_gone_begins_again_if_its_history_does_not_replay(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("reset")
    async with site.worker("2", NewDeployment):
        await site.make_current("2")
        await run.signal(OBJECT_CHANGED, {"cause": "an edit that nobody saw"})
        moves = site.moves("2", [NewDeployment])
        await _look_until_stale(moves, site)
        site.skipped += timedelta(minutes=3)

        async def arrived() -> bool:
            await moves.look()
            return await site.build_of(run) == "2" and not await site.has_override(run)

        await site.until(arrived)

        async def signal_was_given_again() -> bool:
            return (await site.life(run)).seen >= 1

        await site.until(signal_was_given_again)


async def test_a_watcher_of_another_build_resets_and_does_not_judge_by_its_own_code(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("judged")
        first = (await run.describe()).run_id
    async with site.worker("2", NewDeployment):
        await site.make_current("2")
        moves = site.moves("1")  # its own code would replay the history
        await _look_until_stale(moves, site)
        site.skipped += timedelta(minutes=3)

        async def arrived() -> bool:
            await moves.look()
            return await site.build_of(run) == "2" and not await site.has_override(run)

        await site.until(arrived)
        assert (await run.describe()).run_id != first


async def test_a_run_that_was_thought_to_replay_and_does_not_arrive_begins_again(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("misjudged")
    async with site.worker("2", NewDeployment):
        await site.make_current("2")
        moves = site.moves("2", [OldDeployment])  # which is not what the worker of this build runs
        await _look_until_stale(moves, site)
        site.skipped += timedelta(minutes=3)
        await moves.look()
        assert await moves.look() == 0, "it is on its way"
        site.skipped += timedelta(minutes=2)

        async def arrived() -> bool:
            await moves.look()
            site.skipped += timedelta(seconds=2)  # should visibility be late, it is tried once more
            return await site.build_of(run) == "2" and not await site.has_override(run)

        await site.until(arrived)
        assert (await site.life(run)).seen >= 0


async def test_what_was_moved_by_force_is_pinned_again_also_after_a_restart_of_the_watcher(
    site: Site,
) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("restarted")
    async with site.worker("2"):
        await site.make_current("2")
        moves = site.moves("2")
        await _look_until_stale(moves, site)
        site.skipped += timedelta(minutes=3)
        await moves.look()
        assert await site.has_override(run)

        async def pinned_again() -> bool:
            await site.moves("2").look()  # another watcher each time, which knows nothing
            return not await site.has_override(run)

        await site.until(pinned_again)
        assert await site.build_of(run) == "2"


async def test_nothing_is_forced_before_the_current_build_has_a_worker(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        run = await site.start("waits")
        async with site.worker("2"):
            pass
        await site.make_current("2")

        moves = site.moves("2")
        for _ in range(3):
            await _look_until_stale(moves, site)
            site.skipped += timedelta(hours=1)

        assert await site.build_of(run) == "1"


async def test_runs_of_a_ramp_that_was_ended_come_back(site: Site) -> None:
    async with site.worker("1"), site.worker("2", NewDeployment):
        await site.make_current("1")
        run = await site.start("canary")
        await set_ramping(site.client, site.deployment, "2", percentage=100)
        moves = site.moves("1")

        async def on_the_canary() -> bool:
            await run.signal(OBJECT_CHANGED, {"cause": "an edit"})
            return await site.build_of(run) == "2"

        await site.until(on_the_canary)
        assert await moves.look() == 0, "a ramping build is not left"

        await set_ramping(site.client, site.deployment, "2", percentage=0)

        async def back() -> bool:
            await moves.look()
            return await site.build_of(run) == "1"

        await site.until(back)


async def test_runs_go_back_to_workers_without_versions(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        served, left = await site.start("served"), await site.start("left")
        async with site.unversioned_worker():
            await site.make_current(UNVERSIONED)
            moves = site.moves("off")

            async def served_moved() -> bool:
                await moves.look()
                return await site.build_of(served) == ""

            await site.until(served_moved)
            assert (await site.life(served)).runs == 2
    async with site.unversioned_worker():
        site.skipped += timedelta(minutes=3)

        async def all_moved() -> bool:
            await moves.look()
            site.skipped += timedelta(minutes=1)
            return await site.build_of(left) == "" and not await site.has_override(left)

        await site.until(all_moved)


async def _look_until_stale(moves: VersionMoves, site: Site) -> None:
    """Look, when visibility knows of a stale run."""

    async def listed() -> bool:
        routing = await read_routing(site.client, site.deployment)
        assert routing is not None
        return bool([run async for run in stale_runs(site.client, site.deployment, routing)])

    await site.until(listed)
    await moves.look()
