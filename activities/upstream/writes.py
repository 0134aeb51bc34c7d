"""Carry out what was planned, one object after the other, in its order.

Each write carries the version that was read and each deletion the uid, so that a late attempt of an older
reconcile fails instead of undoing a newer one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airunway.activities.upstream.failures import StepFailed, failed
from airunway.activities.upstream.following import Follower, carry_out_following
from airunway.activities.upstream.immutable import refused_change
from airunway.activities.upstream.inspection import ObjectMaker, Target
from airunway.activities.upstream.stages import ObjectCreate
from airunway.activities.upstream.tenant_account import TenantWrites
from airunway.activities.upstream.webhooks import named_webhook
from airunway.activities.upstream.write_plan import Method, ObjectDelete, ObjectWrite, WritePlan, applied
from airunway.api.server_warnings import UNKNOWN_FIELD, undeclared_fields
from airunway.clients.errors import AlreadyExists, ApiError, Forbidden, Invalid, NotFound
from airunway.clients.kubernetes import JSON_PATCH, Object
from airunway.messages.deployment import AppliedObject, RefusedChange
from airunway.messages.failure_endings import LOOKS_AGAIN
from airunway.provider import UpstreamKind

KIND_MISSING_RETRY_SECONDS = 30
MISSPELT = (
    " (correct it or take it out of spec.provider.overrides: this version of the kind has no such field)"
)


@dataclass(kw_only=True)
class Written:
    """What was done so far: the live objects of the generation, how each was left, and what was deleted."""

    live: list[Object] = field(default_factory=list)
    objects: list[AppliedObject] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    """Kind and name."""
    stage_warnings: dict[str, list[str]] = field(default_factory=dict)
    """What the API server warned of when an object of a stage was created, by its kind and name."""
    followed: list[AppliedObject] = field(default_factory=list)
    """What follows the main object, and how it was left."""


class ChangeRefused(Exception):
    """An object cannot take a change that the deployment's spec asks for."""

    def __init__(self, change: RefusedChange) -> None:
        super().__init__(change.why)
        self.change = change


