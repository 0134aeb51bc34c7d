"""A roll-out keeps its bounds at every step, whatever the order in which pods become ready."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airunway.sandbox.operators.rollout import SetState, scales, scales_while_paused

NUMBERS = st.integers(0, 12)
SHARES = st.one_of(st.integers(0, 5), st.integers(0, 100).map(lambda share: f"{share}%"))


def deployment(
    replicas: int, *, surge: Any = "25%", unavailable: Any = "25%", kind: str = "RollingUpdate"
) -> Any:
    rolling = {"maxSurge": surge, "maxUnavailable": unavailable}
    return {"spec": {"replicas": replicas, "strategy": {"type": kind, "rollingUpdate": rolling}}}


@pytest.mark.parametrize(
    ("surge", "unavailable", "new", "old", "want"),
    [
        pytest.param(1, 0, (0, 0), (3, 3), {"new": 1}, id="one more, before any goes"),
        pytest.param(1, 0, (1, 0), (3, 3), {}, id="waits for the new pod"),
        pytest.param(1, 0, (1, 1), (3, 3), {"old": 2}, id="an old one goes for a new one that serves"),
        pytest.param(0, 1, (0, 0), (3, 3), {"old": 2}, id="one fewer, before any comes"),
        pytest.param(1, 0, (1, 0), (3, 1), {"old": 1}, id="old pods that do not serve go at once"),
        pytest.param(0, 0, (0, 0), (2, 2), {"old": 1}, id="both bounds zero means one unavailable"),
    ],
)
def test_the_next_step(
    surge: int, unavailable: int, new: tuple[int, int], old: tuple[int, int], want: dict[str, int]
) -> None:
    states = (_state("new", *new), _state("old", *old))
    replicas = 3 if old[0] == 3 else 2

    assert scales(deployment(replicas, surge=surge, unavailable=unavailable), states[0], [states[1]]) == want


def test_recreate_starts_only_after_the_last_old_pod_went() -> None:
    going = SetState("old", wanted=0, ready=0, replicas=1)
    recreate = deployment(2, kind="Recreate")

    assert scales(recreate, _state("new", 0, 0), [_state("old", 2, 2)]) == {"old": 0}
    assert scales(recreate, _state("new", 0, 0), [going]) == {}
    assert scales(recreate, _state("new", 0, 0), [replace(going, replicas=0)]) == {"new": 2}


@pytest.mark.parametrize(
    ("wanted", "changes"),
    [
        pytest.param([0, 2], {"old": 3}, id="the one with pods takes them all"),
        pytest.param([0, 0], {"new": 3}, id="the newest, where none has any"),
        pytest.param([3, 0], {}, id="enough already"),
        pytest.param([1, 2], {}, id="a roll-out cut in two stays as it is"),
    ],
)
def test_a_paused_deployment_only_scales(wanted: list[int], changes: dict[str, int]) -> None:
    sets = [_state(name, count, count) for name, count in zip(("new", "old"), wanted, strict=True)]

    assert scales_while_paused(deployment(3), sets) == changes


@given(
    replicas=st.integers(1, 12), before=NUMBERS, surge=SHARES, unavailable=SHARES, seed=st.integers(0, 999)
)
def test_every_rollout_ends_complete_and_keeps_its_bounds(
    replicas: int, before: int, surge: Any, unavailable: Any, seed: int
) -> None:
    wanted = deployment(replicas, surge=surge, unavailable=unavailable)
    most = max(replicas + _bound(surge, replicas, up=True), before)
    luck = random.Random(seed)
    new, old = _state("new", 0, 0), _state("old", before, before)
    for _ in range(200):
        changes = scales(wanted, new, [old])
        new, old = _scaled(new, changes.get("new")), _scaled(old, changes.get("old"))
        assert new.wanted + old.wanted <= max(most, replicas + 1)
        if (new.ready, old.wanted) == (replicas, 0):
            return
        if new.ready < new.wanted and (luck.random() < 0.7 or not changes):
            new = replace(new, ready=new.ready + 1, replicas=new.wanted)
    pytest.fail(f"never ends: {new} {old}")


def _bound(share: Any, replicas: int, *, up: bool) -> int:
    if isinstance(share, int):
        return share
    exact = replicas * float(share[:-1]) / 100
    return int(-(-exact // 1)) if up else int(exact)


def _state(name: str, wanted: int, ready: int) -> SetState:
    return SetState(name, wanted=wanted, ready=ready, replicas=wanted)


def _scaled(state: SetState, wanted: int | None) -> SetState:
    """Pods that are not ready end first."""
    if wanted is None:
        return state
    return SetState(state.name, wanted=wanted, ready=min(state.ready, wanted), replicas=wanted)
