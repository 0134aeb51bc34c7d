"""Which search attributes may be set is asked of the namespace, again and again, without special rights."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs
from temporalio.api.workflowservice.v1 import DescribeNamespaceResponse
from temporalio.service import RPCError, RPCStatusCode

from airunway.workers.temporal.search_attributes import OURS, SearchAttributes, creation_command


def error(status: RPCStatusCode) -> RPCError:
    return RPCError(status.name.lower(), status, b"")


class Server:
    """Both services of a namespace, and its client. `columns` None: attributes belong to the whole server."""

    namespace = "models"

    def __init__(self, *, columns: dict[str, str] | None = None, everywhere: set[str] | None = None) -> None:
        self.columns = columns or {}
        self.everywhere = everywhere or set()
        self.refusals: dict[str, RPCStatusCode] = {}
        self.calls: list[str] = []
        self.workflow_service = self.operator_service = self

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.refusals:
            raise error(self.refusals[name])

    async def describe_namespace(self, request: Any, *, retry: bool) -> DescribeNamespaceResponse:
        self._called("describe")
        assert request.namespace == self.namespace
        answer = DescribeNamespaceResponse()
        answer.config.custom_search_attribute_aliases.update(self.columns)
        return answer

    async def count_workflow_executions(self, request: Any, *, retry: bool) -> None:
        self._called("count")
        names = {term.split()[0] for term in request.query.split(" OR ")}
        if not names <= self.everywhere | set(self.columns.values()):
            raise error(RPCStatusCode.INVALID_ARGUMENT)

    async def add_search_attributes(self, request: Any) -> None:
        self._called("add")
        if self.columns:
            self.columns |= {f"Keyword1{name}": name for name in request.search_attributes}
        else:
            self.everywhere |= set(request.search_attributes)


def attributes_of(server: Server) -> SearchAttributes:
    return SearchAttributes(server)  # type: ignore[arg-type]


def columns(names: tuple[str, ...]) -> dict[str, str]:
    return {f"Keyword{number:02}": name for number, name in enumerate(names)}


async def test_the_namespaces_description_is_enough_where_it_names_them() -> None:
    server = Server(columns=columns(OURS))
    attributes = attributes_of(server)

    assert await attributes.refresh()

    assert attributes.known == set(OURS)
    assert server.calls == ["describe"]


async def test_a_count_finds_those_that_the_description_does_not_name() -> None:
    server = Server(everywhere=set(OURS))
    attributes = attributes_of(server)

    await attributes.refresh()

    assert attributes.known == set(OURS)
    assert server.calls == ["describe", "count"], "such calls are limited: one for all"


async def test_those_that_are_there_are_found_one_by_one_where_some_are_missing() -> None:
    server = Server(everywhere=set(OURS[:3]))
    server.refusals = {"add": RPCStatusCode.PERMISSION_DENIED}
    attributes = attributes_of(server)

    await attributes.refresh()

    assert attributes.known == set(OURS[:3])


async def test_an_attribute_of_another_type_is_not_used() -> None:
    server = Server(columns={"Int01": OURS[0], **columns(OURS[1:])})
    server.refusals = {"add": RPCStatusCode.PERMISSION_DENIED, "count": RPCStatusCode.INVALID_ARGUMENT}
    attributes = attributes_of(server)

    await attributes.refresh()

    assert attributes.known == set(OURS[1:])


async def test_missing_ones_are_added_by_who_may() -> None:
    server = Server(columns=columns(OURS[:2]))
    attributes = attributes_of(server)

    assert await attributes.refresh()

    assert attributes.known == set(OURS)


async def test_who_may_not_says_once_what_an_operator_should_do() -> None:
    server = Server(columns=columns(OURS[:2]))
    server.refusals = {"add": RPCStatusCode.PERMISSION_DENIED}
    attributes = attributes_of(server)

    with capture_logs() as logs:
        assert await attributes.refresh()
        assert await attributes.refresh()

    assert [entry["log_level"] for entry in logs] == ["info"]
    assert logs[0]["command"] == creation_command("models", OURS[2:])
    assert server.calls.count("add") == 1, "a refusal is not asked for again and again"
    assert attributes.known == set(OURS[:2]), "those that are there are used meanwhile"


def test_the_command_names_exactly_what_is_missing() -> None:
    assert creation_command("models", ["AirunwayModel", "AirunwayImage"]) == (
        "temporal operator search-attribute create --namespace models "
        "--name AirunwayModel --name AirunwayImage --type Keyword"
    )


async def test_what_is_added_or_removed_later_is_seen_at_the_next_look() -> None:
    server = Server()
    server.refusals = {"add": RPCStatusCode.PERMISSION_DENIED}
    attributes = attributes_of(server)
    await attributes.refresh()
    assert attributes.known == frozenset()

    server.columns = columns(OURS)
    await attributes.refresh()
    assert attributes.known == set(OURS)

    server.columns = columns(OURS[:1])
    await attributes.refresh()
    assert attributes.known == {OURS[0]}


async def test_an_outage_leaves_what_is_known() -> None:
    server = Server(columns=columns(OURS))
    attributes = attributes_of(server)
    await attributes.refresh()
    server.refusals = {"describe": RPCStatusCode.UNAVAILABLE}

    assert not await attributes.refresh(), "it is asked again soon"

    assert attributes.known == set(OURS)


@pytest.mark.parametrize("refused", ["describe", "count"])
async def test_a_role_that_may_ask_in_one_way_only_gets_along(refused: str) -> None:
    server = Server(columns=columns(OURS))
    server.refusals = {refused: RPCStatusCode.PERMISSION_DENIED, "add": RPCStatusCode.PERMISSION_DENIED}
    attributes = attributes_of(server)

    assert await attributes.refresh()

    assert attributes.known == set(OURS), "the other way is open"


async def test_two_processes_that_add_at_once_agree() -> None:
    server = Server()
    server.refusals = {"add": RPCStatusCode.ALREADY_EXISTS}
    attributes = attributes_of(server)
    server.everywhere = set(OURS[:3])

    async def other_was_first(_: Any) -> None:
        server.everywhere = set(OURS)
        raise error(RPCStatusCode.ALREADY_EXISTS)

    server.add_search_attributes = other_was_first  # type: ignore[method-assign]

    assert await attributes.refresh()
    assert attributes.known == set(OURS)
