"""A plan as commands for a person: the same steps in the same order. Source: install.md §A4.3, §A4.4.

They name what the config names: mirrors are a matter of the installer, not of the person's own Helm.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from airunway.api.chart_release import ChartRelease
from airunway.installation.diff import Mask
from airunway.installation.plan import InstallationPlan, crd_url_step, install_step


@dataclass(frozen=True, kw_only=True)
class ShownStep:
    """A step of the contract by its id, and the command that does the same by hand."""

    id: str
    command: str


def _as_it_is(values: Any) -> Any:
    return values


def steps_of(plan: InstallationPlan, *, mask: Mask = _as_it_is) -> list[ShownStep]:
    """Every step, with its id and its command."""
    return list(_steps(plan, mask))


def commands_of(plan: InstallationPlan, *, mask: Mask = _as_it_is) -> list[str]:
    """The commands alone. `mask`: takes secrets out of the values, for where they are recorded."""
    return [step.command for step in _steps(plan, mask)]


def _steps(plan: InstallationPlan, mask: Mask) -> Iterator[ShownStep]:
    repositories = plan.metadata.repositories
    for repository in repositories:
        command = shlex.join(["helm", "repo", "add", repository.name, repository.url, "--force-update"])
        yield ShownStep(id=f"repo-add-{repository.name}", command=command)
    if repositories:
        yield ShownStep(id="repo-update", command="helm repo update")
    for chart in plan.charts:
        if chart.is_crd_file:
            # By the server: some of these CRDs are too long for the annotation of the other way.
            command = shlex.join(["kubectl", "apply", "--server-side", "-f", chart.chart])
            yield ShownStep(id=chart.release, command=command)
            continue
        for url in chart.pre_crd_urls:
            yield ShownStep(id=crd_url_step(url), command=shlex.join(["kubectl", "apply", "-f", url]))
        if chart.pre_install_missing_crds:
            command = f"{_show_crds(chart)} | kubectl create -f - || true"
            yield ShownStep(id=f"crds-{chart.release}", command=command)
        yield ShownStep(id=install_step(chart), command=_install_command(chart, mask))


def _install_command(chart: ChartRelease, mask: Mask) -> str:
    """Helm's command for a chart, flags in the reference's order."""
    words = ["helm", "upgrade", chart.release, chart.chart, "--install", "--namespace", chart.namespace]
    if chart.create_namespace:
        words.append("--create-namespace")
    if chart.version:
        words += ["--version", chart.version]
    for path, value in mask(chart.value_paths).items():
        words += ["--set-json", f"{path}={json.dumps(value, separators=(',', ':'))}"]
    if chart.skip_crds:
        words.append("--skip-crds")
    return shlex.join(words)


def _show_crds(chart: ChartRelease) -> str:
    version = ["--version", chart.version] if chart.version else []
    return shlex.join(["helm", "show", "crds", chart.chart, *version])
