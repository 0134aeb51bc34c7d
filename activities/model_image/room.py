"""Room in the registry: what a build may take, what leaves for it, and which builds are under way.

An image leaves in two steps, so that nobody is given one that is about to go: its record says so first, which
fails when somebody asked for it meanwhile; then it is removed, and forgotten. What was cut off in between is
gone on with by the next.
"""

from __future__ import annotations

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from airunway.activities.model_image.errors import ImageQuotaExceeded, RegistryNotReady, TooManyBuilds
from airunway.activities.model_image.records import ModelImageRecords, Records
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import DEPLOYMENTS, PODS, Cluster, Object
from airunway.clients.registry.storage import ModelImageStorage
from airunway.modelimage.plan import ModelImagePlan
from airunway.modelimage.records import ImageRecord, RecordState
from airunway.modelimage.retention import Room, RoomLimits, is_named, room_for, unused, waits_for_others

_PAGE = 500
_ENDED = ("Succeeded", "Failed")
"""Phases of pods that run nothing any more."""
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_TAGGED = re.compile(r'"[^"/\s]+/([a-z0-9._/-]+):[A-Za-z0-9_.-]+"')

Changes = Mapping[str, ImageRecord | None]


@dataclass
class RunningBuild:
    """One attempt. `digest`: what the builder reported, once it has."""

    id: str
    digest: str = ""


