"""The gRPC service `Control` of a pretend daemon."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Any, TypeAlias

import grpc
import grpc.aio

from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire import ops_pb2 as pb
from airunway.clients.buildkit.wire import worker_pb2 as worker
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlServicer
from airunway.sandbox.buildkit import frontend
from airunway.sandbox.buildkit.building import Build
from airunway.sandbox.buildkit.cache import Cache
from airunway.sandbox.buildkit.graph import NotPretended
from airunway.sandbox.buildkit.network import Failure, Network
from airunway.sandbox.buildkit.session import Sessions
from airunway.sandbox.buildkit.status import Story

VERSION = "v0.34.2+pretend"
_Context: TypeAlias = "grpc.aio.ServicerContext[Any, Any]"


class ControlService(ControlServicer):
    """Answers clients. `end` stops what still runs."""

    def __init__(self, cache: Cache, network: Network, bytes_per_second: Callable[[], float]) -> None:
        self._cache = cache
        self._network = network
        self._bytes_per_second = bytes_per_second
        self._sessions = Sessions()
        self._stories: defaultdict[str, Story] = defaultdict(Story)  # a listener may come before its build
        self._running: set[asyncio.Task[Any]] = set()

    async def end(self) -> None:
        """Let nothing go on."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def Solve(self, request: control.SolveRequest, context: _Context) -> control.SolveResponse:
        """Build; when the caller leaves, the build ends."""
        story = self._stories[request.Ref]
        task = asyncio.create_task(self._build(request, story))
        self._running.add(task)
        try:
            return control.SolveResponse(ExporterResponse=await task)
        except (Failure, NotPretended) as err:
            await context.abort(grpc.StatusCode.UNKNOWN, str(err))
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait([task])
            raise
        finally:
            self._running.discard(task)
            story.end()
            self._stories.pop(request.Ref, None)

    async def _build(self, request: control.SolveRequest, story: Story) -> Any:
        session = await self._sessions.get(request.Session) if request.Session else None
        build = Build(
            cache=self._cache,
            network=self._network,
            story=story,
            session=session,
            bytes_per_second=self._bytes_per_second,
        )
        return await build.run(frontend.solved(request) if request.Frontend else request)

    async def Status(
        self, request: control.StatusRequest, context: _Context
    ) -> AsyncIterator[control.StatusResponse]:
        """What a build reports, from its beginning to its end."""
        async for message in self._stories[request.Ref].listen():
            yield message

    async def Session(
        self, incoming: AsyncIterator[control.BytesMessage], context: _Context
    ) -> AsyncIterator[control.BytesMessage]:
        """A client's offer to be asked for secrets and logins."""
        metadata = dict(context.invocation_metadata() or ())
        session_id = str(metadata.get("x-docker-expose-session-uuid", ""))
        async for message in self._sessions.serve(session_id, incoming):
            yield message

    async def Info(self, request: control.InfoRequest, context: _Context) -> control.InfoResponse:
        """Which version this pretends to be."""
        version = worker.BuildkitVersion(package="github.com/moby/buildkit", version=VERSION)
        return control.InfoResponse(buildkitVersion=version)

    async def ListWorkers(
        self, request: control.ListWorkersRequest, context: _Context
    ) -> control.ListWorkersResponse:
        """One worker."""
        platforms = [pb.Platform(OS="linux", Architecture="amd64")]
        labels = {"org.mobyproject.buildkit.worker.executor": "pretend"}
        return control.ListWorkersResponse(
            record=[worker.WorkerRecord(ID="pretend", Labels=labels, platforms=platforms)]
        )

    async def DiskUsage(
        self, request: control.DiskUsageRequest, context: _Context
    ) -> control.DiskUsageResponse:
        """What is kept."""
        try:
            found = self._cache.matching(request.filter)
        except ValueError as err:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(err))
        return control.DiskUsageResponse(record=[record.message() for record in found])

    async def Prune(
        self, request: control.PruneRequest, context: _Context
    ) -> AsyncIterator[control.UsageRecord]:
        """Drop what is kept and not in use."""
        try:
            dropped = self._cache.prune(request.filter, keep_bytes=request.maxUsedSpace)
        except ValueError as err:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(err))
        for record in dropped:
            yield record
