"""Who wants which model name on which Gateway, as routes say, and whom a change among them concerns.

Apart from the watch because of what it may cost: a thousand deployments that want one name are told of each
other's coming and going by a few signals each, not by one to everybody.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from airunway.clients.kubernetes import Object
from airunway.gateway.naming import LABEL_MODEL_NAME
from airunway.messages.refs import DeploymentRef


@dataclass(frozen=True, kw_only=True)
class WantedName:
    """What of a route matters to others who want its model name; whether it is accepted does not."""

    owner: DeploymentRef
    label: str
    content: int
    """Digest of its spec."""
    is_attached: bool
    """It has a parent: its owner does not wait for the name."""
    age: tuple[str, str, str]
    """As routes are ordered where several want a name."""

    @classmethod
    def of(cls, owner: DeploymentRef, route: Object, *, content: int) -> WantedName:
        """Of a route that its owner made."""
        meta = route["metadata"]
        return cls(
            owner=owner,
            label=str((meta.get("labels") or {}).get(LABEL_MODEL_NAME) or ""),
            content=content,
            is_attached=bool((route.get("spec") or {}).get("parentRefs")),
            age=(str(meta.get("creationTimestamp") or ""), meta["namespace"], meta["name"]),
        )


@dataclass
class _Group:
    """The routes that want one name, by uid; `attached`: those of them that do not wait."""

    routes: dict[str, WantedName] = field(default_factory=dict)
    attached: dict[str, WantedName] = field(default_factory=dict)


class WantedNames:
    """All of them, by uid of their route."""

    def __init__(self) -> None:
        self._routes: dict[str, WantedName] = {}
        self._groups: dict[str, _Group] = {}
        """By label."""

    def clear(self) -> None:
        """Nothing is followed any more."""
        self._routes.clear()
        self._groups.clear()

    def owners(self) -> set[DeploymentRef]:
        """The deployments that have a route."""
        return {one.owner for one in self._routes.values()}

    def pop(self, uid: str) -> WantedName | None:
        """What was known of a route, and is not so any more."""
        noted = self._routes.pop(uid, None)
        if noted is not None and (group := self._groups.get(noted.label)) is not None:
            group.routes.pop(uid, None)
            group.attached.pop(uid, None)
            if not group.routes:
                del self._groups[noted.label]
        return noted

    def put(self, uid: str, wanted: WantedName) -> None:
        """What a route wants now."""
        self._routes[uid] = wanted
        if wanted.label:
            group = self._groups.setdefault(wanted.label, _Group())
            group.routes[uid] = wanted
            if wanted.is_attached:
                group.attached[uid] = wanted

    def concerned(self, uid: str, *changed: WantedName | None) -> list[DeploymentRef]:
        """Who is to look at once when a route came, went or changed: before and now.

        Of each name whoever serves it, who says how many wait, and the oldest route, whose turn it may be.
        """
        found: dict[str, DeploymentRef] = {}
        for label in {one.label for one in changed if one is not None}:
            group = self._groups.get(label, _Group())
            others = [other for other in group.routes if other != uid]
            if others:
                first = min(others, key=lambda other: group.routes[other].age)
                found[first] = group.routes[first].owner
            found |= {other: one.owner for other, one in group.attached.items() if other != uid}
        return list(found.values())

    def waiting(self, label: str) -> Iterator[DeploymentRef]:
        """Who waits for a name."""
        group = self._groups.get(label, _Group())
        yield from [one.owner for one in group.routes.values() if not one.is_attached]
