"""Which images leave the registry, and when there is no room for one more."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.modelimage.records import ABANDONED_AFTER, ImageRecord, RecordState, records_in
from airunway.modelimage.retention import MAX_IMAGES, Room, RoomLimits, room_for, waits_for_others
from tests.modelimage.build import plan, planned

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LIMITS = RoomLimits(
    unused_for=timedelta(days=14), registry_bytes=1000, namespace_share=0.5, builds_per_namespace=2
)


def record(
    *, idle: timedelta = timedelta(days=1), state: RecordState = RecordState.BUILT, **fields: Any
) -> ImageRecord:
    """An image that nobody asked for since."""
    values: dict[str, Any] = {"name": "aikit-x", "bytes": 100, "namespace": "a", "digest": "sha256:x"}
    return ImageRecord(**{**values, "state": state, "since": NOW - idle, "used": NOW - idle, **fields})


@dataclass
class Case:
    """`wanted`: of which size is built for namespace `a`."""

    reason: str
    records: dict[str, ImageRecord]
    removed: tuple[str, ...] = ()
    problem: str = ""
    in_use: set[str] = field(default_factory=set)
    size: int = 100
    limits: RoomLimits = LIMITS


LONG, SHORT = timedelta(days=15), timedelta(minutes=50)
CASES = [
    Case("what was used lately stays", {"x": record()}),
    Case("what nobody wanted for long leaves", {"x": record(idle=LONG)}, ("x",)),
    Case("what a deployment names stays", {"x": record(idle=LONG)}, in_use={"sha256:x"}),
    Case("what is named by a tag stays", {"x": record(idle=LONG)}, in_use={"aikit-x"}),
    Case("what is being built stays", {"x": record(idle=LONG, state=RecordState.BUILDING)}),
    Case(
        "what was pushed and never published leaves",
        {"x": record(idle=LONG, state=RecordState.PUSHED)},
        ("x",),
    ),
    Case("a removal that was cut off is gone on with", {"x": record(state=RecordState.REMOVING)}, ("x",)),
    Case(
        "the longest unused of the namespace leaves for its next one",
        {"x": record(bytes=200), "y": record(bytes=200, idle=timedelta(days=2))},
        ("y",),
        size=150,
    ),
    Case(
        "another namespace's images do not leave for this one's share",
        {
            "x": record(bytes=300, digest="sha256:y"),
            "b": record(bytes=200, namespace="b", idle=timedelta(days=9)),
        },
        problem="namespace a may fill 500 B",
        size=250,
        in_use={"sha256:y"},
    ),
    Case(
        "anybody's leave when the whole registry is full",
        {
            "b": record(bytes=400, namespace="b", idle=timedelta(days=3)),
            "c": record(bytes=400, namespace="c", idle=timedelta(days=2)),
        },
        ("b",),
        size=300,
    ),
    Case(
        "a registry full of images in use takes no more",
        {name: record(bytes=400, namespace=name) for name in ("b", "c")},
        problem="the registry has no room",
        size=300,
        in_use={"sha256:x"},
    ),
    Case(
        "what was asked for within the hour stays, whoever needs its room",
        {"x": record(bytes=400, idle=SHORT)},
        problem="namespace a may fill",
        size=200,
    ),
    Case(
        "a build under way takes room already",
        {"x": record(bytes=400, state=RecordState.BUILDING)},
        problem="namespace a may fill",
        size=200,
    ),
    Case(
        "an abandoned build takes none",
        {"x": record(bytes=400, state=RecordState.BUILDING, idle=ABANDONED_AFTER)},
        size=200,
    ),
    Case(
        "a volume of unknown size has no limit",
        {"x": record(bytes=10**9)},
        size=10**12,
        limits=replace(LIMITS, registry_bytes=0),
    ),
    Case(
        "the records have a bound",
        {str(number): record(bytes=0) for number in range(MAX_IMAGES)},
        problem=f"holds {MAX_IMAGES} images",
        in_use={"sha256:x"},
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
def test_room(case: Case) -> None:
    wanted = plan(files=[planned(size=case.size)])

    room = room_for(wanted, "a", records=case.records, in_use=case.in_use, now=NOW, limits=case.limits)

    assert room.removed == case.removed
    assert case.problem in room.problem if case.problem else room.problem == ""


@given(
    records=st.dictionaries(
        st.text(st.sampled_from("abcdef"), min_size=1),
        st.builds(
            record,
            idle=st.timedeltas(timedelta(0), timedelta(days=30)),
            state=st.sampled_from(RecordState),
            bytes=st.integers(0, 2000),
            namespace=st.sampled_from("abc"),
            digest=st.sampled_from(["sha256:1", "sha256:2", "sha256:3"]),
        ),
    ),
    in_use=st.sets(st.sampled_from(["sha256:1", "sha256:2", "other"])),
    size=st.integers(0, 2000),
)
def test_no_image_in_use_leaves_whatever_needs_room(
    records: dict[str, ImageRecord], in_use: set[str], size: int
) -> None:
    room: Room = room_for(
        plan(files=[planned(size=size)]), "a", records=records, in_use=in_use, now=NOW, limits=LIMITS
    )

    for key in room.removed:
        assert records[key].digest not in in_use
        assert records[key].state is not RecordState.BUILDING


def test_a_namespace_builds_so_many_at_once_and_others_are_not_kept_waiting() -> None:
    building = {name: record(state=RecordState.BUILDING, idle=SHORT) for name in ("x", "y")}

    assert "2 builds at once" in waits_for_others(plan(), "a", records=building, now=NOW, limits=LIMITS)
    assert waits_for_others(plan(), "b", records=building, now=NOW, limits=LIMITS) == ""
    abandoned = {**building, "x": record(state=RecordState.BUILDING, idle=ABANDONED_AFTER)}
    assert waits_for_others(plan(), "a", records=abandoned, now=NOW, limits=LIMITS) == ""


def test_what_cannot_be_read_is_no_record() -> None:
    good = record(digest="sha256:" + "a" * 64)

    assert records_in({"x": good.model_dump_json(), "y": "{}", "z": "nonsense"}) == {"x": good}
    assert records_in(None) == {}
