"""Looking up the provider that a deployment names, as admission does. Source: crds.md §4.3, V6."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from airunway.api.provider_config import InferenceProviderConfig
from airunway.selection import eligibility


class LookupProblem(StrEnum):
    """Why there is no config to check against."""

    NOT_FOUND = "not_found"
    KIND_NOT_INSTALLED = "kind_not_installed"
    FORBIDDEN = "forbidden"
    UNAUTHORIZED = "unauthorized"
    UNAVAILABLE = "unavailable"
    """Any other error: admission lets the object pass with a warning."""


@dataclass(frozen=True, kw_only=True)
class Lookup:
    """The config, or why there is none; exactly one is set."""

    config: InferenceProviderConfig | None = None
    problem: LookupProblem | None = None


ProviderLookup = Callable[[str], Lookup]
"""Name of a provider to the result. Never raises."""


def lookup_in(configs: Sequence[InferenceProviderConfig]) -> ProviderLookup:
    """Look up in a list of all registered providers."""

    def look_up(name: str) -> Lookup:
        config = eligibility.find(configs, name)
        return Lookup(config=config) if config else Lookup(problem=LookupProblem.NOT_FOUND)

    return look_up