class Writer:
    """Writes a provider's objects in one namespace; `done` tells how far it came, also after an error.

    `generation`: of the deployment that they are written for. `is_first`: no attempt was made before.
    """

    def __init__(
        self,
        writes: TenantWrites,
        provider: ObjectMaker,
        *,
        namespace: str,
        generation: int,
        is_first: bool = False,
    ) -> None:
        self._writes, self._cluster = writes, writes.cluster
        self._provider, self._namespace, self._generation = provider, namespace, generation
        self._is_first = is_first
        self.done = Written()

    async def carry_out(self, stages: Sequence[ObjectCreate | ObjectDelete], plan: WritePlan) -> None:
        """Write, then delete.

        Raises StepFailed, ChangeRefused, ApiError; AlreadyExists when an unseen object was there.
        """
        self.done.live, self.done.objects, self.done.followed = [], [], []
        for entry in stages:
            if isinstance(entry, ObjectCreate):
                await self._create_for_stage(entry)
            else:
                await self._delete(entry)
        for write in plan.writes:
            warnings: list[str] = []
            with self._named_webhook(f"{write.target.kind.kind} {write.target.name}"):
                result = await self._write(write, warnings)
            manager, generation = self._provider.field_manager, self._generation
            written = applied(write, result, field_manager=manager, generation=generation)
            if write.method is not Method.KEEP:
                written = written.model_copy(update={"warnings": warnings})
            self.done.live.append(result)
            self.done.objects.append(written)
        for follower in plan.followers:
            await self._follow(follower)
        for gone in plan.deletes:
            await self._delete(gone)

    async def _follow(self, follower: Follower) -> None:
        manager, result, warnings = self._provider.field_manager, None, list[str]()
        if follower.differing:
            words = f"{follower.kind.kind} {follower.name}"
            with self._named_webhook(words), refused(words):
                result = await carry_out_following(
                    self._writes, follower, field_manager=manager, warnings=warnings
                )
            if result is None:
                return
        left = follower.left(result, field_manager=manager)
        self.done.followed.append(left.model_copy(update={"warnings": warnings}))

    async def _create_for_stage(self, entry: ObjectCreate) -> None:
        words = f"{entry.kind.kind} {entry.manifest['metadata']['name']}"
        warnings: list[str] = []
        with (
            contextlib.suppress(AlreadyExists),
            self._named_webhook(words),
            self._writes.explained(words),
        ):
            await self._cluster.create(
                entry.kind, entry.manifest, namespace=self._namespace, warnings=warnings
            )
            self.done.stage_warnings[words] = warnings

    async def _delete(self, gone: ObjectDelete) -> None:
        meta = gone.live["metadata"]
        words = f"{gone.kind.kind} {meta['name']}"
        with contextlib.suppress(NotFound), self._named_webhook(words), self._writes.explained(words):
            await self._cluster.delete(gone.kind, meta["name"], namespace=self._namespace, uid=meta["uid"])
        self.done.deleted += [] if words in self.done.deleted else [words]

    def _named_webhook(self, words: str) -> contextlib.AbstractContextManager[None]:
        return named_webhook(words, once_more=self._is_first)

    async def _write(self, write: ObjectWrite, warnings: list[str]) -> Object:
        target = write.target
        words = f"{target.kind.kind} {target.name}"
        try:
            with refused(words), self._writes.explained(words):
                return await self._written(write, warnings)
        except NotFound as err:
            raise _kind_missing(target.kind, err) from err
        except StepFailed as stop:
            generation, digest = self._generation, write.digest
            change = refused_change(target, stop.refusal, generation=generation, digest=digest)
            if change is not None and await self._could_be_made(target):
                raise ChangeRefused(change) from stop
            raise

    async def _could_be_made(self, target: Target) -> bool:
        """Whether the object would be taken if it were not there: else its deletion leaves nothing.

        The API server asks its webhooks, and checks what it is given, before it finds that there is one.
        """
        with contextlib.suppress(AlreadyExists):
            try:
                await self._cluster.create(
                    target.kind,
                    target.desired,
                    namespace=self._namespace,
                    field_manager=self._provider.field_manager,
                    strict=target.kind.builtin,
                    dry_run=True,
                )
            except (Invalid, Forbidden):
                return False
        return True

    async def _written(self, write: ObjectWrite, warnings: list[str]) -> Object:
        target = write.target
        if target.live is None:
            return await self._cluster.create(
                target.kind,
                target.desired,
                namespace=self._namespace,
                field_manager=self._provider.field_manager,
                strict=target.kind.builtin,
                warnings=warnings,
            )
        if write.method is Method.KEEP:
            return target.live
        try:
            return await self._apply(write, target.live, warnings)
        except Invalid as err:
            # A create drops such fields, an apply is refused for them. Where nothing else is different, what
            # a create whose answer was lost has made is left as it is, with what that create was told.
            dropped = undeclared_fields(str(err))
            if not dropped or not set(write.changed) <= set(dropped):
                raise
            warnings += [f'{UNKNOWN_FIELD} "{path}"' for path in dropped]
            return target.live

    async def _apply(self, write: ObjectWrite, live: Object, warnings: list[str]) -> Object:
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
            target.kind,
            body,
            field_manager=self._provider.field_manager,
            strict=target.kind.builtin,
            warnings=warnings,
        )


@contextlib.contextmanager
def refused(words: str) -> Iterator[None]:
    """Turn what the API server does not take into a failure for the status. Raises StepFailed, ApiError."""
    try:
        yield
    except (Invalid, Forbidden) as err:
        # What refused it may be a quota, a webhook, a schema, an object that is not there (yet).
        advice = MISSPELT if undeclared_fields(str(err)) else ""
        message = f"{words}: {err}{advice}; {LOOKS_AGAIN}"
        stop = failed("CreateFailed", message, ["ResourceCreated"], elsewhere=True)
        raise StepFailed(stop.failure, refusal=f"{words}: {err}") from err


def _kind_missing(kind: UpstreamKind, err: ApiError) -> StepFailed:
    group = kind.group or "core"
    message = f"the cluster does not serve {kind.kind} ({group}/{kind.version}): {err}"
    # No watch reports a kind that comes back.
    return failed("CRDMissing", message, ["Ready"], final=False, retry_seconds=KIND_MISSING_RETRY_SECONDS)
