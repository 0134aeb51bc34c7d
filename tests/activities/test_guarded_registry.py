"""What people without the login, and with it, can do to the real registry, and what is deployed then."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from airunway.activities.model_image.builder import BuildKitBuilder, endpoint_of
from airunway.activities.model_image.options import BuildOrder
from airunway.api.crd import model_deployment_crd
from airunway.clients.buildkit import BuildKitEndpoint
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import Cluster
from airunway.clients.registry.errors import RegistryDenied
from airunway.clients.registry.storage import ModelImageStorage
from airunway.modelimage.plan import ModelImagePlan
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from kube_emulator import EmulatedCluster
from tests.activities.image_shop import FILES, REPOSITORY, Shop
from tests.clients.buildkit.world import MANIFEST
from tests.servers.hub import Hub, HubModel
from tests.servers.registry_sides import RegistrySides, push_changed, status_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]
WRITES = [
    ("PUT", "manifests/evil"),
    ("PUT", "manifests/{digest}"),
    ("DELETE", "manifests/{digest}"),
    ("DELETE", "manifests/{tag}"),
    ("DELETE", "blobs/{layer}"),
    ("POST", "blobs/uploads/"),
    ("POST", "blobs/uploads/?mount={layer}&from={name}"),
    ("PATCH", "blobs/uploads/abc"),
    ("PUT", "blobs/uploads/abc?digest={layer}"),
    ("DELETE", "blobs/uploads/abc"),
]
"""Method and path of everything that would change something."""


class GuardedShop(Shop):
    """The shop, whose images are on the real registry behind its login."""

    sides: RegistrySides

    @property
    def storage(self) -> ModelImageStorage:
        return ModelImageStorage(self.sides.pushes.host, login=self.sides.login_now)


@pytest_asyncio.fixture
async def shop(tmp_path: Path, registry_sides: RegistrySides) -> AsyncIterator[GuardedShop]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    model = HubModel(id=REPOSITORY, files=FILES, license="mit")
    async with Hub([model]) as hub, PretendRegistry() as world, PretendBuildKit() as buildkit:
        buildkit.network.registries["ghcr.io"] = world.url
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_crd(cluster, model_deployment_crd(), field_manager="test")
            made = GuardedShop(hub, world, buildkit, cluster)
            made.sides = registry_sides
            yield made
    await emulated.stop()


async def published(shop: Shop) -> tuple[ModelImagePlan, str]:
    """An image that may be deployed: its plan and its digest."""
    plan = await shop.plan()
    digest = await shop.build(plan)
    await shop.publish(plan, digest)
    return plan, digest


async def manifest_of(sides: RegistrySides, name: str, version: str) -> dict[str, Any]:
    async with aiohttp.ClientSession() as session:
        url = f"{sides.pulls.url}/v2/{name}/manifests/{version}"
        async with session.get(url, headers={"Accept": MANIFEST}, raise_for_status=True) as answer:
            return dict(json.loads(await answer.read()))


async def evil_manifest(shop: GuardedShop, plan: ModelImagePlan) -> bytes:
    """The genuine layers and another entrypoint, pushed by somebody with the login."""
    return await push_changed(shop.sides, plan.name, plan.tag)


@pytest.mark.parametrize("side", ["pulls", "pushes"])
async def test_nothing_is_changed_without_the_login(shop: GuardedShop, side: str) -> None:
    plan, digest = await published(shop)
    manifest = await manifest_of(shop.sides, plan.name, digest)
    known = {"name": plan.name, "tag": plan.tag, "digest": digest, "layer": manifest["layers"][0]["digest"]}
    host = getattr(shop.sides, side).url
    evil = await evil_manifest(shop, plan)

    for method, path in WRITES:
        url = f"{host}/v2/{plan.name}/{path.format(**known)}"
        status = await status_of(method, url, body=evil, kind=MANIFEST)
        assert status in ((401,) if side == "pushes" else (404, 405)), (method, path)

    assert await manifest_of(shop.sides, plan.name, plan.tag) == manifest
    assert await status_of("GET", f"{shop.sides.pulls.url}/v2/{plan.name}/blobs/{known['layer']}") == 200


async def test_what_nodes_pull_from_is_read_only_with_the_login_too(shop: GuardedShop) -> None:
    plan, digest = await published(shop)

    for method in ("PUT", "DELETE"):
        url = f"{shop.sides.pulls.url}/v2/{plan.name}/manifests/{digest}"
        assert await status_of(method, url, login=shop.sides.login, body=b"{}", kind=MANIFEST) == 405


async def test_the_pushing_side_tells_nobody_anything_without_the_login(shop: GuardedShop) -> None:
    plan, digest = await published(shop)

    for path in ("", "_catalog", f"{plan.name}/tags/list", f"{plan.name}/manifests/{digest}"):
        assert await status_of("GET", f"{shop.sides.pushes.url}/v2/{path}") == 401


@pytest.mark.parametrize("where", ["tag", "visible_tag"])
async def test_a_manifest_with_the_genuine_layers_under_the_tag_is_noticed_and_never_deployed(
    shop: GuardedShop, where: str, caplog: pytest.LogCaptureFixture
) -> None:
    plan, digest = await published(shop)
    url = f"{shop.sides.pushes.url}/v2/{plan.name}/manifests/{getattr(plan, where)}"
    evil = await evil_manifest(shop, plan)
    assert await status_of("PUT", url, login=shop.sides.login, body=evil, kind=MANIFEST) == 201

    reference = await shop.found(plan)

    assert reference == f"localhost:30500/{plan.name}@{digest}"
    if where == "tag":
        restored = await shop.storage.digest_of(plan.name, plan.tag)
        assert restored == digest, "the image's own tag is put back"


async def test_an_image_that_nobody_built_here_is_none(shop: GuardedShop) -> None:
    """Whoever has the login pushes an image with the right labels before it is built for the first time."""
    plan, _ = await published(shop)
    await shop.records.change(lambda there: {plan.identity: None})

    assert await shop.found(plan) == ""


async def test_only_the_digest_that_the_builder_reported_is_published(shop: GuardedShop) -> None:
    plan, _ = await published(shop)
    evil = await evil_manifest(shop, plan)
    url = f"{shop.sides.pushes.url}/v2/{plan.name}/manifests/other"
    assert await status_of("PUT", url, login=shop.sides.login, body=evil, kind=MANIFEST) == 201
    forged = f"sha256:{hashlib.sha256(evil).hexdigest()}"

    with pytest.raises(Exception, match="not what the builder reported"):
        await shop.publish(plan, forged)


async def test_even_a_recorded_image_is_compared_with_its_plan(shop: GuardedShop) -> None:
    plan, _ = await published(shop)
    evil = await evil_manifest(shop, plan)
    url = f"{shop.sides.pushes.url}/v2/{plan.name}/manifests/other"
    assert await status_of("PUT", url, login=shop.sides.login, body=evil, kind=MANIFEST) == 201
    forged = f"sha256:{hashlib.sha256(evil).hexdigest()}"
    await shop.records.change(
        lambda there: {plan.identity: there.images[plan.identity].model_copy(update={"digest": forged})}
    )

    with pytest.raises(Exception, match="another Entrypoint"):
        await shop.publish(plan, forged)
    assert await shop.found(plan) == ""


async def test_a_build_that_began_with_the_old_login_is_pushed_after_a_rotation(shop: GuardedShop) -> None:
    plan = await shop.plan()
    order: BuildOrder = await shop.activities()._orders.order(plan, [])
    old = order.login
    shop.sides.rotate()
    assert old is not None and old != shop.sides.login

    endpoint = BuildKitEndpoint(address=shop.buildkit.address)
    builder = BuildKitBuilder(lambda: endpoint_of(endpoint), architecture="amd64", hub=shop.hub.url)
    digest = await builder.build(order, on_progress=lambda progress: None)

    assert await shop.storage.digest_of(plan.name, order.push_to.rpartition(":")[2]) == digest


async def test_a_login_that_was_withdrawn_is_refused_and_the_next_attempt_has_the_new_one(
    shop: GuardedShop,
) -> None:
    plan = await shop.plan()
    withdrawn = shop.sides.login
    shop.sides.rotate(keep_old=False)
    storage = ModelImageStorage(shop.sides.pushes.host, login=_given(withdrawn))
    with pytest.raises(RegistryDenied, match="the login it was given"):
        await storage.ping()

    assert (await shop.build(plan)).startswith("sha256:")


async def test_an_image_that_lost_a_layer_is_built_again(shop: GuardedShop) -> None:
    plan, digest = await published(shop)
    url = f"{shop.sides.pushes.url}/v2/{plan.name}/manifests/{digest}"
    assert await status_of("DELETE", url, login=shop.sides.login) == 202

    assert await shop.found(plan) == ""


def _given(login: Any) -> Any:
    async def ask() -> Any:
        return login

    return ask
