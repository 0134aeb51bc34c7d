"""How a provider is seen: install.md §A9."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airunway.installation.metadata import read_metadata
from airunway.installation.state import Facts, InstallationStatus, State, lacks_only_its_operator, status_of
from tests.installation.build import ANOTHER_REPO, CHART, config

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
LIMIT = timedelta(seconds=180)
CRDS: list[Any] = [{"name": "foos.acme.io", "displayName": "Foo CRD"}, "bars.acme.io"]
PODS = [{"namespace": "acme", "selectors": ["app=op"]}, {"selectors": ["app=op"]}]
INSTALLATION = {"helmRepos": [ANOTHER_REPO], "helmCharts": [CHART]}
BOTH = {"foos.acme.io": True, "bars.acme.io": True}


def seen(facts: Facts, *, health: Any = None, name: str = "acme", **more: Any) -> InstallationStatus:
    given = config(name, health=health, **more)
    return status_of(read_metadata(given), given, facts, alive_since=NOW - LIMIT)


def booleans(status: InstallationStatus) -> tuple[bool, bool, bool]:
    return status.crd_found, status.operator_running, status.installed


def test_the_worked_example() -> None:
    health, status = {"crds": CRDS, "operatorPods": PODS}, {"ready": True}
    one = {"foos.acme.io": True, "bars.acme.io": False}

    first = seen(Facts(crds=one, ready_pod="other"), health=health, status=status)
    second = seen(Facts(crds=BOTH, ready_pod="other"), health=health, status=status)
    third = seen(Facts(crds=BOTH, pod_error="pods is forbidden"), health=health, status=status)

    assert booleans(first) == (False, True, False)
    assert "bars.acme.io" in first.message
    assert "Foo CRD" not in first.message
    assert booleans(second) == (True, True, True)
    assert "other" in second.message
    assert booleans(third) == (True, False, False)
    assert "forbidden" in third.message
    assert third.state is State.PROBE_ERROR


@pytest.mark.parametrize(
    ("reason", "health", "facts", "ready", "want"),
    [
        (
            "both lists, ready plays no role",
            {"crds": CRDS, "operatorPods": PODS},
            Facts(crds=BOTH),
            True,
            (True, False, False),
        ),
        ("only CRDs, ready", {"crds": CRDS}, Facts(crds=BOTH), True, (True, True, True)),
        ("only CRDs, not ready", {"crds": CRDS}, Facts(crds=BOTH), False, (True, False, False)),
        ("only pods, a ready one", {"operatorPods": PODS}, Facts(ready_pod="x"), False, (False, True, True)),
        ("only pods, none", {"operatorPods": PODS}, Facts(), True, (True, False, False)),
        ("neither, ready", {}, Facts(), True, (True, True, True)),
        ("neither, not ready", {}, Facts(), False, (False, False, False)),
    ],
)
def test_the_decision_table(
    reason: str, health: Any, facts: Facts, ready: bool, want: tuple[bool, bool, bool]
) -> None:
    assert booleans(seen(facts, health=health, status={"ready": ready})) == want, reason


@pytest.mark.parametrize("ready", [True, False])
def test_a_provider_without_an_operator_is_what_it_says_of_itself(ready: bool) -> None:
    status = seen(Facts(), name="vllm", status={"ready": ready})

    assert booleans(status) == (True, ready, ready)
    assert status.state is (State.READY if ready else State.REGISTERED)


def test_without_health_data_the_built_in_probes_count() -> None:
    facts = Facts(crds={"workspaces.kaito.sh": True}, ready_pod="kube-system")

    assert booleans(seen(facts, name="kaito")) == (True, True, True)
    assert booleans(seen(Facts(), name="kaito", status={"ready": True})) == (False, False, False)


@pytest.mark.parametrize(
    ("reason", "facts", "want"),
    [
        ("nothing", Facts(crds={"foos.acme.io": False, "bars.acme.io": False}), State.NOT_INSTALLED),
        ("one of two", Facts(crds={"foos.acme.io": True, "bars.acme.io": False}), State.PARTIAL_CRDS),
        ("CRDs only", Facts(crds=BOTH), State.CRD_ONLY),
        ("operator only", Facts(crds={"foos.acme.io": False}, ready_pod="x"), State.OPERATOR_ONLY),
        ("both", Facts(crds=BOTH, ready_pod="x"), State.INSTALLED),
        ("unknown CRDs are not absent", Facts(crd_error="forbidden"), State.PROBE_ERROR),
    ],
)
def test_states_have_the_contracts_names(reason: str, facts: Facts, want: State) -> None:
    health = {"crds": CRDS, "operatorPods": PODS}

    assert seen(facts, health=health).state is want, reason


def test_a_silent_worker_changes_the_message_and_no_boolean() -> None:
    beat = (NOW - timedelta(minutes=5)).isoformat()
    health = {"crds": CRDS, "operatorPods": PODS}

    status = seen(Facts(crds=BOTH, ready_pod="x"), health=health, status={"lastHeartbeat": beat})

    assert booleans(status) == (True, True, True)
    assert status.state is State.SHIM_STALE
    assert "not reporting" in status.message
    assert "not reporting" not in status.seen


def test_how_long_a_worker_may_be_silent_is_the_callers() -> None:
    given = config("acme", status={"lastHeartbeat": "2026-01-05T08:40:00Z"})

    def stale(limit: timedelta) -> bool:
        return status_of(read_metadata(given), given, Facts(), alive_since=NOW - limit).stale

    assert stale(LIMIT)
    assert not stale(timedelta(minutes=30))


def test_no_heartbeat_at_all_is_not_stale() -> None:
    assert not seen(Facts()).stale


def test_a_workers_own_words_win_while_it_is_not_ready() -> None:
    condition = {"type": "UpstreamReady", "status": "False", "reason": "X", "message": "the operator is down"}
    status = {"ready": False, "conditions": [condition]}
    health = {"crds": CRDS, "operatorPods": PODS}

    found = seen(Facts(crds=BOTH, ready_pod="x"), health=health, status=status)

    assert found.message == "the operator is down"
    assert found.state is State.OPERATOR_UNHEALTHY


def test_readiness_may_be_at_another_path_or_in_conditions() -> None:
    at_path = {"status": {"readyPath": "status.upstream.ok"}}
    by_condition = {"status": {"conditions": ["A", "B"]}}
    conditions = [{"type": "A", "status": "True"}, {"type": "B", "status": "true"}]

    assert seen(Facts(), health=at_path, status={"upstream": {"ok": True}}).ready
    assert not seen(Facts(), health=at_path, status={"upstream": {"ok": "true"}}).ready
    assert seen(Facts(), health=by_condition, status={"conditions": conditions}).ready
    assert not seen(Facts(), health=by_condition, status={"conditions": conditions[:1]}).ready


@pytest.mark.parametrize(
    ("reason", "changes", "want"),
    [
        ("alive, and its CRD is missing", {}, True),
        ("it is ready", {"ready": True}, False),
        ("its worker is silent", {"lastHeartbeat": "2026-01-05T08:00:00Z"}, False),
        ("its worker was never heard", {"lastHeartbeat": None}, False),
        (
            "its worker was stopped",
            {"conditions": [{"type": "WorkerAlive", "status": "False", "reason": "Unregistered"}]},
            False,
        ),
        (
            "its operator is there and broken",
            {
                "conditions": [
                    {"type": "UpstreamReady", "status": "False", "reason": "UpstreamControllerNotReady"}
                ]
            },
            False,
        ),
        (
            "it could not look",
            {"conditions": [{"type": "UpstreamReady", "status": "False", "reason": "ProbeFailed"}]},
            False,
        ),
        (
            "its operator is missing",
            {
                "conditions": [
                    {"type": "UpstreamReady", "status": "False", "reason": "UpstreamControllerMissing"}
                ]
            },
            True,
        ),
    ],
)
def test_which_providers_lack_nothing_but_their_operator(
    reason: str, changes: dict[str, Any], want: bool
) -> None:
    status = {"ready": False, "lastHeartbeat": NOW.isoformat(), **changes}
    given = config(installation=INSTALLATION, status=status)

    assert lacks_only_its_operator(read_metadata(given), given, alive_since=NOW - LIMIT) is want, reason


def test_a_provider_without_charts_is_no_candidate() -> None:
    given = config(status={"ready": False, "lastHeartbeat": NOW.isoformat()})

    assert not lacks_only_its_operator(read_metadata(given), given, alive_since=NOW - LIMIT)
