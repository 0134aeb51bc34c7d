"""Which version a worker is of, and when it makes its own build the current one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from airunway.workers.promotion import Abandonment, why_promote
from airunway.workers.settings import Settings
from airunway.workers.version_routing import UNVERSIONED, Routing, WorkerBuild
from airunway.workers.version_settings import PromotePolicy
from airunway.workers.worker_version import (
    build_id,
    deployment_name,
    digest_of,
    this_build,
    workflow_code_digest,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def routing(current: str, *builds: str, used: tuple[str, ...] = ()) -> Routing:
    """`used`: builds that are or were current or ramping."""
    known = [
        WorkerBuild(name, "inactive", NOON, was_active=name in used or name == current) for name in builds
    ]
    return Routing(current=current, ramping=None, percentage=0, builds=known, token=b"")


@dataclass(frozen=True)
class Case:
    """Whether the build `new` should become current."""

    reason: str
    routing: Routing
    policies: set[PromotePolicy]
    """Those by which it does."""
    abandoned: bool = False


NEW, FIRST = PromotePolicy.NEW, PromotePolicy.FIRST
CASES = [
    Case("the first worker ever", routing(UNVERSIONED, "new"), {NEW, FIRST}),
    Case("a build that never was current", routing("old", "old", "new"), {NEW}),
    Case("an old pod that restarts after an upgrade", routing("newer", "newer", "new", used=("new",)), set()),
    Case("after a rollback", routing("old", "old", "new", used=("new",)), set()),
    Case(
        "the current build has no workers any more",
        routing("gone", "gone", "new", used=("new",)),
        {NEW, FIRST},
        abandoned=True,
    ),
    Case("it is current already", routing("new", "new"), set(), abandoned=True),
    Case("its first poll is not known yet", routing("old", "old"), set(), abandoned=True),
    Case("somebody went back to workers without versions", routing(UNVERSIONED, "new", used=("new",)), set()),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.reason)
@pytest.mark.parametrize("policy", list(PromotePolicy))
def test_a_build_promotes_itself_when_it_should(case: Case, policy: PromotePolicy) -> None:
    why = why_promote(case.routing, "new", policy, current_is_abandoned=case.abandoned)

    assert (why is not None) == (policy in case.policies)


def test_a_build_is_abandoned_when_it_was_missed_for_long_enough() -> None:
    now = NOON
    abandonment = Abandonment(timedelta(seconds=100), now=lambda: now)
    last_poll = {"old": NOON - timedelta(seconds=30)}

    answers = []
    for _ in range(4):
        answers.append(abandonment.is_abandoned("old", last_poll))
        now += timedelta(seconds=80)

    # Polled 30, 110, 190 and 270 seconds ago: missed since the second look, when the poll was not fresh.
    assert answers == [False, False, False, True]


def test_a_restart_of_temporal_which_forgets_who_polled_abandons_nobody() -> None:
    now = NOON
    abandonment = Abandonment(timedelta(seconds=90), now=lambda: now)

    assert not abandonment.is_abandoned("old", {})
    now += timedelta(seconds=60)
    assert not abandonment.is_abandoned("old", {"old": now}), "it polls again"
    now += timedelta(seconds=60)
    assert not abandonment.is_abandoned("old", {}), "missed anew"


def test_two_clusters_have_worker_deployments_of_their_own() -> None:
    names = {deployment_name(Settings(cluster=cluster)) for cluster in ("east", "west")}

    assert names == {"airunway-east", "airunway-west"}


def test_a_build_is_named_by_version_and_code_unless_somebody_names_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert build_id(Settings()).endswith(f"-{workflow_code_digest()[:8]}")
    monkeypatch.setenv("TEMPORAL_WORKER_BUILD_ID", "of-the-controller")
    monkeypatch.setenv("TEMPORAL_DEPLOYMENT_NAME", "airunway/prod")

    version = this_build(Settings(cluster="east"))

    assert (version.deployment, version.build_id) == ("airunway/prod", "of-the-controller")


def test_a_change_of_workflow_code_is_another_build(tmp_path: Path) -> None:
    file = tmp_path / "workflow.py"
    file.write_text("steps = 1\n")
    (tmp_path / "notes.txt").write_text("not code\n")
    folders = {"workflows": tmp_path}
    first = digest_of(folders)

    (tmp_path / "notes.txt").write_text("still not code\n")
    assert digest_of(folders) == first
    file.write_text("steps = 2\n")
    changed = digest_of(folders)
    file.rename(tmp_path / "moved.py")

    assert len({first, changed, digest_of(folders)}) == 3
