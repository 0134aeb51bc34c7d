"""The Secrets by which namespaces pull their private images from the registry in the cluster.

One of a fixed name in each namespace that has such images, so that the right to it can be one to that name.
Its owners are the deployments that use it: with the last of them it goes away.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.activities.model_image.secret_data import decoded, encoded
from airunway.api import names
from airunway.clients.errors import Conflict
from airunway.clients.kubernetes import SECRETS, Cluster, Object
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.modelimage.pull_access import (
    DOCKER_CONFIG,
    DOCKER_CONFIG_TYPE,
    config_in,
    docker_config,
)

MAX_OWNERS = 100
"""Of one Secret: any one keeps it, and whoever finds it missing makes it again."""
_ATTEMPTS = 5


@dataclass(frozen=True)
class PullSecrets:
    """The Secrets of one cluster. `host`: what nodes call the registry for private images."""

    cluster: Cluster
    keys: ClusterRegistryLogin
    host: str

    async def ensure(self, namespace: str, owners: Sequence[Mapping[str, Any]]) -> None:
        """Have the Secret there with the login of now, for these deployments beside those that it is for.

        Writes nothing when it is as it should be. Raises RegistryUnavailable, ApiError.
        """
        for _ in range(_ATTEMPTS):
            data = await self._data(namespace)
            live = await self.cluster.find(SECRETS, names.PULL_SECRET, namespace=namespace)
            known = _owners_in(live)
            wanted = _with_owners(known, owners)
            if live is not None and wanted == known and decoded(live.get("data")) == data:
                return
            body = _secret(namespace, data, wanted)
            if live is not None:  # else somebody else's owners could be lost
                body["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
            try:
                await self.cluster.apply(SECRETS, body, field_manager=names.MODEL_IMAGE_FIELD_MANAGER)
            except Conflict:
                continue
            return
        raise Conflict(f"Secret {namespace}/{names.PULL_SECRET} is changed all the time")

    async def _data(self, namespace: str) -> dict[str, bytes]:
        try:
            key = await self.keys.in_use()
        except RegistryUnavailable:  # somebody emptied it, to withdraw what was derived from it
            await self.keys.ensure()
            key = await self.keys.in_use()
        return {DOCKER_CONFIG: docker_config(namespace, key, hosts=[self.host])}


async def read_pull_login(cluster: Cluster, namespace: str) -> RegistryCredentials:
    """The login of a namespace's Secret. Raises RegistryUnavailable when there is none, ApiError."""
    live = await cluster.find(SECRETS, names.PULL_SECRET, namespace=namespace)
    login = config_in(decoded((live or {}).get("data")))
    if login is None:
        raise RegistryUnavailable(f"Secret {namespace}/{names.PULL_SECRET} holds no login (yet)")
    return RegistryCredentials(login.user, login.password)


def _owners_in(live: Object | None) -> list[dict[str, Any]]:
    """The deployments that a Secret is for."""
    there = ((live or {}).get("metadata") or {}).get("ownerReferences") or []
    return [_owner(one["name"], one["uid"]) for one in there if one.get("kind") == names.DEPLOYMENT_KIND]


def _with_owners(
    known: Sequence[dict[str, Any]], deployments: Collection[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    found = {owner["uid"]: owner for owner in known}
    for deployment in deployments:
        meta = deployment["metadata"]
        if len(found) < MAX_OWNERS:
            found.setdefault(meta["uid"], _owner(meta["name"], meta["uid"]))
    return list(found.values())


def _owner(name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": names.API_VERSION, "kind": names.DEPLOYMENT_KIND, "name": name, "uid": uid}


def _secret(namespace: str, data: Mapping[str, bytes], owners: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": names.PULL_SECRET,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": names.MANAGED_BY},
            "ownerReferences": list(owners),
        },
        "type": DOCKER_CONFIG_TYPE,
        "data": encoded(data),
    }
