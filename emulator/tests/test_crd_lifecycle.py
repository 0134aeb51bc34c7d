"""Definitions of custom kinds: served at once, changed in place, ended with all their objects."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator

import pytest

from kube_emulator.testing import TABLE, Api

from .objects import CRD_PATH, Obj, Space, config_map, crd, owner

TEXT = {"type": "object", "properties": {"x": {"type": "string"}}}


@pytest.fixture
async def group(api: Api) -> AsyncIterator[str]:
    name = f"g{uuid.uuid4().hex[:8]}.example.com"
    yield name
    await api.delete(f"{CRD_PATH}/widgets.{name}")


async def established(api: Api, definition: Obj) -> Obj:
    """Waits until the definition says that it is served."""
    answer = await api.create(CRD_PATH, definition)
    assert answer.code == 201, answer.body
    path = f"{CRD_PATH}/{definition['metadata']['name']}"

    def is_established(answer: object) -> bool:
        conditions = answer.body.get("status", {}).get("conditions") or []  # type: ignore[attr-defined]
        return any(c["type"] == "Established" and c["status"] == "True" for c in conditions)

    stored = (await api.until(path, is_established)).ok()
    spec = definition["spec"]
    await api.until(f"/apis/{spec['group']}/v1/{spec['names']['plural']}", lambda answer: answer.code == 200)
    return stored


def widget(group: str, name: str = "w", **spec: object) -> Obj:
    return {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


async def test_a_definition_says_that_it_is_served(api: Api, group: str):
    stored = await established(api, crd(group, TEXT))

    conditions = {c["type"]: (c["status"], c["reason"]) for c in stored["status"]["conditions"]}
    assert conditions == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert stored["status"]["acceptedNames"] == stored["spec"]["names"]
    assert stored["status"]["storedVersions"] == ["v1"]
    assert stored["spec"]["names"]["listKind"] == "WidgetList"
    assert stored["spec"]["conversion"] == {"strategy": "None"}


async def test_objects_of_a_new_kind_can_be_made(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"

    (await api.create(path, widget(group, x="1"))).ok()

    assert (await api.get(f"{path}/w")).ok()["spec"] == {"x": "1"}
    assert (await api.get(path)).ok()["kind"] == "WidgetList"


async def test_a_changed_schema_holds_for_the_next_write(api: Api, space: Space, group: str):
    definition = crd(group, TEXT)
    await established(api, definition)
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    await api.create(path, widget(group, x="1"))
    versions = definition["spec"]["versions"]
    versions[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["y"] = {
        "type": "integer",
        "default": 5,
    }

    changed = (await api.patch(f"{CRD_PATH}/widgets.{group}", {"spec": {"versions": versions}})).ok()
    await api.until(f"{path}/w", lambda answer: answer.ok()["spec"].get("y") == 5)

    assert changed["metadata"]["generation"] == 2


async def test_the_end_of_a_definition_ends_its_objects(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    await api.create(path, widget(group))

    marked = (await api.delete(f"{CRD_PATH}/widgets.{group}")).ok()

    assert marked["metadata"]["deletionTimestamp"]
    assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    await api.until(f"{CRD_PATH}/widgets.{group}", lambda answer: answer.code == 404)
    await api.until(f"{path}/w", lambda answer: answer.code == 404)


async def test_a_definition_waits_for_finalizers_of_its_objects(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    body = widget(group)
    body["metadata"]["finalizers"] = ["example.com/hold"]
    await api.create(path, body)

    await api.delete(f"{CRD_PATH}/widgets.{group}")
    await api.until(f"{path}/w", lambda answer: "deletionTimestamp" in answer.ok()["metadata"])
    (await api.get(f"{CRD_PATH}/widgets.{group}")).ok()
    await api.patch(f"{path}/w", {"metadata": {"finalizers": None}})

    await api.until(f"{CRD_PATH}/widgets.{group}", lambda answer: answer.code == 404)


async def test_the_end_of_a_definition_ends_what_its_objects_own(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    for name in ("early", "late"):
        body = widget(group, name)
        body["metadata"]["finalizers"] = ["example.com/hold"] if name == "late" else []
        boss = (await api.create(path, body)).ok()
        await api.create(space.config_maps, config_map(name, ownerReferences=[owner(boss)]))
    # A real collector that knows a kind by its name alone asks after owners one by one, ever more seldom.
    # Of what it follows it hears, and only that ends a deletion in the foreground.
    await api.delete(f"{path}/early", {"propagationPolicy": "Foreground"})
    await api.until(f"{path}/early", lambda answer: answer.code == 404)

    await api.delete(f"{CRD_PATH}/widgets.{group}")
    # Held until then, it ends while the kind is still served, so its end is heard.
    await api.until(f"{path}/late", lambda answer: "deletionTimestamp" in answer.ok()["metadata"])
    await api.patch(f"{path}/late", {"metadata": {"finalizers": None}})

    await api.until(f"{space.config_maps}/late", lambda answer: answer.code == 404)
    await api.until(f"{CRD_PATH}/widgets.{group}", lambda answer: answer.code == 404)


async def test_an_object_is_shown_in_each_served_version(api: Api, space: Space, group: str):
    definition = crd(group, TEXT)
    first = definition["spec"]["versions"][0]
    definition["spec"]["versions"].append(first | {"name": "v2", "storage": False})
    await established(api, definition)
    await api.create(f"/apis/{group}/v1/namespaces/{space.name}/widgets", widget(group, x="1"))

    other = await api.until(
        f"/apis/{group}/v2/namespaces/{space.name}/widgets/w", lambda answer: answer.code == 200
    )
    listed = (await api.get(f"/apis/{group}/v2/namespaces/{space.name}/widgets")).ok()

    assert (other.body["apiVersion"], other.body["spec"]) == (f"{group}/v2", {"x": "1"})
    assert [item["apiVersion"] for item in listed["items"]] == [f"{group}/v2"]


async def test_columns_of_a_definition_are_those_of_its_table(api: Api, space: Space, group: str):
    columns = [
        {"name": "X", "type": "string", "jsonPath": ".spec.x", "description": "The x."},
        {"name": "N", "type": "integer", "jsonPath": ".status.n", "priority": 1},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
        {"name": "Flag", "type": "boolean", "jsonPath": ".status.flag"},
    ]
    await established(api, crd(group, TEXT, additionalPrinterColumns=columns))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    status = {"n": 3, "conditions": [{"type": "Other", "status": "No"}, {"type": "Ready", "status": "Yes"}]}
    await api.create(path, widget(group, x="1") | {"status": status})

    table = (await api.get(path, accept=TABLE)).ok()

    assert [(c["name"], c["type"], c["priority"]) for c in table["columnDefinitions"]] == [
        ("Name", "string", 0),
        ("X", "string", 0),
        ("N", "integer", 1),
        ("Ready", "string", 0),
        ("Flag", "boolean", 0),
    ]
    assert table["columnDefinitions"][1]["description"] == "The x."
    assert table["rows"][0]["cells"] == ["w", "1", 3, "Yes", None]


async def test_fields_may_be_declared_selectable(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT, selectableFields=[{"jsonPath": ".spec.x"}]))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    for name in ("a", "b"):
        await api.create(path, widget(group, name, x=name))

    found = (await api.get(path, query={"fieldSelector": "spec.x=b"})).ok()

    assert [item["metadata"]["name"] for item in found["items"]] == ["b"]


async def test_a_cluster_scoped_kind(api: Api, group: str):
    await established(api, crd(group, TEXT, scope="Cluster"))

    created = (await api.create(f"/apis/{group}/v1/widgets", widget(group, x="1"))).ok()

    assert "namespace" not in created["metadata"]
    assert (await api.get(f"/apis/{group}/v1/widgets/w")).ok()["spec"] == {"x": "1"}
    assert (await api.get(f"/apis/{group}/v1/namespaces/default/widgets/w")).code == 404


@pytest.mark.parametrize(
    ("spoil", "field"),
    [
        pytest.param(
            {"metadata": {"name": "other.example.com"}}, "metadata.name", id="a name of another kind"
        ),
        pytest.param({"scope": "Galaxy"}, "spec.scope", id="an unknown scope"),
        pytest.param({"versions": []}, "spec.versions", id="no version"),
    ],
)
async def test_a_definition_must_be_valid(api: Api, group: str, spoil: Obj, field: str):
    definition = crd(group, TEXT)
    if "metadata" in spoil:
        definition |= spoil
    else:
        definition["spec"] |= spoil

    answer = await api.create(CRD_PATH, definition)

    answer.refused(422, "Invalid")
    assert field in {cause["field"] for cause in answer.causes}


async def test_a_schema_must_give_every_field_a_type(api: Api, group: str):
    answer = await api.create(CRD_PATH, crd(group, {"type": "object", "properties": {"x": {}}}))

    answer.refused(422, "Invalid")
    assert answer.causes[0]["field"].endswith("properties[spec].properties[x].type")


async def test_an_apply_creates_a_definition(api: Api, group: str):
    definition = crd(group, TEXT)

    first = await api.apply(f"{CRD_PATH}/widgets.{group}", definition, manager="installer")
    await api.until(f"/apis/{group}/v1/widgets", lambda answer: answer.code == 200)
    second = await api.apply(f"{CRD_PATH}/widgets.{group}", definition, manager="installer")

    assert (first.code, second.code) == (201, 200)


async def test_a_watch_of_a_kind_ends_with_it(api: Api, space: Space, group: str):
    await established(api, crd(group, TEXT))
    path = f"/apis/{group}/v1/namespaces/{space.name}/widgets"
    start = (await api.get(path)).ok()["metadata"]["resourceVersion"]

    async with api.watch(path, resourceVersion=start) as events:
        await api.delete(f"{CRD_PATH}/widgets.{group}")
        rest = await events.rest()

    assert [event["type"] for event in rest if event["type"] != "ERROR"] == []
