"""From a plan to an order: what one build needs beside the plan. The token that it takes is never kept."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from temporalio.exceptions import ApplicationError

from airunway.activities.model_image.options import BuildOrder, Hub
from airunway.activities.model_image.resolve import ModelImageResolver, Tokens
from airunway.activities.model_image.wanted import ImageOwners
from airunway.clients.errors import ClientError
from airunway.clients.huggingface import HubRepository
from airunway.clients.registry.storage import ModelImageStorage
from airunway.messages.model_image import ModelImageWaiter
from airunway.modelimage.naming import staging_tag
from airunway.modelimage.plan import ModelImagePlan


class BuildOrders:
    """Makes orders."""

    def __init__(
        self,
        *,
        resolver: ModelImageResolver,
        tokens: Tokens,
        hub: Hub,
        storage: ModelImageStorage,
        owners: ImageOwners,
    ) -> None:
        self._resolver, self._tokens, self._hub, self._storage = resolver, tokens, hub, storage
        self._owners = owners

    async def order(self, plan: ModelImagePlan, waiters: Sequence[ModelImageWaiter]) -> BuildOrder:
        """The order for a plan, with the first token that may be read and can be.

        Raises final failures, ClientErrors.
        """
        token = await self._token(plan, waiters)
        await self._resolver.confirm(plan, token)
        base = await self._resolver.base_config(plan)
        return BuildOrder(
            plan=plan,
            urls=self.urls(plan),
            base_config=base.config,
            push_to=f"{self._storage.host_of(plan.name)}/{plan.name}:{staging_tag(plan.identity)}",
            insecure=self._storage.insecure,
            ref=f"{plan.identity[:24]}-{uuid.uuid4().hex[:12]}",
            token=token,
            login=await self._storage.login_of(plan.name),
        )

    def urls(self, plan: ModelImagePlan) -> tuple[str, ...]:
        """Where the files of a plan are downloaded, in their order."""
        repository = HubRepository(name=plan.repository, commit=plan.commit, files=())
        return tuple(self._hub.url(repository, file.path) for file in plan.files)

    async def _token(self, plan: ModelImagePlan, waiters: Sequence[ModelImageWaiter]) -> str:
        """The first token of a deployment that wants this model; empty when nobody has one.

        Of an image for everybody only that somebody wants it counts: it is made of what the hub gives to
        everybody, so that no token can open more. Raises the last one's error: what was refused, or could
        not be read.
        """
        problem: ClientError | ApplicationError | None = None
        for waiter in waiters:
            try:
                await self._owners.refuse_token(waiter, plan)
                return await self._tokens.read(waiter.token) if plan.private_to else ""
            except (ClientError, ApplicationError) as err:
                problem = err
        if problem is not None:
            raise problem
        return ""
