"""How far a build is, from what the daemon reports. Pure: the time is given.

A daemon reports which steps began and ended. A download does so twice: first its cache key is asked for,
which is no work yet. It counts bytes for images it pulls, but (as of v0.34) neither for downloads nor for
layers it pushes; so between two files nothing moves but the time, and what is left is known only after the
first one. Where a daemon does count, its numbers are used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from airunway.clients.buildkit.llb import BASE_STEP, LINK_STEP, MERGE_STEP, copy_step, download_step
from airunway.clients.buildkit.model import HttpFile, ImageBuild
from airunway.clients.buildkit.wire import control_pb2 as control

EXPORT_VERTEX = "exporting to image"
MAX_VERTICES = 2_000
"""Steps of a build, and things that go on in one, that are kept; a build of ours has some dozens. What comes
after them is passed over: a daemon that tells without end must not fill this process."""
MAX_NAME = 500
MAX_ERROR = 4_000


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A moment of a build."""

    step: str
    """In words: "downloading x.gguf", "exporting", "pushing"."""
    done_bytes: int
    """Of the downloads; all of them once it is exporting."""
    total_bytes: int
    bytes_per_second: float
    """Of the downloads so far; 0 while none is known."""
    seconds_left: float | None
    """Of the downloads; None while unknown, and afterwards."""


@dataclass
class _Vertex:
    name: str = ""
    is_started: bool = False
    is_completed: bool = False
    is_cached: bool = False
    is_failed: bool = False
    begun: set[int] = field(default_factory=set)
    """When it began, each time."""
    statuses: dict[str, int] = field(default_factory=dict)
    """Bytes by what is going on in it; 0 where nothing is counted."""


class ProgressFold:
    """Folds the daemon's messages. `error` is what a failed step said, and `failed_step` which it was."""

    def __init__(self, image: ImageBuild | None = None) -> None:
        self._files = tuple(image.files) if image else ()
        self._total = sum(file.size for file in self._files)
        self._vertices: dict[str, _Vertex] = {}
        self._download_began: float | None = None
        self._rate, self._rated = 0.0, 0  # bytes a second, and after how many bytes that was found
        self._step = "preparing"
        self.failed_step = ""
        self.error = ""

    def fold(self, message: control.StatusResponse) -> None:
        """Take in one message."""
        for update in message.vertexes:
            vertex = self._vertex(update.digest)
            vertex.name = update.name[:MAX_NAME] or vertex.name
            vertex.is_cached = vertex.is_cached or update.cached
            vertex.is_started = update.HasField("started") or update.cached
            vertex.is_completed = update.HasField("completed") or update.cached
            vertex.is_failed = bool(update.error)
            if update.HasField("started") and len(vertex.begun) < MAX_VERTICES:
                vertex.begun.add(update.started.ToNanoseconds())
            if update.error and not update.error.endswith("context canceled"):
                self.failed_step, self.error = vertex.name, update.error[:MAX_ERROR]
        for status in message.statuses:
            vertex = self._vertex(status.vertex)
            if status.ID in vertex.statuses or len(vertex.statuses) < MAX_VERTICES:
                vertex.statuses[status.ID] = status.current

    def _vertex(self, digest: str) -> _Vertex:
        """A step by its digest; one that is not kept when there are too many."""
        known = self._vertices.get(digest)
        if known is None:
            known = _Vertex()
            if len(self._vertices) < MAX_VERTICES:
                self._vertices[digest] = known
        return known

    def progress(self, now: float) -> Progress:
        """How far it is at a time in seconds, of any clock that only goes forward."""
        named = {vertex.name: vertex for vertex in self._vertices.values()}
        done = sum(self._downloaded(file, named) for file in self._files)
        if self._download_began is None and any(self._is_downloading(file, named) for file in self._files):
            self._download_began = now
        if self._download_began is not None and done > self._rated and now > self._download_began:
            self._rate, self._rated = done / (now - self._download_began), done
        self._step = self._step_now(named) or self._step
        left = self._total - done
        return Progress(
            step=self._step,
            done_bytes=done,
            total_bytes=self._total,
            bytes_per_second=self._rate,
            seconds_left=left / self._rate if left and self._rate else None,
        )

    def _step_now(self, named: Mapping[str, _Vertex]) -> str:
        """What goes on; empty between two steps."""
        export = named.get(EXPORT_VERTEX)
        if export is not None and export.is_started:
            return (
                "pushing" if any(status.startswith("pushing") for status in export.statuses) else "exporting"
            )
        loading = [file for file in self._files if self._is_downloading(file, named)]
        if loading:
            more = f" and {len(loading) - 1} more" if len(loading) > 1 else ""
            return f"downloading {loading[0].name}{more}"
        placing = [file for file in self._files if _runs(named.get(copy_step(file)))]
        if placing:
            return f"placing {placing[0].name}"
        known = (BASE_STEP, LINK_STEP, MERGE_STEP)
        running = (name for name, vertex in named.items() if _runs(vertex))
        return next((name for name in running if name in known or not self._files), "")

    def _is_downloading(self, file: HttpFile, named: Mapping[str, _Vertex]) -> bool:
        return _runs(named.get(download_step(file))) and not self._is_whole(file, named)

    def _downloaded(self, file: HttpFile, named: Mapping[str, _Vertex]) -> int:
        if self._is_whole(file, named):
            return file.size
        vertex = named.get(download_step(file))
        return min(file.size, sum(vertex.statuses.values())) if vertex else 0

    def _is_whole(self, file: HttpFile, named: Mapping[str, _Vertex]) -> bool:
        """Whether the download has ended, or something that waits for its end has begun."""
        later = (copy_step(file), MERGE_STEP, EXPORT_VERTEX)
        return _worked(named.get(download_step(file))) or any(_began(named.get(step)) for step in later)


def _runs(vertex: _Vertex | None) -> bool:
    return vertex is not None and vertex.is_started and not vertex.is_completed


def _began(vertex: _Vertex | None) -> bool:
    return vertex is not None and vertex.is_started


def _worked(vertex: _Vertex | None) -> bool:
    """Whether it has ended, and not only computed its cache key."""
    if vertex is None or vertex.is_failed:
        return False
    return vertex.is_cached or (vertex.is_completed and len(vertex.begun) > 1)
