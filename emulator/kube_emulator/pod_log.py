"""Answers `pods/log`: which container's lines, and which of them.

Source: k8s.io/kubernetes/pkg/registry/core/pod (what the API server refuses) and pkg/kubelet (what the
kubelet does, and how it words it).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from . import causes
from .errors import Cause, StatusError, bad_request, invalid
from .logs import Line, Log, PodLogs
from .requests import Request

Obj = dict[str, Any]
_PULLING = {
    "ErrImagePull": "image can't be pulled",
    "ImagePullBackOff": "trying and failing to pull image",
}
_STREAMS = ("All", "Stderr", "Stdout")
_PARTS = ("initContainers", "containers", "ephemeralContainers")


@dataclass(frozen=True, slots=True)
class LogOptions:
    """What of a log is wanted."""

    container: str
    follow: bool
    previous: bool
    timestamps: bool
    tail: int | None
    limit: int | None
    since: datetime | None

    @classmethod
    def of(cls, request: Request, now: datetime) -> LogOptions:
        """Reads the query. Raises 422 for options that make no sense."""
        query = request.query
        tail, limit = request.number("tailLines"), request.number("limitBytes")
        seconds = request.number("sinceSeconds")
        faults = list(_faults(query.get("stream", "All"), query.get("sinceTime", ""), tail, limit, seconds))
        if faults:
            raise invalid("PodLogOptions", "", request.name, faults)
        since = now - timedelta(seconds=seconds) if seconds is not None else _time(query.get("sinceTime", ""))
        return cls(
            query.get("container", ""),
            request.flag("follow"),
            request.flag("previous"),
            request.flag("timestamps"),
            tail,
            limit,
            since,
        )


def _faults(
    stream: str, time: str, tail: int | None, limit: int | None, seconds: int | None
) -> Iterator[Cause]:
    if tail is not None and tail < 0:
        yield causes.invalid("tailLines", tail, "must be greater than or equal to 0")
    if limit is not None and limit < 1:
        yield causes.invalid("limitBytes", limit, "must be greater than 0")
    if seconds is not None and time:
        yield causes.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified")
    elif seconds is not None and seconds < 1:
        yield causes.invalid("sinceSeconds", seconds, "must be greater than 0")
    if stream not in _STREAMS:
        yield causes.not_supported("stream", stream, _STREAMS)


def _time(text: str) -> datetime | None:
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse') from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def container_of(pod: Obj, wanted: str) -> str:
    """The container that is asked for. Raises 400 when a pod has several, or none of that name."""
    name, main = pod["metadata"]["name"], pod["spec"]["containers"]
    names = [one["name"] for part in _PARTS for one in pod["spec"].get(part) or ()]
    if not wanted and len(main) == 1:
        return str(main[0]["name"])
    if not wanted:
        chosen = f"choose one of: [{' '.join(names)}]"
        raise bad_request(f"a container name must be specified for pod {name}, {chosen}")
    if wanted not in names:
        raise bad_request(f"container {wanted} is not valid for pod {name}")
    return wanted


def log_of(logs: PodLogs, pod: Obj, container: str, *, previous: bool) -> Log:
    """The log of a container that has one. Raises 400, saying why, for one that has none yet."""
    uid, name, status = pod["metadata"]["uid"], pod["metadata"]["name"], pod.get("status") or {}
    parts = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
    known = {one["name"]: one for part in parts for one in status.get(part) or ()}
    if container not in known:
        raise bad_request(f'container "{container}" in pod "{name}" is not available')
    state, last = known[container].get("state") or {}, known[container].get("lastState") or {}
    if previous:
        if "terminated" not in last:
            raise bad_request(f'previous terminated container "{container}" in pod "{name}" not found')
        # Of one that waits to be started again, the run before is the one that ended last.
        return logs.current(uid, container) if "waiting" in state else logs.previous(uid, container)
    if "running" in state or "terminated" in state or "terminated" in last:
        return logs.current(uid, container)
    reason = (state.get("waiting") or {}).get("reason", "")
    if not reason:
        raise bad_request(f'container "{container}" in pod "{name}" is waiting to start - no logs yet')
    why = _PULLING.get(reason, reason)
    raise bad_request(f'container "{container}" in pod "{name}" is waiting to start: {why}')


async def lines(log: Log, options: LogOptions, *, live: bool) -> AsyncGenerator[bytes, None]:
    """The wanted lines as they are sent. `live`: the container runs, so following makes sense."""
    left = options.limit
    async for line in _chosen(log, options, live=live):
        chunk = line.encode(timestamps=options.timestamps)
        if left is None:
            yield chunk
            continue
        yield chunk[:left]
        left -= len(chunk)
        if left <= 0:
            return


async def _chosen(log: Log, options: LogOptions, *, live: bool) -> AsyncIterator[Line]:
    seen = log.written
    for line in log.tail(options.tail):
        if options.since is None or line.at >= options.since:
            yield line
    if options.follow and live:
        async for line in log.following(seen):
            yield line


def is_running(pod: Obj, container: str) -> bool:
    """Whether a container may still print."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    return any(one["name"] == container and "running" in (one.get("state") or {}) for one in statuses)


def no_container(pod: Obj) -> StatusError:
    """Why a command cannot be run in a pod, nor a terminal be had."""
    name = pod["metadata"]["name"]
    if not pod["spec"].get("nodeName"):
        return bad_request(f"pod {name} does not have a host assigned")
    return bad_request(
        f"pod {name}: the emulated cluster runs no containers, it only shows pods as if they ran;"
        " there is nothing to run a command in"
    )
