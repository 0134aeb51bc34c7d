"""What `airunway migrate` finds, remembers and refuses; the moves themselves: tests/e2e/test_migration.py."""

from __future__ import annotations

import contextlib
import io
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.cli.migrate import report, steps
from airunway.cli.migrate.census import Counted, made_anew, not_taken_over, other_phases
from airunway.cli.migrate.controllers import HOLDER, deployments_of_both, holder_of, is_former, subcommand_of
from airunway.cli.migrate.moves import back, obstacles, run
from airunway.cli.migrate.record import NAME, begin_record, read_record
from airunway.cli.problems import CliError
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIG_MAPS,
    LEASES,
    NAMESPACES,
    PODS,
    Cluster,
    Object,
)
from tests.clusters import emulated_cluster

SYSTEM = names.SYSTEM_NAMESPACE
SINCE = datetime(2026, 1, 5, 9, tzinfo=UTC)
EARLIER, LATER = "2026-01-05T08:00:00Z", "2026-01-05T10:00:00Z"


def deployment(name: str, *, command: list[str] | None = None, args: list[str] | None = None) -> Object:
    container: Object = {"name": "manager", "image": "example.com/i:1"}
    container |= {"command": command} if command else {}
    container |= {"args": args} if args else {}
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": 1, "selector": {"matchLabels": labels}, "template": template},
    }


@pytest.mark.parametrize(
    ("given", "runs", "former"),
    [
        pytest.param(deployment(names.FORMER_CORE, command=["/manager"]), "", True, id="the core"),
        pytest.param(deployment("airunway-kaito-provider", command=["/provider"]), "", True, id="a provider"),
        pytest.param(
            deployment("airunway-acme-provider", command=["/provider"]),
            "",
            False,
            id="a third party's, of which we have no package",
        ),
        pytest.param(
            deployment("airunway-kaito-provider", command=["airunway", "worker", "--no-core"]),
            "worker",
            False,
            id="of the same name, but ours",
        ),
        pytest.param(deployment("airunway-watcher", args=["watcher"]), "watcher", False, id="by the image"),
        pytest.param(deployment("shop", command=["/shop"], args=["worker"]), "", False, id="another program"),
        pytest.param(deployment("airunway-registry", command=["registry"]), "", False, id="not a controller"),
    ],
)
def test_whose_a_deployment_is_what_it_runs_tells(given: Object, runs: str, former: bool) -> None:
    assert (subcommand_of(given), is_former(given, ["kaito"])) == (runs, former)


def test_what_was_made_anew() -> None:
    before = {
        ("n", "same"): Counted("Running", uid="1", made=EARLIER),
        ("n", "other"): Counted("Running", uid="2", made=EARLIER),
        ("n", "gone"): Counted("Running", uid="3", made=EARLIER),
        ("n", "pending"): Counted("Pending"),
    }
    after = {
        ("n", "same"): Counted("Running", uid="1", made=EARLIER),
        ("n", "other"): Counted("Failed", uid="9", made=LATER),
        ("n", "gone"): Counted("Running"),
        ("n", "pending"): Counted("Running", uid="4", made=LATER, is_ours=True),
        ("n", "new"): Counted("Running", uid="5", made=LATER),
    }

    assert list(made_anew(before, after, since=SINCE)) == [
        "n/other: its upstream object was made anew",
        "n/gone: its upstream object was removed",
    ]
    assert list(other_phases(before, after)) == [
        "n/other: Failed, was Running",
        "n/pending: Running, was Pending",
    ]
    assert "n/pending" not in not_taken_over(after)


def test_after_a_crash_the_age_tells() -> None:
    after = {
        ("n", "old"): Counted("Running", uid="1", made=EARLIER),
        ("n", "x"): Counted("", uid="2", made=LATER),
    }

    (said,) = made_anew({}, after, since=SINCE)

    assert said.startswith("n/x: its upstream object is younger than the migration")


def test_who_is_paused_stays_as_it_is() -> None:
    assert not_taken_over({("n", "x"): Counted("Running", is_paused=True)}) == []


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with emulated_cluster(tmp_path, own_crds=True) as found:
        await found.create(NAMESPACES, {"metadata": {"name": SYSTEM}})
        yield found


