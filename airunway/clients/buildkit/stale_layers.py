"""What a build that did not succeed leaves on the daemon's disk, and how to be rid of it.

BuildKit keeps what it has of a download or a copy that broke or was cancelled, though it never goes on from
there: with weights that is gigabytes. What is whole stays: the next try finds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import grpc
import grpc.aio

from airunway.clients.buildkit.errors import BuilderStoreBroken
from airunway.clients.buildkit.llb import LINK_STEP, MERGE_STEP, copy_step
from airunway.clients.buildkit.model import HttpFile
from airunway.clients.buildkit.wire import control_pb2 as control
from airunway.clients.buildkit.wire.control_pb2_grpc import ControlStub


class StaleLayers:
    """Of the downloads of one build. A daemon that does not answer is left alone: it may be gone."""

    def __init__(self, stub: ControlStub, files: Sequence[HttpFile], *, call_seconds: float) -> None:
        self._stub = stub
        self._call_seconds = call_seconds
        self._files = tuple(files)

    async def drop_partial(self) -> None:
        """Free downloads and copies that are not whole, unless another build is at them."""
        sizes = {_description(file): file.size for file in self._files}
        sizes |= {copy_step(file): file.size for file in self._files}
        with suppress(grpc.aio.AioRpcError):
            for record in await self._records() if sizes else ():
                if not record.InUse and record.Size < sizes.get(record.Description, 0):
                    await self._prune_record(record.ID)

    async def drop_newest(self, file: HttpFile) -> int | None:
        """Free the last download of a file, whose bytes are wrong; answers its size on disk if known."""
        with suppress(grpc.aio.AioRpcError):
            found = [record for record in await self._records() if record.Description == _description(file)]
            if found:
                newest = max(found, key=lambda record: record.CreatedAt.ToNanoseconds())
                await self._prune_record(newest.ID)
                return int(newest.Size)
        return None

    async def mend(self, broken: BuilderStoreBroken) -> None:
        """Have a store that is not whole made whole, so that the next try finds nothing of it.

        When something is lost, all that no build is at goes: nobody can say which of it is broken. Else what
        links and puts together goes, which is soon made again: whenever the daemon drops a layer, it also
        removes what it does not list.
        """
        small = [f'description=="{step}"' for step in (LINK_STEP, MERGE_STEP)]
        with suppress(grpc.aio.AioRpcError):
            await self._prune(
                control.PruneRequest(all=True) if broken.is_lost else control.PruneRequest(filter=small)
            )

    async def _records(self) -> Sequence[control.UsageRecord]:
        usage = await self._stub.DiskUsage(control.DiskUsageRequest(), timeout=self._call_seconds)
        return list(usage.record)

    async def _prune_record(self, record_id: str) -> None:
        await self._prune(control.PruneRequest(filter=[f"id=={record_id}"]))

    async def _prune(self, request: control.PruneRequest) -> None:
        async for _ in self._stub.Prune(request, timeout=self._call_seconds):
            pass


def _description(file: HttpFile) -> str:
    """How the daemon describes a download. It would hide a password in the URL; ours hold none."""
    return f"http url {file.url}"
