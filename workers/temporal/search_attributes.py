"""Which of our search attributes the namespace has. Asked again and again, so that no answer is for ever.

A workflow that sets an unknown attribute is stuck, so only what is known to be there is set. An ordinary
role may ask: the namespace's description names them where each namespace has its own (SQL), and a count that
uses one is refused where it is unknown (everywhere). Adding them needs an operator's rights; without these,
one line says the command for somebody who has them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta

import structlog
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest
from temporalio.api.workflowservice.v1 import CountWorkflowExecutionsRequest, DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from airunway.messages.search_attributes import SEARCH_ATTRIBUTES

_log = structlog.get_logger(__name__)

OURS = tuple(key.name for key in SEARCH_ATTRIBUTES)
"""All keywords."""
REFRESH_EVERY = timedelta(minutes=5)
SOON = timedelta(seconds=10)
"""After a failure."""
LOOK_AFTER_ADDING, LOOKS_AFTER_ADDING = timedelta(seconds=0.5), 20
REFUSED = (RPCStatusCode.PERMISSION_DENIED, RPCStatusCode.UNAUTHENTICATED, RPCStatusCode.UNIMPLEMENTED)


class SearchAttributes:
    """What is known of the namespace now: one for each process, kept up by `run`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: frozenset[str] = frozenset()
        self._may_add = True
        self._announced: frozenset[str] = frozenset()
        """What was said to be missing, to say it once."""

    @property
    def known(self) -> frozenset[str]:
        """Names of ours that may be set now. Empty until the first `refresh`."""
        return self._known

    async def run(self) -> None:
        """Keep `known` true, until cancelled."""
        while True:
            pause = REFRESH_EVERY if await self.refresh() else SOON
            await asyncio.sleep(pause.total_seconds())

    async def refresh(self) -> bool:
        """Ask once, and add what is missing if we may. Whether the answer is final for a while."""
        try:
            missing = await self._look()
        except (RPCError, OSError) as err:
            _log.warning("the namespace's search attributes cannot be read; trying again", error=str(err))
            return False
        if not missing:
            return True
        if self._may_add and await self._add(missing):
            return await self._are_there(missing)
        self._say_what_is_missing(missing)
        return True

    async def _look(self) -> list[str]:
        """Those that are missing; the others are known from now on."""
        columns = await self._columns()
        if columns:
            found = {name for column, name in columns.items() if column.startswith("Keyword")}
        elif await self._can_be_queried(OURS):
            found = set(OURS)
        else:
            found = {name for name in OURS if await self._can_be_queried([name])}
        self._known = frozenset(found.intersection(OURS))
        if self._known == set(OURS):
            self._announced = frozenset()
        return [name for name in OURS if name not in self._known]

    async def _are_there(self, added: list[str]) -> bool:
        """Known once the server takes them: it looks for new ones every few seconds."""
        for _ in range(LOOKS_AFTER_ADDING):
            with suppress(RPCError, OSError):
                if await self._can_be_queried(added):
                    self._known |= frozenset(added)
                    return True
            await asyncio.sleep(LOOK_AFTER_ADDING.total_seconds())
        return False

    async def _columns(self) -> Mapping[str, str]:
        """The namespace's own attributes: column of the store, such as `Keyword01`, to name. May be none."""
        request = DescribeNamespaceRequest(namespace=self._client.namespace)
        try:
            answer = await self._client.workflow_service.describe_namespace(request, retry=True)
        except RPCError as err:
            if err.status in REFUSED:
                return {}
            raise
        return answer.config.custom_search_attribute_aliases

    async def _can_be_queried(self, names: Iterable[str]) -> bool:
        """Whether all of them can be. Servers limit such calls to some ten a second for a namespace."""
        query = " OR ".join(f"{name} = 'airunway-is-it-there'" for name in names)
        request = CountWorkflowExecutionsRequest(namespace=self._client.namespace, query=query)
        try:
            await self._client.workflow_service.count_workflow_executions(request, retry=True)
        except RPCError as err:
            if err.status is RPCStatusCode.INVALID_ARGUMENT or err.status in REFUSED:
                return False
            raise
        return True

    async def _add(self, names: Iterable[str]) -> bool:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        request = AddSearchAttributesRequest(
            namespace=self._client.namespace, search_attributes=dict.fromkeys(names, keyword)
        )
        try:
            await self._client.operator_service.add_search_attributes(request)
        except RPCError as err:
            if err.status is RPCStatusCode.ALREADY_EXISTS:  # another process of ours was first
                return True
            if err.status in REFUSED:
                self._may_add = False
            else:
                _log.warning("search attributes could not be added", error=str(err))
            return False
        return True

    def _say_what_is_missing(self, missing: list[str]) -> None:
        if self._announced == frozenset(missing):
            return
        self._announced = frozenset(missing)
        _log.info(
            "the Temporal namespace lacks search attributes, so deployments are not found by them; "
            "somebody with an operator's rights adds them with the command",
            command=creation_command(self._client.namespace, missing),
        )


def creation_command(namespace: str, names: Iterable[str]) -> str:
    """What adds these attributes, for a person."""
    words = " ".join(f"--name {name}" for name in names)
    return f"temporal operator search-attribute create --namespace {namespace} {words} --type Keyword"
