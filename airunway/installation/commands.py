"""A plan as commands for a person: the same steps in the same order. Source: install.md §A4.3, §A4.4.

They name what the config names: mirrors are a matter of the installer, not of the person's own Helm.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from airunway.installation.diff import Mask
from airunway.installation.plan import ChartPlan, Plan, PlanStep, crd_url_step


def _as_it_is(values: Any) -> Any:
    return values


def steps_of(plan: Plan) -> list[PlanStep]:
    """Every step, with its id and its command."""
    return list(_steps(plan))


def commands_of(plan: Plan, *, mask: Mask = _as_it_is) -> list[str]:
    """The commands alone. `mask`: takes secrets out of the values, for where they are recorded."""
    charts = tuple(replace(chart, value_paths=mask(chart.value_paths)) for chart in plan.charts)
    return [step.command for step in _steps(replace(plan, charts=charts))]


def _steps(plan: Plan) -> Iterator[PlanStep]:
    for repository in plan.repositories:
        yield PlanStep(
            id=f"repo-add-{repository.name}",
            title=f"look up charts in {repository.url}",
            command=shlex.join(["helm", "repo", "add", repository.name, repository.url, "--force-update"]),
        )
    if plan.repositories:
        yield PlanStep(id="repo-update", title="read the repositories' indexes", command="helm repo update")
    for chart in plan.charts:
        yield from _chart_steps(chart)


def _chart_steps(chart: ChartPlan) -> Iterator[PlanStep]:
    for url in chart.pre_crd_urls:
        command = shlex.join(["kubectl", "apply", "-f", url])
        yield PlanStep(id=crd_url_step(url), title=f"apply the CRDs of {url}", command=command)
    if chart.pre_install_missing_crds:
        yield PlanStep(
            id=f"crds-{chart.release}",
            title=f"create the CRDs of {chart.declared} that are missing",
            command=f"{_show_crds(chart)} | kubectl create -f - || true",
        )
    version = f" {chart.version}" if chart.version else ""
    yield PlanStep(
        id=chart.step,
        title=f"install {chart.declared}{version} as {chart.release} in {chart.namespace}",
        command=install_command(chart),
    )


def install_command(chart: ChartPlan) -> str:
    """Helm's command for a chart, flags in the reference's order."""
    words = ["helm", "upgrade", chart.release, chart.declared, "--install", "--namespace", chart.namespace]
    if chart.create_namespace:
        words.append("--create-namespace")
    if chart.version:
        words += ["--version", chart.version]
    for path, value in chart.value_paths.items():
        words += ["--set-json", f"{path}={json.dumps(value, separators=(',', ':'))}"]
    if chart.skip_crds:
        words.append("--skip-crds")
    return shlex.join(words)


def _show_crds(chart: ChartPlan) -> str:
    version = ["--version", chart.version] if chart.version else []
    return shlex.join(["helm", "show", "crds", chart.declared, *version])
