"""The real control plane that tests start: it answers, survives a crash, and leaves no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client, config

from kube_emulator.envtest import ControlPlane
from kube_emulator.envtest.binaries import ASSETS

pytestmark = pytest.mark.real

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
def kettles(real_cluster: ControlPlane) -> str:
    """The resource path of a custom kind the cluster has learned."""
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    status, answer = real_cluster.request("POST", definitions, CRD)
    assert status == 201, answer
    eventually(lambda: real_cluster.request("GET", "/apis/servers.test/v1/kettles")[0] == 200)
    return "/apis/servers.test/v1/namespaces/{namespace}/kettles"


def test_a_custom_object_is_defaulted_by_its_schema(
    real_cluster: ControlPlane, real_namespace: str, kettles: str
) -> None:
    made = new_kettle(real_cluster, kettles.format(namespace=real_namespace), "red")

    assert made["spec"] == {"litres": 2}


def test_the_kubeconfig_lets_an_ordinary_client_in(real_cluster: ControlPlane) -> None:
    with config.new_client_from_config(str(real_cluster.kubeconfig)) as api:  # type: ignore[no-untyped-call]
        spaces = client.CoreV1Api(api).list_namespace().items

    names = [space.metadata.name for space in spaces if space.metadata]
    assert "default" in names


def test_a_killed_api_server_comes_back_with_its_data(
    real_cluster: ControlPlane, real_namespace: str, kettles: str
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
    real_cluster: ControlPlane, real_namespace: str
) -> None:
    maps = f"/api/v1/namespaces/{real_namespace}/configmaps"
    _, owner = real_cluster.request("POST", maps, {"metadata": {"name": "owner"}})
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"]}
    real_cluster.request("POST", maps, {"metadata": {"name": "owned", "ownerReferences": [reference]}})

    real_cluster.request("DELETE", f"{maps}/owner")

    eventually(lambda: real_cluster.request("GET", f"{maps}/owned")[0] == 404)


def test_a_killed_test_run_leaves_no_server_behind(real_cluster: ControlPlane, tmp_path: Path) -> None:
    programs = Path(real_cluster.etcd.command()[0]).parent
    script = (
        "import time; from kube_emulator.envtest.etcd import Etcd;"
        f"from pathlib import Path; print(Etcd(Path({str(tmp_path)!r})).start().pid, flush=True);"
        "time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], env={ASSETS: str(programs)}, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout
        pid = int(run.stdout.readline())
        os.kill(pid, 0)  # it runs

        run.send_signal(signal.SIGKILL)

        eventually(lambda: not Path(f"/proc/{pid}").exists())


def new_kettle(cluster: ControlPlane, path: str, name: str) -> Any:
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
