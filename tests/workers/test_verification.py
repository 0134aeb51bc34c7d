"""Before a roll-out, histories of open runs are replayed, and the first difference is named."""

from __future__ import annotations

import pytest

from airunway.workers.replay_check import ReplayCheck
from airunway.workers.sampling import Sample
from airunway.workers.verification import verify
from tests.workers.version_site import NewDeployment, OldDeployment, Site

pytestmark = pytest.mark.timeout(400)


async def test_the_same_build_replays_what_runs(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        for number in range(3):
            await site.listed(await site.start(f"d{number}"))

        done = await verify(
            site.client,
            cluster_name=site.cluster,
            count=10,
            sample=Sample.OLDEST,
            check=ReplayCheck(site.client.data_converter, [OldDeployment]),
        )

    assert done.difference is None
    deployments, images, builds, installations = done.kinds
    assert deployments.replayed == 3
    assert deployments.events > 0
    assert (images.replayed, builds.replayed, installations.replayed) == (0, 0, 0)


async def test_a_build_with_another_order_of_steps_is_refused_at_the_first_difference(site: Site) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        for number in range(2):
            await site.listed(await site.start(f"d{number}"))

        done = await verify(
            site.client,
            cluster_name=site.cluster,
            count=10,
            sample=Sample.OLDEST,
            check=ReplayCheck(site.client.data_converter, [NewDeployment]),
        )

    assert done.difference is not None
    assert done.difference.workflow_id == f"modeldeployment/{site.cluster}/ml/d0", (
        "the one that lived longest"
    )
    assert "which this build does not begin there" in done.difference.words
    assert done.kinds[0].replayed == 1, "the others are not looked at"


@pytest.mark.parametrize(
    ("sample", "wanted"),
    [(Sample.OLDEST, ["d0", "d1"]), (Sample.NEWEST, ["d3", "d2"]), (Sample.ALL, ["d0", "d1", "d2", "d3"])],
)
async def test_a_sample_is_taken_of_the_open_runs_of_this_cluster(
    site: Site, sample: Sample, wanted: list[str]
) -> None:
    async with site.worker("1"):
        await site.make_current("1")
        for number in range(4):
            await site.listed(await site.start(f"d{number}"))
        ended = await site.start("ended")
        await ended.terminate()
        await site.unlisted(ended)
        seen: list[str] = []

        done = await verify(
            site.client,
            cluster_name=site.cluster,
            count=2,
            sample=sample,
            progress=lambda run: seen.append(run.id.rpartition("/")[2]),
            check=ReplayCheck(site.client.data_converter, [OldDeployment]),
        )
        of_another = await verify(
            site.client,
            cluster_name=f"{site.cluster}-2",
            count=2,
            sample=sample,
            check=ReplayCheck(site.client.data_converter, [OldDeployment]),
        )

    assert (sorted(seen) if sample is Sample.ALL else seen) == wanted
    assert done.kinds[0].replayed == len(wanted)
    assert of_another.kinds[0].replayed == 0
