"""From a deployment that names no image to a Workspace that names one by digest, on real servers."""

from __future__ import annotations

import asyncio
import base64
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from gguf import GGUFReader

from airunway.clients.kubernetes import SECRETS
from tests.real.image_system import NAMESPACE, PULL_SECRET, ImageSystem, image_system, tiny_gguf
from tests.servers.buildkitd import Buildkitd
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.registry import Registry
from tests.servers.registry_sides import RegistrySides, status_of
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

TOKEN = "hf_IwillNotBeSeenAnywhere"
SEVERAL_PARTS = 40  # tensors of 256 KiB: large enough to be caught in the middle


@pytest_asyncio.fixture
async def system(
    real_cluster: RealCluster,
    real_temporal: TemporalServer,
    real_buildkitd: Buildkitd,
    real_registry: Registry,
    registry_sides: RegistrySides,
    tmp_path: Path,
) -> AsyncIterator[ImageSystem]:
    logs = tmp_path / "logs"
    logs.mkdir()
    servers = (real_cluster, real_temporal, real_buildkitd, real_registry, registry_sides)
    async with image_system(*servers, logs) as running:
        yield running


async def test_a_workspace_names_the_image_that_was_built_of_the_file(
    system: ImageSystem, tmp_path: Path
) -> None:
    weights = tiny_gguf(tmp_path, "tiny")
    model = system.publish({"README.md": b"hello", "tiny-Q4_K_M.gguf": weights, "tiny-F16.gguf": b"other"})

    name = await system.deploy(model)

    image = await system.until_running(name)
    assert "@sha256:" in image
    assert await system.files_of(image) == {"/models/tiny-Q4_K_M.gguf": weights}
    (tmp_path / "pulled.gguf").write_bytes((await system.files_of(image))["/models/tiny-Q4_K_M.gguf"])
    assert [tensor.name for tensor in GGUFReader(tmp_path / "pulled.gguf").tensors] == ["blk.0.weight"]
    status = await system.status(name)
    assert status["image"]["resolved"] == image
    assert status["image_condition"]["status"] == "True"


async def test_a_manifest_put_in_its_place_is_never_deployed_and_the_login_is_nowhere(
    system: ImageSystem, real_buildkitd: Buildkitd, tmp_path: Path
) -> None:
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny")})
    image = await system.until_running(await system.deploy(model))
    repository, _, digest = image.partition("/")[2].partition("@")
    evil, tags = await system.put_in_place_of(repository, digest)

    second = await system.until_running(await system.deploy(model))

    assert second == image and evil != digest
    assert tags, "somebody with the login moved every tag of it"
    for method in ("PUT", "DELETE", "POST", "PATCH"):
        for side, refusals in ((system.sides.pulls, (404, 405)), (system.sides.pushes, (401,))):
            path = "blobs/uploads/" if method in ("POST", "PATCH") else f"manifests/{digest}"
            assert await status_of(method, f"{side.url}/v2/{repository}/{path}") in refusals
    password = system.sides.login.password.encode()
    assert password not in (await system.histories()).encode()
    for folder in (tmp_path / "logs" / "..", real_buildkitd.folder):
        found = [file for file in folder_holds(folder, password) if file.name != "registry-login.json"]
        assert found == []


async def test_two_at_once_share_one_build_and_the_third_needs_none(
    system: ImageSystem, tmp_path: Path
) -> None:
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny", tensors=SEVERAL_PARTS)})
    system.hub.hold_after(1_000_000)
    first, second = await system.deploy(model), await system.deploy(model)
    await system.until_held()
    await system.until_image(first, "ImageBuilding")
    await system.until_image(second, "ImageBuilding")

    system.hub.let_go()

    images = [await system.until_running(name) for name in (first, second)]
    assert images[0] == images[1]
    downloads = [seen for seen in system.hub.requests if seen.where == "cdn"]
    assert len(downloads) == 1
    third = await system.deploy(model)
    assert await system.until_running(third) == images[0]
    assert [seen for seen in system.hub.requests if seen.where == "cdn"] == downloads


async def test_a_cancelled_download_stops_frees_its_space_and_can_be_retried(
    system: ImageSystem, tmp_path: Path
) -> None:
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny", tensors=SEVERAL_PARTS)})
    before = await system.world.kept_bytes()
    system.hub.hold_after(2_000_000)
    name = await system.deploy(model)
    await system.until_held()

    await system.signal(name, "cancel_build")

    async with asyncio.timeout(5):
        await system.hub.left.wait()
    status = await system.until_image(name, "BuildCancelled")
    assert status["phase"] == "Failed"
    async with asyncio.timeout(20):
        while await system.world.kept_bytes() > before:
            await asyncio.sleep(0.2)
    system.hub.heal()
    await system.signal(name, "retry")
    assert "@sha256:" in await system.until_running(name)


