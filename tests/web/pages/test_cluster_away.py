"""While the API server is away the pages go on from memory, and say so."""

from __future__ import annotations

from pathlib import Path

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import Cluster
from kube_emulator import EmulatedCluster
from tests.web.pages.parsed import ParsedPage
from tests.web.place import Answered, web_before


def is_away(answer: Answered) -> bool:
    return "API server does not answer" in ParsedPage(answer.body).by_id("away").text


async def test_what_is_shown_is_said_to_be_from_before(tmp_path: Path) -> None:
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        await apply_own_crds(cluster, field_manager="test")
        async with web_before(cluster) as place:
            await place.deployment("chat", phase="Running")
            await place.until(lambda: bool(place.state.fleet.deployments.objects))
            assert not is_away(await place.get("/"))

            await emulated.stop()

            answer = await place.until_answer("/", is_away)
            assert "default/chat" in ParsedPage(answer.body).by_id("list").text
