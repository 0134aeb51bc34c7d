"""Shared prerequisites on a test's cluster: what is asked of the installer, and what its workflow does."""

from __future__ import annotations

from airunway.api.chart_release import ChartAction
from airunway.installation.prerequisites import GPU_OPERATOR_VERSION
from airunway.messages.installation import (
    ChartAnswer,
    ChartRequest,
    InstallationRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
)
from tests.activities.fake_helm import FakeChart
from tests.activities.install_site import Site, operator, run
from tests.releases import definition


def gpu_chart() -> FakeChart:
    policies = definition("clusterpolicies", "nvidia.com", "")
    policies["spec"]["names"]["kind"] = "ClusterPolicy"
    return FakeChart(
        GPU_OPERATOR_VERSION, objects=[operator("gpu-operator", app="gpu-operator")], crds=[policies]
    )


def request(name: str, operation: Operation = Operation.INSTALL) -> InstallationRequest:
    return InstallationRequest(provider=name, operation=operation)


async def preflight(site: Site, name: str, operation: Operation = Operation.INSTALL) -> PreflightAnswer:
    asked = PreflightRequest(request=request(name, operation))
    return await run(site.activities.preflight_provider, asked)


async def installed(site: Site, name: str) -> list[ChartAnswer]:
    """What the workflow does: everything that is due, in order."""
    done = []
    for chart in (await preflight(site, name)).charts:
        if not chart.is_left_alone:
            about = ChartRequest(request=request(name), chart=chart)
            done.append(await run(site.activities.apply_crds, about))
            if not chart.is_crd_file:
                done.append(await run(site.activities.install_chart, about))
    return done


async def actions(site: Site, name: str, operation: Operation = Operation.INSTALL) -> dict[str, ChartAction]:
    return {chart.release: chart.action for chart in (await preflight(site, name, operation)).charts}
