"""A thousand deployments are listed without a request to the API server, and what changed is seen."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import PODS, Cluster
from airunway.web.derive.pods import deployment_names, gpus_of, is_of_interest
from kube_emulator import EmulatedCluster
from tests.web.place import WebPlace, web_before, web_place

MANY = 1_000


class CountingCluster(Cluster):
    """Counts what it is asked for."""

    def count(self) -> list[str]:
        """From now on: the requests."""
        asked: list[str] = []
        send = self._transport.send

        async def counted(method: str, path: str, **given: Any) -> Any:
            asked.append(f"{method} {path}")
            return await send(method, path, **given)

        self._transport.send = counted  # type: ignore[method-assign]
        return asked


async def test_a_list_costs_no_request_for_each_deployment(tmp_path: Path) -> None:
    async with (
        EmulatedCluster() as emulated,
        await CountingCluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        await apply_own_crds(cluster, field_manager="test")
        async with web_before(cluster) as place:
            turn = asyncio.Semaphore(20)

            async def make(number: int) -> None:
                async with turn:
                    await place.deployment(f"demo-{number}")

            await asyncio.gather(*(make(number) for number in range(MANY)))
            await place.until(lambda: len(place.state.fleet.deployments.objects) == MANY)
            asked = cluster.count()

            listed = await place.get("/api/deployments")
            page = await place.get("/api/deployments?limit=100&offset=950")

            assert len(listed.body["deployments"]) == MANY
            assert len(page.body["deployments"]) == 50
            assert asked == []


async def test_a_change_wakes_who_waits_and_renews_what_was_written(place: WebPlace) -> None:
    await place.deployment("demo", phase="Pending")
    await place.until(lambda: place.state.fleet.deployment("default", "demo") is not None)
    await place.until_answer("/api/deployments", lambda answer: _phases(answer.body) == ["Pending"])
    version = place.state.fleet.version

    waiting = asyncio.create_task(place.state.fleet.changed_after(version))
    await place.pod("demo-0", labels={"airunway.ai/deployment": "demo"}, node="n", phase="Pending")
    async with asyncio.timeout(60):
        assert await waiting > version

    await place.until_answer("/api/deployments", lambda answer: _phases(answer.body) == ["Deploying"])
    await place.cluster.delete(PODS, "demo-0", namespace="default", grace_seconds=0)
    await place.until_answer("/api/deployments", lambda answer: _phases(answer.body) == ["Pending"])


def _phases(body: dict[str, Any]) -> list[str]:
    return [entry["phase"] for entry in body["deployments"]]


def pod(labels: dict[str, str], *, gpus: int = 0) -> dict[str, Any]:
    resources = {"requests": {"nvidia.com/gpu": str(gpus)}} if gpus else {}
    spec = {"containers": [{"name": "main", "resources": resources}]}
    return {"metadata": {"name": "p", "namespace": "n", "labels": labels}, "spec": spec}


def test_whose_a_pod_is() -> None:
    names = dict(deployment_names(pod({"ray.io/cluster": "demo-raycluster-x", "app": "other"})))
    assert names == {"demo": False, "demo-raycluster-x": False, "other": True}
    assert dict(deployment_names(pod({"kaito.sh/workspace": "demo", "app": "demo"}))) == {"demo": False}
    assert not is_of_interest(pod({"k8s-app": "dns"}))
    assert is_of_interest(pod({}, gpus=1))
    assert gpus_of(pod({}, gpus=3)) == 3


async def test_open_pages_end_in_order_with_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with aiohttp.ClientSession() as browser:
        async with web_place(tmp_path) as place:
            stream = await browser.get(f"{place.url}/events")
            assert (await stream.content.readline()).startswith(b"event: changed")

        await stream.read()  # raises when it was cut

    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []
