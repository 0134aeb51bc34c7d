"""The parts of trust as the settings put them together."""

from __future__ import annotations

from airunway.clients.registry.client import RegistryClient, ResolvedReference
from airunway.clients.registry.signatures import StoredSignature
from airunway.clients.registry.storage import ModelImageStorage
from airunway.sandbox.registry import PretendRegistry
from airunway.workers.trust import RegistriesOfImages
from tests.trust.cosign import payload_of, push_image, push_signatures


async def test_ours_is_asked_for_by_the_name_that_nodes_know() -> None:
    async with PretendRegistry() as ours, PretendRegistry() as world:
        digest = await push_image(ours.host, "models/phi", tag="v1")
        payload = payload_of(digest)
        await push_signatures(ours.host, "models/phi", digest, (payload, "ours"))
        there = await push_image(world.host, "team/app", tag="v1")
        await push_signatures(world.host, "team/app", there, (payload, "theirs"))
        registries = RegistriesOfImages(
            RegistryClient(mirrors={"quay.io": world.url}),
            ModelImageStorage(ours.host),
            pull_hosts=["localhost:30500"],
        )

        found = await registries.signatures(f"localhost:30500/models/phi@{digest}", digest)
        others = await registries.signatures("quay.io/team/app:v1", there)
        resolved = await registries.resolve("quay.io/team/app:v1")

    assert found == [StoredSignature(payload, "ours")]
    assert others == [StoredSignature(payload, "theirs")]
    assert isinstance(resolved, ResolvedReference) and resolved.digest == there


async def test_the_port_of_https_is_no_part_of_the_name_of_ours() -> None:
    async with PretendRegistry() as ours:
        digest = await push_image(ours.host, "models/phi", tag="v1")
        payload = payload_of(digest)
        await push_signatures(ours.host, "models/phi", digest, (payload, "ours"))
        registries = RegistriesOfImages(
            RegistryClient(), ModelImageStorage(ours.host), pull_hosts=["images.example.com:443"]
        )

        found = await registries.signatures(f"images.example.com/models/phi@{digest}", digest)

    assert found == [StoredSignature(payload, "ours")]
