"""One attempt at a build: heartbeats, signals ever more seldom, stalls, cancelling. Time is the test's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import pytest

from airunway.activities.model_image.build import WatchedBuild
from airunway.activities.model_image.errors import BuildStalled
from airunway.activities.model_image.options import BuildOrder
from airunway.messages.model_image import BuildProgress
from airunway.modelimage.plan import ModelImagePlan
from tests.modelimage.build import plan, planned

DIGEST = "sha256:" + "d" * 64
MEGABYTES = 300


class Clock:
    """A second is what a builder says it is."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class FakeBuilder:
    """Plays a story: each step lets time pass and reports progress."""

    def __init__(self, clock: Clock, story: Callable[[FakeBuilder], Awaitable[None]]) -> None:
        self._clock, self._story = clock, story
        self._on_progress: Callable[[BuildProgress], None] = lambda _: None
        self.cancelled = False

    async def check(self) -> str:
        return "v1"

    async def build(self, order: BuildOrder, *, on_progress: Callable[[BuildProgress], None]) -> str:
        self._on_progress = on_progress
        try:
            await self._story(self)
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return DIGEST

    async def free(self, plan: ModelImagePlan | None, urls: Sequence[str]) -> int:
        return 0

    async def goes_on(self, seconds: float, step: str, done: int = 0) -> None:
        """So much later this is how it looks."""
        self._clock.now += seconds
        self._on_progress(BuildProgress(step=step, done_bytes=done, total_bytes=MEGABYTES * 1_000_000))
        for _ in range(4):  # lets the watch look
            await asyncio.sleep(0)


def order() -> BuildOrder:
    image = plan(files=[planned(size=MEGABYTES * 1_000_000)])
    return BuildOrder(
        plan=image, urls=("http://hub/x",), base_config={}, push_to="r/n:t", insecure=True, ref="ref"
    )


class Watch:
    """A build with everything it reported."""

    def __init__(self, story: Callable[[FakeBuilder], Awaitable[None]]) -> None:
        self.clock = Clock()
        self.builder = FakeBuilder(self.clock, story)
        self.beats: list[BuildProgress] = []
        self.reported: list[tuple[float, str]] = []

    async def run(self, *, quiet: timedelta = timedelta(0)) -> str:
        async def report(progress: BuildProgress) -> None:
            self.reported.append((self.clock.now, progress.step))

        watched = WatchedBuild(
            order(),
            beat=self.beats.append,
            signal=report,
            stall=timedelta(minutes=5),
            quiet=quiet,
            clock=self.clock,
            tick=0,
        )
        return await watched.run(self.builder)


async def test_a_build_that_moves_may_take_as_long_as_it_likes() -> None:
    async def story(builder: FakeBuilder) -> None:
        for done in range(1, 300):
            await builder.goes_on(60, "downloading", done * 1_000_000)

    watch = Watch(story)

    assert await watch.run() == DIGEST
    assert len(watch.beats) > 200


async def test_the_longer_it_takes_the_less_often_the_workflow_is_notified() -> None:
    async def story(builder: FakeBuilder) -> None:
        for second in range(4 * 3600):
            await builder.goes_on(1, "downloading", second)

    watch = Watch(story)
    await watch.run()

    times = [when for when, step in watch.reported if step == "downloading"]
    assert times[1] - times[0] <= 6
    assert times[-1] - times[-2] > 200
    assert len(times) < 350


async def test_a_new_step_is_reported_at_once() -> None:
    async def story(builder: FakeBuilder) -> None:
        await builder.goes_on(0.1, "downloading")
        await builder.goes_on(0.1, "exporting")
        await builder.goes_on(0.1, "pushing")

    watch = Watch(story)
    await watch.run()

    assert [step for _, step in watch.reported][-3:] == ["downloading", "exporting", "pushing"]


async def test_an_attempt_that_fails_as_soon_as_those_before_reports_nothing() -> None:
    async def story(builder: FakeBuilder) -> None:
        await builder.goes_on(1, "downloading")
        await builder.goes_on(8, "still downloading")
        beaten = len(watch.beats)
        assert watch.reported == [] and beaten
        await builder.goes_on(2, "still downloading")

    watch = Watch(story)
    await watch.run(quiet=timedelta(seconds=10))

    assert [step for _, step in watch.reported] == ["still downloading"]


async def test_a_build_that_counted_and_stopped_is_stalled() -> None:
    async def story(builder: FakeBuilder) -> None:
        await builder.goes_on(1, "downloading a", 1000)
        await builder.goes_on(1, "downloading a", 2000)
        await builder.goes_on(301, "downloading a", 2000)
        await asyncio.Event().wait()

    watch = Watch(story)

    with pytest.raises(BuildStalled, match="for 300 s while downloading a at 2 kB of 300"):
        await watch.run()

    assert watch.builder.cancelled


async def test_a_builder_that_does_not_count_gets_the_time_of_a_slow_line() -> None:
    async def story(builder: FakeBuilder) -> None:
        await builder.goes_on(1, "downloading a")
        await builder.goes_on(590, "downloading a")
        await builder.goes_on(1, "pushing")
        await builder.goes_on(601, "pushing")
        await asyncio.Event().wait()

    with pytest.raises(BuildStalled, match="while pushing"):
        await Watch(story).run()


async def test_cancelling_stops_the_builder_before_it_returns() -> None:
    started = asyncio.Event()

    async def story(builder: FakeBuilder) -> None:
        started.set()
        await asyncio.Event().wait()

    watch = Watch(story)
    running = asyncio.create_task(watch.run())
    await started.wait()

    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running

    assert watch.builder.cancelled


async def test_what_the_builder_raises_is_raised() -> None:
    async def story(builder: FakeBuilder) -> None:
        raise ValueError("as it was")

    with pytest.raises(ValueError, match="as it was"):
        await Watch(story).run()
