"""Carry out what was planned, one object after the other, in its order.

Each write carries the version that was read and each deletion the uid, so that a late attempt of an older
reconcile fails instead of undoing a newer one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from airunway.activities.upstream.failures import LOOKS_AGAIN, StepFailed, failed
from airunway.activities.upstream.inspection import ObjectMaker
from airunway.activities.upstream.stages import ObjectCreate
from airunway.activities.upstream.tenant_account import TenantWrites
from airunway.activities.upstream.write_plan import Method, ObjectDelete, ObjectWrite, WritePlan, applied
from airunway.clients.errors import AlreadyExists, ApiError, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import JSON_PATCH, Object
from airunway.messages.deployment import AppliedObject
from airunway.provider import UpstreamKind

KIND_MISSING_RETRY_SECONDS = 30


@dataclass(kw_only=True)
class Written:
    """What was done so far: the live objects of the generation, how each was left, and what was deleted."""

    live: list[Object] = field(default_factory=list)
    objects: list[AppliedObject] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    """Kind and name."""


class Writer:
    """Writes a provider's objects in one namespace; `done` tells how far it came, also after an error."""

    def __init__(self, writes: TenantWrites, provider: ObjectMaker, *, namespace: str) -> None:
        self._writes, self._cluster = writes, writes.cluster
        self._provider, self._namespace = provider, namespace
        self.done = Written()

    async def carry_out(self, stages: Sequence[ObjectCreate | ObjectDelete], plan: WritePlan) -> None:
        """Write, then delete. Raises StepFailed, ApiError; AlreadyExists when an unseen object was there."""
        self.done.live, self.done.objects = [], []
        for entry in stages:
            if isinstance(entry, ObjectCreate):
                await self._create_for_stage(entry)
            else:
                await self._delete(entry)
        for write in plan.writes:
            result = await self._write(write)
            self.done.live.append(result)
            self.done.objects.append(applied(write, result, field_manager=self._provider.field_manager))
        for gone in plan.deletes:
            await self._delete(gone)

    async def _create_for_stage(self, entry: ObjectCreate) -> None:
        words = f"{entry.kind.kind} {entry.manifest['metadata']['name']}"
        with contextlib.suppress(AlreadyExists), self._writes.explained(words):
            await self._cluster.create(entry.kind, entry.manifest, namespace=self._namespace)

    async def _delete(self, gone: ObjectDelete) -> None:
        meta = gone.live["metadata"]
        words = f"{gone.kind.kind} {meta['name']}"
        with contextlib.suppress(NotFound), self._writes.explained(words):
            await self._cluster.delete(gone.kind, meta["name"], namespace=self._namespace, uid=meta["uid"])
        self.done.deleted += [] if words in self.done.deleted else [words]

    async def _write(self, write: ObjectWrite) -> Object:
        target = write.target
        words = f"{target.kind.kind} {target.name}"
        try:
            with self._writes.explained(words):
                return await self._written(write)
        except NotFound as err:
            raise _kind_missing(target.kind, err) from err
        except (Invalid, Forbidden) as err:
            # What refused it may be a quota, a webhook, a schema, an object that is not there (yet).
            message = f"{words}: {err}; {LOOKS_AGAIN}"
            raise failed("CreateFailed", message, ["ResourceCreated"], elsewhere=True) from err

    async def _written(self, write: ObjectWrite) -> Object:
        target = write.target
        if target.live is None:
            return await self._cluster.create(
                target.kind,
                target.desired,
                namespace=self._namespace,
                field_manager=self._provider.field_manager,
                strict=target.kind.builtin,
            )
        if write.method is Method.KEEP:
            return target.live
        return await self._apply(write, target.live)

    async def _apply(self, write: ObjectWrite, live: Object) -> Object:
        target, meta = write.target, live["metadata"]
        if write.first is not None:
            live = await self._cluster.patch(
                target.kind,
                meta["name"],
                write.first,
                namespace=meta["namespace"],
                content_type=JSON_PATCH,
                field_manager=self._provider.field_manager,
            )
        version = live["metadata"]["resourceVersion"]
        body = {**target.desired, "metadata": {**target.desired["metadata"], "resourceVersion": version}}
        return await self._cluster.apply(
            target.kind, body, field_manager=self._provider.field_manager, strict=target.kind.builtin
        )


def _kind_missing(kind: UpstreamKind, err: ApiError) -> StepFailed:
    group = kind.group or "core"
    message = f"the cluster does not serve {kind.kind} ({group}/{kind.version}): {err}"
    # No watch reports a kind that comes back.
    return failed("CRDMissing", message, ["Ready"], final=False, retry_seconds=KIND_MISSING_RETRY_SECONDS)
