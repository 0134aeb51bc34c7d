"""Fields that a rendered object says must be absent, by a null, and that are there. Pure.

A server-side apply takes away what its manager applied before, and nothing else: a null in it leaves what
the API server filled in, or somebody else wrote. So they are patched away first, with all that stands beside
them: what is left must be valid by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def absence_patch(live: Mapping[str, Any], desired: Mapping[str, Any]) -> list[dict[str, Any]]:
    """JSON patch that leaves of such a map what is desired, and what is not desired otherwise."""
    return [step for key in desired if key != "metadata" for step in _steps(live, desired, key, "")]


def _steps(
    live: Mapping[str, Any], desired: Mapping[str, Any], key: str, above: str
) -> Iterator[dict[str, Any]]:
    here, wanted = live.get(key), desired[key]
    if not isinstance(here, Mapping) or not isinstance(wanted, Mapping):
        return
    at = f"{above}/{key.replace('~', '~0').replace('/', '~1')}"
    gone = {name for name, value in wanted.items() if value is None and here.get(name) is not None}
    if gone:
        given = {name: value for name, value in wanted.items() if value is not None}
        kept = {name: value for name, value in here.items() if name not in gone}
        yield {"op": "replace", "path": at, "value": {**kept, **given}}
        return
    for name in wanted:
        yield from _steps(here, wanted, name, at)
