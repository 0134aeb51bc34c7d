"""Of what is followed only what answers need is kept in memory, of lists a page at a time."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.web import fleet
from airunway.web.kept import LAST_APPLIED, kept_of_node, kept_of_object
from tests.web.place import WebPlace


async def test_what_is_followed_is_kept_without_who_wrote_it(place: WebPlace) -> None:
    made = await place.deployment("demo", phase="Running", message="serves")
    version = made["metadata"]["resourceVersion"]
    await place.until(
        lambda: any(
            obj["metadata"]["resourceVersion"] == version
            for obj in place.state.fleet.deployments.objects.values()
        )
    )

    kept = place.state.fleet.deployment("default", "demo")

    assert made["metadata"]["managedFields"]
    metadata = {key: value for key, value in made["metadata"].items() if key != "managedFields"}
    assert kept == {**made, "metadata": metadata}


async def test_all_of_several_pages_are_followed(place: WebPlace, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(5):
        await place.deployment(f"demo-{number}")
    monkeypatch.setattr(fleet, "PAGE", 2)

    follower = fleet.LiveFleet(place.cluster, place.state.rights)
    listed = await follower._reflectors["deployments"]._listed(fleet.DEPLOYMENTS)

    assert [obj["metadata"]["name"] for obj in listed.items] == [f"demo-{number}" for number in range(5)]
    assert not any("managedFields" in obj["metadata"] for obj in listed.items)


def test_the_copy_that_kubectl_keeps_is_left_out_and_other_annotations_stay() -> None:
    obj = {"metadata": {"name": "a", "annotations": {LAST_APPLIED: "{}", "team": "a"}}, "spec": {"x": [1]}}

    assert kept_of_object(obj) == {
        "metadata": {"name": "a", "annotations": {"team": "a"}},
        "spec": {"x": [1]},
    }
    assert LAST_APPLIED in obj["metadata"]["annotations"]  # type: ignore[operator, index]


def test_of_a_node_labels_gpus_and_conditions_are_kept() -> None:
    conditions: list[Any] = [{"type": "Ready", "status": "True"}]
    node = {
        "metadata": {"name": "a", "labels": {"x": "y"}, "annotations": {"z": "z"}},
        "spec": {"unschedulable": True, "podCIDR": "10.0.0.0/24"},
        "status": {"allocatable": {"cpu": "1"}, "conditions": conditions, "images": [{"names": ["i"]}]},
    }

    assert kept_of_node(node) == {
        "metadata": {"name": "a", "labels": {"x": "y"}},
        "spec": {"unschedulable": True},
        "status": {"allocatable": {"cpu": "1"}, "conditions": conditions},
    }
