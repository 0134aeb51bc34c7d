"""`airunway history`: the life of a deployment, from everything that remembers it."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from airunway.cli import options
from airunway.cli.formats import HistoryFormat
from airunway.cli.placing import Where
from airunway.cli.running import run as run_async

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def history(
    name: options.DeploymentName,
    namespace: options.Namespace = None,
    form: Annotated[
        HistoryFormat, typer.Option("--output", "-o", help="How to print it; jsonl is one object a line.")
    ] = HistoryFormat.TABLE,
    since: Annotated[
        str,
        typer.Option(
            "--since", metavar="2h|TIMESTAMP", help="Only what happened since: 45s, 30m, 2h, 7d, or RFC 3339."
        ),
    ] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, until Ctrl-C.")] = False,
    kubeconfig: options.Kubeconfig = None,
    context: options.Context = None,
) -> None:
    """Tell the life of a deployment.

    What was decided and changed, when, for whom and why: from the journal of its workflow, all histories that
    Temporal still has, the image and installation workflows that took part, and Events. It works for a
    deployment that was deleted, as long as Temporal keeps it. Times are UTC.
    """
    if follow and form is HistoryFormat.JSON:
        raise typer.BadParameter("--follow has no end, and JSON needs one; take -o jsonl")
    begin = since_time(since, now=datetime.now(UTC)) if since else None
    from airunway.cli.history.telling import tell

    run_async(
        tell(
            namespace=namespace,
            name=name,
            form=form,
            since=begin,
            follow=follow,
            where=Where(kubeconfig, context),
        )
    )


def since_time(text: str, *, now: datetime) -> datetime:
    """A time ago (`2h`) or a timestamp; one without a zone is UTC. Raises BadParameter."""
    ago = re.fullmatch(r"(\d{1,9})([smhd])", text.strip())
    try:
        if ago:
            return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
        given = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError) as err:
        raise typer.BadParameter(f"--since {text!r}: a time ago like 2h, or a timestamp") from err
    return given if given.tzinfo else given.replace(tzinfo=UTC)
