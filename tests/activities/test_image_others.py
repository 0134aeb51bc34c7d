"""Who else waits for an image, where there is no workflow of it any more."""

from __future__ import annotations

from temporalio.client import Client

from airunway.activities.model_image.others import read_others
from airunway.messages.refs import DeploymentRef
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.settings import Settings
from airunway.workers.temporal.converter import data_converter

REF = DeploymentRef(cluster="here", namespace="team-a", name="chat")


async def test_nobody_waits_for_an_image_whose_workflow_is_not_there() -> None:
    async with TemporalServer(headless=True) as server:
        client = await Client.connect(server.address, data_converter=data_converter(Settings()))

        answer = await read_others(client, "image/here/acme/tiny/0", REF)

    assert answer.words == "building stopped; nobody else waits for this image"
