"""What schemas mean for the status and the Scale of a custom resource."""

from __future__ import annotations

from typing import Any

from kube_emulator.testing import JSON_PATCH, Api

from .test_schema_rules import served_kind, widget

__all__ = ["served_kind"]


async def test_a_status_has_its_defaults_from_the_creation_on(api: Api, served_kind: Any):
    status = {
        "type": "object",
        "default": {},
        "properties": {"observed": {"type": "integer", "default": -1}, "text": {"type": "string"}},
    }
    spec = {"type": "object", "properties": {"x": {"type": "string"}}}
    path, version = await served_kind(spec, status=status, subresources={"status": {}})

    created = (await api.create(path, widget(version, {"x": "1"}) | {"status": {"text": "mine"}})).ok()
    next_one = created | {"spec": {"x": "2"}}
    rehearsed = (await api.create(path, widget(version, {}, "v"), query={"dryRun": "All"})).ok()
    replaced = (await api.put(f"{path}/w", next_one)).ok()
    said = (await api.patch(f"{path}/w/status", {"status": {"text": "a"}})).ok()
    removed = (
        await api.patch(f"{path}/w/status", [{"op": "remove", "path": "/status"}], type=JSON_PATCH)
    ).ok()

    assert created["status"] == rehearsed["status"] == replaced["status"] == {"observed": -1}
    assert (await api.get(path)).ok()["items"][0]["status"] == {"observed": -1}
    assert said["status"] == {"observed": -1, "text": "a"}
    assert removed["status"] == {"observed": -1}


async def test_a_scale_of_a_custom_resource_needs_the_field_of_its_replicas(api: Api, served_kind: Any):
    paths = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    schema = {"type": "object", "properties": {"size": {"type": "integer"}}}
    path, version = await served_kind(schema, subresources={"status": {}, "scale": paths})
    obj = {"apiVersion": version, "kind": "Widget", "metadata": {"name": "w"}, "spec": {}}
    (await api.create(path, obj)).ok()

    (await api.get(f"{path}/w/scale")).refused(500, "InternalError")
    written = (await api.patch(f"{path}/w/scale", {"spec": {"replicas": 2}})).ok()

    assert written["spec"] == {"replicas": 2}
    assert (await api.get(f"{path}/w/scale")).ok()["spec"] == {"replicas": 2}
