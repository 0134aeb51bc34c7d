"""The chart beside AI Runway's own controllers: nothing runs before `airunway migrate run`, and goes on then.

Apart from tests/real/test_chart.py: Helm sees what runs in a cluster that is emulated.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.api.chart_release import ChartRelease
from airunway.cli.migrate import steps
from airunway.cli.migrate.controllers import deployments_of_both
from airunway.cli.migrate.record import begin_record
from airunway.clients.helm import Helm
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Cluster
from kube_emulator import EmulatedCluster
from tests.deploy.chart import PROFILES, chart_objects
from tests.deploy.manifests import of_kind
from tools.generate.chart import CHART, answers

STANDBY = PROFILES["standby"]
WORKER, WATCHER = "airunway-worker", "airunway-watcher"
SYSTEM = names.SYSTEM_NAMESPACE
COUNTED: dict[str, Any] = {"worker": {"replicas": 3}, "watcher": {"replicas": 1}}


TEMPLATES = ("_helpers.tpl", "settings.yaml", "watcher.yaml", "worker.yaml")
"""Of the chart, those that are about what stands by: an emulated cluster has not all kinds of the others."""


class Release:
    """The chart in a cluster, as a person upgrades it."""

    def __init__(self, cluster: Cluster, helm: Helm, chart: Path) -> None:
        self.cluster = cluster
        self._helm, self._chart = helm, chart

    async def upgrade(self, values: Mapping[str, Any]) -> None:
        """Install it, or upgrade it."""
        wanted = ChartRelease(
            release="airunway",
            namespace=SYSTEM,
            chart=str(self._chart),
            create_namespace=True,
            values=dict(values),
        )
        await self._helm.upgrade_or_install(wanted, wait=False, atomic=False)

    async def started(self) -> None:
        """As `airunway migrate run` does it."""
        record = await begin_record(self.cluster, *await deployments_of_both(self.cluster, ["kaito"]))
        for name in (WORKER, WATCHER):
            await steps.scale(self.cluster, name, record.ours[name], lambda _: None)

    async def replicas(self) -> list[int]:
        """Of worker and watcher."""
        found = [
            await self.cluster.get(APPS_DEPLOYMENTS, name, namespace=SYSTEM) for name in (WORKER, WATCHER)
        ]
        return [live["spec"]["replicas"] for live in found]


def chart_of(folder: Path) -> Path:
    """The chart with the templates that count here."""
    target = folder / "airunway"
    shutil.copytree(CHART, target, ignore=shutil.ignore_patterns("templates"))
    (target / "templates").mkdir()
    for name in TEMPLATES:
        shutil.copy(CHART / "templates" / name, target / "templates" / name)
    return target


@pytest_asyncio.fixture
async def release(tmp_path: Path) -> AsyncIterator[Release]:
    async with EmulatedCluster() as emulated:
        kubeconfig = emulated.kubeconfig(tmp_path / "kubeconfig")
        async with await Cluster.connect(kubeconfig) as cluster:
            yield Release(
                cluster, Helm(kubeconfig=kubeconfig, timeout=timedelta(seconds=60)), chart_of(tmp_path)
            )


async def test_what_migrate_has_started_no_upgrade_ends(release: Release) -> None:
    values = {**STANDBY, **COUNTED}
    await release.upgrade(values)
    installed = await release.replicas()
    await release.upgrade(values)
    still = await release.replicas()

    await release.started()
    started = await release.replicas()
    await release.upgrade({**values, "pods": {"annotations": {"example.com/changed": "yes"}}})
    upgraded = await release.replicas()
    await release.upgrade({**values, "standby": False, "webhook": {"enabled": True}})

    assert (installed, still) == ([0, 0], [0, 0])
    assert started == [3, 1], "what the chart would have had, not what it usually has"
    assert (upgraded, await release.replicas()) == ([3, 1], [3, 1])


async def test_what_migrate_back_has_ended_no_upgrade_starts_while_it_stands_by(release: Release) -> None:
    await release.upgrade(STANDBY)
    await release.started()
    for name in (WORKER, WATCHER):
        await steps.scale(release.cluster, name, 0, lambda _: None)

    await release.upgrade(STANDBY)

    assert await release.replicas() == [0, 0]


def test_beside_ai_runway_nothing_of_the_same_name_is_installed_and_only_who_writes_stands_by() -> None:
    found = chart_objects("standby")
    deployments = of_kind("Deployment", found)

    assert {key for key, obj in deployments.items() if obj["spec"]["replicas"] == 0} == {WORKER, WATCHER}
    assert {
        key: obj["metadata"]["annotations"] for key, obj in deployments.items() if key in (WORKER, WATCHER)
    } == {key: {names.ANNOTATION_STANDBY_REPLICAS: "2"} for key in (WORKER, WATCHER)}
    assert not [key for key in deployments if key.endswith("-provider")]
    assert not [obj for obj in found if obj["kind"].endswith("WebhookConfiguration")]
    assert of_kind("PodDisruptionBudget", found).keys() == {WORKER, WATCHER}


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"allInOne": False}, "standby: set allInOne to true"),
        ({"webhook": {"enabled": True}}, "standby: set webhook.enabled to false"),
        ({"autoscaling": {"kind": "hpa", "cluster": "c1"}}, "standby: set autoscaling.kind to none"),
    ],
)
def test_what_would_take_the_place_of_ai_runways_own_is_refused(values: dict[str, Any], said: str) -> None:
    (answer,) = answers({**STANDBY, **values})

    assert said in answer["refused"]
