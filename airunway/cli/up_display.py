"""What `airunway up` shows: a live table on a terminal, one line per change elsewhere."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from airunway.cli import output
from airunway.cli.options import STARTED
from airunway.cli.placing import STATE_DIR, running_sandbox
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.console.calling import curl_of, is_reachable
from airunway.console.documents import Document
from airunway.console.links import filter_links
from airunway.console.rows import DeploymentRow, deployment_row
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of

DRAWN_PER_SECOND = 1
"""Drawing a table costs some milliseconds a row, in the process that also does the work."""
MIN_ROWS, LINES_BESIDE = 5, 6
RUNNING = "Running"
_COLORS = {"Running": "green", "Failed": "red", "Deploying": "yellow", "Terminating": "magenta"}
_COLUMNS = ("NAMESPACE", "NAME", "PHASE", "ENGINE", "PROVIDER", "REPLICAS", "MESSAGE")

LOOPBACK = "://127.0.0.1:"

Key = tuple[str, str]


class Display:
    """Follows every deployment of the cluster. `all_running` is set while all that are awaited run."""

    def __init__(self, awaited: Sequence[Document]) -> None:
        self._awaited = {key for key in map(_key_of, awaited) if key is not None}
        self._rows: dict[Key, DeploymentRow] = {}
        self._endpoints: dict[Key, tuple[str, int]] = {}
        self._published: dict[Key, Mapping[str, Any]] = {}
        """`status.gateway` of those at which requests arrive."""
        self._follower: asyncio.Task[None] | None = None
        self._settings: Settings | None = None
        self._ran_once = self._was_published = False
        self._named = ""
        self.all_running = asyncio.Event()

    async def follow(self, cluster: Cluster, settings: Settings) -> None:
        """Begin to show the cluster's deployments."""
        self._settings = settings
        here = running_sandbox(STATE_DIR)  # what commands in this folder find by themselves
        if settings.kubeconfig and (here is None or here["pid"] != os.getpid()):
            self._named = f" --kubeconfig {_from_here(settings.kubeconfig)}"
        reflector = Reflector(cluster, DEPLOYMENTS, self._changed)
        self._follower = asyncio.create_task(reflector.run())
        await reflector.synced.wait()
        self._refresh_running()

    def not_running(self) -> list[str]:
        """One line for each awaited deployment that does not run: which, and why."""
        lines = []
        for key in sorted(self._awaited):
            row = self._rows.get(key)
            if row is None or row.phase != RUNNING:
                phase, message = (row.phase, row.message) if row else ("not seen", "")
                lines.append(f"{key[0]}/{key[1]}: {phase or 'Pending'}: {message or 'no reason given yet'}")
        return lines

    def phase(self, text: str) -> None:
        """What is being done now."""
        raise NotImplementedError

    def notice(self, text: str) -> None:
        """Something a person should know."""
        raise NotImplementedError

    def row_changed(self, row: DeploymentRow) -> None:
        """What is shown of a deployment has changed."""
        raise NotImplementedError

    def everything_runs(self) -> None:
        """The last awaited deployment has come up, for the first time."""
        raise NotImplementedError

    def first_published(self) -> None:
        """A deployment is published behind a Gateway, for the first time."""

    @property
    def elapsed(self) -> str:
        """Time since the command began, for a person."""
        return f"{time.monotonic() - STARTED:5.1f}s"

    def hints(self) -> list[str]:
        """Where everything is, and what to try."""
        settings = self._settings
        if settings is None or settings.kubeconfig is None:
            return []
        kubeconfig = _from_here(settings.kubeconfig)
        kubectl = f"kubectl --kubeconfig {kubeconfig}"
        lines = [
            f"Pages         http{LOOPBACK}{settings.web_port}",
            f"Temporal UI   {target_of(settings).ui}",
            f"Kubeconfig    {kubeconfig}",
            f"Try           {_own_command()} status{self._named}",
            f"              {kubectl} get modeldeployments",
        ]
        for namespace, name in sorted(self._awaited)[:1]:
            subject = f"modeldeployment -n {namespace} {name}"
            lines += [
                f"              {kubectl} describe {subject}",
                f"              {kubectl} delete {subject}",
            ]
        return [*lines, *self._model_hint()]

    def gateway_hints(self) -> list[str]:
        """Where published models are called, and how one of them is; empty while none is published."""
        published = dict(self._published)  # drawn in a thread of its own, while they come and go
        lines = [f"Gateway       {url}" for url in sorted({str(one["url"]) for one in published.values()})]
        return lines + [f"              {curl_of(published[key])}" for key in sorted(published)[:1]]

    def _model_hint(self) -> list[str]:
        """How to ask a model server, in the sandbox, where the API server's proxy leads to pretend ones."""
        assert self._settings is not None
        place = self._settings.service_url
        for key in sorted(self._awaited & set(self._endpoints))[:1] if LOOPBACK in place else []:
            service, port = self._endpoints[key]
            url = place.format(namespace=key[0], service=service, port=port)
            return [f"              curl {url}/v1/models"]
        return []

    def links(self) -> list[tuple[str, str]]:
        """Lists in Temporal's UI, each with its address."""
        if self._settings is None:
            return []
        providers = sorted({row.provider for row in self._rows.values() if row.provider})
        return filter_links(target_of(self._settings), self._settings.cluster, providers=providers)

    def _changed(self, change: ObjectChange) -> None:
        meta = change.object["metadata"]
        key = (meta["namespace"], meta["name"])
        if change.type == "deleted":
            self._rows.pop(key, None)
            self._endpoints.pop(key, None)
            self._published.pop(key, None)
            self._awaited.discard(key)
        else:
            self._note_endpoint(key, change.object)
            row = deployment_row(change.object)
            if self._rows.get(key) == row:
                return
            self._rows[key] = row
            self.row_changed(row)
        self._refresh_running()

    def _note_endpoint(self, key: Key, deployment: Object) -> None:
        endpoint = (deployment.get("status") or {}).get("endpoint") or {}
        if endpoint.get("service"):
            self._endpoints[key] = (endpoint["service"], int(endpoint.get("port") or 80))
        gateway = (deployment.get("status") or {}).get("gateway") or {}
        self._published.pop(key, None)
        if is_reachable(deployment) and curl_of(gateway):
            self._published[key] = gateway
            if not self._was_published:
                self._was_published = True
                self.first_published()

    def _refresh_running(self) -> None:
        rows = [self._rows.get(key) for key in self._awaited]
        if all(row is not None and row.phase == RUNNING for row in rows):
            self.all_running.set()
            if not self._ran_once:
                self._ran_once = True
                self.everything_runs()
        else:
            self.all_running.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._follower is not None:
            self._follower.cancel()


