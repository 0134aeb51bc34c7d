"""Image and installation workflows are found by search attributes, of which only those there are are set."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import pytest
from temporalio.client import Client
from temporalio.testing import ActivityEnvironment

from airunway.activities.installation.requests import InstallationRequests
from airunway.activities.model_image.activities import ModelImageActivities
from airunway.activities.model_image.options import ModelImageOptions
from airunway.messages.installation import JoinRequest
from airunway.messages.model_image import JoinModelImageRequest, ModelImageWaiter
from airunway.messages.refs import DeploymentRef
from airunway.messages.search_attributes import CLUSTER, MODEL, PROVIDER, SEARCH_ATTRIBUTES
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.settings import Settings
from airunway.workers.temporal.converter import data_converter
from tests.modelimage.build import BASE, plan

REF = DeploymentRef(cluster="here", namespace="team-a", name="chat")
OURS = frozenset(key.name for key in SEARCH_ATTRIBUTES)


@pytest.mark.parametrize("known", [OURS, frozenset({CLUSTER.name}), frozenset()])
async def test_they_are_started_with_what_the_namespace_knows(known: Collection[str]) -> None:
    wanted = plan()
    kinds = dict.fromkeys(known, "Keyword")
    async with TemporalServer(headless=True, search_attributes=kinds) as server:
        client = await Client.connect(server.address, data_converter=data_converter(Settings()))
        env = ActivityEnvironment(client)
        nothing = cast(Any, None)
        images = ModelImageActivities(
            ModelImageOptions(cluster_name="here", base=BASE),
            resolver=nothing,
            orders=nothing,
            owners=nothing,
            published=nothing,
            builder=nothing,
            room=nothing,
            search_attributes=lambda: known,
        )
        installations = InstallationRequests(client, cluster_name="here", search_attributes=lambda: known)

        image = await env.run(
            images.join_model_image,
            JoinModelImageRequest(plan=wanted, waiter=ModelImageWaiter(ref=REF)),
        )
        installation = await env.run(
            installations.request_installation,
            JoinRequest(ref=REF, provider="kaito"),
        )

        async def said(workflow_id: str) -> dict[str, str]:
            found = (await client.get_workflow_handle(workflow_id).describe()).typed_search_attributes
            return {pair.key.name: str(pair.value) for pair in found if pair.key.name in OURS}

        of_image = {CLUSTER.name: "here", MODEL.name: wanted.repository}
        of_installation = {CLUSTER.name: "here", PROVIDER.name: "kaito"}
        assert await said(image.workflow_id) == {key: of_image[key] for key in of_image if key in known}
        assert await said(installation.workflow_id) == {
            key: of_installation[key] for key in of_installation if key in known
        }
