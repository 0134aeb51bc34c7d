"""The work of `airunway migrate check`: what is in the way, and what would change of each deployment."""

from __future__ import annotations

import asyncio
from dataclasses import asdict, dataclass

from airunway.cli import output
from airunway.cli.cluster import settings_for
from airunway.cli.doctor import cluster as cluster_checks
from airunway.cli.doctor import temporal
from airunway.cli.doctor.examination import examine
from airunway.cli.doctor.findings import DoctorVerdict
from airunway.cli.doctor.place import DoctorPlace
from airunway.cli.formats import OutputFormat
from airunway.cli.migrate.controllers import deployments_of_both, left_alone
from airunway.cli.migrate.moves import obstacles
from airunway.cli.options import Manifests
from airunway.cli.placing import Where
from airunway.cli.plan_cluster import KEEP, NOW
from airunway.cli.plan_report import plans_for, print_plans
from airunway.clients.kubernetes import Cluster
from airunway.console.plan import PlannedDeployment
from airunway.console.rows import deployment_resource
from airunway.provider.registry import installed_providers
from airunway.workers.settings import Settings

NEEDED = {
    "temporal": temporal.reachable,
    "temporal rights": temporal.rights,
    "cluster": cluster_checks.reachable,
    "crds": cluster_checks.definitions,
}
"""Without these this system could not take over."""
CHECK_SECONDS = 15.0


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What there is to move, and what is in the way."""

    controllers: list[str]
    """Of AI Runway's own that run, each with its pods and who holds its Lease."""
    processes: list[str]
    """Of this system that are installed."""
    left_alone: list[str]
    """Controllers of providers of which no package is installed here: they go on as they are."""
    obstacles: list[str]


def report(where: Where, *, form: OutputFormat) -> bool:
    """Print it; answers whether it can begin. Raises CliError, ApiError."""
    settings = settings_for(where)
    found = asyncio.run(situation(settings))
    plans = plans_for(Manifests(), settings=settings, against_cluster=True, rehearsed=True)
    if form.is_table:
        for line in found.controllers:
            output.line(f"runs       {line}")
        for line in found.processes:
            output.line(f"installed  {line}")
        for line in found.left_alone:
            output.line(f"left alone {line}: this system has no package of its provider")
        print_plans(plans, form)
        output.line(in_sum(plans))
        for problem in found.obstacles:
            output.line(f"in the way: {problem}")
    else:
        said = {
            **asdict(found),
            "deployments": [plan.model_dump(by_alias=True, mode="json") for plan in plans],
        }
        output.data(said, form, names=[deployment_resource(plan.name) for plan in plans])
    return not found.obstacles


async def situation(settings: Settings) -> Situation:
    """What there is. Raises ApiError."""
    place = DoctorPlace(settings)
    try:
        findings = [entry async for entry in examine(place, NEEDED, seconds=CHECK_SECONDS)]
    finally:
        await place.close()
    problems = [
        f"{entry.check}: {entry.message}" + (f"; {entry.advice}" if entry.advice else "")
        for entry in findings
        if entry.verdict is DoctorVerdict.FAIL
    ]
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        known = installed_providers()
        controllers, processes = await deployments_of_both(cluster, known)
        others = await left_alone(cluster, known)
        problems += await obstacles(cluster, controllers, processes)
    return Situation(
        controllers=[
            f"{entry.name}: {entry.pods} of {entry.replicas} pods"
            + (f", its Lease is held by {entry.holder}" if entry.holder else "")
            for entry in controllers
        ],
        processes=[
            f"{entry.name} ({entry.subcommand}): {entry.ready} of {entry.replicas} pods are ready"
            for entry in processes
        ],
        left_alone=others,
        obstacles=problems,
    )


def in_sum(plans: list[PlannedDeployment]) -> str:
    """In a sentence."""
    changes = [[change for change in plan.changes or () if change.action != KEEP] for plan in plans]
    now = sum(any(change.when == NOW for change in entry) for entry in changes)
    later = sum(any(change.when != NOW for change in entry) for entry in changes)
    unfit = sum(not plan.ok for plan in plans)
    return (
        f"{len(plans)} deployments: none is made anew, {now} would be written to now, {later} with the next "
        f"change of their spec" + (f", {unfit} would not be deployed as they are" if unfit else "")
    )
