"""In which form built-in objects are kept: quantities, times, zeroes."""

from __future__ import annotations

from typing import Any

import pytest

from kube_emulator.testing import Api

from .objects import Space, config_map, deployment, lease, pod, rehearsed


async def test_a_zero_that_means_something_stays(api: Api, space: Space):
    body = deployment("d", replicas=0)
    body["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 0

    spec = (await rehearsed(api, space.deployments, body))["spec"]

    assert spec["replicas"] == 0
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] == 0


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("1024Mi", "1Gi"),
        ("1Gi", "1Gi"),
        ("1536Mi", "1536Mi"),
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1.5Gi", "1536Mi"),
        ("100M", "100M"),
        ("1000k", "1M"),
        ("1e3", "1e3"),
        ("0", "0"),
        (2, "2"),
        ("0.1Gi", "107374182400m"),
        ("12E", "12E"),
    ],
)
async def test_quantities_are_kept_in_one_form(api: Api, space: Space, given: Any, kept: str):
    body = pod("p")
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": given}}

    obj = await rehearsed(api, space.pods, body)

    assert obj["spec"]["containers"][0]["resources"]["requests"]["memory"] == kept


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("2024-01-02T03:04:05.000000Z", "2024-01-02T03:04:05.000000Z"),
        ("2024-01-02T03:04:05.123456+01:00", "2024-01-02T02:04:05.123456Z"),
    ],
)
async def test_times_of_a_lease_are_kept_to_the_microsecond(api: Api, space: Space, given: str, kept: str):
    obj = (await api.create(space.leases, lease("l", renewTime=given))).ok()

    assert obj["spec"]["renewTime"] == kept


@pytest.mark.parametrize("given", ["2024-01-02T03:04:05Z", "2024-01-02T03:04:05.5Z", "yesterday"])
async def test_times_of_a_lease_need_six_digits(api: Api, space: Space, given: str):
    answer = await api.create(space.leases, lease("l", renewTime=given))

    assert "parsing time" in answer.refused(400, "BadRequest")["message"]


async def test_other_times_are_kept_to_the_second(api: Api, space: Space):
    body = {
        "metadata": {"name": "e"},
        "involvedObject": {"namespace": space.name},
        "firstTimestamp": "2024-01-02T03:04:05.9+01:00",
    }

    obj = (await api.create(space.events, body)).ok()

    assert obj["firstTimestamp"] == "2024-01-02T02:04:05Z"
    assert obj["lastTimestamp"] is None


async def test_a_config_map_is_kept_as_it_is(api: Api, space: Space):
    obj = (await api.create(space.config_maps, config_map("c", {"b": "", "a": "x\n"}))).ok()

    assert obj["data"] == {"a": "x\n", "b": ""}
