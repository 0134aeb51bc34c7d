"""The `airunway` command: its subcommands, and how errors reach a person (one line, no traceback).

A command's own file holds its options only and imports its work when it is called: `--help` must not wait
for the libraries of Kubernetes and Temporal.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable
from typing import Annotated

import typer
from typer.exceptions import TyperException

from airunway.cli.cancel_build import cancel_build
from airunway.cli.codec_server import codec_server
from airunway.cli.completion_script import completion
from airunway.cli.crds import crds
from airunway.cli.doctor.command import doctor
from airunway.cli.history.command import history
from airunway.cli.leaving import leaving
from airunway.cli.logs import logs
from airunway.cli.migrate.command import migrate
from airunway.cli.open_links import open_links
from airunway.cli.pause import pause
from airunway.cli.plan import plan
from airunway.cli.problems import CliError
from airunway.cli.processes import private_pulls, watcher, web, webhook, worker
from airunway.cli.providers import providers
from airunway.cli.resume import resume
from airunway.cli.retry import retry
from airunway.cli.short_options import without_signs
from airunway.cli.status import list_deployments, status
from airunway.cli.up import up
from airunway.cli.versions import versions

app = typer.Typer(
    name="airunway",
    help="Deploy language models on Kubernetes: each ModelDeployment is one durable workflow.",
    epilog="Try it without a cluster: `airunway up`. What would a manifest do: `airunway plan -f FILE`.",
    no_args_is_help=True,
    add_completion=False,  # `airunway completion` prints the script
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
COMPLETION_VARIABLE = "_AIRUNWAY_COMPLETE"
"""Set by a shell's completion script when it asks for words."""
_ABOUT_DEPLOYMENTS = (plan, status, logs, history, retry, cancel_build, pause, resume)
_PROCESSES = (worker, watcher, webhook, web, private_pulls, codec_server)
for command in (up, *_ABOUT_DEPLOYMENTS, crds, doctor, completion, *_PROCESSES):
    app.command()(command)
app.command("list")(list_deployments)
app.command("open")(open_links)
app.add_typer(providers, name="providers")
app.add_typer(versions, name="versions")
app.add_typer(migrate, name="migrate")


def _version(value: bool) -> None:
    if not value:
        return
    from importlib.metadata import PackageNotFoundError, version

    from airunway.cli import output

    try:
        output.line(f"airunway {version('airunway-temporal')}")
    except PackageNotFoundError:
        output.line("airunway, not installed")
    raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and leave."),
    ] = False,
) -> None:
    """Deploy language models on Kubernetes: each ModelDeployment is one durable workflow."""


def program_name(called: str) -> str:
    """What usage texts call the program that was called by this path: `kubectl airunway` as a plugin."""
    name = os.path.basename(called)
    return "kubectl airunway" if name.startswith(("kubectl-airunway", "kubectl_airunway")) else "airunway"


def main() -> None:
    """Run the command line; leaves with the exit status."""
    # Programs that we start are no forks that go on with gRPC, which would say so on the terminal.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    # It warns of what becomes an error of ours a moment later.
    import logging

    logging.getLogger("kubernetes.aio.config").setLevel(logging.ERROR)
    try:
        with leaving():
            if COMPLETION_VARIABLE in os.environ:
                from airunway.cli.completion import prepare

                prepare()
            status = app(
                args=without_signs(sys.argv[1:]),
                prog_name=program_name(sys.argv[0]),
                standalone_mode=False,
                complete_var=COMPLETION_VARIABLE,
            )
            sys.exit(status if isinstance(status, int) else 0)
    except Exception as err:
        if os.environ.get("AIRUNWAY_TRACEBACK"):
            raise
        sys.exit(_report(err))


def _report(err: Exception) -> int:
    """Say what went wrong; answers the exit status."""
    from airunway.cli.output import note  # heavy, like `explain`, and rarely needed

    if isinstance(err, TyperException):
        return _report_usage(err, note)
    from airunway.cli.explain import explain

    note(f"airunway: {explain(err)}")
    return err.exit_status if isinstance(err, CliError) else 1


def _report_usage(err: TyperException, note: Callable[[str], None]) -> int:
    """What the library says of a wrong call, by our way to the terminal: it quotes what it was called
    with."""
    text = io.StringIO()
    show = getattr(err, "show", None)
    if show is None:
        note("aborted")
    else:
        show(file=text)
    for line in text.getvalue().splitlines():
        note(line)
    return int(getattr(err, "exit_code", 1))