async def test_without_this_system_or_anything_to_move_nothing_begins(cluster: Cluster) -> None:
    found = await obstacles(cluster, *await deployments_of_both(cluster, ["kaito"]))

    assert "no Deployment that runs worker or watcher here" in found[0]
    assert "nothing to move" in found[1]
    with pytest.raises(CliError, match="no Deployment that runs worker or watcher"):
        await run(cluster, lambda _: None, seconds=1)
    with pytest.raises(CliError, match="nothing to undo"):
        await back(cluster, lambda _: None, seconds=1)
    assert await read_record(cluster) is None


async def test_what_was_found_first_is_what_counts(cluster: Cluster) -> None:
    await cluster.create(
        APPS_DEPLOYMENTS, deployment(names.FORMER_CORE, command=["/manager"]), namespace=SYSTEM
    )
    await cluster.create(APPS_DEPLOYMENTS, deployment("airunway-worker", args=["worker"]), namespace=SYSTEM)

    first = await begin_record(cluster, *await deployments_of_both(cluster, ["kaito"]))
    for name in (names.FORMER_CORE, "airunway-worker"):
        await steps.scale(cluster, name, 0, lambda _: None)
    again = await begin_record(cluster, *await deployments_of_both(cluster, ["kaito"]))

    assert first == again
    assert (first.former, first.ours) == ({names.FORMER_CORE: 1}, {"airunway-worker": 1})


@pytest.mark.parametrize(
    ("said", "started"),
    [
        pytest.param({names.ANNOTATION_STANDBY_REPLICAS: "3"}, 3, id="as the chart says"),
        pytest.param({}, 2, id="made of the manifests"),
        pytest.param({names.ANNOTATION_STANDBY_REPLICAS: "0"}, 2, id="no count that starts anything"),
        pytest.param({names.ANNOTATION_STANDBY_REPLICAS: "many"}, 2, id="no count"),
    ],
)
async def test_what_was_installed_with_no_pods_is_to_have_as_many_as_it_says(
    cluster: Cluster, said: dict[str, str], started: int
) -> None:
    given = deployment("airunway-worker", args=["worker"])
    given["metadata"]["annotations"] = said
    given["spec"]["replicas"] = 0
    await cluster.create(APPS_DEPLOYMENTS, given, namespace=SYSTEM)

    record = await begin_record(cluster, *await deployments_of_both(cluster, ["kaito"]))

    assert record.ours == {"airunway-worker": started}


@pytest.mark.parametrize("broken", ["[", "[1]", '{"a": "b"}', "null"])
async def test_a_record_that_somebody_broke_is_said(cluster: Cluster, broken: str) -> None:
    data = {"move": "run", "former": broken, "ours": "{}"}
    await cluster.create(CONFIG_MAPS, {"metadata": {"name": NAME}, "data": data}, namespace=SYSTEM)

    with pytest.raises(CliError, match=f"ConfigMap {SYSTEM}/{NAME}"):
        await read_record(cluster)


async def test_leases_are_held_and_only_those_given_back(cluster: Cluster) -> None:
    said: list[str] = []

    await steps.hold_leases(cluster, [names.FORMER_CORE, "airunway-kaito-provider"], said.append)
    await steps.hold_leases(cluster, [names.FORMER_CORE], said.append)
    held = await cluster.get(LEASES, names.FORMER_CORE_LEASE, namespace=SYSTEM)
    assert held["spec"]["holderIdentity"] == HOLDER
    assert len(said) == 2, "who holds it already writes nothing"
    assert await holder_of(cluster, names.FORMER_CORE_LEASE) == "", "our own hand is in nobody's way"

    await cluster.patch(
        LEASES, "airunway-kaito-provider", {"spec": {"holderIdentity": "somebody"}}, namespace=SYSTEM
    )
    await steps.release_leases(cluster, [names.FORMER_CORE, "airunway-kaito-provider"], said.append)

    assert await cluster.find(LEASES, names.FORMER_CORE_LEASE, namespace=SYSTEM) is None
    kept = await cluster.get(LEASES, "airunway-kaito-provider", namespace=SYSTEM)
    assert kept["spec"]["holderIdentity"] == "somebody"


