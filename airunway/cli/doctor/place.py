"""What the checks share: a cluster and a Temporal, each reached once, when the first check asks for it.

Where one cannot be reached, that is one failure; the checks that need it say only that they were not made.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Generic, TypeVar

from temporalio.client import Client

from airunway.cli.temporal import temporal_client
from airunway.clients.kubernetes import Cluster
from airunway.workers.cluster_name import with_cluster_name
from airunway.workers.settings import Settings

T = TypeVar("T")


class NotReached(Exception):
    """What a check needs is not there; another check says why."""


class Once(Generic[T]):
    """A value that is made at the first call, by one of those who ask at the same time."""

    def __init__(self, make: Callable[[], Awaitable[T]]) -> None:
        self._make = make
        self._task: asyncio.Task[T] | None = None

    async def get(self) -> T:
        """The value. Raises what making it raised; the end of one caller is none of the others' business."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._make())
        return await asyncio.shield(self._task)

    async def end(self) -> T | None:
        """Stop making it; answers what was made."""
        if self._task is None:
            return None
        self._task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            return await self._task
        return None


class DoctorPlace:
    """One cluster, and the Temporal that its settings name. Close it when done."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._cluster = Once(self._connect)
        self._client = Once(lambda: temporal_client(settings))
        self._named = Once(self._name)

    async def cluster_or_why(self) -> Cluster:
        """The cluster. Raises what is in the way, for the check that tells it."""
        return await self._cluster.get()

    async def temporal_or_why(self) -> Client:
        """A client of Temporal. Raises what is in the way, for the check that tells it."""
        return await self._client.get()

    async def cluster(self) -> Cluster:
        """The cluster. Raises NotReached."""
        try:
            return await self._cluster.get()
        except Exception as err:
            raise NotReached("the cluster cannot be reached") from err

    async def temporal(self) -> Client:
        """A client of Temporal. Raises NotReached."""
        try:
            return await self._client.get()
        except Exception as err:
            raise NotReached("Temporal cannot be reached") from err

    async def cluster_name(self) -> str:
        """The cluster's name. Raises NotReached where nothing tells it."""
        if self.settings.cluster:
            return self.settings.cluster
        try:
            return await self._named.get()
        except Exception as err:
            raise NotReached("the cluster's name is not known; set AIRUNWAY_CLUSTER") from err

    async def close(self) -> None:
        """Close what was opened."""
        await self._named.end()
        await self._client.end()
        cluster = await self._cluster.end()
        if cluster is not None:
            await cluster.close()

    async def _connect(self) -> Cluster:
        cluster = await Cluster.connect(self.settings.kubeconfig, context=self.settings.context)
        try:
            await cluster.discovery.server_version()  # a client is no sign that somebody is there
        except BaseException:
            await cluster.close()
            raise
        return cluster

    async def _name(self) -> str:
        return (await with_cluster_name(self.settings, await self._cluster.get())).cluster
