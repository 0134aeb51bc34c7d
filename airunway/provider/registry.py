"""The installed providers, found through the entry point group `airunway.providers`.

A plug-in that cannot be loaded is reported and left out: it must not take the other providers down.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points

from airunway.provider.contract import Provider

ENTRY_POINT_GROUP = "airunway.providers"


@dataclass(frozen=True, kw_only=True)
class Installed:
    """Providers by name, and why others could not be loaded, by the name of their entry point."""

    providers: dict[str, Provider] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)


@cache
def installed() -> Installed:
    """Every provider of this environment. Looked up once: what is installed does not change at run time."""
    return load(entry_points(group=ENTRY_POINT_GROUP))


def installed_providers() -> dict[str, Provider]:
    """The providers that can be used, by name."""
    return dict(installed().providers)


def load(found: Iterable[EntryPoint]) -> Installed:
    """Load entry points, in name order; the first of two providers with one name counts."""
    providers: dict[str, Provider] = {}
    broken: dict[str, str] = {}
    for entry in sorted(found, key=lambda entry: (entry.name, entry.value)):
        problem, provider = _load_one(entry)
        if provider is None:
            broken[entry.name] = problem
        elif provider.name in providers:
            broken.setdefault(
                entry.name, f"{entry.value}: there is another provider called {provider.name!r}"
            )
        else:
            providers[provider.name] = provider
    return Installed(providers=providers, broken=broken)


def _load_one(entry: EntryPoint) -> tuple[str, Provider | None]:
    try:
        value = entry.load()
    except Exception as err:  # whatever a third-party module raises while it is imported
        return f"{entry.value}: cannot be imported: {type(err).__name__}: {err}", None
    if not isinstance(value, Provider):
        return f"{entry.value}: is no Provider but a {type(value).__name__}", None
    if value.name != entry.name:
        return f"{entry.value}: calls itself {value.name!r}, but is registered as {entry.name!r}", None
    if not value.version and entry.dist is not None:
        value = replace(value, version=f"v{entry.dist.version}")
    return "", value