async def test_what_never_comes_ends_with_what_to_do(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    await cluster.create(APPS_DEPLOYMENTS, deployment("airunway-worker", args=["worker"]), namespace=SYSTEM)

    with pytest.raises(CliError, match="airunway-worker has no ready pod after 0 s; see kubectl -n"):
        await steps.start(cluster, {"airunway-worker": 1}, lambda _: None, seconds=0.2)


@pytest.mark.parametrize(
    ("phase", "awaited"),
    [
        pytest.param("Running", True, id="it works until it has ended"),
        pytest.param("Failed", False, id="it was evicted, and stays for people to read"),
    ],
)
async def test_a_pod_that_is_ending_is_awaited_though_no_count_has_it(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, phase: str, awaited: bool
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    given = deployment("airunway-worker", args=["worker"])
    await cluster.create(APPS_DEPLOYMENTS, given, namespace=SYSTEM)
    pod = {
        "metadata": {
            "name": "w",
            "finalizers": ["example.com/drains"],
            **given["spec"]["template"]["metadata"],
        },
        "spec": given["spec"]["template"]["spec"],
    }
    await cluster.create(PODS, pod, namespace=SYSTEM)
    await cluster.patch(PODS, "w", {"status": {"phase": phase}}, namespace=SYSTEM, subresource="status")
    await cluster.delete(PODS, "w", namespace=SYSTEM)
    counts = {"status": {"replicas": 0, "observedGeneration": 2}}

    async def stop() -> None:
        await steps.scale(cluster, "airunway-worker", 0, lambda _: None)
        await cluster.patch(
            APPS_DEPLOYMENTS, "airunway-worker", counts, namespace=SYSTEM, subresource="status"
        )
        await steps.stop(cluster, ["airunway-worker"], lambda _: None, seconds=0.2)

    with pytest.raises(CliError, match="still has pods") if awaited else contextlib.nullcontext():
        await stop()


@pytest.mark.parametrize(
    ("labels", "awaited"),
    [
        pytest.param({"app": "airunway-worker", "tier": "core"}, True, id="its own"),
        pytest.param({"app": "airunway-registry", "tier": "core"}, False, id="another's"),
        pytest.param({"app": "airunway-worker"}, False, id="without a label that has to be there"),
        pytest.param({"app": "airunway-worker", "tier": "core", "old": "1"}, False, id="with one too many"),
        pytest.param({"app": "airunway-worker", "tier": "test"}, False, id="with a value that is left out"),
    ],
)
async def test_pods_are_found_by_expressions_too(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, labels: dict[str, str], awaited: bool
) -> None:
    monkeypatch.setattr(steps, "POLL_SECONDS", 0.01)
    given = deployment("airunway-worker", args=["worker"])
    given["spec"]["replicas"] = 0
    given["spec"]["selector"] = {
        "matchExpressions": [
            {"key": "app", "operator": "In", "values": ["airunway-worker", "airunway-watcher"]},
            {"key": "tier", "operator": "NotIn", "values": ["test"]},
            {"key": "tier", "operator": "Exists"},
            {"key": "old", "operator": "DoesNotExist"},
        ]
    }
    given["spec"]["template"]["metadata"]["labels"] = {"app": "airunway-worker", "tier": "core"}
    await cluster.create(APPS_DEPLOYMENTS, given, namespace=SYSTEM)
    counts = {"status": {"replicas": 0, "observedGeneration": 1}}
    await cluster.patch(APPS_DEPLOYMENTS, "airunway-worker", counts, namespace=SYSTEM, subresource="status")
    pod = {"metadata": {"name": "p", "labels": labels}, "spec": given["spec"]["template"]["spec"]}
    await cluster.create(PODS, pod, namespace=SYSTEM)

    with pytest.raises(CliError, match="still has pods") if awaited else contextlib.nullcontext():
        await steps.stop(cluster, ["airunway-worker"], lambda _: None, seconds=0.2)


def test_a_script_has_to_say_yes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())

    with pytest.raises(CliError, match="start this system: give --yes"):
        report._confirm(report.QUESTIONS["run"], yes=False)
