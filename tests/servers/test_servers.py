"""What the rest of the real tier rests on: servers that answer, survive a crash, and leave no orphans."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.common import SearchAttributeKey, SearchAttributePair, TypedSearchAttributes

from tests.servers.cluster import Cluster
from tests.servers.temporal_server import TemporalServer

pytestmark = pytest.mark.real
ROOT = Path(__file__).parents[2]

CRD: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kettles.servers.test"},
    "spec": {
        "group": "servers.test",
        "scope": "Namespaced",
        "names": {"plural": "kettles", "singular": "kettle", "kind": "Kettle"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"litres": {"type": "integer", "default": 2}},
                            }
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def kettles(real_cluster: Cluster) -> str:
    """The resource path of a custom kind the cluster has learned."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, answer = real_cluster.request("POST", definitions, CRD)
    assert status == 201, answer
    eventually(lambda: real_cluster.request("GET", "/apis/servers.test/v1/kettles")[0] == 200)
    return "/apis/servers.test/v1/namespaces/{namespace}/kettles"


def test_a_custom_object_is_defaulted_by_its_schema(
    real_cluster: Cluster, real_namespace: str, kettles: str
) -> None:
    made = new_kettle(real_cluster, kettles.format(namespace=real_namespace), "red")

    assert made["spec"] == {"litres": 2}


def test_the_server_says_which_version_it_is(real_cluster: Cluster) -> None:
    _, version = real_cluster.request("GET", "/version")

    # Unstamped it would be v0.0.0, which clients that check refuse.
    assert version["major"] == "1"
    assert version["gitVersion"].startswith(f"v1.{version['minor']}.")


def test_the_kubeconfig_lets_an_ordinary_client_in(real_cluster: Cluster) -> None:
    with config.new_client_from_config(str(real_cluster.kubeconfig)) as api:  # type: ignore[no-untyped-call]
        spaces = client.CoreV1Api(api).list_namespace().items

    names = [space.metadata.name for space in spaces if space.metadata]
    assert "default" in names


def test_a_killed_api_server_comes_back_with_its_data(
    real_cluster: Cluster, real_namespace: str, kettles: str
) -> None:
    path = kettles.format(namespace=real_namespace)
    before = new_kettle(real_cluster, path, "blue")

    real_cluster.api_server.kill()
    with pytest.raises(OSError):
        real_cluster.request("GET", "/readyz")
    real_cluster.api_server.start()

    assert eventually(lambda: real_cluster.request("GET", f"{path}/blue"), lambda got: got[0] == 200) == (
        200,
        before,
    )


def test_the_controllers_collect_what_an_owner_leaves_behind(
    real_cluster: Cluster, real_namespace: str
) -> None:
    maps = f"/api/v1/namespaces/{real_namespace}/configmaps"
    _, owner = real_cluster.request("POST", maps, {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    real_cluster.request("POST", maps, {"metadata": {"name": "owned", "ownerReferences": [reference]}})

    real_cluster.request("DELETE", f"{maps}/owner")

    eventually(lambda: real_cluster.request("GET", f"{maps}/owned")[0] == 404)


async def test_a_killed_temporal_server_keeps_its_workflows(real_temporal: TemporalServer) -> None:
    temporal = await Client.connect(real_temporal.address)
    handle = await temporal.start_workflow("Unheard", id=f"kept-{uuid.uuid4()}", task_queue="nobody-listens")

    await asyncio.to_thread(real_temporal.kill)
    # From a thread that ends: the server must not end with it.
    await asyncio.to_thread(real_temporal.start)

    found = await temporal.get_workflow_handle(handle.id).describe()
    assert found.status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()


async def test_workflows_are_found_by_a_search_attribute(real_temporal: TemporalServer) -> None:
    await asyncio.to_thread(real_temporal.create_search_attribute, "ServersTestColour", "Keyword")
    temporal = await Client.connect(real_temporal.address)
    colour = SearchAttributePair(SearchAttributeKey.for_keyword("ServersTestColour"), "red")

    handle = await temporal.start_workflow(
        "Unheard",
        id=f"red-{uuid.uuid4()}",
        task_queue="nobody-listens",
        search_attributes=TypedSearchAttributes([colour]),
    )

    query = f'ServersTestColour = "red" and WorkflowId = "{handle.id}"'
    async with asyncio.timeout(20):
        # Visibility is written a moment after the start, and nothing tells when.
        while (await temporal.count_workflows(query)).count != 1:
            await asyncio.sleep(0.1)
    await handle.terminate()


def test_a_killed_test_run_leaves_no_server_behind(real_cluster: Cluster, tmp_path: Path) -> None:
    script = (
        "import time; from tests.servers.etcd import Etcd;"
        f"from pathlib import Path; print(Etcd(Path({str(tmp_path)!r})).start().pid, flush=True);"
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE) as run:
        assert run.stdout
        pid = int(run.stdout.readline())
        os.kill(pid, 0)  # it runs

        run.send_signal(signal.SIGKILL)

        eventually(lambda: not Path(f"/proc/{pid}").exists())


def new_kettle(cluster: Cluster, path: str, name: str) -> Any:
    body = {"apiVersion": "servers.test/v1", "kind": "Kettle", "metadata": {"name": name}, "spec": {}}
    status, answer = cluster.request("POST", path, body)
    assert status == 201, answer
    return answer


def eventually(look: Callable[[], Any], good: Callable[[Any], bool] = bool, seconds: float = 40) -> Any:
    """Look until it is good. Real servers do their work in their own time, so this one waits."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still {seen} after {seconds} s"
        time.sleep(0.1)
    return seen
