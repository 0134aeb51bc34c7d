"""Follows what operators make of the objects of providers, and tells whose deployment it concerns.

Of such an object only its owner tells whose it is: the main object, by its uid, and that one's owner in turn.
A watch a kind; of an object nothing is kept but a digest of what may matter.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from airunway.clients.kubernetes import Cluster, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.refs import DeploymentRef
from airunway.provider.contract import Provider, UpstreamKind
from airunway.workers.audit.fleet import Fleet
from airunway.workers.upstream_kinds import Announced, key_of

Notify = Callable[[DeploymentRef, str], None]
"""(deployment, cause): what its operator made says something else than before."""


class MadeWatch:
    """The kinds that operators make, of one cluster (`Provider.operator_objects`)."""

    def __init__(
        self, cluster: Cluster, providers: Mapping[str, Provider], fleet: Fleet, notify: Notify
    ) -> None:
        self._cluster, self._fleet, self._notify = cluster, fleet, notify
        self._digests: dict[str, int] = {}
        made = [provider.operator_objects for provider in providers.values()]
        kinds = {key_of(entry.kind): entry.kind for entry in made if entry is not None}
        self.reflectors = [self._reflector(kind) for kind in kinds.values()]
        """Of the kinds of installed providers, to be run."""
        self.announced: Announced[UpstreamKind] = Announced(self._follow, key_of=key_of, besides=kinds)
        """Those of others."""

    def update(self, config: str, announced: Sequence[UpstreamKind]) -> None:
        """Take note of the kinds that a config announces; none when it is gone."""
        self.announced.update(config, list(announced))

    def look_again(self) -> None:
        """A kind may be installed by now."""
        for reflector in self.reflectors:
            reflector.look_again()

    async def _follow(self, kind: UpstreamKind) -> None:
        await self._reflector(kind).run()

    def _reflector(self, kind: UpstreamKind) -> Reflector:
        def on_change(change: ObjectChange) -> None:
            self._on_object(kind, change, in_first_list=not reflector.synced.is_set())

        reflector = Reflector(self._cluster, kind, on_change)
        return reflector

    def _on_object(self, kind: UpstreamKind, change: ObjectChange, *, in_first_list: bool) -> None:
        meta = change.object["metadata"]
        before, now = self._digests.get(meta["uid"]), None
        if change.type == "deleted":
            self._digests.pop(meta["uid"], None)
        else:
            now = self._digests[meta["uid"]] = _digest(change.object)
        # What its operator has not said anything of yet is no news.
        is_new = before is None and not change.object.get("status")
        if in_first_list or before == now or is_new:
            return
        ref = self._deployment(meta)
        if ref is not None:
            verb = "was deleted" if change.type == "deleted" else "changed"
            self._notify(ref, f"{kind.kind} {meta['name']} {verb}")

    def _deployment(self, meta: Mapping[str, Any]) -> DeploymentRef | None:
        """Whose it is; None: nobody's of this system. A name says nothing: anybody can give it."""
        for reference in meta.get("ownerReferences") or []:
            main = self._fleet.upstream_mark(str(reference.get("uid")))
            ref = self._fleet.refs.get(main.owner) if main is not None else None
            if ref is not None and ref.namespace == meta.get("namespace"):
                return ref
        return None


def _digest(obj: Object) -> int:
    """Of what may matter: not of times, which change with every look of an operator."""
    meta = obj["metadata"]
    content = [meta.get("generation"), "deletionTimestamp" in meta, _without_times(obj.get("status"))]
    return hash(json.dumps(content, sort_keys=True))


def _without_times(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _without_times(inner) for key, inner in value.items() if not key.endswith("Time")}
    return [_without_times(item) for item in value] if isinstance(value, list) else value
