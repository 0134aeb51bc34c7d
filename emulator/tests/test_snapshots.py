"""The emulated cluster's memory over a restart."""

from __future__ import annotations

import os
from pathlib import Path

from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api

from .objects import CRD_PATH, config_map, crds, model, owner

PATH = "/api/v1/namespaces/default/configmaps"
MODELS = "/apis/models.example.com/v1/namespaces/default/modelservers"


async def test_objects_kinds_and_versions_survive(tmp_path: Path):
    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "one")) as api,
    ):
        for crd in crds():
            (await api.create(CRD_PATH, crd)).ok()
        (await api.create(MODELS, model("m", image="x"))).ok()
        await api.create(PATH, config_map("gone"))
        await api.delete(f"{PATH}/gone")
        before = (await api.get(MODELS)).ok()

    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "two")) as api,
    ):
        after = (await api.get(MODELS)).ok()
        changed = (await api.patch(f"{MODELS}/m", {"spec": {"image": "y"}})).ok()
        names = [item["metadata"]["name"] for item in (await api.get(PATH)).ok()["items"]]

    assert after == before
    assert int(changed["metadata"]["resourceVersion"]) > int(before["metadata"]["resourceVersion"])
    assert names == []


async def test_a_watch_can_resume_at_the_version_of_the_restart_but_not_before(tmp_path: Path):
    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "one")) as api,
    ):
        early = (await api.get(PATH)).ok()["metadata"]["resourceVersion"]
        await api.create(PATH, config_map("a"))
        late = (await api.get(PATH)).ok()["metadata"]["resourceVersion"]

    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "two")) as api,
    ):
        async with api.watch(PATH, resourceVersion=early) as events:
            expired = await events.next()
        async with api.watch(PATH, resourceVersion=late) as events:
            await api.create(PATH, config_map("b"))
            received = await events.types_and_names(1)

    assert expired["object"]["code"] == 410
    assert received == [("ADDED", "b")]


async def test_what_was_being_deleted_goes_on_being_deleted(tmp_path: Path):
    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "one")) as api,
    ):
        boss = (await api.create(PATH, config_map("owner"))).ok()
        held = config_map("held", ownerReferences=[owner(boss)], finalizers=["example.com/hold"])
        await api.create(PATH, held)
        await api.delete(f"{PATH}/held")

    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "two")) as api,
    ):
        assert (await api.get(f"{PATH}/held")).ok()["metadata"]["deletionTimestamp"]
        await api.patch(f"{PATH}/held", {"metadata": {"finalizers": None}})
        (await api.get(f"{PATH}/held")).refused(404, "NotFound")
        await api.create(PATH, config_map("child", ownerReferences=[owner(boss)]))
        await api.delete(f"{PATH}/owner")
        await api.until(f"{PATH}/child", lambda answer: answer.code == 404)


async def test_the_file_is_replaced_whole(tmp_path: Path):
    async with (
        EmulatedCluster(state_dir=tmp_path) as cluster,
        Api(cluster.kubeconfig(tmp_path / "one")) as api,
    ):
        await api.create(PATH, config_map("a"))

    assert sorted(os.listdir(tmp_path)) == ["cluster.jsonl", "one"]


async def test_without_a_folder_nothing_is_kept(tmp_path: Path):
    async with EmulatedCluster() as cluster, Api(cluster.kubeconfig(tmp_path / "one")) as api:
        await api.create(PATH, config_map("a"))
    async with EmulatedCluster() as cluster, Api(cluster.kubeconfig(tmp_path / "two")) as api:
        assert (await api.get(PATH)).ok()["items"] == []
