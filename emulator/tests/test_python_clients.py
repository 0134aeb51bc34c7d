"""The clients this project uses, against both clusters: the official one for asyncio, and its dynamic
form.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from kubernetes.aio import client, config, dynamic, watch

from .objects import Space, config_map, model


@pytest.fixture
async def official(served: Path) -> AsyncIterator[Any]:
    configuration = client.Configuration()
    await config.load_kube_config(str(served), client_configuration=configuration)
    async with client.ApiClient(configuration) as api_client:
        yield api_client


async def test_a_typed_client_reads_what_it_wrote(official: Any, custom: Space):
    core = client.CoreV1Api(official)

    await core.create_namespaced_config_map(custom.name, config_map("a", {"x": "1"}))
    found = await core.read_namespaced_config_map("a", custom.name)
    with pytest.raises(client.ApiException) as missing:
        await core.read_namespaced_config_map("b", custom.name)

    assert found.data == {"x": "1"}
    assert missing.value.status == 404


async def test_a_dynamic_client_discovers_and_applies(official: Any, custom: Space):
    async with dynamic.DynamicClient(official) as cluster:
        models = await cluster.resources.get(api_version="models.example.com/v1", kind="ModelServer")

        applied = await cluster.server_side_apply(
            models,
            body=model("m", image="x"),
            name="m",
            namespace=custom.name,
            field_manager="test",
            force_conflicts=True,
        )
        listed = await models.get(namespace=custom.name)

    assert applied.spec.image == "x"
    assert [item.metadata.name for item in listed.items] == ["m"]


async def test_a_watch_of_the_official_client(official: Any, custom: Space):
    custom_objects = client.CustomObjectsApi(official)
    place = ("models.example.com", "v1", custom.name, "modelservers")
    await custom_objects.create_namespaced_custom_object(*place, model("a"))

    received = []
    async with watch.Watch().stream(
        custom_objects.list_namespaced_custom_object, *place, timeout_seconds=30
    ) as stream:
        async for event in stream:
            received.append((event["type"], event["object"]["metadata"]["name"]))
            if len(received) == 2:
                break
            await custom_objects.create_namespaced_custom_object(*place, model("b"))

    assert received == [("ADDED", "a"), ("ADDED", "b")]
