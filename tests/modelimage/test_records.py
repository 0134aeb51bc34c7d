"""Records of images that nobody of ours wrote: what is no record is none, and what is one can be used."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.modelimage.records import ImageRecord, RecordState, records_in
from airunway.modelimage.retention import RoomLimits, room_for, unused, waits_for_others
from tests.modelimage.build import plan

NOW = datetime(2026, 5, 1, tzinfo=UTC)
LIMITS = RoomLimits(
    unused_for=timedelta(days=14), registry_bytes=1000, namespace_share=0.5, builds_per_namespace=2
)
DIGEST = "sha256:" + "a" * 64
GENUINE: dict[str, Any] = {
    "state": "built",
    "name": "aikit-x",
    "bytes": 100,
    "namespace": "a",
    "digest": DIGEST,
    "since": "2026-04-30T00:00:00Z",
    "used": "2026-04-30T00:00:00Z",
}


def written(**fields: Any) -> str:
    return json.dumps({**GENUINE, **fields})


def test_what_this_system_writes_is_read_again() -> None:
    record = ImageRecord(state=RecordState.BUILT, name="x", bytes=1, digest=DIGEST, since=NOW, used=NOW)

    assert records_in({"key": record.model_dump_json()}) == {"key": record}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="nothing"),
        pytest.param("null", id="null"),
        pytest.param("[]", id="a list"),
        pytest.param("{" * 100_000, id="without an end"),
        pytest.param("[" * 100_000 + "]" * 100_000, id="deep"),
        pytest.param(written(state="finished"), id="an unknown state"),
        pytest.param(written(bytes=-1), id="less than nothing"),
        pytest.param(written(bytes=2**63), id="more bytes than there are"),
        pytest.param(written(bytes="many"), id="no number"),
        pytest.param(written(since="2026-04-30T00:00:00"), id="a time of nowhere"),
        pytest.param(written(used="yesterday"), id="no time"),
        pytest.param(written(digest="latest"), id="a tag"),
        pytest.param(written(digest=f"{DIGEST}\n"), id="more than a digest"),
        pytest.param(written(digest=DIGEST.upper()), id="no digest"),
        pytest.param(written(name="n" * 600), id="a name without end"),
        pytest.param(written(name=["aikit-x"]), id="no name"),
    ],
)
def test_what_is_of_another_shape_is_no_record_and_spoils_no_other(text: str) -> None:
    assert list(records_in({"forged": text, "genuine": written()})) == ["genuine"]


TIMES = st.sampled_from(
    [
        "2026-04-30T00:00:00Z",
        "2026-04-30T00:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        0,
        1e300,
        None,
    ]
)
ANYTHING = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([{}])
FORGED = st.fixed_dictionaries(
    {},
    optional={
        "state": st.sampled_from([*RecordState]) | ANYTHING,
        "bytes": st.integers() | ANYTHING,
        "digest": st.sampled_from(["", DIGEST, "latest"]) | ANYTHING,
        "since": TIMES | ANYTHING,
        "used": TIMES | ANYTHING,
        "namespace": st.sampled_from(["a", "b"]) | ANYTHING,
    },
)


@given(forged=st.dictionaries(st.text(max_size=3), FORGED, max_size=4))
def test_nobody_stumbles_over_what_was_forged(forged: dict[str, dict[str, Any]]) -> None:
    records = records_in({key: written(**fields) for key, fields in forged.items()} | {"own": written()})

    room = room_for(plan(), "a", records=records, in_use={DIGEST}, now=NOW, limits=LIMITS)
    waits_for_others(plan(), "a", records=records, now=NOW, limits=LIMITS)
    leaving = unused(records, in_use={DIGEST}, now=NOW, limits=LIMITS)

    assert "own" not in {*room.removed, *leaving}
