"""Speak to a BuildKit daemon: build and push, watch, cancel, list and clear its cache."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Self

import grpc
import grpc.aio
from google.protobuf.timestamp_pb2 import Timestamp

from airunway.clients.buildkit.channel import open_channel
from airunway.clients.buildkit.errors import BuilderUnreachable, BuildFailed
from airunway.clients.buildkit.exporter import exporter_attributes, push_attributes
from airunway.clients.buildkit.llb import definition_of
from airunway.clients.buildkit.model import (
    BuilderInfo,
    BuildKitEndpoint,
    CacheRecord,
    ImageBuild,
    Platform,
    PushedImage,
    Worker,
)
from airunway.clients.buildkit.progress import Progress
from airunway.clients.buildkit.session import open_session
from airunway.clients.buildkit.solving import Job, Solving
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub
from airunway.clients.buildkit.wire.worker_pb2 import WorkerRecord
from airunway.clients.guarded_http import GuardedHttp

DIGEST_KEY = "containerimage.digest"
_NO_ANSWER = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.CANCELLED,
)


def _ignore(_progress: Progress) -> None:
    """Nobody asked for progress."""


class BuildKit:
    """One daemon, as an async context manager over one connection.

    `call_timeout` is for questions, and for how long a daemon may be silent during a build before it counts
    as lost; a build itself has no limit here. `report_every` is how often progress is reported at least,
    whether the daemon says something or not. `http` asks the server of a file whose download failed.
    """

    def __init__(
        self,
        endpoint: BuildKitEndpoint,
        *,
        call_timeout: timedelta = timedelta(seconds=20),
        report_every: timedelta = timedelta(seconds=2),
        http: GuardedHttp | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._call_seconds = call_timeout.total_seconds()
        self._report_seconds = report_every.total_seconds()
        self._http = http or GuardedHttp()
        self._stack = AsyncExitStack()
        self._stub: ControlStub

    async def __aenter__(self) -> Self:
        channel = open_channel(self._endpoint)
        await self._stack.enter_async_context(channel)
        self._stub = ControlStub(channel)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def info(self) -> BuilderInfo:
        """Version and workers. Raises BuilderUnreachable."""
        async with self._reaching():
            info = await self._stub.Info(control.InfoRequest(), timeout=self._call_seconds)
            workers = await self._stub.ListWorkers(control.ListWorkersRequest(), timeout=self._call_seconds)
        return BuilderInfo(
            version=info.buildkitVersion.version, workers=[_worker(record) for record in workers.record]
        )

    async def build(
        self,
        image: ImageBuild,
        *,
        push_to: str,
        ref: str,
        insecure: bool = False,
        secrets: Mapping[str, bytes] | None = None,
        registry_auth: Mapping[str, tuple[str, str]] | None = None,
        on_progress: Callable[[Progress], None] = _ignore,
    ) -> PushedImage:
        """Download, put together and push; ends when the registry has it.

        The same image gives the same digest, on any daemon at any time. Cancelling the task cancels the
        build at the daemon, which drops what it downloaded so far.

        Args:
            image: what to build.
            push_to: reference with tag.
            ref: id of this build at the daemon; a new one each time.
            insecure: push over plain HTTP, or TLS that is not checked.
            secrets: by the ids that the files name: whole values of the Authorization header.
            registry_auth: host to user and password.
            on_progress: called often; what it raises ends the build.

        Raises:
            BuildError: which one says what to do.
            ValueError: a file names a secret that is not given.
        """
        known = dict(secrets or {})
        for file in image.files:
            if file.auth_secret and file.auth_secret not in known:
                raise ValueError(f"{file.path} wants the secret {file.auth_secret!r}, which is not given")
        request = control.SolveRequest(
            Ref=ref,
            Definition=definition_of(image),
            Exporters=[_exporter(exporter_attributes(image, push_to=push_to, insecure=insecure))],
        )
        return await self._run(
            Job(
                request=request,
                push_to=push_to,
                on_progress=on_progress,
                image=image,
                secrets=known,
                registry_auth=dict(registry_auth or {}),
            )
        )

    async def build_with_frontend(
        self,
        source: str,
        *,
        attributes: Mapping[str, str],
        push_to: str,
        ref: str,
        insecure: bool = False,
        secrets: Mapping[str, bytes] | None = None,
        registry_auth: Mapping[str, tuple[str, str]] | None = None,
        on_progress: Callable[[Progress], None] = _ignore,
    ) -> PushedImage:
        """Let a frontend image (such as AIKit's) say what is built. Neither bytes nor digest are ours then.

        Args:
            source: the frontend's reference; the daemon pulls and runs it.
            attributes: what it is asked, e.g. `build-arg:model`.
            push_to: as in `build`, like the rest.
        """
        request = control.SolveRequest(
            Ref=ref,
            Frontend="gateway.v0",
            FrontendAttrs={**attributes, "source": source},
            Exporters=[_exporter(push_attributes(push_to=push_to, insecure=insecure))],
        )
        return await self._run(
            Job(
                request=request,
                push_to=push_to,
                on_progress=on_progress,
                secrets=dict(secrets or {}),
                registry_auth=dict(registry_auth or {}),
            )
        )

    async def prune(self, *, filters: Sequence[str] = (), all: bool = False, max_used_bytes: int = 0) -> int:
        """Drop what is cached and not in use; answers how many bytes that freed.

        Args:
            filters: of containerd's kind, such as `type==regular`.
            all: also what the daemon would rather keep (internal and frontend images).
            max_used_bytes: keep the newest up to this much; 0: keep nothing.
        """
        request = control.PruneRequest(filter=filters, all=all, maxUsedSpace=max_used_bytes)
        async with self._reaching():
            return sum([record.Size async for record in self._stub.Prune(request)])

    async def disk_usage(self, *, filters: Sequence[str] = ()) -> Sequence[CacheRecord]:
        """What the daemon keeps."""
        request = control.DiskUsageRequest(filter=filters)
        async with self._reaching():
            usage = await self._stub.DiskUsage(request, timeout=self._call_seconds)
        return [_cache_record(record) for record in usage.record]

    # -- inside -------------------------------------------------------------------------------------------

    async def _run(self, job: Job) -> PushedImage:
        await self.info()  # what fails from here on is the build, not the way to the daemon
        # Without a session even a registry that only asks for a login ends the build as if we were gone.
        session = open_session(self._stub, secrets=job.secrets, registry_auth=job.registry_auth)
        async with session as job.request.Session:
            solving = Solving(
                self._stub,
                job,
                report_seconds=self._report_seconds,
                silence_seconds=self._call_seconds,
                http=self._http,
            )
            answer = await solving.run()
        digest = answer.get(DIGEST_KEY, "")
        if not digest:
            raise BuildFailed(f"BuildKit built {job.push_to} without naming the image's digest")
        return PushedImage(digest)

    @asynccontextmanager
    async def _reaching(self) -> AsyncIterator[None]:
        try:
            yield
        except grpc.aio.AioRpcError as err:
            said = err.details() or err.code().name
            where = f"BuildKit at {self._endpoint.address}"
            if err.code() in _NO_ANSWER:
                raise BuilderUnreachable(f"{where} does not answer: {said}") from err
            raise BuildFailed(f"{where} does not do what it was asked: {said}") from err


def _exporter(attributes: Mapping[str, str]) -> control.Exporter:
    return control.Exporter(Type="image", Attrs=attributes)


def _worker(record: WorkerRecord) -> Worker:
    platforms = [Platform(entry.OS, entry.Architecture, entry.Variant) for entry in record.platforms]
    return Worker(id=record.ID, platforms=platforms, labels=dict(record.Labels))


def _cache_record(record: control.UsageRecord) -> CacheRecord:
    return CacheRecord(
        id=record.ID,
        description=record.Description,
        bytes=record.Size,
        in_use=record.InUse,
        created_at=_time(record.CreatedAt) if record.HasField("CreatedAt") else None,
        last_used_at=_time(record.LastUsedAt) if record.HasField("LastUsedAt") else None,
    )


def _time(stamp: Timestamp) -> datetime:
    return stamp.ToDatetime(tzinfo=UTC)
