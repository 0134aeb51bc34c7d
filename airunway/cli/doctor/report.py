"""The work of `airunway doctor`: every check, a line each."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from airunway.cli import output
from airunway.cli.cluster import settings_for
from airunway.cli.doctor import cluster, controllers, images, providers, temporal
from airunway.cli.doctor.examination import Check, examine
from airunway.cli.doctor.findings import DoctorFinding, DoctorVerdict, worst
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where

CHECKS: Mapping[str, Check] = {
    "temporal": temporal.reachable,
    "temporal rights": temporal.rights,
    "search attributes": temporal.search_attributes,
    "retention": temporal.retention,
    "cluster": cluster.reachable,
    "crds": cluster.definitions,
    "webhooks": cluster.webhooks,
    "rights": cluster.rights,
    "clock": cluster.clock,
    "AI Runway's controllers": controllers.former,
    "watcher": controllers.watcher,
    "worker": temporal.workers,
    "providers": providers.registered,
    "installer": providers.installer,
    "helm": providers.helm,
    "registry": images.registry,
    "builder": images.builder,
}
"""In the order in which one would look: what is first is wanted by what follows."""
STYLES = {DoctorVerdict.OK: "green", DoctorVerdict.WARN: "yellow", DoctorVerdict.FAIL: "bold red"}


async def report(where: Where, *, form: OutputFormat, seconds: float) -> bool:
    """Print every finding; answers whether nothing failed. Raises CliError when no cluster is named."""
    place = DoctorPlace(settings_for(where))
    found: list[DoctorFinding] = []
    try:
        async for finding in examine(place, CHECKS, seconds=seconds):
            found.append(finding)
            if form.is_table:
                show(finding)
    finally:
        await place.close()
    verdict = worst(found)
    if not form.is_table:
        said = {"verdict": verdict.value, "findings": [entry.as_json() for entry in found]}
        output.data(said, form, names=[f"{entry.verdict.value}/{entry.check}" for entry in found])
    return verdict is not DoctorVerdict.FAIL


def show(finding: DoctorFinding) -> None:
    """One line, and what to do in a second one."""
    screen = output.console()
    line = Text(f"{finding.verdict.value:4}", style=STYLES[finding.verdict])
    line.append(f"  {finding.check}: ", style="bold").append(finding.message, style="not bold")
    screen.print(line, soft_wrap=True)
    if finding.advice:
        screen.print(Text(f"      {finding.advice}", style="dim"), soft_wrap=True)
