"""The work of `airunway migrate run` and `back`: ask, do it, say what came of it."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import asdict

from airunway.cli import output
from airunway.cli.cluster import settings_for
from airunway.cli.formats import OutputFormat
from airunway.cli.migrate import moves
from airunway.cli.migrate.check import situation
from airunway.cli.migrate.moves import MoveOutcome
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.clients.kubernetes import Cluster
from airunway.workers.settings import Settings

QUESTIONS = {
    "run": "end AI Runway's controllers and start this system",
    "back": "end this system and start AI Runway's controllers",
}
MAX_SHOWN = 20


def move(direction: str, where: Where, *, yes: bool, seconds: float, form: OutputFormat) -> bool:
    """Do it; answers whether all is as before. Raises CliError where something is in the way."""
    settings = settings_for(where)
    _confirm(QUESTIONS[direction], yes=yes)
    outcome = asyncio.run(_move(direction, settings, seconds=seconds))
    is_fine = not (outcome.made_anew or outcome.not_taken_over)
    if form.is_table:
        show(direction, outcome)
    else:
        output.data({"move": direction, "succeeded": is_fine, **asdict(outcome)}, form)
    return is_fine


async def _move(direction: str, settings: Settings, *, seconds: float) -> MoveOutcome:
    if direction == "run":
        found = await situation(settings)
        if found.obstacles:
            raise CliError("; ".join(found.obstacles))
    async with await Cluster.connect(settings.kubeconfig, context=settings.context) as cluster:
        go = moves.run if direction == "run" else moves.back
        return await go(cluster, output.note, seconds=seconds)


def _confirm(question: str, *, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise CliError(f"this would {question}: give --yes")
    if output.answer_to(f"{question}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise CliError("nothing was done")


def show(direction: str, outcome: MoveOutcome) -> None:
    """What became of the fleet."""
    for title, entries in (
        ("made anew", outcome.made_anew),
        ("another phase than before", outcome.other_phases),
        ("not taken over", outcome.not_taken_over),
    ):
        for entry in entries[:MAX_SHOWN]:
            output.line(f"{title}: {entry}")
        if len(entries) > MAX_SHOWN:
            output.line(f"{title}: and {len(entries) - MAX_SHOWN} more")
    output.line(
        f"{outcome.deployments} deployments: {len(outcome.made_anew)} made anew, {len(outcome.other_phases)} "
        f"in another phase, {len(outcome.not_taken_over)} not taken over"
    )
    if direction == "run":
        output.note("to undo it: airunway migrate back; to make it final, delete AI Runway's Deployments")
