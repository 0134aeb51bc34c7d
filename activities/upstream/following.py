"""What an operator made of the main object, and what of it has to follow that (`Provider.operator_objects`).

Read where the main object is read, so a provider without such objects costs nothing. Written as the rest is:
planned first, on the version that was read, and only the fields that differ.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

from airunway.activities.upstream.changed_fields import MAX_PATH_LENGTH, MAX_PATHS, changed_by
from airunway.activities.upstream.ownership import digest_of, is_owned_by, version_of
from airunway.activities.upstream.tenant_account import TenantWrites
from airunway.api.server_names import subdomain_fault
from airunway.clients.errors import NotFound
from airunway.clients.kubernetes import JSON_PATCH, Cluster, Object
from airunway.messages.deployment import AppliedObject
from airunway.messages.upstream import PlannedWrite, WriteAction
from airunway.provider import FieldValue, MainObject, Provider, UpstreamKind

MAX_MADE = 10
"""Objects of an operator that are looked at, for one main object."""


@dataclass(frozen=True, kw_only=True)
class Follower:
    """One such object, and what is to be in it. `last`: how it was left before, if it is the same one."""

    kind: UpstreamKind
    live: Object
    fields: Sequence[FieldValue]
    main: str
    """Kind and name of the main object."""
    last: AppliedObject | None = None

    @property
    def name(self) -> str:
        """metadata.name."""
        return str(self.live["metadata"]["name"])

    @property
    def differing(self) -> list[FieldValue]:
        """Those fields that are to be something else than they are."""
        return [field for field in self.fields if not _is_same(_at(self.live, field.path), field.value)]

    @property
    def _changed(self) -> list[str]:
        """Those in words, as many as go into a history."""
        return [field.words[:MAX_PATH_LENGTH] for field in self.differing[:MAX_PATHS]]

    @property
    def digest(self) -> str:
        """Of what is to be in it."""
        return digest_of({field.words: field.value for field in self.fields})

    @property
    def is_repair(self) -> bool:
        """Somebody changed what was to be in it, rather than what is to be."""
        return self.last is not None and self.last.digest == self.digest

    def in_words(self) -> PlannedWrite:
        """That it is changed, for the history."""
        return PlannedWrite(
            action=WriteAction.PATCH,
            api_version=self.kind.api_version,
            kind=self.kind.kind,
            name=self.name,
            digest=self.digest,
            uid=self.live["metadata"]["uid"],
            changed=self._changed,
            is_repair=self.is_repair,
            why=f"{self.main} asks for it, which its operator does not pass on by itself",
        )

    def left(self, result: Object | None = None, *, field_manager: str) -> AppliedObject:
        """How it was left: by a write that gave `result`, or as it was."""
        changed = self._changed if result is not None else []
        action = "unchanged" if result is None else "repaired" if self.is_repair else "configured"
        meta = (result or self.live)["metadata"]
        paths = [_owned_path(field.path) for field in self.differing]
        return AppliedObject(
            api_version=self.kind.api_version,
            kind=self.kind.kind,
            plural=self.kind.plural,
            name=self.name,
            uid=meta["uid"],
            generation=meta.get("generation", 0),
            digest=self.digest,
            version=version_of(result or self.live),
            action=action,
            changed=changed,
            changed_by=(
                changed_by(self.live, paths, field_manager=field_manager) if action == "repaired" else []
            ),
            field_manager=field_manager,
            resource_version=meta["resourceVersion"],
        )


async def read_made(cluster: Cluster, provider: Provider, main: Object) -> list[Object]:
    """What the operator made of a live main object, of what matters now and is there. Raises ApiError."""
    made = provider.operator_objects
    if made is None:
        return []
    namespace, uid = main["metadata"]["namespace"], main["metadata"]["uid"]
    # Whoever writes the status writes what he likes: what can be no name asks for nothing.
    named = [name for name in made.names(main) if not subdomain_fault(name)][:MAX_MADE]
    found = await asyncio.gather(*(cluster.find(made.kind, name, namespace=namespace) for name in named))
    # A status can name any object: nothing is touched that is not the main object's own.
    return [obj for obj in found if obj is not None and is_owned_by(obj, uid)]


def followers(
    provider: Provider, main: MainObject, made: Iterable[Object], *, last: Sequence[AppliedObject] = ()
) -> list[Follower]:
    """What is to be in them. Pure. One that is being deleted is left alone."""
    objects = provider.operator_objects
    if objects is None:
        return []
    before = {entry.uid: entry for entry in last}
    words = f"{main.live.get('kind') or provider.kinds[0].kind} {main.live['metadata']['name']}"
    return [
        Follower(
            kind=objects.kind,
            live=obj,
            fields=fields,
            main=words,
            last=before.get(obj["metadata"]["uid"]),
        )
        for obj in made
        if not obj["metadata"].get("deletionTimestamp") and (fields := objects.fields(main, obj))
    ]


def astray(found: Iterable[Follower]) -> list[str]:
    """Those that do not say what the main object asks for, in words. Pure."""
    return [
        f"{entry.kind.kind} {entry.name} does not follow {entry.main}" for entry in found if entry.differing
    ]


async def carry_out_following(
    writes: TenantWrites, follower: Follower, *, field_manager: str, warnings: list[str]
) -> Object | None:
    """Write what differs, on the version that was read; None: it is gone. Raises StepFailed, ApiError.

    `warnings` takes what the API server warns of. By a JSON patch: an apply would own a whole list that is
    the operator's.
    """
    meta = follower.live["metadata"]
    version = {"op": "replace", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
    changes = [
        {"op": "add", "path": "".join(f"/{_escaped(step)}" for step in field.path), "value": field.value}
        for field in follower.differing
    ]
    with suppress(NotFound), writes.explained(f"{follower.kind.kind} {follower.name}"):
        return await writes.cluster.patch(
            follower.kind,
            follower.name,
            [version, *changes],
            namespace=meta["namespace"],
            content_type=JSON_PATCH,
            field_manager=field_manager,
            warnings=warnings,
        )
    return None


def _at(obj: Any, path: Sequence[str | int]) -> Any:
    for step in path:
        if isinstance(step, int):
            obj = obj[step] if isinstance(obj, list) and step < len(obj) else None
        else:
            obj = obj.get(step) if isinstance(obj, Mapping) else None
    return obj


def _is_same(live: Any, wanted: int | str | bool) -> bool:
    return bool(live == wanted) and isinstance(live, bool) == isinstance(wanted, bool)


def _owned_path(path: Sequence[str | int]) -> str:
    """Where `changed_by` finds the owner: a list without keys is owned as a whole."""
    return ".".join(takewhile(lambda step: isinstance(step, str), path))  # type: ignore[arg-type]


def _escaped(step: str | int) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")
