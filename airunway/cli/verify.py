"""`airunway worker --verify N`: does this build replay what runs? For a Job before a roll-out."""

from __future__ import annotations

import logging
from typing import Any

from rich.text import Text
from temporalio.client import WorkflowExecution

from airunway.cli.cluster import named_settings
from airunway.cli.formats import OutputFormat
from airunway.cli.output import console, data, note, plain_table
from airunway.cli.placing import Where
from airunway.cli.problems import CliError
from airunway.cli.temporal import temporal_client
from airunway.workers.sampling import Sample
from airunway.workers.verification import Verification, verify
from airunway.workers.worker_version import build_id


async def verify_build(count: int, *, sample: Sample, form: OutputFormat, where: Where) -> None:
    """Replay, and print what came of it. Raises CliError at the first difference."""
    logging.getLogger("temporalio").setLevel(logging.CRITICAL)  # it would print what is said in words below
    settings = await named_settings(where)
    client = await temporal_client(settings)

    def progress(run: WorkflowExecution) -> None:
        note(f"replaying {run.id}")

    done = await verify(client, cluster_name=settings.cluster, count=count, sample=sample, progress=progress)
    if form.is_table:
        _print_table(done)
    else:
        data(_document(done, build=build_id(settings)), form)
    if done.difference is not None:
        different = done.difference
        raise CliError(
            f"this build ({build_id(settings)}) does not replay workflow {different.workflow_id}, run "
            f"{different.run_id}: {different.words}; roll it out with worker versions only, so that this run "
            "stays on its own build until it continues as new (docs/upgrades.md)"
        )


def _print_table(done: Verification) -> None:
    table = plain_table("WORKFLOW", "REPLAYED", "EVENTS", "ENDED MEANWHILE", "RESULT")
    different = done.difference.workflow_type if done.difference else None
    for kind in done.kinds:
        if kind.workflow_type == different:
            result = Text("different", style="bold red")
        else:
            result = Text("same" if kind.replayed else "none open", style="green" if kind.replayed else "")
        table.add_row(kind.workflow_type, str(kind.replayed), str(kind.events), str(kind.ended), result)
    console().print(table)


def _document(done: Verification, *, build: str) -> dict[str, Any]:
    different = done.difference
    return {
        "build": build,
        "same": done.difference is None,
        "workflows": [
            {
                "type": kind.workflow_type,
                "replayed": kind.replayed,
                "events": kind.events,
                "endedMeanwhile": kind.ended,
            }
            for kind in done.kinds
        ],
        "difference": {
            "type": different.workflow_type,
            "workflowId": different.workflow_id,
            "runId": different.run_id,
            "words": different.words,
        }
        if different
        else None,
    }
