"""What the registry in the cluster needs though nothing is built: logins in their turn, room, pull Secrets.

Of every worker of the core, every hour, as it costs a few reads when nothing is due; of two at once the API
server lets one write, and the other finds it done. In no history, like the heartbeats of providers: it is
about the registry, and no deployment's doing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

import structlog

from airunway.activities.model_image.cluster import BuildServices
from airunway.activities.model_image.pull_secrets import PullSecrets
from airunway.activities.model_image.records import ModelImageRecords
from airunway.activities.model_image.room import RegistryRoom
from airunway.clients.errors import ClientError
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster, Object
from airunway.modelimage.naming import namespace_of_private
from airunway.modelimage.records import RecordState

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class RegistryUpkeep:
    """Of one registry."""

    cluster: Cluster
    keeper: BuildServices
    room: RegistryRoom
    records: ModelImageRecords
    pull_secrets: PullSecrets

    async def once(self) -> None:
        """Do what is due. What fails is logged, keeps nothing else from being done, and is due again."""
        await self._try("room in the registry", self._free)
        await self._try("pull Secrets", self._renew_pull_secrets)

    async def _try(self, what: str, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except ClientError as err:
            _log.warning("upkeep of the registry: trying again later", of=what, error=str(err))

    async def _free(self) -> None:
        await self.room.tidy()
        await self.keeper.keep_registry(freed_at=await self.room.freed_at())

    async def _renew_pull_secrets(self) -> None:
        """Bring each namespace the login of now, for the deployments there that run one of its images."""
        digests: dict[str, set[str]] = {}
        for record in (await self.records.read()).images.values():
            namespace = namespace_of_private(record.name)
            if namespace and record.state is RecordState.BUILT:
                digests.setdefault(namespace, set()).add(record.digest)
        for namespace, own in digests.items():
            await self._try(f"pull Secret of {namespace}", partial(self._renew, namespace, own))

    async def _renew(self, namespace: str, digests: set[str]) -> None:
        listed = await self.cluster.listing(DEPLOYMENTS, namespace=namespace)
        users = [one for one in listed.items if _runs_one_of(one, digests)]
        if users:  # else the Secret is gone, or will be made when somebody wants the image
            await self.pull_secrets.ensure(namespace, users)


def _runs_one_of(deployment: Object, digests: set[str]) -> bool:
    image = (deployment.get("status") or {}).get("image") or {}
    return str(image.get("resolved") or "").rpartition("@")[2] in digests
