"""Namespaces: their first state, their end, and what cannot be made in one that is ending."""

from __future__ import annotations

from kube_emulator.testing import Api

from .objects import Space, config_map, model


async def test_a_namespace_is_active_and_labelled_with_its_name(api: Api, space: Space):
    obj = (await api.get(f"/api/v1/namespaces/{space.name}")).ok()

    assert obj["spec"] == {"finalizers": ["kubernetes"]}
    assert obj["status"] == {"phase": "Active"}
    assert obj["metadata"]["labels"] == {"kubernetes.io/metadata.name": space.name}


async def test_the_namespaces_everybody_expects_are_there(api: Api):
    names = {item["metadata"]["name"] for item in (await api.get("/api/v1/namespaces")).ok()["items"]}

    assert {"default", "kube-system", "kube-public", "kube-node-lease"} <= names


async def test_a_deleted_namespace_takes_its_contents_along(api: Api, custom: Space):
    await api.create(custom.config_maps, config_map("a"))
    await api.create(custom.models, model("m"))

    marked = (await api.delete(f"/api/v1/namespaces/{custom.name}")).ok()

    assert marked["status"]["phase"] == "Terminating"
    assert marked["metadata"]["deletionTimestamp"]
    await api.until(f"/api/v1/namespaces/{custom.name}", lambda answer: answer.code == 404)
    (await api.get(f"{custom.models}/m")).refused(404, "NotFound")


async def test_nothing_new_comes_into_a_namespace_that_is_ending(api: Api, space: Space):
    await api.create(space.config_maps, config_map("held", finalizers=["example.com/hold"]))
    await api.delete(f"/api/v1/namespaces/{space.name}")

    answer = await api.create(space.config_maps, config_map("a"))

    status = answer.refused(403, "Forbidden")
    assert status["message"] == (
        f'configmaps "a" is forbidden: unable to create new content in namespace {space.name} because it is '
        "being "
        "terminated"
    )
    assert answer.causes == [
        {
            "reason": "NamespaceTerminating",
            "message": f"namespace {space.name} is being terminated",
            "field": "metadata.namespace",
        }
    ]
    await api.patch(f"{space.config_maps}/held", {"metadata": {"finalizers": None}})


async def test_a_namespace_waits_for_finalizers_of_its_contents(api: Api, space: Space):
    await api.create(space.config_maps, config_map("held", finalizers=["example.com/hold"]))
    await api.delete(f"/api/v1/namespaces/{space.name}")

    await api.until(
        f"{space.config_maps}/held", lambda answer: "deletionTimestamp" in answer.ok()["metadata"]
    )
    waiting = await api.get(f"/api/v1/namespaces/{space.name}")
    await api.patch(f"{space.config_maps}/held", {"metadata": {"finalizers": None}})

    assert waiting.ok()["status"]["phase"] == "Terminating"
    await api.until(f"/api/v1/namespaces/{space.name}", lambda answer: answer.code == 404)
