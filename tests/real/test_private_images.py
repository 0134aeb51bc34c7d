"""Who can pull an image of a private model from the real registry: its namespace, and nobody else."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from airunway.activities.model_image.pull_secrets import PullSecrets, read_pull_login
from airunway.activities.model_image.registry_login import ClusterRegistryLogin
from airunway.api.crd import model_deployment_crd
from airunway.api.model_image import ModelImageSpec as Spec
from airunway.api.names import PRIVATE_PULLS
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import SECRETS, Cluster
from airunway.clients.registry.credentials import RegistryCredentials
from airunway.clients.registry.errors import RegistryUnavailable
from airunway.clients.registry.storage import ModelImageStorage, PrivateSide
from airunway.messages.model_image import ModelImageWaiter, ResolveModelImageRequest, TokenRef
from airunway.messages.refs import DeploymentRef
from airunway.modelimage.naming import namespace_of_private
from airunway.modelimage.plan import ModelImagePlan
from airunway.modelimage.registry_login import data_of
from airunway.sandbox.buildkit import PretendBuildKit
from airunway.sandbox.registry import PretendRegistry
from kube_emulator import EmulatedCluster
from tests.activities.image_shop import FILES, REPOSITORY, TOKEN, WEIGHTS, Shop
from tests.clients.buildkit.world import MANIFEST
from tests.servers.hub import Hub, HubModel
from tests.servers.private_registry import PrivateRegistry, private_registry
from tests.servers.registry_sides import RegistrySides, status_of

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

PRIVATE = Spec(repository="acme/Private", token_secret="hf")
OURS, THEIRS = "default", "kube-public"


class PrivateShop(Shop):
    """The shop, whose images are on the real registry."""

    sides: RegistrySides
    private: PrivateRegistry

    @property
    def storage(self) -> ModelImageStorage:
        return ModelImageStorage(
            self.sides.pushes.host, login=self.sides.login_now, private=self.private.side()
        )


@dataclass
class Built:
    """An image that is there, and what is known of it to everybody."""

    plan: ModelImagePlan
    digest: str
    blobs: list[str]


@pytest_asyncio.fixture
async def shop(tmp_path: Path, registry_sides: RegistrySides) -> AsyncIterator[PrivateShop]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    models = [HubModel(id="acme/Private", files=FILES, token=TOKEN), HubModel(id=REPOSITORY, files=FILES)]
    async with (
        Hub(models) as hub,
        PretendRegistry() as world,
        PretendBuildKit() as buildkit,
        private_registry() as private,
    ):
        buildkit.network.registries["ghcr.io"] = world.url
        async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster:
            await apply_crd(cluster, model_deployment_crd(), field_manager="test")
            made = PrivateShop(hub, world, buildkit, cluster)
            made.sides, made.private = registry_sides, private
            await made.secret("hf", HF_TOKEN=TOKEN)
            token = await cluster.get(SECRETS, "hf", namespace=OURS)
            await cluster.create(
                SECRETS, {"metadata": {"name": "hf"}, "data": token["data"]}, namespace=THEIRS
            )
            yield made
    await emulated.stop()


async def built(shop: PrivateShop, namespace: str, spec: Spec = PRIVATE) -> Built:
    ref = DeploymentRef(cluster="here", namespace=namespace, name="tiny")
    await shop.deploy(spec, ref=ref)
    request = ResolveModelImageRequest(ref=ref, spec=spec)
    plan = (await shop.activities(pull_secret="pull").resolve_model_image(request)).plan
    token = TokenRef(namespace=namespace, name="hf") if spec.token_secret else None
    digest = await shop.build(
        plan, waiters=[ModelImageWaiter(ref=ref, token=token)], namespace=namespace, pull_secret="pull"
    )
    await shop.publish(plan, digest, pull_secret="pull")
    found = await shop.storage.find(plan.name, digest)
    assert found is not None
    manifest = json.loads(found.manifest)
    return Built(plan, digest, [entry["digest"] for entry in (manifest["config"], *manifest["layers"])])


def addresses(image: Built, name: str) -> list[str]:
    """Everything that could be read of an image, as if it were in a repository of that name."""
    versions = [image.digest, image.plan.tag, image.plan.visible_tag]
    return [
        *(f"{name}/manifests/{version}" for version in versions),
        *(f"{name}/blobs/{blob}" for blob in image.blobs),
        f"{name}/tags/list",
        f"{name}/referrers/{image.digest}",
    ]


async def test_its_namespace_pulls_all_of_it(shop: PrivateShop) -> None:
    image = await built(shop, OURS)
    login = shop.private.pull_login(OURS)

    async with aiohttp.ClientSession(headers={"Authorization": login.header}) as session:
        url = f"{shop.private.url}/v2/{image.plan.name}"
        assert (await session.get(f"{shop.private.url}/v2/")).status == 200
        async with session.get(f"{url}/manifests/{image.digest}", headers={"Accept": MANIFEST}) as answer:
            manifest = json.loads(await answer.read())
            assert answer.headers["Docker-Content-Digest"] == image.digest
            assert answer.content_type == MANIFEST
        (config, *layers) = [manifest["config"], *manifest["layers"]]
        assert [entry["digest"] for entry in (config, *layers)] == image.blobs
        for entry in (config, *layers):
            async with session.head(f"{url}/blobs/{entry['digest']}") as head:
                assert (head.status, head.headers["Content-Length"]) == (200, str(entry["size"]))
            async with session.get(f"{url}/blobs/{entry['digest']}") as answer:
                assert len(await answer.read()) == entry["size"]
        async with session.get(f"{url}/blobs/{layers[-1]['digest']}", headers={"Range": "bytes=5-9"}) as part:
            assert (part.status, len(await part.read())) == (206, 5)
    assert max(entry["size"] for entry in layers) >= len(WEIGHTS)


@pytest.mark.parametrize("who", ["nobody", "another namespace", "a namespace of that user's own", "pusher"])
async def test_nobody_else_reads_any_of_it(shop: PrivateShop, who: str) -> None:
    image, theirs = await built(shop, OURS), await built(shop, THEIRS)
    other = shop.private.pull_login(THEIRS)
    push = shop.private.push_login
    login = {
        "nobody": None,
        "another namespace": other,
        "a namespace of that user's own": RegistryCredentials(OURS, other.password),
        "pusher": RegistryCredentials(push.user, push.password),
    }[who]

    for method in ("GET", "HEAD"):
        for path in addresses(image, image.plan.name):
            status = await status_of(method, f"{shop.private.url}/v2/{path}", login=login)
            assert status in (401, 403), (method, path)
    assert await status_of("GET", f"{shop.private.url}/v2/_catalog", login=login) in (401, 403)
    # By a digest that leaked, in a repository that one may read.
    leaked = [blob for blob in image.blobs if blob not in theirs.blobs]
    assert leaked, "an image has its namespace in its config"
    for blob in leaked:
        path = f"{theirs.plan.name}/blobs/{blob}"
        assert await status_of("HEAD", f"{shop.private.url}/v2/{path}", login=login) in (401, 403, 404)
    path = f"{theirs.plan.name}/manifests/{image.digest}"
    assert await status_of("GET", f"{shop.private.url}/v2/{path}", login=login) in (401, 403, 404)


async def test_nothing_is_written_or_mounted_by_a_namespace(shop: PrivateShop) -> None:
    image, theirs = await built(shop, OURS), await built(shop, THEIRS)
    uploads = f"{shop.private.url}/v2/{theirs.plan.name}/blobs/uploads/"
    mount = f"{uploads}?mount={image.blobs[0]}&from={image.plan.name}"
    login = shop.private.pull_login(THEIRS)

    for method, url in (
        ("POST", uploads),
        ("POST", mount),
        ("PUT", f"{shop.private.url}/v2/{theirs.plan.name}/manifests/evil"),
        ("DELETE", f"{shop.private.url}/v2/{theirs.plan.name}/manifests/{theirs.digest}"),
        ("PATCH", f"{uploads}abc"),
    ):
        assert await status_of(method, url, login=login, body=b"{}", kind=MANIFEST) == 405
    assert await status_of("GET", mount, login=login) == 403


async def test_what_everybody_reads_from_does_not_have_it(shop: PrivateShop) -> None:
    image, public = await built(shop, OURS), await built(shop, OURS, Spec(repository=REPOSITORY))
    own = [blob for blob in image.blobs if blob not in public.blobs]

    for path in addresses(image, image.plan.name):
        assert await status_of("GET", f"{shop.sides.pulls.url}/v2/{path}") == 404
    for blob in own:
        assert await status_of("GET", f"{shop.sides.pulls.url}/v2/{public.plan.name}/blobs/{blob}") == 404
    assert own
    # It is served as ever.
    assert (
        await status_of("GET", f"{shop.sides.pulls.url}/v2/{public.plan.name}/manifests/{public.digest}")
        == 200
    )


async def test_the_processes_behind_let_no_namespace_in(shop: PrivateShop) -> None:
    image = await built(shop, OURS)
    # They do not know of referrers.
    known = [path for path in addresses(image, image.plan.name) if "/referrers/" not in path]

    for side in (shop.private.pushes, shop.private.reads):
        for login in (None, shop.private.pull_login(OURS)):
            for path in ("", "_catalog", *known):
                assert await status_of("GET", f"{side.url}/v2/{path}", login=login) == 401


async def test_a_login_is_good_until_the_key_after_the_next_one(shop: PrivateShop) -> None:
    image = await built(shop, OURS)
    url = f"{shop.private.url}/v2/{image.plan.name}/manifests/{image.digest}"
    first = shop.private.pull_login(OURS)

    shop.private.rotate()
    second = shop.private.pull_login(OURS)
    assert [await status_of("GET", url, login=each) for each in (first, second)] == [200, 200]
    shop.private.rotate()

    third = shop.private.pull_login(OURS)
    assert [await status_of("GET", url, login=each) for each in (first, second, third)] == [401, 200, 200]


async def test_a_providers_worker_reads_it_with_the_secret_of_its_namespace(shop: PrivateShop) -> None:
    image = await built(shop, OURS)
    keys = ClusterRegistryLogin(
        shop.cluster,
        namespace=OURS,
        lifetime=timedelta(days=30),
        secret=PRIVATE_PULLS,
        clock=lambda: shop.private.now,
    )
    kept = {key: base64.b64encode(text).decode() for key, text in data_of(shop.private.keys).items()}
    await shop.cluster.create(SECRETS, {"metadata": {"name": PRIVATE_PULLS}, "data": kept}, namespace=OURS)
    host = shop.private.url.removeprefix("http://")
    side = PrivateSide(host, namespace_of_private, partial(read_pull_login, shop.cluster))
    readable = ModelImageStorage(shop.sides.pulls.host, private=side)
    with pytest.raises(RegistryUnavailable, match="holds no login"):
        await readable.find(image.plan.name, image.digest)

    await PullSecrets(shop.cluster, keys, host).ensure(OURS, [])

    found = await readable.find(image.plan.name, image.digest)
    assert found is not None and found.digest == image.digest
    assert await readable.has_blobs(found)


async def test_a_registry_that_is_away_is_told_from_an_image_that_is(shop: PrivateShop) -> None:
    image = await built(shop, OURS)
    login = shop.private.pull_login(OURS)
    missing = f"{shop.private.url}/v2/{image.plan.name}/manifests/sha256:{'0' * 64}"
    assert await status_of("GET", missing, login=login) == 404

    shop.private.reads.kill()

    url = f"{shop.private.url}/v2/{image.plan.name}/manifests/{image.digest}"
    assert await status_of("GET", url, login=login) == 503
