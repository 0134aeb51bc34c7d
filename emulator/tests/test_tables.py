"""Tables, the form `kubectl get` asks for."""

from __future__ import annotations

import re

from kube_emulator.testing import TABLE, Api

from .objects import Obj, Space, config_map, deployment, job, model, pod, service

AGE = re.compile(r"^\d+[smhd]")


async def row(api: Api, path: str) -> Obj:
    """One object's cells by column."""
    table = (await api.get(path, accept=TABLE)).ok()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(columns, table["rows"][0]["cells"], strict=True))


async def test_a_model_deployment(api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    fresh = await row(api, f"{custom.models}/m")
    status = {
        "phase": "Running",
        "provider": {"name": "fast"},
        "engine": {"type": "vllm"},
        "replicas": {"ready": 2},
    }
    await api.patch(f"{custom.models}/m/status", {"status": status})
    running = await row(api, f"{custom.models}/m")

    assert AGE.match(fresh.pop("Age"))
    assert AGE.match(running.pop("Age"))
    assert fresh == {"Name": "m", "Phase": None, "Provider": None, "Engine": None, "Replicas": None}
    assert running == {"Name": "m", "Phase": "Running", "Provider": "fast", "Engine": "vllm", "Replicas": 2}


async def test_a_table_of_a_list_has_a_row_each_and_the_lists_version(api: Api, custom: Space):
    for name in ("a", "b"):
        await api.create(custom.models, model(name))

    table = (await api.get(custom.models, accept=TABLE)).ok()

    assert [row["cells"][0] for row in table["rows"]] == ["a", "b"]
    assert int(table["metadata"]["resourceVersion"]) > 0
    first = table["rows"][0]["object"]
    assert (first["kind"], first["apiVersion"]) == ("PartialObjectMetadata", "meta.k8s.io/v1")
    assert first["metadata"]["name"] == "a"


async def test_rows_carry_as_much_of_the_object_as_asked(api: Api, custom: Space):
    await api.create(custom.models, model("a"))

    none = (await api.get(custom.models, accept=TABLE, query={"includeObject": "None"})).ok()
    whole = (await api.get(custom.models, accept=TABLE, query={"includeObject": "Object"})).ok()

    assert not none["rows"][0].get("object")
    assert whole["rows"][0]["object"]["spec"]["model"]["id"] == "owner/name"


async def test_a_client_that_reads_no_tables_gets_objects(api: Api, custom: Space):
    await api.create(custom.models, model("a"))

    answer = await api.get(custom.models, accept=f"{TABLE.replace('v1;', 'v0;')},application/json")

    assert answer.ok()["kind"] == "ModelServerList"


async def test_columns_of_built_in_kinds(api: Api, space: Space):
    bodies = {
        space.config_maps: config_map("x", {"a": "1", "b": "2"}),
        space.secrets: {"metadata": {"name": "x"}, "data": {"a": ""}},
        space.services: service("x"),
        space.pods: pod("x"),
        space.stateful_sets: deployment("x", kind="StatefulSet"),
        space.jobs: job("x"),
    }
    rows = {}
    for path, body in bodies.items():
        (await api.create(path, body)).ok()
        rows[path] = await row(api, f"{path}/x")
        assert AGE.match(rows[path].pop("Age")), rows[path]

    assert rows[space.config_maps] == {"Name": "x", "Data": 2}
    assert rows[space.secrets] == {"Name": "x", "Type": "Opaque", "Data": 1}
    assert rows[space.services].pop("Cluster-IP")
    assert rows[space.services] == {
        "Name": "x",
        "Type": "ClusterIP",
        "External-IP": "<none>",
        "Port(s)": "80/TCP",
        "Selector": "app=x",
    }
    assert rows[space.pods] == {
        "Name": "x",
        "Ready": "0/1",
        "Status": "Pending",
        "Restarts": "0",
        "IP": "<none>",
        "Node": "<none>",
        "Nominated Node": "<none>",
        "Readiness Gates": "<none>",
    }
    assert rows[space.stateful_sets] == {
        "Name": "x",
        "Ready": "0/0",
        "Containers": "main",
        "Images": "example.com/app:1",
    }
    assert rows[space.jobs].pop("Selector").startswith("batch.kubernetes.io/controller-uid=")
    assert rows[space.jobs].pop("Status") in ("Running", "Suspended")
    assert rows[space.jobs] == {
        "Name": "x",
        "Completions": "0/1",
        "Duration": "",
        "Containers": "main",
        "Images": "example.com/app:1",
    }


async def test_a_running_pod_shows_its_containers(api: Api, space: Space):
    await api.create(space.pods, pod("p"))
    container = {
        "name": "main",
        "ready": True,
        "restartCount": 2,
        "image": "i",
        "imageID": "",
        "state": {"running": {"startedAt": "2024-01-01T00:00:00Z"}},
    }
    status = {
        "phase": "Running",
        "podIP": "10.1.2.3",
        "podIPs": [{"ip": "10.1.2.3"}],
        "containerStatuses": [container],
    }
    (await api.patch(f"{space.pods}/p/status", {"status": status})).ok()

    cells = await row(api, f"{space.pods}/p")

    assert (cells["Ready"], cells["Status"], cells["IP"]) == ("1/1", "Running", "10.1.2.3")
    assert cells["Restarts"].startswith("2")


async def test_a_crashing_pod_shows_why(api: Api, space: Space):
    await api.create(space.pods, pod("p"))
    container = {
        "name": "main",
        "ready": False,
        "restartCount": 0,
        "image": "i",
        "imageID": "",
        "state": {"waiting": {"reason": "ImagePullBackOff"}},
    }
    await api.patch(
        f"{space.pods}/p/status", {"status": {"phase": "Pending", "containerStatuses": [container]}}
    )

    assert (await row(api, f"{space.pods}/p"))["Status"] == "ImagePullBackOff"


async def test_a_namespace_shows_its_phase(api: Api, space: Space):
    cells = await row(api, f"/api/v1/namespaces/{space.name}")

    assert (cells["Name"], cells["Status"]) == (space.name, "Active")


async def test_events_show_what_happened_to_whom(api: Api, space: Space):
    body = {
        "metadata": {"name": "e"},
        "involvedObject": {"kind": "ModelServer", "name": "m", "namespace": space.name},
        "reason": "Chosen",
        "message": "a class was chosen ",
        "type": "Normal",
        "count": 3,
        "source": {"component": "chooser"},
        "firstTimestamp": "2024-01-01T00:00:00Z",
        "lastTimestamp": "2024-01-02T00:00:00Z",
    }
    await api.create(space.events, body)

    cells = await row(api, f"{space.events}/e")

    assert cells.pop("Last Seen") and cells.pop("First Seen")
    assert cells == {
        "Type": "Normal",
        "Reason": "Chosen",
        "Object": "modelserver/m",
        "Subobject": "",
        "Source": "chooser",
        "Message": "a class was chosen",
        "Count": 3,
        "Name": "e",
    }


async def test_nodes_show_readiness_and_roles(api: Api, space: Space):
    name = f"node-{space.name}"
    labels = {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/gpu": ""}
    await api.create("/api/v1/nodes", {"metadata": {"name": name, "labels": labels}})
    status = {"conditions": [{"type": "Ready", "status": "True"}], "nodeInfo": NODE_INFO}
    (await api.patch(f"/api/v1/nodes/{name}/status", {"status": status})).ok()

    cells = await row(api, f"/api/v1/nodes/{name}")

    assert (cells["Status"], cells["Roles"], cells["Version"]) == ("Ready", "gpu,worker", "v1.2.3")
    await api.delete(f"/api/v1/nodes/{name}")


NODE_INFO = {
    "kubeletVersion": "v1.2.3",
    "osImage": "Linux",
    "kernelVersion": "6.1",
    "containerRuntimeVersion": "x://1",
    "architecture": "amd64",
    "bootID": "",
    "machineID": "",
    "systemUUID": "",
    "operatingSystem": "linux",
    "kubeProxyVersion": "",
}
