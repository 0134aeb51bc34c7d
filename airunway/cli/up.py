"""`airunway up`: the whole system in one process, on an emulated cluster or a real one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from airunway.cli.placing import STATE_DIR
from airunway.cli.running import run as run_async

DEADLINE_SECONDS = 120.0


Kubeconfig = Annotated[
    Path | None,
    typer.Option(
        "--kubeconfig",
        help="Work on this real cluster instead of the emulated one. Samples are applied there only "
        "when named with --sample.",
        show_default=False,
    ),
]
StateDir = Annotated[
    Path, typer.Option("--state-dir", help="Folder that keeps the state; a second `up` resumes it.")
]
Sample = Annotated[
    list[str] | None,
    typer.Option(
        "--sample",
        help="Apply this manifest instead of the shipped samples; again for more.",
        metavar="FILE",
    ),
]
NoSamples = Annotated[bool, typer.Option("--no-samples", help="Apply nothing.")]
Once = Annotated[
    bool,
    typer.Option("--once", help="Leave when every sample runs: status 0, or 1 after the deadline."),
]
NoGateway = Annotated[
    bool,
    typer.Option(
        "--no-gateway",
        help="Pretend no Gateway, which is one address at which every model answers, with canned words. "
        "A real cluster has its own, or none.",
    ),
]
Deadline = Annotated[float, typer.Option("--deadline", help="How long --once waits, in seconds.", min=1)]


def up(
    kubeconfig: Kubeconfig = None,
    state_dir: StateDir = STATE_DIR,
    sample: Sample = None,
    no_samples: NoSamples = False,
    no_gateway: NoGateway = False,
    once: Once = False,
    deadline: Deadline = DEADLINE_SECONDS,
) -> None:
    """Try the whole system on this machine.

    Starts Temporal, an emulated cluster, worker, watcher and web pages, and deploys samples. Needs nothing
    but Python. Shows the samples until they run, then keeps running until Ctrl-C.
    """
    if no_samples and sample:
        raise typer.BadParameter("--sample and --no-samples contradict each other")
    if sys.stderr.isatty():
        from airunway.cli.output import note

        note("airunway up: loading")  # for the second or two in which nothing else is seen
    from airunway.cli.up_servers import UpOptions
    from airunway.cli.up_session import run

    chosen = UpOptions(
        state_dir=state_dir,
        kubeconfig=kubeconfig,
        samples=sample or [],
        shipped_samples=not (no_samples or sample or kubeconfig),
        gateway=kubeconfig is None and not no_gateway,
        deadline=deadline if once else None,
    )
    status = run_async(run(chosen))
    if status:
        raise typer.Exit(status)
