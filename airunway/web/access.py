"""What a caller may do, asked of Kubernetes in the caller's own name (SelfSubjectAccessReview).

Everything in Kubernetes is done with the caller's token, so that RBAC decides by itself. This is for the
rest: what is answered out of what this process follows, and what is done under its own account. Asked with
the caller's token rather than about a name, it needs no right of ours, and says what the request would.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from airunway.api.names import CONFIG_PLURAL, DEPLOYMENT_PLURAL, GROUP
from airunway.clients.access_review import can_i
from airunway.web.cache import TimedCache
from airunway.web.errors import WebError
from airunway.web.identity import Caller

RIGHT_SECONDS = 30.0
"""How long an answer holds: a right that was taken away works on for so long."""
MAX_RIGHTS = 20_000
MAX_AT_ONCE = 16
"""Reviews for one caller, who may have a thousand namespaces."""


@dataclass(frozen=True)
class Right:
    """Something that one may be allowed to do. Without a namespace: in the whole cluster."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def words(self) -> str:
        """`patch modeldeployments.airunway.ai "demo" in namespace "team-a"`."""
        what = f"{self.resource}.{self.group}" if self.group else self.resource
        what += f"/{self.subresource}" if self.subresource else ""
        named = f' "{self.name}"' if self.name else ""
        where = f'in namespace "{self.namespace}"' if self.namespace else "in the whole cluster"
        return f"{self.verb} {what}{named} {where}"


def on_deployment(verb: str, namespace: str, name: str = "") -> Right:
    """A right on ModelDeployments."""
    return Right(verb, DEPLOYMENT_PLURAL, GROUP, namespace, name)


def on_config(verb: str, name: str = "") -> Right:
    """A right on InferenceProviderConfigs, which are the cluster's. Who may `patch` one may also install."""
    return Right(verb, CONFIG_PLURAL, GROUP, "", name)


class Rights:
    """Answers, kept for a while."""

    def __init__(self) -> None:
        self._answers: TimedCache[tuple[str, Right], bool] = TimedCache(
            seconds=RIGHT_SECONDS, maximum=MAX_RIGHTS
        )

    async def may(self, caller: Caller, right: Right) -> bool:
        """Whether the caller may. Raises ApiError when nobody answers."""
        if caller.is_everybody:
            return True

        async def ask() -> bool:
            return await can_i(
                caller.cluster,
                group=right.group,
                resource=right.resource,
                verb=right.verb,
                namespace=right.namespace,
                name=right.name,
                subresource=right.subresource,
            )

        return await self._answers.get((caller.key, right), ask)

    async def refusal(self, caller: Caller, right: Right) -> str:
        """The sentence that names the right which the caller lacks; empty: they have it. Raises ApiError."""
        if await self.may(caller, right):
            return ""
        return f"{caller.user} may not {right.words}; ask an administrator for that right"

    async def require(self, caller: Caller, right: Right) -> None:
        """Raises WebError (403) that names the right, unless the caller has it."""
        if refusal := await self.refusal(caller, right):
            raise WebError(403, refusal)

    async def namespaces(self, caller: Caller, right: Right, among: Iterable[str]) -> frozenset[str] | None:
        """In which namespaces the caller may; None: in the whole cluster. Raises ApiError."""
        if await self.may(caller, right):
            return None
        turn = asyncio.Semaphore(MAX_AT_ONCE)

        async def ask(namespace: str) -> bool:
            async with turn:
                return await self.may(
                    caller, Right(right.verb, right.resource, right.group, namespace, "", right.subresource)
                )

        names = sorted(set(among))
        allowed = await asyncio.gather(*(ask(name) for name in names))
        return frozenset(name for name, may in zip(names, allowed, strict=True) if may)
