"""The config of a pinned provider: from a watched list, and when it is not there once from the API server.

The list answers without a request; asking again covers a config that was made a moment ago. What each
failure means for the write is the table of crds.md §4.3, V6.
"""

from __future__ import annotations

import asyncio
from typing import Protocol

import structlog
from pydantic import ValidationError

from airunway.api.provider_config import InferenceProviderConfig
from airunway.clients.errors import ApiError, Forbidden, NotFound, Unauthorized
from airunway.clients.kubernetes import CONFIGS, Kind, Object
from airunway.clients.outages import KUBERNETES, OUTAGES
from airunway.clients.reflector import ObjectChange
from airunway.selection.provider_lookup import Lookup, LookupProblem

_log = structlog.get_logger(__name__)

DIRECT_READ_SECONDS = 3.0
"""Well under the 10 s that the API server gives the webhook."""


class ConfigReader(Protocol):
    """The part of the cluster that is asked directly."""

    async def get(self, kind: Kind, name: str) -> Object:
        """Read one object. Raises ApiErrors."""


class RegisteredProviders:
    """Registered providers by name. Feed it the changes of a reflector on their kind."""

    def __init__(self, cluster: ConfigReader) -> None:
        self._cluster = cluster
        self._known: dict[str, Lookup] = {}

    def on_change(self, change: ObjectChange) -> None:
        """Keep the list."""
        name = change.object["metadata"]["name"]
        if change.type == "deleted":
            self._known.pop(name, None)
        else:
            self._known[name] = _lookup(change.object)

    async def find(self, name: str) -> Lookup:
        """The config, or why there is none. Never raises an ApiError."""
        known = self._known.get(name)
        return known if known is not None else await self._ask(name)

    async def _ask(self, name: str) -> Lookup:
        try:
            async with asyncio.timeout(DIRECT_READ_SECONDS):
                return _lookup(await self._cluster.get(CONFIGS, name))
        except NotFound as err:
            # Of a kind that is not served there is no Status object, so no reason either.
            absent = LookupProblem.NOT_FOUND if err.reason else LookupProblem.KIND_NOT_INSTALLED
            return Lookup(problem=absent)
        except Forbidden:
            return Lookup(problem=LookupProblem.FORBIDDEN)
        except Unauthorized:
            return Lookup(problem=LookupProblem.UNAUTHORIZED)
        except (ApiError, TimeoutError) as err:
            log = _log.bind(provider=name, error=str(err)[:200] or "timed out")
            OUTAGES.suspect(KUBERNETES, lambda: log.warning("provider not looked up"))
            return Lookup(problem=LookupProblem.UNAVAILABLE)


def _lookup(obj: Object) -> Lookup:
    try:
        return Lookup(config=InferenceProviderConfig.model_validate(obj))
    except ValidationError as err:
        _log.warning("provider config unreadable", provider=obj["metadata"]["name"], error=str(err)[:200])
        return Lookup(problem=LookupProblem.UNAVAILABLE)
