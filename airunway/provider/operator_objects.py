"""Objects that an operator makes of a main object and does not keep like it. Pure.

An operator may take a change of its main object only into what it makes anew: KubeRay leaves the number of
workers of a running cluster to whoever scales that. The provider says which of those objects matter and what
is to be in which of their fields; the core reads them where it reads the main object, and writes just that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.provider.upstream_kind import UpstreamKind


@dataclass(frozen=True, kw_only=True)
class FieldValue:
    """One field, and what it is to be. `path`: keys of objects and indexes of lists, all of which are there
    but the last. `words`: the same for people, as `spec.groups[name=a].replicas`.
    """

    path: tuple[str | int, ...]
    words: str
    value: int | str | bool


@dataclass(frozen=True, kw_only=True)
class MainObject:
    """The main object for what has to follow it.

    `wanted`: as it is rendered; the live one where it is only read. `changing`: paths of the fields that a
    write before this one changes, which its operator has not seen yet.
    """

    live: Mapping[str, Any]
    wanted: Mapping[str, Any]
    changing: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class OperatorObjects:
    """One kind of such objects. None of them is touched that the main object does not own, by its uid.

    `names`: (live main object) -> those that matter now, in its namespace; they need not be there.
    `fields`: (main object, one of them as it is) -> what is to be in it, also where it is so already; none:
    that is somebody else's, e.g. an autoscaler's. Not asked where a deployment leaves its replicas to others.
    `with_states`: (live main object, those of them that are there) -> the main object for `read_status`,
    with what they say of themselves now, where its own status has an older copy.
    """

    kind: UpstreamKind
    names: Callable[[Mapping[str, Any]], Sequence[str]]
    fields: Callable[[MainObject, Mapping[str, Any]], Sequence[FieldValue]]
    with_states: Callable[[Mapping[str, Any], Sequence[Mapping[str, Any]]], Mapping[str, Any]]
