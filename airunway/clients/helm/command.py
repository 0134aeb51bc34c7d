"""Helm as a command: the `helm` binary (Helm 4), run by the child process.

Values reach it in a file only we can read, never on its command line. SIGTERM is how it is cancelled.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Sequence
from math import ceil
from pathlib import Path, PurePosixPath
from typing import IO, Any

from airunway.clients.bounded_yaml import BadYaml, read_yaml
from airunway.clients.helm.driver import HISTORY, HelmSays, Obj, OnLine, Rendering, Template
from airunway.clients.helm.lines import readable

_JSON = "--output=json"
_RFC3339 = "2006-01-02T15:04:05Z07:00"
_ALL = 1_000_000  # `history` takes 0 by its word
_STATES = ("deployed", "failed", "pending", "uninstalled", "uninstalling")
_CHART = re.compile(r"(.+?)-(v?\d+(?:\.\d+)*(?:[-+].*)?)")
_SOURCE = re.compile(r"^# Source: (\S+)$", re.MULTILINE)
_NOT_FOUND = "release: not found"


class Command:
    """One cluster and namespace, by running a binary. Not for use by several threads, but for `cancel`."""

    def __init__(
        self, binary: str, *, kubeconfig: str, context: str, namespace: str, on_line: OnLine, folder: Path
    ) -> None:
        self._binary = binary
        self._on_line = on_line
        self._folder = folder
        self._running: subprocess.Popen[str] | None = None
        self._cancelled = False
        self._lock = threading.Lock()
        named = {"--kubeconfig": kubeconfig, "--kube-context": context, "--namespace": namespace}
        self._cluster = [f"{flag}={value}" for flag, value in named.items() if value]

    def version(self) -> str:
        """See `Driver`."""
        return self._run("version", "--template={{.Version}}").strip()

    def releases(self, *, everywhere: bool) -> list[Obj]:
        """See `Driver`."""
        where = ["--all-namespaces"] if everywhere else []
        states = [f"--{state}" for state in _STATES]
        found = self._json(
            "list", _JSON, "--max=0", f"--time-format={_RFC3339}", *states, *where, *self._cluster
        )
        return [_listed(element) for element in found or []]

    def revisions(self, name: str) -> list[Obj]:
        """See `Driver`."""
        try:
            found = self._json("history", _JSON, f"--max={_ALL}", *self._cluster, "--", name)
        except HelmSays as err:
            if _NOT_FOUND in err.text:
                return []
            raise
        namespace = next((flag.split("=", 1)[1] for flag in self._cluster if "--namespace" in flag), "")
        return [_listed(element | {"name": name, "namespace": namespace}) for element in found]

    def release(self, name: str) -> Obj | None:
        """See `Driver`."""
        try:
            found = self._json("get", "metadata", _JSON, *self._cluster, "--", name)
            values = self._json("get", "values", _JSON, *self._cluster, "--", name)
        except HelmSays as err:
            if _NOT_FOUND in err.text:
                return None
            raise
        return {
            "name": found["name"],
            "namespace": found["namespace"],
            "revision": found["revision"],
            "status": found["status"],
            "chart_name": found["chart"],
            "chart_version": found["version"],
            "app_version": found["appVersion"],
            "updated": found["deployedAt"],
            "values": values or {},
        }

    def metadata(self, chart: Path) -> Obj:
        """See `Driver`."""
        return _document(self._run("show", "chart", "--", str(chart)))

    def crds(self, chart: Path) -> Sequence[str]:
        """See `Driver`."""
        return [self._run("show", "crds", "--", str(chart))]

    def render(self, chart: Path, request: Obj) -> Rendering:
        """See `Driver`."""
        named = [f"--namespace={request['namespace']}", *self._values(request)]
        options = [f"--api-versions={version}" for version in request["api_versions"]]
        if request["kube_version"]:
            options.append(f"--kube-version={request['kube_version']}")
        if request["is_upgrade"]:
            options.append("--is-upgrade")
        text = self._run("template", "--include-crds", *options, *named, "--", request["name"], str(chart))
        # `template` shows no notes. A dry run does; it knows neither version nor kinds of the cluster.
        try:
            dry = self._json("install", _JSON, "--dry-run=client", *named, "--", request["name"], str(chart))
        except HelmSays:
            dry = {}
        found = _by_source(text)
        return Rendering(
            templates=[template for template in found if not _is_crd(template)],
            crds=[template.text for template in found if _is_crd(template)],
            notes=str((dry.get("info") or {}).get("notes") or ""),
        )

    def install(self, chart: Path, request: Obj, *, replace: bool) -> None:
        """See `Driver`."""
        # `--install` replaces a release that was uninstalled with its history kept, as `install` would not.
        self.upgrade(chart, request)

    def upgrade(self, chart: Path, request: Obj) -> None:
        """See `Driver`."""
        options = ["--install", "--reset-values", f"--history-max={HISTORY}", *_waiting(request)]
        for flag in ("create-namespace", "skip-crds"):
            if request[flag.replace("-", "_")]:
                options.append(f"--{flag}")
        if request["atomic"]:
            options.append("--rollback-on-failure")
        self._run(
            "upgrade", *options, *self._cluster, *self._values(request), "--", request["name"], str(chart)
        )

    def rollback(self, request: Obj) -> None:
        """See `Driver`."""
        options = [f"--history-max={HISTORY}", *_waiting(request), *self._cluster]
        self._run("rollback", *options, "--", request["name"], str(request["revision"]))

    def uninstall(self, request: Obj) -> None:
        """See `Driver`."""
        options = ["--ignore-not-found", *_waiting(request), *self._cluster]
        if request["keep_history"]:
            options.append("--keep-history")
        self._run("uninstall", *options, "--", request["name"])

    def cancel(self) -> bool:
        """See `Driver`."""
        with self._lock:
            self._cancelled = True
            if self._running is None:
                return False
            self._running.terminate()
            return True

    def _values(self, request: Obj) -> list[str]:
        file = self._folder / "values.json"
        with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as out:
            json.dump(request["values"], out)
        return [f"--values={file}"]

    def _json(self, *arguments: str) -> Any:
        return json.loads(self._run(*arguments))

    def _run(self, *arguments: str) -> str:
        """Standard output of one call; its other output is reported line by line."""
        with self._lock:
            if self._cancelled:
                raise HelmSays("cancelled")
            process = self._running = self._start(arguments)
        assert process.stdout is not None and process.stderr is not None
        said: list[str] = []
        listener = threading.Thread(target=self._listen, args=(process.stderr, said))
        listener.start()
        output = process.stdout.read()
        listener.join()
        status = process.wait()
        with self._lock:
            self._running = None
        if status:
            raise HelmSays(_error(said, status))
        return output

    def _start(self, arguments: Sequence[str]) -> subprocess.Popen[str]:
        try:
            return subprocess.Popen(
                [self._binary, "--debug", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
            )
        except OSError as err:
            raise HelmSays(f"{self._binary}: {err.strerror or err}", code="MISSING") from err

    def _listen(self, stream: IO[str], said: list[str]) -> None:
        for raw in stream:
            said.append(raw.rstrip("\n"))
            if not _ERROR.match(raw) and (line := readable(raw)):
                self._on_line(line)


_ERROR = re.compile(r"^Error: ")


def _error(said: Sequence[str], status: int) -> str:
    """What follows `Error: `, which may have many lines; else the last lines."""
    start = next((number for number, line in enumerate(said) if _ERROR.match(line)), None)
    if start is None:
        end = "\n".join(said[-5:]).strip()
        return end or f"helm ended with status {status}"
    lines = [said[start].removeprefix("Error: ")]
    for line in said[start + 1 :]:
        if line.startswith(("level=", "helm.go:", "goroutine ")):
            break
        lines.append(line)
    return "\n".join(lines).strip()


def _waiting(request: Obj) -> list[str]:
    wait = "watcher" if request["wait"] else "hookOnly"
    return [f"--wait={wait}", f"--timeout={ceil(request['timeout'])}s"]


def _listed(element: Obj) -> Obj:
    """A release as `list` and `history` show it: chart and version in one word."""
    chart = _CHART.fullmatch(element["chart"])
    return {
        "name": element["name"],
        "namespace": element["namespace"],
        "revision": int(element["revision"]),
        "status": element["status"],
        "chart_name": chart[1] if chart else element["chart"],
        "chart_version": chart[2] if chart else "",
        "app_version": element["app_version"],
        "updated": element["updated"],
    }


def _is_crd(template: Template) -> bool:
    return PurePosixPath(template.source).parent.name == "crds" and "/templates/" not in template.source


def _by_source(text: str) -> list[Template]:
    """The output of `helm template`, cut at the comments that name the templates."""
    marks = list(_SOURCE.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [Template(mark[1], text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True)]


def _document(text: str) -> Obj:
    """The one document of a YAML text."""
    try:
        documents = read_yaml(text)
    except BadYaml as err:
        raise HelmSays(f"YAML parse error: {err}") from err
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise HelmSays("YAML parse error: not one object")
    found: Obj = documents[0]
    return found
