"""A worker that dies after any single write leaves nothing that the next one does not bring to its end."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from temporalio.exceptions import ApplicationError

from airunway.clients.errors import Unreachable
from airunway.gateway.objects import granted_namespaces
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.gateway.definitions import GATEWAY_API
from airunway.sandbox.gateway.definitions import RULES as RULE_DEFINITION
from tests.gateway.given import among
from tests.gateway.site import EVERYTHING, GRANTS, RULES, GatewaySite, reason
from tests.gateway.test_variations import MANAGED, backend, foreign_pool

WRITES = ("create", "apply", "patch", "delete")
ABROAD = {**MANAGED, "inferencePoolNamespace": "sys", "inferencePoolNamePattern": "p"}
WRITES_OF_ONE = len(EVERYTHING) + 2
"""Each object, Istio's rule, and the Gateway's listener."""
GRANT, RULE = "p-referencegrant", "their-epp"


class WorkerDied(BaseException):
    """What no code of ours catches."""


@contextmanager
def failing_after(site: GatewaySite, writes: int, error: Callable[[], BaseException]) -> Iterator[list[str]]:
    """The write of this number is done, and what follows it never happens; the names of those done."""
    done: list[str] = []

    def dying(name: str, write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wrapper(*args: Any, **options: Any) -> Any:
            answer = await write(*args, **options)
            done.append(name)
            if len(done) == writes:
                raise error()
            return answer

        return wrapper

    try:
        for name in WRITES:
            setattr(site.cluster, name, dying(name, getattr(site.cluster, name)))
        yield done
    finally:
        for name in WRITES:
            delattr(site.cluster, name)


async def cut_short(site: GatewaySite, step: Callable[[], Awaitable[Any]]) -> int:
    """Do a step that goes on where it was, dying after its first write each time; how often it died.

    A removal does: what is gone is gone, while an object that was written is written once more.
    """
    for died in itertools.count():
        with failing_after(site, 1, WorkerDied):
            try:
                await step()
            except WorkerDied:
                continue
        return died
    return 0


async def with_istio(site: GatewaySite) -> None:
    await site.install(*GATEWAY_API, RULE_DEFINITION)
    await site.gateway()


async def publish(site: GatewaySite, ref: DeploymentRef) -> None:
    """As one look of the workflow; the status is not what is cut short here."""
    await site._publish(ref)


async def rules(site: GatewaySite, namespace: str) -> list[str]:
    listing = await site.cluster.listing(RULES, namespace=namespace)
    return [one["metadata"]["name"] for one in listing.items]


async def test_what_was_published_in_part_is_published_in_whole(site: GatewaySite) -> None:
    await with_istio(site)
    opened = ["edge"]
    for dies_at in range(1, WRITES_OF_ONE + 1):
        name, team = f"m{dies_at}", f"team-{dies_at:02}"
        ref = await site.deploy(name, team, servedName=name)

        with failing_after(site, dies_at, WorkerDied) as done, pytest.raises(WorkerDied):
            await publish(site, ref)
        assert len(done) == dies_at
        site.worker = site.another()
        await site.publish(ref)

        opened.append(team)
        assert len(await site.left(ref)) == len(EVERYTHING)
        assert await site.find(RULES, ref, f"{name}-epp")
        assert await site.listener() == among(*opened)
        await site.accept(ref)
        assert reason(await site.read(ref)) == "True"


async def test_a_removal_that_dies_after_each_write_leaves_nothing(site: GatewaySite) -> None:
    await with_istio(site)
    ref = await site.deploy(servedName="m")
    await site.published(ref)
    await site.edit(ref, enabled=False)
    applied, uid = site.applied[str(ref)], (await site.request(ref)).uid

    async def remove() -> None:
        site.applied[str(ref)] = applied
        await site.remove(ref, uid)

    died = await cut_short(site, remove)

    assert died == WRITES_OF_ONE
    assert await site.left(ref) == []
    assert await rules(site, "team-a") == []
    assert (await site.listener())["from"] == "Same"


async def test_a_permission_of_another_namespace_goes_with_its_last_user_whenever_the_worker_dies(
    site: GatewaySite,
) -> None:
    await with_istio(site)
    await site.register(gateway=ABROAD)
    await foreign_pool(site, "p", "sys")
    refs = [
        await site.deploy(name, team, servedName=name) for name, team in (("a", "team-a"), ("b", "team-b"))
    ]
    for ref, dies_at in itertools.product(refs, range(1, 4)):
        with failing_after(site, dies_at, WorkerDied), contextlib.suppress(WorkerDied):
            await publish(site, ref)
    for ref in refs:
        await site.publish(ref)
    grant = await site.cluster.get(GRANTS, GRANT, namespace="sys")
    assert granted_namespaces(grant) == {"team-a", "team-b"}
    assert await rules(site, "sys") == [RULE]

    for left, ref in (({"team-b"}, refs[0]), (set(), refs[1])):
        await site.edit(ref, enabled=False)
        uid = (await site.request(ref)).uid
        assert await cut_short(site, lambda ref=ref, uid=uid: site.remove(ref, uid)) > 1  # type: ignore[misc]
        found = await site.cluster.find(GRANTS, GRANT, namespace="sys")
        assert granted_namespaces(found) == left

    assert await site.cluster.find(GRANTS, GRANT, namespace="sys") is None
    assert await rules(site, "sys") == []


async def test_another_way_of_publishing_leaves_nothing_of_the_one_before(site: GatewaySite) -> None:
    await with_istio(site)
    await foreign_pool(site, "p", "sys")
    for dies_at in itertools.count(1):
        name = f"m{dies_at}"
        await site.register(gateway=ABROAD)
        ref = await site.deploy(name, servedName=name)
        await site.published(ref)
        assert await rules(site, "sys") == [RULE]
        await site.register()

        died = True
        with failing_after(site, dies_at, WorkerDied), contextlib.suppress(WorkerDied):
            await publish(site, ref)
            await site.accept(ref)
            await publish(site, ref)
            died = False
        site.worker = site.another()
        for _ in range(3):
            await site.publish(ref)
            await site.accept(ref)

        assert await backend(site, ref) == ("team-a", name)
        assert len(await site.left(ref)) == len(EVERYTHING)
        assert await site.cluster.find(GRANTS, GRANT, namespace="sys") is None
        assert await rules(site, "sys") == []
        if not died:
            assert dies_at > WRITES_OF_ONE
            return


async def test_a_removal_whose_api_fails_once_does_all_else_and_says_so(site: GatewaySite) -> None:
    await with_istio(site)
    for fails_at in range(1, WRITES_OF_ONE + 1):
        name = f"m{fails_at}"
        ref = await site.deploy(name, f"team-{fails_at}", servedName=name)
        await site.published(ref)
        await site.edit(ref, enabled=False)
        applied = site.applied[str(ref)]

        away = pytest.raises(ApplicationError, match="away")
        with failing_after(site, fails_at, lambda: Unreachable("away")) as done, away:
            await site.remove(ref)
        assert len(done) == WRITES_OF_ONE, "what failed held up nothing else"
        site.applied[str(ref)] = applied
        answer = await site.remove(ref)

        assert (answer.deleted, answer.changed) == ([], [])
        assert await site.left(ref) == []
