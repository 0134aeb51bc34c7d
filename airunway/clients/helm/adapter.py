"""Helm for this system: releases and charts, each operation in a process of its own.

Helm's own Go code does the work, as a library (`helm-python-sdk`, Helm 4) that needs nothing installed, or
as the `helm` binary that a setting names. Either way a child process runs it, so that a crash of the library
cannot take a worker along, its memory is taken only while it works, and a call that hangs can be ended.

The library is the default: it comes with the wheel, tells the kinds of its errors, and costs less than the
binary, which has to be started several times for one operation. Measured on two busy cores with a real API
server and a small chart:

                          library            binary
    to read a release     0.12 s             0.35 s
    to upgrade one        0.27 s             0.76 s
    processor time        0.12 s, 0.24 s     0.18 s, 0.44 s
    resident memory       91 MiB, peak 105   25 + 71 MiB, peak 107
    cancelled and gone    0.3 s              0.2 s
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airunway.clients.helm.child import Child, Failed
from airunway.clients.helm.classify import classify
from airunway.clients.helm.driver import OnLine
from airunway.clients.helm.errors import HelmError
from airunway.clients.helm.model import ChartInfo, Manifest, ReleaseRecord, Rendered, moment
from airunway.clients.helm.redaction import Redactor

if TYPE_CHECKING:  # the child process loads this package too, and is to start without pydantic
    from airunway.api.chart_release import ChartRelease
    from airunway.clients.helm.fetching import ChartFetcher
    from airunway.clients.kubernetes import Cluster

Releases = list[ReleaseRecord]
"""A name of its own: inside `Helm`, `list` is a method."""

READING = timedelta(minutes=1)
"""Limit of an operation that only reads the cluster."""
RENDERING = timedelta(minutes=5)
"""Limit of reading a chart and rendering it."""
TIMEOUT = timedelta(minutes=5)
"""For each thing Helm waits for: every hook, and all objects together. Helm's own (install.md §A6)."""
WAITS = 4
"""Things Helm may wait for one after the other: hooks before and after, the objects, and a rollback's."""


def _ignore(_line: str) -> None:
    """Nobody listens."""


