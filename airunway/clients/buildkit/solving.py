"""One build at a daemon: start it, listen, report, notice when the daemon is gone, explain a failure.

Apart from `client` because three things go on at once here, and end together whatever happens.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

import grpc
import grpc.aio

from airunway.clients.buildkit.errors import BuildError, BuilderStoreBroken, BuildInterrupted, DigestMismatch
from airunway.clients.buildkit.failures import build_error, without
from airunway.clients.buildkit.llb import download_step
from airunway.clients.buildkit.model import HttpFile, ImageBuild
from airunway.clients.buildkit.probe import mismatch_reason
from airunway.clients.buildkit.progress import Progress, ProgressFold
from airunway.clients.buildkit.stale_layers import StaleLayers
from airunway.clients.buildkit.tasks import ended
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub
from airunway.clients.guarded_http import GuardedHttp

_LAST_WORDS_SECONDS = 3.0
"""How long messages are waited for after the end: they name the step that failed."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """A build as it was asked for."""

    request: control.SolveRequest
    push_to: str
    on_progress: Callable[[Progress], None]
    image: ImageBuild | None = None
    """None when a frontend decides."""
    secrets: Mapping[str, bytes] = field(default_factory=dict, repr=False)
    registry_auth: Mapping[str, tuple[str, str]] = field(default_factory=dict, repr=False)

    @property
    def private(self) -> tuple[bytes, ...]:
        """Everything that must not be said."""
        return (*self.secrets.values(), *(password.encode() for _, password in self.registry_auth.values()))


class Solving:
    """A build that runs. `run` may be called once."""

    def __init__(
        self,
        stub: ControlStub,
        job: Job,
        *,
        report_seconds: float,
        silence_seconds: float,
        http: GuardedHttp,
    ) -> None:
        self._http = http
        self._stub = stub
        self._job = job
        self._report_seconds = report_seconds
        self._silence_seconds = silence_seconds
        self._files = tuple(job.image.files) if job.image else ()
        self._fold = ProgressFold(job.image)
        self._stale_layers = StaleLayers(stub, self._files, call_seconds=silence_seconds)
        self._received = asyncio.Event()

    async def run(self) -> Mapping[str, str]:
        """Wait for the end; answers what the exporter said. Being cancelled ends the build at the daemon."""
        solve = asyncio.create_task(self._solve())
        listening = asyncio.create_task(self._listen())
        attending = asyncio.create_task(self._attend())
        ended_well, is_there = False, True
        try:
            await asyncio.wait({solve, attending}, return_when=asyncio.FIRST_COMPLETED)
            if not solve.done():
                attending.result()  # it only ends by an error
            try:
                answer = solve.result()
            except grpc.aio.AioRpcError as err:
                await asyncio.wait({listening}, timeout=_LAST_WORDS_SECONDS)
                error = await self._explained(err)
                if isinstance(error, BuilderStoreBroken):
                    await self._stale_layers.mend(error)
                # A server that echoes a token must not have it shown with the cause either.
                said = err.details() or ""
                raise error from (err if without(said, self._job.private) == said else None)
            ended_well = True
            return answer
        except BuildInterrupted:
            is_there = False
            raise
        finally:
            await ended(solve, attending)
            if is_there and not ended_well:
                # Its messages end when the daemon has let go of what it was working on.
                await asyncio.wait({listening}, timeout=_LAST_WORDS_SECONDS)
                await self._stale_layers.drop_partial()
            await ended(listening)

    async def _solve(self) -> Mapping[str, str]:
        answer = await self._stub.Solve(self._job.request)
        return dict(answer.ExporterResponse)

    async def _listen(self) -> None:
        """Fold what the daemon says. When this breaks, `_solve` breaks too, and knows more."""
        with suppress(grpc.aio.AioRpcError):
            async for message in self._stub.Status(control.StatusRequest(Ref=self._job.request.Ref)):
                self._fold.fold(message)
                self._received.set()

    async def _attend(self) -> None:
        """Report progress with each message and now and then without; make sure that the daemon is there."""
        last_message = time.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._report_seconds):
                    await self._received.wait()
            now = time.monotonic()
            if self._received.is_set():
                self._received.clear()
                last_message = now
            elif now - last_message > self._silence_seconds:
                await self._greet()
                last_message = time.monotonic()
            self._job.on_progress(self._fold.progress(now))

    async def _greet(self) -> None:
        """Ask the silent daemon something: a broken line is not noticed otherwise."""
        try:
            await self._stub.Info(control.InfoRequest(), timeout=self._silence_seconds)
        except grpc.aio.AioRpcError as err:
            said = err.details() or err.code().name
            raise BuildInterrupted(
                f"BuildKit does not answer any more while building {self._job.push_to}: {said}"
            ) from err

    # -- after a failure ----------------------------------------------------------------------------------

    async def _explained(self, err: grpc.aio.AioRpcError) -> BuildError:
        error = build_error(
            err.code(),
            err.details() or err.code().name,
            step=self._fold.failed_step,
            push_to=self._job.push_to,
            secrets=self._job.private,
        )
        said = err.details() or ""
        file = self._suspect(said)
        if not isinstance(error, DigestMismatch) or file is None:
            return error
        return await mismatch_reason(
            file,
            self._http,
            authorization=self._job.secrets.get(file.auth_secret, b""),
            kept_bytes=await self._stale_layers.drop_newest(file),
            said=said,
        )

    def _suspect(self, said: str) -> HttpFile | None:
        """The file whose download failed."""
        failed = [file for file in self._files if download_step(file) == self._fold.failed_step]
        named = [file for file in self._files if file.sha256 in said]
        return next(iter(failed or named), None)
