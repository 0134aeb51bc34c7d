"""The real kubectl against both clusters: what a person types must work."""

from __future__ import annotations

import asyncio
import json
import shutil

import pytest
import yaml

from kube_emulator.testing import Api

from .kubectl import Kubectl
from .objects import Obj, Space, config_map, deployment, model, service

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not on PATH")


async def test_get_shows_the_columns_of_the_definition(kubectl: Kubectl, api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    await api.patch(f"{custom.models}/m/status", {"status": {"phase": "Running", "replicas": {"ready": 1}}})

    lines = (await kubectl("get", "modelservers")).out.splitlines()

    assert lines[0].split() == ["NAME", "PHASE", "PROVIDER", "ENGINE", "REPLICAS", "AGE"]
    assert lines[1].split()[:3] == ["m", "Running", "1"]


async def test_get_in_other_forms(kubectl: Kubectl, api: Api, custom: Space):
    await api.create(custom.models, model("m", image="x"))
    await api.create(custom.deployments, deployment("d"))

    name = await kubectl("get", "modelserver", "-o", "name")
    path = await kubectl("get", "modelserver", "m", "-o", "jsonpath={.spec.image}")
    full = await kubectl("get", "modelserver", "m", "-o", "yaml")
    wide = await kubectl("get", "deploy", "-o", "wide")
    several = await kubectl("get", "deploy,svc,cm", "-o", "name")

    assert name.out.strip() == "modelserver.models.example.com/m"
    assert path.out == "x"
    assert yaml.safe_load(full.out)["spec"]["image"] == "x"
    assert "example.com/app:1" in wide.out
    assert "deployment.apps/d" in several.out


async def test_get_by_selector_and_for_all_namespaces(kubectl: Kubectl, api: Api, custom: Space):
    for name in ("a", "b"):
        await api.create(custom.config_maps, config_map(name, labels={"which": name, "space": custom.name}))

    one = await kubectl("get", "cm", "-l", "which=b", "-o", "name")
    everywhere = await kubectl("get", "cm", "-A", "-l", f"space={custom.name}")

    assert one.out.split() == ["configmap/b"]
    assert everywhere.out.splitlines()[0].split()[0] == "NAMESPACE"
    assert len(everywhere.out.splitlines()) == 3


async def test_get_watches_until_told_to_stop(kubectl: Kubectl, api: Api, custom: Space):
    await api.create(custom.models, model("m"))

    watching = asyncio.create_task(
        kubectl("get", "modelservers", "-w", "-o", "name", "--request-timeout=3s", fails=False)
    )
    async with api.watch(custom.models) as events:
        await events.next()
    done = await watching

    assert done.out.split()[0] == "modelserver.models.example.com/m"


async def test_describe_shows_the_object_and_its_events(kubectl: Kubectl, api: Api, custom: Space):
    created = (await api.create(custom.models, model("m"))).ok()
    event = {
        "metadata": {"name": "e"},
        "involvedObject": {
            "apiVersion": created["apiVersion"],
            "kind": created["kind"],
            "name": "m",
            "namespace": custom.name,
            "uid": created["metadata"]["uid"],
        },
        "reason": "ProviderSelected",
        "message": "a class was chosen",
        "type": "Normal",
        "source": {"component": "chooser"},
        "firstTimestamp": "2024-01-01T00:00:00Z",
        "lastTimestamp": "2024-01-01T00:00:00Z",
        "count": 1,
    }
    (await api.create(custom.events, event)).ok()

    text = (await kubectl("describe", "modelserver", "m")).out

    assert "Kind:         ModelServer" in text
    assert "owner/name" in text
    assert "ProviderSelected" in text
    assert "a class was chosen" in text


@pytest.mark.parametrize("kind", ["deployment", "service", "configmap"])
async def test_describe_of_built_in_kinds(kubectl: Kubectl, api: Api, custom: Space, kind: str):
    paths = {
        "deployment": (custom.deployments, deployment("x")),
        "service": (custom.services, service("x")),
        "configmap": (custom.config_maps, config_map("x", {"a": "b"})),
    }
    path, body = paths[kind]
    (await api.create(path, body)).ok()

    text = (await kubectl("describe", kind, "x")).out

    assert text.splitlines()[0].split() == ["Name:", "x"]


async def test_a_rehearsed_delete_deletes_nothing(kubectl: Kubectl, api: Api, custom: Space):
    for name in ("a", "b"):
        await api.create(custom.config_maps, config_map(name, labels={"space": custom.name}))

    one = await kubectl("delete", "cm", "a", "--dry-run=server")
    several = await kubectl("delete", "cm", "-l", f"space={custom.name}", "--dry-run=server")

    assert "server dry run" in one.out and len(several.out.splitlines()) == 2
    left = await kubectl("get", "cm", "-l", f"space={custom.name}", "-o", "name")
    assert left.out.split() == ["configmap/a", "configmap/b"]


async def test_delete_waits_for_finalizers(kubectl: Kubectl, api: Api, custom: Space):
    body = model("m")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    created = (await api.create(custom.models, body)).ok()

    deleting = asyncio.create_task(kubectl("delete", "modelserver", "m"))
    async with api.watch(custom.models, resourceVersion=created["metadata"]["resourceVersion"]) as events:
        marked = await events.next()
    still_waiting = not deleting.done()
    await api.patch(f"{custom.models}/m", {"metadata": {"finalizers": None}})
    done = await deleting

    assert marked["object"]["metadata"]["deletionTimestamp"]
    assert still_waiting
    assert done.out.startswith('modelserver.models.example.com "m" deleted')


async def test_patch_label_annotate_scale_and_edit(kubectl: Kubectl, api: Api, custom: Space):
    await api.create(custom.models, model("m", image="before"))
    await api.create(custom.stateful_sets, deployment("d", kind="StatefulSet"))

    await kubectl("label", "modelserver", "m", "team=a")
    await kubectl("annotate", "modelserver", "m", "example.com/note=b")
    await kubectl(
        "patch", "modelserver", "m", "--type=merge", "-p", '{"spec":{"servedName":null,"engine":{}}}'
    )
    await kubectl(
        "patch",
        "modelserver",
        "m",
        "--type=json",
        "-p",
        '[{"op":"add","path":"/metadata/labels/x","value":"y"}]',
    )
    await kubectl(
        "patch",
        "modelserver",
        "m",
        "--subresource=status",
        "--type=merge",
        "-p",
        '{"status":{"message":"z"}}',
    )
    await kubectl("edit", "modelserver", "m")
    await kubectl("scale", "statefulset", "d", "--replicas=3")

    obj = (await api.get(f"{custom.models}/m")).ok()
    assert obj["metadata"]["labels"] == {"team": "a", "x": "y"}
    assert obj["metadata"]["annotations"]["example.com/note"] == "b"
    assert obj["spec"]["image"] == "after"
    assert obj["status"] == {"message": "z"}
    assert (await api.get(f"{custom.stateful_sets}/d")).ok()["spec"]["replicas"] == 3


async def test_wait_sees_a_condition(kubectl: Kubectl, api: Api, custom: Space):
    await api.create(custom.models, model("m"))
    condition = {
        "type": "Ready",
        "status": "True",
        "reason": "R",
        "message": "",
        "lastTransitionTime": "2024-01-01T00:00:00Z",
    }

    waiting = asyncio.create_task(kubectl("wait", "modelserver/m", "--for=condition=Ready", "--timeout=30s"))
    await api.patch(f"{custom.models}/m/status", {"status": {"conditions": [condition]}})
    done = await waiting

    assert done.out.strip() == "modelserver.models.example.com/m condition met"


async def test_wait_sees_a_deletion(kubectl: Kubectl, api: Api, custom: Space):
    body = model("m")
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(custom.models, body)
    await api.delete(f"{custom.models}/m")

    waiting = asyncio.create_task(kubectl("wait", "modelserver/m", "--for=delete", "--timeout=30s"))
    await api.patch(f"{custom.models}/m", {"metadata": {"finalizers": None}})

    assert (await waiting).code == 0


async def test_explain_reads_the_definition(kubectl: Kubectl):
    text = (await kubectl("explain", "modelserver.spec.engine")).out
    built_in = (await kubectl("explain", "deployment.spec.replicas")).out

    assert "enablePrefixCaching\t<boolean>" in text
    assert "FIELD: replicas <integer>" in built_in


async def test_api_resources_lists_kinds_with_their_short_names(kubectl: Kubectl):
    lines = [line.split() for line in (await kubectl("api-resources", "--no-headers")).out.splitlines()]

    assert ["modelservers", "models.example.com/v1", "true", "ModelServer"] in lines
    assert ["deployments", "deploy", "apps/v1", "true", "Deployment"] in lines


async def test_create_run_and_expose(kubectl: Kubectl, api: Api, custom: Space):
    await kubectl("create", "configmap", "c", "--from-literal=a=b")
    await kubectl("create", "secret", "generic", "s", "--from-literal=HF_TOKEN=x")
    await kubectl("create", "deployment", "d", "--image=example.com/app:1", "--replicas=0")
    await kubectl("expose", "deployment", "d", "--port=80")
    await kubectl("create", "serviceaccount", "a")
    await kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    await kubectl("create", "rolebinding", "b", "--role=r", f"--serviceaccount={custom.name}:a")

    assert (await api.get(f"{custom.config_maps}/c")).ok()["data"] == {"a": "b"}
    assert (await api.get(f"{custom.services}/d")).ok()["spec"]["selector"] == {"app": "d"}
    assert (await api.get(f"{custom.roles}/r")).ok()["rules"][0]["verbs"] == ["get"]


async def test_replace_needs_the_object_and_diff_shows_the_change(kubectl: Kubectl, api: Api, custom: Space):
    await kubectl("create", "-f", "-", stdin=config_map("c", {"a": "1"}))

    differing = await kubectl("diff", "-f", "-", stdin=config_map("c", {"a": "2"}), fails=True)
    await kubectl("replace", "-f", "-", stdin=config_map("c", {"a": "2"}))
    missing = await kubectl("replace", "-f", "-", stdin=config_map("none"), fails=True)

    assert differing.code == 1
    assert '+  a: "2"' in differing.out
    assert (await api.get(f"{custom.config_maps}/c")).ok()["data"] == {"a": "2"}
    assert "NotFound" in missing.err


async def test_auth_can_i_and_whoami(kubectl: Kubectl):
    assert (await kubectl("auth", "can-i", "create", "modelservers")).out.strip() == "yes"
    assert "system:masters" in (await kubectl("auth", "whoami")).out


async def test_rollout_follows_a_deployment(kubectl: Kubectl, api: Api, custom: Space):
    created = (await api.create(custom.stateful_sets, deployment("d", kind="StatefulSet", replicas=0))).ok()
    status: Obj = {
        "observedGeneration": created["metadata"]["generation"],
        "replicas": 0,
        "currentRevision": "x",
        "updateRevision": "x",
    }
    await api.patch(f"{custom.stateful_sets}/d/status", {"status": status})

    done = await kubectl("rollout", "status", "statefulset/d", "--timeout=30s")

    assert "complete" in done.out


async def test_raw_requests_and_version(kubectl: Kubectl, custom: Space):
    raw = await kubectl("get", "--raw", custom.config_maps)
    version = await kubectl("version", "-o", "json")

    assert json.loads(raw.out)["kind"] == "ConfigMapList"
    assert json.loads(version.out)["serverVersion"]["major"] == "1"


async def test_events_are_listed_in_order(kubectl: Kubectl, api: Api, custom: Space):
    for number, name in enumerate(("first", "second")):
        body = {
            "metadata": {"name": name},
            "involvedObject": {"kind": "Pod", "name": "p", "namespace": custom.name},
            "reason": name.title(),
            "message": "m",
            "type": "Normal",
            "lastTimestamp": f"2024-01-0{number + 1}T00:00:00Z",
        }
        (await api.create(custom.events, body)).ok()

    text = (await kubectl("get", "events", "--sort-by=.lastTimestamp")).out

    assert text.index("First") < text.index("Second")


async def test_a_token_of_a_service_account_is_created(kubectl: Kubectl, api: Api, custom: Space):
    await kubectl("create", "serviceaccount", "robot")

    token = (await kubectl("create", "token", "robot", "--duration=20m")).out.strip()

    reviews = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
    who = (await api.create(reviews, {}, headers={"Authorization": f"Bearer {token}"})).ok()
    assert who["status"]["userInfo"]["username"] == f"system:serviceaccount:{custom.name}:robot"
