"""`airunway worker`, `watcher`, `webhook`, `web`, `private-pulls`: an installation, until told to stop."""

from __future__ import annotations

from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import OutputFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async
from airunway.workers.sampling import Sample

Verify = Annotated[
    int | None,
    typer.Option(
        "--verify",
        min=1,
        metavar="N",
        help="Serve nothing: replay N open runs of each workflow with this build; fail at a difference.",
        show_default=False,
    ),
]
VerifySample = Annotated[
    Sample, typer.Option("--sample", help="Which runs --verify replays; `all`: however many.")
]


def worker(
    provider: Annotated[
        list[str] | None,
        typer.Option("--provider", help="Serve this provider; again for more. Absent: every installed one."),
    ] = None,
    no_providers: Annotated[
        bool, typer.Option("--no-providers", help="Serve no provider: each has a worker of its own.")
    ] = False,
    core: Annotated[
        bool, typer.Option("--core/--no-core", help="Whether to run the deployments' workflows as well.")
    ] = True,
    installer: Annotated[
        bool | None,
        typer.Option(
            "--installer/--no-installer",
            help="Whether to install providers' operators, which needs many rights. Absent: as --core.",
            show_default=False,
        ),
    ] = None,
    verify: Verify = None,
    sample: VerifySample = Sample.OLDEST,
    form: options.Output = OutputFormat.TABLE,
    kubeconfig: options.Kubeconfig = None,
) -> None:
    """Run a worker until told to stop.

    It runs the workflows of deployments, the steps of providers, and installations of providers' operators.
    Probes are on port 8081 (AIRUNWAY_HEALTH_PORT).
    """
    if verify is not None:
        from airunway.cli.verify import verify_build

        run_async(verify_build(verify, sample=sample, form=form, where=Where(kubeconfig)))
        return
    installs = core if installer is None else installer
    if no_providers and provider:
        raise typer.BadParameter("--no-providers and --provider contradict each other")
    if no_providers and not core and not installs:
        raise typer.BadParameter(
            "--no-providers and --no-core leave nothing to do; with --installer it installs operators"
        )
    from airunway.cli.serve import serve_worker

    served = None if no_providers else provider or []
    serve_worker(served, core=core, installer=installs, kubeconfig=kubeconfig)


def watcher(kubeconfig: options.Kubeconfig = None) -> None:
    """Run the watcher until told to stop.

    Changes in the cluster wake workflows. Of several watchers, the one that holds the Lease works.
    """
    from airunway.cli.serve import serve_watcher

    serve_watcher(kubeconfig=kubeconfig)


def webhook(kubeconfig: options.Kubeconfig = None) -> None:
    """Run the admission webhooks until told to stop.

    They fill in defaults and refuse what cannot work (port 9443, AIRUNWAY_WEBHOOK_PORT), with a certificate
    that they make, renew and inject themselves.
    """
    from airunway.cli.serve import serve_webhook

    serve_webhook(kubeconfig=kubeconfig)


def private_pulls() -> None:
    """Serve images of private models to nodes until told to stop.

    Each namespace gets those below its own folder, with the login of its pull Secret (port 5004).
    """
    from airunway.cli.serve import serve_private_pulls

    serve_private_pulls()


def web(kubeconfig: options.Kubeconfig = None) -> None:
    """Serve AI Runway's HTTP API and the pages until told to stop.

    On http://127.0.0.1:3001 (AIRUNWAY_WEB_ADDRESS, AIRUNWAY_WEB_PORT). On an address that others reach,
    people sign in with a Kubernetes token (AIRUNWAY_WEB_AUTH).
    """
    from airunway.cli.lean import import_temporal_alone

    import_temporal_alone()

    from airunway.cli.serve import serve_web

    serve_web(kubeconfig=kubeconfig)