class Helm:
    """Helm on one cluster. Safe for concurrent use, but for one release at a time: see `repair`.

    Without a kubeconfig the usual places, then the pod's service account. `binary`: the `helm` command
    (Helm 4) to run instead of the library. `grace`: how long a cancelled operation may take to put things
    in order before it is ended; what it leaves then is a pending release. `timeout`: see `TIMEOUT`. `charts`:
    how charts are fetched; absent: from public places only.
    """

    def __init__(
        self,
        *,
        kubeconfig: Path | None = None,
        context: str | None = None,
        binary: str | Path | None = None,
        grace: timedelta = timedelta(seconds=20),
        timeout: timedelta = TIMEOUT,
        charts: ChartFetcher | None = None,
    ) -> None:
        self._kubeconfig = kubeconfig
        self._context = context
        self._binary = str(binary or "")
        self._grace = grace
        self._timeout = timeout
        self._charts = charts

    async def version(self) -> str:
        """Version of Helm, e.g. `v4.3.1`. Raises HelmMissing when there is none to run."""
        return str(await self._run("version", {}, subject="Helm", limit=READING))

    # -- reading -----------------------------------------------------------------------------------

    async def get(self, name: str, namespace: str) -> ReleaseRecord | None:
        """The newest revision of a release with its values; None if there is no such release."""
        found = await self._run("get", {"name": name}, subject=_release(name, namespace), namespace=namespace)
        return _record(found) if found else None

    async def list(self, namespace: str | None = None) -> Releases:
        """The newest revision of every release, whatever its state; in all namespaces without one."""
        where = f"releases in namespace {namespace}" if namespace else "releases"
        found = await self._run(
            "list", {"everywhere": not namespace}, subject=where, namespace=namespace or ""
        )
        return [_record(release) for release in found]

    async def history(self, name: str, namespace: str) -> Releases:
        """All revisions of a release, oldest first; none if there is no such release."""
        found = await self._run(
            "history", {"name": name}, subject=_release(name, namespace), namespace=namespace
        )
        return [_record(release) for release in found]

    # -- charts ------------------------------------------------------------------------------------

    async def chart_metadata(self, chart: ChartRelease) -> ChartInfo:
        """What a chart says of itself. Needs no cluster."""
        arguments = {
            "name": "release-name",
            "namespace": "default",
            "values": {},
            "kube_version": "",
            "api_versions": [],
            "is_upgrade": False,
        }
        subject = f"chart {chart.title}"
        async with self._fetcher.located(chart, _ignore) as located:
            arguments["chart"] = located
            return _info(await self._run("chart", arguments, subject=subject, limit=RENDERING))

    async def render(self, chart: ChartRelease, *, is_upgrade: bool = False) -> Rendered:
        """What the release's objects would be on this cluster; nothing is written.

        `lookup` in templates finds nothing. Raises a `clients.errors.ApiError` when the cluster cannot
        be asked for its version and kinds.
        """
        from airunway.clients.helm.capabilities import capabilities

        async with await self._connect() as cluster:
            able = await capabilities(cluster)
        arguments = _arguments(chart) | {
            "kube_version": able.kube_version,
            "api_versions": able.api_versions,
            "is_upgrade": is_upgrade,
        }
        async with self._fetcher.located(chart, _ignore) as located:
            found = await self._run(
                "render",
                arguments | {"chart": located},
                subject=_release(chart.release, chart.namespace),
                namespace=chart.namespace,
                limit=RENDERING,
                redact=Redactor(chart.values),
            )
        return Rendered(
            manifests=tuple(_manifest(entry) for entry in found["manifests"]),
            crds=tuple(found["crds"]),
            notes=found["notes"],
            info=_info(found["info"]),
        )

    # -- changing ----------------------------------------------------------------------------------

    async def upgrade_or_install(
        self,
        chart: ChartRelease,
        *,
        wait: bool = True,
        atomic: bool = True,
        on_line: OnLine = _ignore,
    ) -> ReleaseRecord:
        """Make the release what is planned; `on_line` gets what Helm says meanwhile, without secrets.

        Always a new revision, even if nothing differs. A release that is pending is left alone
        (OperationInProgress). `wait`: until all objects are ready; hooks are always waited for. `atomic`:
        put back what was there when it fails: the earlier revision, or nothing.
        """
        how = {"timeout": self._timeout.total_seconds(), "wait": wait, "atomic": atomic}
        async with self._fetcher.located(chart, on_line) as located:
            found = await self._run(
                "upgrade_or_install",
                _arguments(chart) | how | {"chart": located},
                subject=_release(chart.release, chart.namespace),
                namespace=chart.namespace,
                limit=RENDERING + WAITS * self._timeout,
                on_line=on_line,
                redact=Redactor(chart.values),
            )
        return _record(found)

    async def rollback(
        self,
        name: str,
        namespace: str,
        revision: int,
        *,
        wait: bool = True,
        on_line: OnLine = _ignore,
    ) -> ReleaseRecord:
        """Make an earlier revision the newest one."""
        found = await self._run(
            "rollback",
            {"name": name, "revision": revision, "wait": wait, "timeout": self._timeout.total_seconds()},
            subject=_release(name, namespace),
            namespace=namespace,
            limit=READING + WAITS * self._timeout,
            on_line=on_line,
        )
        return _record(found)

    async def uninstall(
        self,
        name: str,
        namespace: str,
        *,
        keep_history: bool = False,
        wait: bool = True,
        on_line: OnLine = _ignore,
    ) -> None:
        """Remove a release and its objects; nothing happens when there is none.

        Definitions from `crds/`, kept objects and the namespace stay.
        """
        how = {"keep_history": keep_history, "wait": wait, "timeout": self._timeout.total_seconds()}
        await self._run(
            "uninstall",
            {"name": name, **how},
            subject=_release(name, namespace),
            namespace=namespace,
            limit=READING + WAITS * self._timeout,
            on_line=on_line,
        )

    async def repair(self, name: str, namespace: str, *, on_line: OnLine = _ignore) -> str:
        """Repair a release that was cut off or failed, so that it can be upgraded; says what was done.

        Goes back to the newest revision that ran. If none ever did, only Helm's records of the attempts are
        removed: what they created stays, and the next install takes it over. Nothing is uninstalled.
        Only for when no other operation is at work on the release, which Helm cannot know.
        """
        revisions = await self.history(name, namespace)
        if not revisions:
            return f"there is no release {name} in namespace {namespace}; nothing to repair"
        newest = revisions[-1]
        if newest.status == "uninstalling":
            return f"{_release(name, namespace)} was being removed; uninstall it again"
        if not newest.pending and newest.status != "failed":
            return f"{_release(name, namespace)} is {newest.status}; nothing to repair"
        back_to = _last_that_ran(revisions)
        if back_to is not None:
            await self.rollback(name, namespace, back_to.revision, wait=False, on_line=on_line)
            return (
                f"{_release(name, namespace)}: revision {newest.revision} was {newest.status}; "
                f"went back to revision {back_to.revision} (chart version {back_to.chart_version})"
            )
        return await self._forget(revisions)

    async def _forget(self, revisions: Releases) -> str:
        from airunway.clients.helm.records import forget

        newest = revisions[-1]
        async with await self._connect() as cluster:
            for revision in reversed(revisions):
                await forget(
                    cluster,
                    revision.name,
                    namespace=revision.namespace,
                    revision=revision.revision,
                    status=revision.status,
                )
        return (
            f"{_release(newest.name, newest.namespace)}: revision {newest.revision} was {newest.status} and "
            "none ever ran; removed Helm's record of it, the next install takes over what it created"
        )

    # -- the child process -------------------------------------------------------------------------

    async def _run(
        self,
        operation: str,
        arguments: Mapping[str, Any],
        *,
        subject: str,
        namespace: str = "",
        limit: timedelta = READING,
        on_line: OnLine = _ignore,
        redact: Redactor | None = None,
    ) -> Any:
        redact = redact or Redactor()
        child = Child(
            request={
                "operation": operation,
                "arguments": arguments,
                "binary": self._binary,
                "kubeconfig": str(self._kubeconfig.absolute()) if self._kubeconfig else "",
                "context": self._context or "",
                "namespace": namespace,
            },
            on_line=lambda line: on_line(redact(line)),
            limit=limit,
            grace=self._grace,
        )
        try:
            return await child.run()
        except Failed as failed:
            raise classify(failed.redacted(redact), subject=subject) from None
        except HelmError as err:
            raise type(err)(f"{subject}: {err}", detail=redact(err.detail)) from None

    @property
    def _fetcher(self) -> ChartFetcher:
        from airunway.clients.helm.fetching import ChartFetcher  # late, like the client of the cluster

        return self._charts or ChartFetcher()

    async def _connect(self) -> Cluster:
        # Late, so that the child process, which loads this package too, starts without the client.
        from airunway.clients.kubernetes import Cluster

        return await Cluster.connect(self._kubeconfig, context=self._context)


def _release(name: str, namespace: str) -> str:
    return f"release {name} in namespace {namespace}"


def _arguments(chart: ChartRelease) -> dict[str, Any]:
    return {
        "name": chart.release,
        "namespace": chart.namespace,
        "values": chart.values,
        "create_namespace": chart.create_namespace,
        "skip_crds": chart.skip_crds,
    }


def _record(found: Mapping[str, Any]) -> ReleaseRecord:
    return ReleaseRecord(**{**found, "updated": moment(found.get("updated"))})


def _manifest(found: Mapping[str, Any]) -> Manifest:
    return Manifest(**{**found, "hooks": tuple(found["hooks"])})


def _info(found: Mapping[str, Any]) -> ChartInfo:
    lists = {key: tuple(value) for key, value in found.items() if isinstance(value, list)}
    return ChartInfo(**{**found, **lists})


def _last_that_ran(revisions: Releases) -> ReleaseRecord | None:
    """The deployed revision; or the one that was, if Helm was cut off between replacing and recording."""
    for status in ("deployed", "superseded"):
        if ran := [revision for revision in revisions if revision.status == status]:
            return ran[-1]
    return None
