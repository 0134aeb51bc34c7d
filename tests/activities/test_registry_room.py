"""Images leave the registry to make room, none that is in use, whatever happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.model_image.errors import ImageQuotaExceeded, TooManyBuilds
from airunway.activities.model_image.records import ModelImageRecords
from airunway.api.crd import model_deployment_crd
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.clients.crds import apply_crd
from airunway.clients.errors import Conflict
from airunway.clients.kubernetes import DEPLOYMENTS, PODS
from airunway.clients.registry.signatures import StoredSignature, signature_tag
from airunway.modelimage.plan import ModelImagePlan
from airunway.modelimage.records import ImageRecord, RecordState
from tests.activities.image_shop import REPOSITORY, Shop, failure_of

LONG = timedelta(days=15)


@pytest_asyncio.fixture
async def store(shop: Shop) -> Shop:
    """The shop, in a cluster that knows deployments."""
    await apply_crd(shop.cluster, model_deployment_crd(), field_manager="test")
    return shop


async def built(shop: Shop, file: str = "tiny-Q4_K_M.gguf") -> tuple[ModelImagePlan, str]:
    plan = await shop.resolve(Spec(repository=REPOSITORY, file=file))
    digest = await shop.build(plan)
    await shop.publish(plan, digest)
    return plan, digest


async def deployment(shop: Shop, spec: Mapping[str, Any], resolved: str = "") -> None:
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": "another"},
        "spec": {"model": {"id": REPOSITORY}, **spec},
    }
    await shop.cluster.create(DEPLOYMENTS, body, namespace="default")
    if resolved:
        status = {"status": {"image": {"requested": resolved, "resolved": resolved, "source": "custom"}}}
        await shop.cluster.patch(DEPLOYMENTS, "another", status, namespace="default", subresource="status")


async def records(shop: Shop) -> dict[str, ImageRecord]:
    return dict((await shop.records.read()).images)


async def other_plan(shop: Shop) -> ModelImagePlan:
    return await shop.resolve(Spec(repository=REPOSITORY, file="tiny-Q8_0.gguf"))


async def test_an_image_that_nobody_wanted_for_long_is_removed_and_its_room_is_to_be_freed(
    store: Shop,
) -> None:
    plan, digest = await built(store)
    other = await other_plan(store)
    assert await store.room.freed_at() == ""

    store.now += LONG
    await store.room.make(other, "default")

    assert await store.storage.find(plan.name, digest) is None
    assert await store.found(plan) == ""
    assert await records(store) == {}
    assert await store.room.freed_at() == store.now.isoformat()


@pytest.mark.parametrize("by", ["status", "spec by digest", "spec by tag"])
async def test_an_image_that_a_deployment_names_stays(store: Shop, by: str) -> None:
    plan, digest = await built(store)
    name = f"localhost:30500/{plan.name}"
    spec = {"spec by digest": f"{name}@{digest}", "spec by tag": f"{name}:{plan.visible_tag}"}.get(by)
    await deployment(
        store, {"engine": {"image": spec}} if spec else {}, f"{name}@{digest}" if by == "status" else ""
    )

    store.now += LONG
    await store.room.make(await other_plan(store), "default")

    assert await store.found(plan) == f"{name}@{digest}"


async def pod(shop: Shop, image: str, phase: str, *, name: str = "left-over") -> None:
    body = {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "model", "image": image}]},
    }
    await shop.cluster.create(PODS, body, namespace="kube-public")
    await shop.cluster.patch(
        PODS, name, {"status": {"phase": phase}}, namespace="kube-public", subresource="status"
    )


@pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
async def test_an_image_that_a_pod_still_runs_stays_though_no_deployment_names_it(
    store: Shop, phase: str
) -> None:
    """Its deployment was deleted, and the pod takes its time; on another node it would be pulled again."""
    plan, digest = await built(store)
    await pod(store, f"localhost:30500/{plan.name}@{digest}", phase)

    store.now += LONG
    await store.room.make(await other_plan(store), "default")
    await store.room.tidy()

    assert await store.storage.find(plan.name, digest) is not None
    assert (await records(store))[plan.identity].state is RecordState.BUILT


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
async def test_a_pod_that_has_ended_keeps_nothing(store: Shop, phase: str) -> None:
    plan, digest = await built(store)
    await pod(store, f"localhost:30500/{plan.name}@{digest}", phase)

    store.now += LONG
    await store.room.tidy()

    assert await store.storage.find(plan.name, digest) is None


async def test_a_removal_that_was_cut_off_is_undone_for_a_pod_that_runs_the_image(store: Shop) -> None:
    plan, digest = await built(store)
    await store.records.change(
        lambda there: {
            plan.identity: there.images[plan.identity].model_copy(update={"state": RecordState.REMOVING})
        }
    )
    await pod(store, f"localhost:30500/{plan.name}@{digest}", "Running")

    await store.room.tidy()

    assert (await records(store))[plan.identity].state is RecordState.BUILT


async def test_pods_are_looked_at_only_when_something_would_leave(
    store: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await built(store)
    room = store.room
    pages, asked = room.cluster.pages, []

    def seen(kind: Any, **fields: Any) -> Any:
        asked.append(kind)
        return pages(kind, **fields)

    monkeypatch.setattr(room.cluster, "pages", seen)
    await room.make(await other_plan(store), "default")
    await room.tidy()

    assert PODS not in asked


async def test_an_image_in_use_has_been_wanted_until_now(store: Shop) -> None:
    """Else its deployment would be looked for at every turn, and it would leave at once when that is gone."""
    plan, digest = await built(store)
    await deployment(store, {}, f"localhost:30500/{plan.name}@{digest}")
    store.now += LONG

    await store.room.tidy()

    assert (await records(store))[plan.identity].used == store.now


async def test_an_image_leaves_with_its_signatures(store: Shop) -> None:
    plan, digest = await built(store)
    await store.storage.add_signature(plan.name, digest, StoredSignature(b"{}", "c2ln"))
    assert await store.storage.signatures(plan.name, digest)

    store.now += LONG
    await store.room.tidy()

    assert await store.storage.digest_of(plan.name, signature_tag(digest)) == ""
    assert await store.storage.signatures(plan.name, digest) == []
    assert await store.storage.find(plan.name, digest) is None


async def test_an_image_that_is_asked_for_while_it_is_chosen_to_leave_stays(store: Shop) -> None:
    """The deployment has been given it and does not say so yet."""
    plan, digest = await built(store)
    store.now += LONG
    room = store.room
    pages = room.cluster.pages
    asked: list[str] = []

    async def asked_meanwhile(*args: Any, **fields: Any) -> Any:
        async for page in pages(*args, **fields):
            yield page
        asked.append(await store.found(plan))

    room.cluster.pages = asked_meanwhile  # type: ignore[method-assign]
    await room.make(await other_plan(store), "default")

    assert asked == [f"localhost:30500/{plan.name}@{digest}"]
    assert await store.storage.find(plan.name, digest) is not None


async def test_a_removal_that_was_cut_off_is_finished_and_nobody_is_given_the_image(store: Shop) -> None:
    plan, digest = await built(store)
    store.now += LONG
    await store.records.change(
        lambda there: {
            plan.identity: there.images[plan.identity].model_copy(update={"state": RecordState.REMOVING})
        }
    )
    assert await store.found(plan) == ""
    failure = await failure_of(lambda: store.build(plan))
    assert (failure.type, failure.non_retryable) == ("RegistryNotReady", False)

    await store.room.make(plan, "default")
    await store.room.make(await other_plan(store), "default")

    assert await store.storage.find(plan.name, digest) is None
    assert await records(store) == {}


async def test_a_namespace_that_has_its_share_in_use_is_refused_and_another_is_not(store: Shop) -> None:
    plan, digest = await built(store)
    store.limits = replace(store.limits, registry_bytes=2 * plan.total_bytes)
    await deployment(store, {}, f"localhost:30500/{plan.name}@{digest}")
    other = await other_plan(store)

    with pytest.raises(ImageQuotaExceeded, match="AIRUNWAY_IMAGE_NAMESPACE_SHARE"):
        await store.room.make(other, "default")
    await store.room.make(other, "elsewhere")


async def test_a_third_build_of_a_namespace_waits_and_another_namespaces_does_not(store: Shop) -> None:
    first, second = await store.plan(), await other_plan(store)
    store.limits = replace(store.limits, builds_per_namespace=1)
    async with store.room.build(first, "default") as running:
        failure = await failure_of(lambda: store.build(second))
        assert (failure.type, failure.non_retryable) == ("TooManyBuilds", False)
        assert await store.build(second, namespace="elsewhere")
        running.digest = "sha256:" + "1" * 64

    assert await store.build(second)
    assert (await records(store))[first.identity].state is RecordState.PUSHED


async def test_a_build_that_ends_without_an_image_takes_no_room(store: Shop) -> None:
    plan = await store.plan()
    with pytest.raises(asyncio.CancelledError):
        async with store.room.build(plan, "default"):
            raise asyncio.CancelledError

    assert await records(store) == {}


async def test_the_end_of_an_old_attempt_does_not_end_the_new_one(store: Shop) -> None:
    plan = await store.plan()
    with pytest.raises(TooManyBuilds):
        async with store.room.build(plan, "default"):
            async with store.room.build(plan, "default") as new:
                pass
            raise TooManyBuilds("the old attempt fails late")

    assert (await records(store))[plan.identity].build == new.id


async def test_room_is_not_freed_while_somebody_pushes(store: Shop) -> None:
    await built(store)
    store.now += LONG
    await store.room.make(await other_plan(store), "default")

    async with store.room.build(await store.plan(), "default"):
        assert await store.room.freed_at() == ""


async def test_of_writers_at_once_each_ones_record_stays(store: Shop) -> None:
    plan = await store.plan()
    plans = [plan.model_copy(update={"identity": f"{number:064x}"}) for number in range(5)]

    async def record(of: ModelImagePlan) -> None:
        async with store.room.build(of, of.identity):
            pass

    await asyncio.gather(*map(record, plans))

    assert set(await records(store)) == {of.identity for of in plans}


async def test_somebody_elses_registry_is_never_emptied(store: Shop) -> None:
    plan, digest = await built(store)
    store.now += LONG

    await replace(store.room, owned=False).make(await other_plan(store), "default")

    assert await store.storage.find(plan.name, digest) is not None


async def test_records_that_change_all_the_time_are_a_passing_failure(store: Shop) -> None:
    await built(store)
    records = ModelImageRecords(store.cluster, namespace="default")
    patch = store.cluster.patch

    async def too_late(*_: Any, **__: Any) -> Any:
        raise Conflict("somebody else was first")

    store.cluster.patch = too_late  # type: ignore[method-assign]
    with pytest.raises(Conflict, match="airunway-model-images"):
        await records.change(lambda there: dict.fromkeys(there.images))
    store.cluster.patch = patch  # type: ignore[method-assign]