async def test_a_worker_that_is_killed_in_the_middle_of_a_build_costs_nothing(
    system: ImageSystem, tmp_path: Path
) -> None:
    weights = tiny_gguf(tmp_path, "tiny", tensors=SEVERAL_PARTS)
    model = system.publish({"tiny-Q4_K_M.gguf": weights})
    system.hub.hold_after(2_000_000)
    name = await system.deploy(model)
    await system.until_held()

    system.processes.kill("worker", signal.SIGKILL)
    system.processes.start("worker", "--provider", "kaito")
    system.hub.let_go()

    image = await system.until_running(name)
    assert await system.files_of(image) == {"/models/tiny-Q4_K_M.gguf": weights}


async def test_a_builder_that_dies_in_the_middle_is_waited_for(
    system: ImageSystem, real_buildkitd: Buildkitd, tmp_path: Path
) -> None:
    weights = tiny_gguf(tmp_path, "tiny", tensors=SEVERAL_PARTS)
    model = system.publish({"tiny-Q4_K_M.gguf": weights})
    system.hub.hold_after(2_000_000)
    name = await system.deploy(model)
    await system.until_held()

    await asyncio.to_thread(real_buildkitd.kill)
    system.hub.let_go()
    await asyncio.to_thread(real_buildkitd.start)

    image = await system.until_running(name)
    assert await system.files_of(image) == {"/models/tiny-Q4_K_M.gguf": weights}


async def test_other_bytes_than_announced_are_never_pushed(system: ImageSystem, tmp_path: Path) -> None:
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny")})
    system.hub.swap(b"not what was promised")

    name = await system.deploy(model)

    status = await system.until_image(name, "ChecksumMismatch")
    assert status["phase"] == "Failed"
    assert "tiny-Q4_K_M.gguf" in status["message"]
    system.hub.heal()
    await system.signal(name, "retry")
    await system.until_running(name)


async def test_a_hub_that_is_overloaded_for_a_while_is_asked_again(
    system: ImageSystem, tmp_path: Path
) -> None:
    model = system.publish({"tiny-Q4_K_M.gguf": tiny_gguf(tmp_path, "tiny", tensors=SEVERAL_PARTS)})
    system.hub.refuse(429, where="api", times=1, retry_after=1)
    system.hub.drop(after=1_000_000, times=1)

    name = await system.deploy(model)

    await system.until_running(name)


async def test_a_split_model_is_in_the_image_with_all_its_parts(system: ImageSystem, tmp_path: Path) -> None:
    parts = {
        f"big-Q8_0-0000{number}-of-00003.gguf": tiny_gguf(tmp_path, f"part-{number}") for number in (1, 2, 3)
    }
    model = system.publish(parts)

    name = await system.deploy(model)

    image = await system.until_running(name)
    assert await system.files_of(image) == {f"/models/{path}": content for path, content in parts.items()}


async def test_a_private_model_is_built_and_its_token_is_nowhere(
    system: ImageSystem, real_buildkitd: Buildkitd, tmp_path: Path
) -> None:
    weights = tiny_gguf(tmp_path, "tiny")
    model = system.publish({"tiny-Q4_K_M.gguf": weights}, token=TOKEN)
    secret = {
        "metadata": {"name": f"hf-{system.world.name}"},
        "data": {"HF_TOKEN": base64.b64encode(TOKEN.encode()).decode()},
    }
    await system.cluster.create(SECRETS, secret, namespace=NAMESPACE)
    anonymous = await system.deploy(model)
    await system.until_image(anonymous, "ModelNotFound")

    name = await system.deploy(model, secrets={"huggingFaceToken": secret["metadata"]["name"]})

    image = await system.until_running(name)
    assert await system.files_of(image) == {"/models/tiny-Q4_K_M.gguf": weights}
    assert image.partition("/")[2].startswith(f"private/{NAMESPACE}/")
    assert await system.pull_secrets_of(name) == [{"name": PULL_SECRET}]
    asked = {(seen.where, seen.authorization) for seen in system.hub.requests if seen.authorization}
    assert asked == {("api", f"Bearer {TOKEN}"), ("resolve", f"Bearer {TOKEN}")}
    token = TOKEN.encode()
    assert token not in (await system.histories()).encode()
    # Logs of the processes; LLB, history and log of the daemon; config and manifest at the registry.
    for folder in (tmp_path / "logs", real_buildkitd.folder, system.sides.pushes.folder):
        assert folder_holds(folder, token) == []


def folder_holds(folder: Path, text: bytes) -> list[Path]:
    """Files with a text in them."""
    return [file for file in folder.rglob("*") if file.is_file() and text in file.read_bytes()]