class LineDisplay(Display):
    """For a pipe or a log: one line per change."""

    def phase(self, text: str) -> None:
        """Print it."""
        self._print(text)

    def notice(self, text: str) -> None:
        """Print it."""
        self._print(text)

    def row_changed(self, row: DeploymentRow) -> None:
        """Print it."""
        facts = [row.phase or "new", row.engine, row.provider, row.replicas, row.message]
        self._print(f"{row.namespace}/{row.name}: {' | '.join(filter(None, facts))}")

    def everything_runs(self) -> None:
        """Print where everything is."""
        if self._awaited:
            self._print("every sample runs")
        for line in self.hints():
            self._print(line)
        for label, link in self.links():
            self._print(f"{label:12}  {link}")

    def first_published(self) -> None:
        """Print how it is called."""
        for line in self.gateway_hints():
            self._print(line)

    def _print(self, text: str) -> None:
        output.line(f"{self.elapsed}  {text}", flush=True)


class TableDisplay(Display):
    """For a terminal: a table that stays."""

    def __init__(self, awaited: Sequence[Document], console: Console) -> None:
        super().__init__(awaited)
        self._console = console
        self._doing = "starting"
        self._live = Live(
            get_renderable=self._render, console=console, refresh_per_second=DRAWN_PER_SECOND, transient=False
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        super().__exit__()
        self._live.stop()

    def phase(self, text: str) -> None:
        """Show it above the table."""
        self._doing = text

    def notice(self, text: str) -> None:
        """Print it above everything."""
        self._live.console.print(text, style="yellow")

    def row_changed(self, row: DeploymentRow) -> None:
        """The next refresh shows it."""
        self._doing = self._doing if self._ran_once else "deploying"

    def everything_runs(self) -> None:
        """Say so above the table."""
        self._doing = f"ready after {self.elapsed.strip()}; Ctrl-C stops"

    def _shown(self) -> list[DeploymentRow]:
        """As many rows as the terminal has lines for; first those that do not run."""
        room = max(MIN_ROWS, self._console.height - len(self._all_hints()) - LINES_BESIDE)
        rows = dict(self._rows)  # drawn in a thread of its own, while rows come and go
        keys = sorted(rows, key=lambda key: (rows[key].phase == RUNNING, key))
        return [rows[key] for key in sorted(keys[:room])]

    def _all_hints(self) -> list[str]:
        return [*self.hints(), *self.gateway_hints()]

    def _render(self) -> Group:
        table = output.plain_table(*_COLUMNS)
        for row in (shown := self._shown()):
            color = _COLORS.get(row.phase, "white")
            table.add_row(
                row.namespace,
                row.name,
                Text(row.phase or "new", style=color),
                row.engine,
                row.provider,
                row.replicas,
                Text(row.message, overflow="ellipsis"),
            )
        parts: list[Any] = [Text(f"airunway up: {self._doing}", style="bold"), Text()]
        if shown:
            more = max(0, len(self._rows) - len(shown))
            parts += [table, *([Text(f"and {more} more")] if more else []), Text()]
        parts += [Text(line, style="dim") for line in self._all_hints()]
        links = self.links()
        if links:  # too long to be written out; `airunway status` does
            lists = Text("  ").join(Text(label, style=f"link {link}") for label, link in links)
            parts.append(Text("Lists         ", style="dim").append_text(lists))
        return Group(*parts)


def display_for(awaited: Sequence[Document]) -> Display:
    """A live table on a terminal, lines elsewhere."""
    console = output.console()
    return TableDisplay(awaited, console) if console.is_terminal else LineDisplay(awaited)


def _from_here(path: Path) -> str:
    """A path as it can be typed in the folder of now, in its shorter form."""
    return min(str(path), os.path.relpath(path), key=len)


def _own_command() -> str:
    """How this program is called: by name, or by path where it is not on PATH."""
    if shutil.which("airunway"):
        return "airunway"
    return _from_here(Path(sys.executable).parent / "airunway")


def _key_of(document: Document) -> Key | None:
    if document.kind != "ModelDeployment":
        return None
    meta = document.body["metadata"]
    return str(meta.get("namespace") or "default"), str(meta["name"])
