"""Helm as a library: Helm's Go code, loaded into this process (`helm-python-sdk`).

Only the child process imports this: the library brings a Go runtime with its threads and signal handling,
and a crash in it ends the process. The release actions are called through the library's own C functions,
whose options are JSON, because its Python methods leave out some of them (`skip_crds`).
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from math import ceil
from pathlib import Path
from typing import Any

import helm_python
from helm_python import _native
from helm_python.errors import ErrorCode, HelmError, HelmNotFoundError

from airunway.clients.helm.archive import is_crd_template, with_crds_as_templates
from airunway.clients.helm.driver import HISTORY, HelmSays, Obj, OnLine, Rendering, Template
from airunway.clients.helm.lines import readable


class _LineHandler(logging.Handler):
    """Passes log records on as lines."""

    def __init__(self, on_line: OnLine) -> None:
        super().__init__(logging.DEBUG)
        self._on_line = on_line

    def emit(self, record: logging.LogRecord) -> None:
        if line := readable(record.getMessage()):
            self._on_line(line)


class Library:
    """One cluster and namespace. Not for use by several threads, but for `cancel`."""

    def __init__(
        self, *, kubeconfig: str, context: str, namespace: str, on_line: OnLine, folder: Path
    ) -> None:
        logger = logging.Logger("helm", logging.DEBUG)
        logger.addHandler(_LineHandler(on_line))
        helm_python.enable_logging(logging.DEBUG, logger)
        self._connection = {
            "kubeconfig_path": kubeconfig or None,
            "kube_context": context or None,
            "namespace": namespace or None,
        }
        self._folder = folder
        self._config: helm_python.Config | None = None
        self._context = helm_python.HelmContext()
        self._cancellable = False

    def version(self) -> str:
        """See `Driver`."""
        return helm_python.helm_sdk_version()

    def releases(self, *, everywhere: bool) -> list[Obj]:
        """See `Driver`."""
        options = {"all": True, "all_namespaces": everywhere}
        return [_release(summary) for summary in self._json("helm_list", json.dumps(options))]

    def revisions(self, name: str) -> list[Obj]:
        """See `Driver`."""
        try:
            return [_release(summary) for summary in self._json("helm_history", name, None)]
        except _NotFound:
            return []

    def release(self, name: str) -> Obj | None:
        """See `Driver`."""
        try:
            found = self._json("helm_get", name, None)
        except _NotFound:
            return None
        return _release(found["summary"]) | {"values": found.get("config") or {}}

    def metadata(self, chart: Path) -> Obj:
        """See `Driver`."""
        with _load(chart) as loaded:
            return loaded.metadata

    def crds(self, chart: Path) -> Sequence[str]:
        """See `Driver`."""
        with _load(chart) as loaded:
            return [crd["data"] for crd in loaded.crds]

    def render(self, chart: Path, request: Obj) -> Rendering:
        """See `Driver`."""
        options = {
            "name": request["name"],
            "namespace": request["namespace"],
            "kube_version": request["kube_version"] or None,
            "api_versions": request["api_versions"] or None,
            "is_upgrade": request["is_upgrade"] or None,
        }
        with self._load_with_crds(chart) as loaded:
            notes = f"{loaded.name}/templates/NOTES.txt"
            values = json.dumps(request["values"])
            rendered = json.loads(_call("helm_render", loaded._raw(), values, _options(options)))
        return Rendering(
            templates=[
                Template(source, text)
                for source, text in sorted(rendered.items())
                if not source.endswith("NOTES.txt") and not is_crd_template(source)
            ],
            crds=[text for source, text in sorted(rendered.items()) if is_crd_template(source)],
            notes=rendered.get(notes, ""),
        )

    def _load_with_crds(self, chart: Path) -> helm_python.Chart:
        loaded = _load(chart)
        if not loaded.crds:
            return loaded
        with loaded:
            packed = Path(loaded.save(self._folder))
        return helm_python.Chart.load_archive(with_crds_as_templates(packed))

    def install(self, chart: Path, request: Obj, *, replace: bool) -> None:
        """See `Driver`."""
        options = _release_options(request) | {
            "namespace": request["namespace"],
            "create_namespace": request["create_namespace"] or None,
            "replace": replace or None,
        }
        self._act("helm_install", chart, request, options)

    def upgrade(self, chart: Path, request: Obj) -> None:
        """See `Driver`."""
        # Without values Helm would take those of the revision before.
        options = _release_options(request) | {"reset_values": True, "max_history": HISTORY}
        self._act("helm_upgrade", chart, request, options)

    def _act(self, function: str, chart: Path, request: Obj, options: Obj) -> None:
        with _load(chart) as loaded:
            self._cancellable = True
            try:
                _call(
                    function,
                    self._cluster(),
                    self._context._raw(),
                    loaded._raw(),
                    None,
                    request["name"],
                    json.dumps(request["values"]),
                    _options(options),
                )
            finally:
                self._cancellable = False

    def rollback(self, request: Obj) -> None:
        """See `Driver`."""
        options = {
            "version": request["revision"],
            "timeout_seconds": ceil(request["timeout"]),
            "wait": _waiting(request),
            "max_history": HISTORY,
        }
        _status("helm_rollback", self._cluster(), request["name"], _options(options))

    def uninstall(self, request: Obj) -> None:
        """See `Driver`."""
        options = {
            "keep_history": request["keep_history"] or None,
            "timeout_seconds": ceil(request["timeout"]),
            "wait": _waiting(request),
            "ignore_not_found": True,
        }
        _call("helm_uninstall", self._cluster(), request["name"], _options(options))

    def cancel(self) -> bool:
        """See `Driver`."""
        if self._cancellable:
            self._context.cancel()
        return self._cancellable

    def _cluster(self) -> object:
        # Made late: it reads the kubeconfig, which getting a chart does not need.
        if self._config is None:
            try:
                self._config = helm_python.Config(**self._connection)  # type: ignore[arg-type]
            except HelmError as err:
                raise _says(err) from err
        return self._config._raw()

    def _json(self, function: str, *arguments: Any) -> Any:
        return json.loads(_call(function, self._cluster(), *arguments))


class _NotFound(HelmSays):
    """There is no such release."""


def _release_options(request: Obj) -> Obj:
    return {
        "timeout_seconds": ceil(request["timeout"]),
        "wait": _waiting(request),
        "rollback_on_failure": request["atomic"] or None,
        "skip_crds": request["skip_crds"] or None,
    }


def _waiting(request: Obj) -> str:
    return "watcher" if request["wait"] else "hookOnly"


def _options(options: Obj) -> str:
    return json.dumps({key: value for key, value in options.items() if value is not None})


def _load(chart: Path) -> helm_python.Chart:
    try:
        return helm_python.Chart.load(chart)
    except HelmError as err:
        raise _says(err) from err


def _call(function: str, *arguments: Any) -> str:
    try:
        return _native.call_string(function, *arguments)
    except HelmError as err:
        raise _says(err) from err


def _status(function: str, *arguments: Any) -> None:
    try:
        _native.call_status(function, *arguments)
    except HelmError as err:
        raise _says(err) from err


def _says(err: HelmError) -> HelmSays:
    kind = _NotFound if isinstance(err, HelmNotFoundError) else HelmSays
    try:
        code = ErrorCode(err.code).name if err.code is not None else ""
    except ValueError:  # a code newer than the names we know
        code = ""
    return kind(err.detail, code=code)


def _release(summary: Obj) -> Obj:
    return {
        "name": summary["name"],
        "namespace": summary["namespace"],
        "revision": summary["revision"],
        "status": summary["status"],
        "chart_name": summary.get("chart_name", ""),
        "chart_version": summary.get("chart_version", ""),
        "app_version": summary.get("app_version", ""),
        "updated": summary.get("deployed_at", ""),
    }
