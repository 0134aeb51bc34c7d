"""A chart that nobody pinned stays the archive that it was when it was first used."""

from __future__ import annotations

import json

import pytest

from airunway.activities.installation.chart_digests import ChartDigests
from airunway.api.chart_release import ChartRelease, DigestOrigin
from airunway.api.names import CHART_DIGESTS
from airunway.clients.kubernetes import CONFIG_MAPS
from airunway.installation.chart_policy import ChartPolicy
from tests.activities.install_site import SYSTEM, Site, chart, failure, run

FIRST, SECOND = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
TITLE = "acme/op 1.0.0"
ADDRESS = "https://charts.acme.dev/op 1.0.0"
HINT = f"when it was first used here it was {FIRST} (ConfigMap {SYSTEM}/{CHART_DIGESTS})"


async def recorded(site: Site) -> dict[str, str]:
    found = await site.cluster.find(CONFIG_MAPS, CHART_DIGESTS, namespace=SYSTEM)
    return dict(json.loads(found["data"]["digests.json"])) if found else {}


def serves(site: Site, digest: str) -> None:
    """The repository has this archive under the chart's version."""
    site.helm.charts["acme/op"].digest = digest


async def test_what_was_installed_first_is_recorded_and_said(site: Site) -> None:
    serves(site, FIRST)

    planned = (await site.preflight()).charts[0]
    done = await site.install()

    assert planned.digest == FIRST
    assert await recorded(site) == {ADDRESS: FIRST}
    assert done.steps[0].output.endswith(f"archive {FIRST}")
    assert done.chart is not None and done.chart.digest == FIRST


async def test_nothing_is_recorded_by_looking(site: Site) -> None:
    serves(site, FIRST)

    await site.preflight()

    assert await recorded(site) == {}


async def test_another_archive_of_the_same_version_is_refused(site: Site) -> None:
    serves(site, FIRST)
    await site.install()
    await site.keep_values("more: 1")  # an upgrade is due

    serves(site, SECOND)

    for refused in (await failure(site.preflight()), await failure(site.install())):
        assert (refused.type, refused.non_retryable) == ("BadChecksum", True)
        assert HINT in refused.message and "AIRUNWAY_CHART_DIGESTS" in refused.message
    assert await site.record() == (1, "deployed")
    assert await recorded(site) == {ADDRESS: FIRST}


async def test_an_administrator_accepts_the_new_one_by_the_setting(site: Site) -> None:
    serves(site, FIRST)
    await site.install()
    await site.keep_values("more: 1")
    serves(site, SECOND)
    policy = ChartPolicy(digests={TITLE: SECOND})
    pinned = Site(site.cluster, installations=site.installations, policy=policy)
    serves(pinned, SECOND)

    await pinned.install()

    assert await recorded(site) == {ADDRESS: SECOND}


async def test_what_was_planned_is_what_is_installed(site: Site) -> None:
    serves(site, FIRST)
    (planned,) = (await site.preflight()).charts
    serves(site, SECOND)
    request = chart()

    refused = await failure(run(site.activities.install_chart, request.model_copy(update={"chart": planned})))

    assert refused.type == "BadChecksum"
    assert "it changed after it was looked at" in refused.message
    assert await recorded(site) == {}


async def test_a_digest_that_a_request_brings_along_is_not_recorded_unseen(site: Site) -> None:
    serves(site, FIRST)
    request = chart()
    forged = request.chart.model_copy(update={"digest": SECOND})

    refused = await failure(run(site.activities.install_chart, request.model_copy(update={"chart": forged})))

    assert refused.type == "BadChecksum"
    assert await recorded(site) == {}
    await site.install()
    assert await recorded(site) == {ADDRESS: FIRST}


@pytest.mark.parametrize("spoilt", ["{", "[]", '{"acme/op 1.0.0": "latest"}', '{"acme/op 1.0.0": 1}'])
async def test_a_record_that_cannot_be_read_is_not_taken_for_none(site: Site, spoilt: str) -> None:
    body = {"metadata": {"name": CHART_DIGESTS}, "data": {"digests.json": spoilt}}
    await site.cluster.create(CONFIG_MAPS, body, namespace=SYSTEM)
    serves(site, SECOND)

    refused = await failure(site.preflight())

    assert refused.type == "BadInstallation"
    assert "cannot be read; restore it, or delete it to begin anew" in refused.message


async def test_other_charts_stay_recorded(site: Site) -> None:
    others = {"acme/other 2.0.0": SECOND}
    body = {"metadata": {"name": CHART_DIGESTS}, "data": {"digests.json": json.dumps(others)}}
    await site.cluster.create(CONFIG_MAPS, body, namespace=SYSTEM)
    serves(site, FIRST)

    await site.install()

    assert await recorded(site) == {**others, ADDRESS: FIRST}


async def test_a_folder_has_no_digest_and_is_not_recorded(site: Site) -> None:
    await site.install()

    assert await recorded(site) == {}


async def test_charts_of_one_name_from_two_repositories_are_two(site: Site) -> None:
    digests = ChartDigests(site.cluster, namespace=SYSTEM)
    ours = ChartRelease(
        release="op",
        namespace="one",
        chart="acme/op",
        version="1.0.0",
        repository_url="https://user:secret@charts.acme.dev/",
        digest=FIRST,
        digest_origin=DigestOrigin.SEEN,
    )
    theirs = ours.model_copy(update={"repository_url": "https://example.com/charts", "digest": SECOND})

    await digests.remember(ours)
    await digests.remember(theirs)

    assert await recorded(site) == {ADDRESS: FIRST, "https://example.com/charts/op 1.0.0": SECOND}
