"""What others attached to an image leaves the registry with it, and nothing else does that they say it of."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.clients.registry.attachments import tag_about
from airunway.clients.registry.signatures import signature_tag
from airunway.modelimage.plan import ModelImagePlan
from tests.activities.image_shop import Shop
from tests.activities.test_registry_room import LONG, built, deployment, store
from tests.trust.cosign import INDEX, layer_of, manifest_of, push

__all__ = ["store"]


async def pushed(shop: Shop, plan: ModelImagePlan, manifest: dict[str, Any], *, tag: str) -> str:
    """Something that somebody with the login puts beside an image; its digest."""
    await push(shop.registry.host, plan.name, tag=tag, manifest=manifest, blobs=[b"{}"])
    return await shop.storage.digest_of(plan.name, tag)


async def is_there(shop: Shop, plan: ModelImagePlan, digest: str) -> bool:
    return bool(digest) and bool(await shop.storage.digest_of(plan.name, digest))


@pytest.mark.parametrize("ending", [".sig", ".att", ".sbom"])
async def test_an_image_leaves_with_what_others_attached_by_a_tag(store: Shop, ending: str) -> None:
    plan, digest = await built(store)
    attached = await pushed(store, plan, manifest_of(layer_of(b"{}", "c2ln")), tag=tag_about(digest, ending))
    about_it = manifest_of(layer_of(b"{}", "c2ln2"))
    deeper = await pushed(store, plan, about_it, tag=tag_about(attached, ".sig"))

    store.now += LONG
    await store.room.tidy()

    assert [await is_there(store, plan, each) for each in (digest, attached, deeper)] == [False] * 3


async def test_an_image_leaves_with_the_referrers_of_others(store: Shop) -> None:
    plan, digest = await built(store)
    bundle = manifest_of(layer_of(b"{}", "c2ln"), artifactType="of/somebody", subject={"digest": digest})
    attached = await pushed(store, plan, bundle, tag="bundle")
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": attached}, {"digest": "x"}, 1]}
    listed = await pushed(store, plan, index, tag=tag_about(digest))

    store.now += LONG
    await store.room.tidy()

    assert [await is_there(store, plan, each) for each in (digest, attached, listed)] == [False] * 3


async def test_no_other_image_leaves_because_somebody_says_that_it_is_attached(store: Shop) -> None:
    plan, digest = await built(store)
    other, staying = await built(store, "tiny-Q8_0.gguf")
    assert other.name == plan.name
    await deployment(store, {"image": f"{store.registry.host}/{other.name}@{staying}"})
    stranger = await pushed(store, plan, manifest_of(layer_of(b"{}", "x")), tag="stranger")
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [{"digest": staying}, {"digest": stranger}]}
    await pushed(store, plan, index, tag=tag_about(digest))
    genuine = await store.storage.find(other.name, staying)
    assert genuine is not None
    await store.storage.tag(genuine, signature_tag(digest))

    store.now += LONG
    await store.room.tidy()

    assert [await is_there(store, plan, each) for each in (digest, staying, stranger)] == [False, True, True]