@dataclass(frozen=True, kw_only=True)
class RegistryRoom:
    """The room of one registry. `owned`: it is looked after here, so images may be removed from it."""

    cluster: Cluster
    records: ModelImageRecords
    storage: ModelImageStorage
    limits: RoomLimits
    owned: bool

    async def make(self, plan: ModelImagePlan, namespace: str) -> None:
        """Remove what nobody wants any more, and what must leave for this image.

        Raises ImageQuotaExceeded when that is not enough, ClientErrors.
        """
        if not self.owned:
            return

        def choose(records: Mapping[str, ImageRecord], in_use: Collection[str]) -> Room:
            now = self.records.now()
            return room_for(plan, namespace, records=records, in_use=in_use, now=now, limits=self.limits)

        room = await self._clear(choose)
        if room.problem:
            raise ImageQuotaExceeded(room.problem)

    async def tidy(self) -> None:
        """Remove what nobody has wanted for long, though nobody needs its room. Raises ClientErrors."""
        if not self.owned:
            return

        def choose(records: Mapping[str, ImageRecord], in_use: Collection[str]) -> Room:
            leaving = unused(records, in_use=in_use, now=self.records.now(), limits=self.limits)
            return Room(leaving)

        # Nobody's image: what would leave if nobody named anything. Mostly nothing, and nobody is asked.
        if choose((await self.records.read()).images, ()).removed:
            await self._clear(choose)

    async def _clear(self, choose: Callable[[Mapping[str, ImageRecord], Collection[str]], Room]) -> Room:
        """Remove what is chosen of the records, for what is in use; answers the choice.

        Pods are looked at only when something would leave: there may be very many.
        """
        in_use, seen_pods = await self._named_images(), False
        room = Room()

        def leaving(there: Records) -> Changes:
            nonlocal room
            room = choose(there.images, in_use)
            if room.removed and not seen_pods:
                raise _PodsUnseen
            return self._marked(there, room, in_use)

        while True:
            try:
                await self.records.change(leaving)
                break
            except _PodsUnseen:
                in_use, seen_pods = in_use | await self._run_images(), True
        if room.removed:
            await self._remove(room.removed)
        return room

    def _marked(self, there: Records, room: Room, in_use: Collection[str]) -> Changes:
        """What leaves is marked so; what somebody names again stays, and has been wanted until now."""
        now = self.records.now()
        leave = {key: self._in_state(there.images[key], RecordState.REMOVING) for key in room.removed}
        stay = {
            key: self._in_state(record, RecordState.BUILT)
            for key, record in there.images.items()
            if record.state is RecordState.REMOVING and is_named(record, in_use)
        }
        named = {
            key: record.model_copy(update={"used": now})
            for key, record in there.images.items()
            if record.state is RecordState.BUILT
            and now - record.used >= self.limits.unused_for
            and is_named(record, in_use)
        }
        return {**leave, **stay, **named}

    async def freed_at(self) -> str:
        """When images were last removed, if their room may be freed now: nobody pushes. Else empty."""
        there = await self.records.read()
        now = self.records.now()
        busy = any(record.is_being_built(now) for record in there.images.values())
        return "" if busy else there.removed_at

    @asynccontextmanager
    async def build(self, plan: ModelImagePlan, namespace: str) -> AsyncIterator[RunningBuild]:
        """One attempt to build: recorded while it runs, and its digest afterwards.

        Raises TooManyBuilds, RegistryNotReady, ApiError.
        """
        running = RunningBuild(uuid.uuid4().hex[:12])
        await self.records.change(lambda there: self._begun(there, plan, namespace, running))
        try:
            yield running
            await self.records.change(lambda there: self._pushed(there, plan, running))
        except BaseException:  # a cancellation too
            with suppress(ClientError):
                await self.release(plan, build=running.id)
            raise

    def _begun(self, there: Records, plan: ModelImagePlan, namespace: str, running: RunningBuild) -> Changes:
        now = self.records.now()
        record = there.images.get(plan.identity)
        if record is not None and record.state is RecordState.REMOVING:
            raise RegistryNotReady(f"an older image of {plan.repository} is just being removed")
        problem = waits_for_others(plan, namespace, records=there.images, now=now, limits=self.limits)
        if problem:
            raise TooManyBuilds(problem)
        first = record.namespace if record is not None else ""
        begun = ImageRecord(
            state=RecordState.BUILDING,
            name=plan.name,
            bytes=plan.total_bytes,
            namespace=first or namespace,
            since=now,
            used=now,
            build=running.id,
        )
        return {plan.identity: begun}

    def _pushed(self, there: Records, plan: ModelImagePlan, running: RunningBuild) -> Changes:
        record = there.images.get(plan.identity)
        if record is None or (record.state, record.build) != (RecordState.BUILDING, running.id):
            raise RegistryNotReady(f"another build of {plan.repository} took the place of this one")
        changed = record.model_copy(update={"digest": running.digest})
        return {plan.identity: self._in_state(changed, RecordState.PUSHED)}

    async def release(self, plan: ModelImagePlan, *, build: str = "") -> None:
        """Record that an attempt, or with no id the last one, ended without an image. Raises ApiError."""

        def ended(there: Records) -> Changes:
            record = there.images.get(plan.identity)
            if record is None or record.state is not RecordState.BUILDING or build not in ("", record.build):
                return {}
            return {plan.identity: None}

        await self.records.change(ended)

    def _in_state(self, record: ImageRecord, state: RecordState) -> ImageRecord:
        return record.model_copy(update={"state": state, "since": self.records.now()})

    async def _remove(self, identities: tuple[str, ...]) -> None:
        there = (await self.records.read()).images
        leaving = {key: there[key] for key in identities if key in there}
        staying = {record.digest for record in there.values() if record.state is not RecordState.REMOVING}
        for record in leaving.values():
            if record.digest and record.digest not in staying:
                await self.storage.remove(record.name, record.digest, spared=staying)

        def forgotten(now: Records) -> Changes:
            return {key: None for key in leaving if now.images.get(key) == leaving[key]}

        await self.records.change(forgotten, removes=True)

    async def _named_images(self) -> set[str]:
        """Every digest that a deployment of the cluster names anywhere, in its spec or its status, and every
        repository of which its spec names an image by tag."""
        found: set[str] = set()
        async for page in self.cluster.pages(DEPLOYMENTS, limit=_PAGE):
            found |= await asyncio.to_thread(_images_in, page.items)
        return found

    async def _run_images(self) -> set[str]:
        """The same of the pods that run or are to: of a deployment that is gone, or that has another image
        since, or of nobody."""
        found: set[str] = set()
        async for page in self.cluster.pages(PODS, limit=_PAGE):
            found |= await asyncio.to_thread(_images_run, page.items)
        return found


class _PodsUnseen(Exception):
    """Something would leave, and nobody has looked yet whether a pod runs it."""


def _images_in(deployments: list[Object]) -> set[str]:
    specs = json.dumps([deployment.get("spec") for deployment in deployments])
    return set(_DIGEST.findall(json.dumps(deployments))) | set(_TAGGED.findall(specs))


def _images_run(pods: list[Object]) -> set[str]:
    running = [pod for pod in pods if (pod.get("status") or {}).get("phase") not in _ENDED]
    return _images_in(running)
