"""Do what was planned for one generation, or say that it would be something else by now.

Safe to repeat: an attempt whose answer was lost leaves objects that the next one finds as they should be, and
it does the rest.
"""

from __future__ import annotations

from typing import Any

from airunway.activities.owned import recorded_provider
from airunway.activities.upstream.failures import StepFailed
from airunway.activities.upstream.following import Follower, read_made
from airunway.activities.upstream.inspection import Identity, identity, identity_of, owned_among, read_applied
from airunway.activities.upstream.owner import find_owner, has_moved_on, missing_finalizer, put_finalizer
from airunway.activities.upstream.refusals import judged
from airunway.activities.upstream.render_context import Surroundings
from airunway.activities.upstream.rendering import RenderedObjects, UpstreamRendering
from airunway.activities.upstream.reported_status import reported_status, status_of
from airunway.activities.upstream.tenant_account import tenant_writes
from airunway.activities.upstream.webhooks import named_webhook
from airunway.activities.upstream.write_plan import Method, ObjectWrite
from airunway.activities.upstream.writes import ChangeRefused, Writer
from airunway.clients.errors import AlreadyExists, Conflict
from airunway.clients.kubernetes import Cluster, Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import ApplyAnswer, ApplyRequest, PlannedWrite, WriteAction
from airunway.provider import Provider

_NOT_HELD = "nothing is made before its finalizer is on, and that cannot be put"
_Key = tuple[str, ...]


class _Left(Exception):
    """The deployment is gone, or it would be something else by now."""

    def __init__(self, answer: ApplyAnswer) -> None:
        super().__init__()
        self.answer = answer


class UpstreamApplication:
    """One application, made for one request and thrown away.

    `rendered`: what this process has for it. `is_first`: no attempt was made before, whose answer was lost.
    """

    def __init__(
        self,
        cluster: Cluster,
        provider: Provider,
        request: ApplyRequest,
        *,
        surroundings: Surroundings,
        rendered: RenderedObjects | None,
        is_first: bool = False,
    ) -> None:
        self._cluster, self._provider, self._request = cluster, provider, request
        self._ref, self._from = request.rendered_from.ref, request.rendered_from
        self._surroundings = surroundings
        self._rendered, self._is_first = rendered, is_first
        namespace = self._ref.namespace
        writes = tenant_writes(cluster, namespace, impersonate=surroundings.impersonate)
        generation = self._from.generation
        self._writer = Writer(writes, provider, namespace=namespace, generation=generation, is_first=is_first)
        self._answer = ApplyAnswer()
        self._written_for: Object | None = None
        """The owner, from when on its objects are written."""
        self._before: dict[Identity, AppliedObject] = {}
        """What an attempt wrote before it had to look again."""

    async def run(self) -> ApplyAnswer:
        """Do it. Raises ApiError where trying again can help."""
        answer = await self._run()
        answer.stage_warnings = self._writer.done.stage_warnings
        return answer

    async def _run(self) -> ApplyAnswer:
        try:
            await self._write()
        except _Left as left:
            return self._left(left.answer)
        except ChangeRefused as refused:
            return self._left(ApplyAnswer(superseded=True, refused=refused.change))
        except StepFailed as stop:
            self._answer.failure = stop.failure
            if self._written_for is not None:
                self._answer.failure = judged(stop, self._provider, self._written_for, self._from)
            self._answer.objects = self._objects_so_far()
            self._answer.deleted = self._writer.done.deleted
            return self._answer
        gone = [entry for entry in self._request.planned if entry.action is WriteAction.DELETE]
        self._answer.deleted = [f"{entry.kind} {entry.name}" for entry in gone]
        return self._answer

    def _left(self, answer: ApplyAnswer) -> ApplyAnswer:
        """What was done before it had to look again is told."""
        answer.finalizer_added = self._answer.finalizer_added
        answer.deleted = self._writer.done.deleted
        answer.objects = self._objects_so_far() if self._before else []
        return answer

    async def _write(self) -> None:
        rendered = self._rendered or await self._render_again(await self._owner())
        self._compare(rendered)
        if rendered.answer.failure is not None and not rendered.answer.planned:
            raise StepFailed(rendered.answer.failure)
        await self._hold(rendered.owner, is_fresh=self._rendered is None)
        try:
            await self._carry_out(rendered)
        except (AlreadyExists, Conflict):
            # Somebody was faster than what was read; once more from what is there now.
            self._before |= {identity(entry): entry for entry in self._writer.done.objects}
            rendered = await self._render_again(await self._owner(), inspect_all=True)
            self._compare(rendered)
            await self._carry_out(rendered)

    # -- the owner --------------------------------------------------------------------------------------

    async def _owner(self) -> Object:
        owner = await find_owner(self._cluster, self._ref, self._from.uid)
        if owner is None:
            raise _Left(ApplyAnswer(gone=True))
        if has_moved_on(owner, self._from.generation):
            raise _Left(ApplyAnswer(superseded=True))
        return owner

    async def _hold(self, owner: Object, *, is_fresh: bool) -> None:
        """See that the owner is what was decided on, and put the finalizer on before anything needs it."""
        finalizer = missing_finalizer(owner, self._provider)
        if not finalizer:
            if not is_fresh:
                await self._owner()
            return
        try:
            await self._put(finalizer, owner)
        except Conflict:
            # Perhaps of the status alone, which is written without a new generation.
            owner = await self._owner()
            if recorded_provider(owner) not in ("", self._provider.name):
                raise _Left(ApplyAnswer(superseded=True)) from None  # another core has chosen
            if not missing_finalizer(owner, self._provider):
                return
            await self._put(finalizer, owner)
        self._answer.finalizer_added = True

    async def _put(self, finalizer: str, owner: Object) -> None:
        """Raises Conflict, ApiError; StepFailed where a webhook is in the way, which may last for ever."""
        with named_webhook(_NOT_HELD, once_more=self._is_first):
            await put_finalizer(self._cluster, owner, finalizer)

    # -- what is asked and what there is to do ------------------------------------------------------------

    async def _render_again(self, owner: Object, *, inspect_all: bool = False) -> RenderedObjects:
        return await UpstreamRendering(
            self._cluster,
            self._provider,
            self._from,
            owner,
            surroundings=self._surroundings,
            inspect_all=inspect_all,
        ).run()

    def _compare(self, rendered: RenderedObjects) -> None:
        """Nothing is done that was not asked for, and nothing that was asked for is left out.

        What is as it should be already was done by an attempt whose answer was lost.
        """
        asked = {_key(entry) for entry in self._request.planned}
        to_do = rendered.answer.planned
        wanted = {_identity(entry): entry.digest for entry in to_do if entry.digest} | {
            _identity_of(write): write.digest for write in rendered.plan.writes if write.method is Method.KEEP
        }
        wanted |= {
            _identity(entry): entry.digest for entry in map(Follower.in_words, rendered.plan.followers)
        }
        too_much = [entry for entry in to_do if asked.isdisjoint({_key(entry), _as_create(entry)})]
        missing = [
            entry
            for entry in self._request.planned
            if entry.action is not WriteAction.DELETE and wanted.get(_identity(entry)) != entry.digest
        ]
        if too_much or (missing and rendered.answer.failure is None):
            raise _Left(ApplyAnswer(superseded=True))

    # -- doing it -----------------------------------------------------------------------------------------

    async def _carry_out(self, rendered: RenderedObjects) -> None:
        plan, failure = rendered.plan, rendered.answer.failure
        self._written_for = rendered.owner
        await self._writer.carry_out(rendered.stages, plan)
        if failure is not None:
            raise StepFailed(failure)
        if rendered.answer.waiting or plan.replacing:
            self._answer.objects = self._from.applied
            if rendered.answer.waiting and self._from.applied:
                found = await read_applied(self._cluster, self._provider, self._ref, self._from.applied)
                await self._report_status(owned_among(found, self._from.uid))
            return
        done = self._writer.done
        self._answer.objects = [self._as_done(entry) for entry in done.objects]
        self._answer.followed = done.followed
        await self._report_status(done.live)

    async def _report_status(self, live: list[Object]) -> None:
        made = await read_made(self._cluster, self._provider, live[0]) if live else []
        said = status_of(self._provider, live, made)
        self._answer.status = await reported_status(
            self._cluster, self._provider, self._ref, said, seen=self._from
        )

    def _as_done(self, entry: AppliedObject) -> AppliedObject:
        """How an object was left, with what earlier attempts did to it; their answers were lost."""
        if entry.action != "unchanged":
            return entry
        before = self._before.get(identity(entry))
        if before is not None and before.digest == entry.digest:
            done = {"action": before.action, "changed": before.changed, "changed_by": before.changed_by}
            return entry.model_copy(update=done)
        if self._is_first or self._rendered is not None:
            return entry
        return entry.model_copy(update=self._done_as_asked(entry))

    def _done_as_asked(self, entry: AppliedObject) -> dict[str, Any]:
        asked = next((one for one in self._request.planned if _identity(one) == identity(entry)), None)
        last = next((one for one in self._from.applied if identity(one) == identity(entry)), None)
        if asked is None:
            return {}
        if asked.action is WriteAction.CREATE:
            return {"action": "created" if last is None else "recreated"}
        if not asked.changed:
            return {}
        repaired = last is not None and last.digest == entry.digest
        return {"action": "repaired" if repaired else "configured", "changed": asked.changed}

    def _objects_so_far(self) -> list[AppliedObject]:
        """What was written before it failed, and the rest as it was left before."""
        written = {**self._before, **{identity(entry): entry for entry in self._writer.done.objects}}
        before = {identity(entry): entry for entry in self._from.applied}
        return list({**before, **written}.values())


def _key(entry: PlannedWrite) -> _Key:
    """What tells one write from another; a deletion is of one object, whatever comes after it."""
    of = entry.uid if entry.action is WriteAction.DELETE else entry.digest
    return entry.action, *_identity(entry), of


def _as_create(entry: PlannedWrite) -> _Key:
    """The create that an attempt before may have done, so that only an apply of the same is left."""
    apply = entry.action is WriteAction.APPLY
    return (WriteAction.CREATE, *_identity(entry), entry.digest) if apply else _key(entry)


def _identity(entry: PlannedWrite) -> Identity:
    return identity_of(entry.api_version, entry.kind, entry.name)


def _identity_of(write: ObjectWrite) -> Identity:
    return identity_of(write.target.kind.api_version, write.target.kind.kind, write.target.name)
