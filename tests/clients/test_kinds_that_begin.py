"""A kind whose definition was just applied: its storage is only beginning, and first requests are refused."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.cli.up_session import _prepare, _registered
from airunway.clients.crds import apply_crd
from airunway.clients.errors import ApiError, ServerError, TooManyRequests
from airunway.clients.kubernetes import CONFIGS, CRDS, DEPLOYMENTS, Cluster, Resource
from airunway.clients.kubernetes.starting import MAX_SECONDS, once_served
from airunway.clients.reflector import ObjectChange, Reflector
from kube_emulator import EmulatedCluster
from tests.virtual_time import run_virtually

BEGINS = "storage is (re)initializing"
NO_PATHS = "the request has been made before all known HTTP paths have been installed, please try again"
BEGINNINGS = [
    pytest.param(429, "TooManyRequests", BEGINS, id="the storage of the kind begins"),
    pytest.param(503, "ServiceUnavailable", NO_PATHS, id="the server itself begins"),
]


class Place:
    """An emulated cluster that has our kinds, and a client of it."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster) -> None:
        self.emulated, self.cluster = emulated, cluster

    def begins(self, code: int = 429, reason: str = "TooManyRequests", message: str = BEGINS) -> None:
        """Answer the next requests for one of our kinds so."""
        self.emulated.faults.fail_next(
            2, code=code, reason=reason, message=message, retry_after=1, when=_is_ours
        )


def _is_ours(method: str, path: str) -> bool:
    return path.startswith("/apis/airunway.ai/")


@pytest_asyncio.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with (
        EmulatedCluster() as emulated,
        await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as cluster,
    ):
        await _prepare(cluster)
        yield Place(emulated, cluster)


@pytest.mark.parametrize(("code", "reason", "message"), BEGINNINGS)
async def test_every_request_is_sent_again(place: Place, code: int, reason: str, message: str) -> None:
    body = {
        "apiVersion": DEPLOYMENTS.api_version,
        "kind": "ModelDeployment",
        "metadata": {"name": "chat", "namespace": "default"},
        "spec": {"model": {"id": "acme/chat-9b"}},
    }
    place.begins(code, reason, message)

    await place.cluster.create(DEPLOYMENTS, body, namespace="default")
    place.begins(code, reason, message)
    found = await _registered(place.cluster)
    place.begins(code, reason, message)
    listing = await place.cluster.listing(DEPLOYMENTS)

    assert found == []
    assert [obj["metadata"]["name"] for obj in listing.items] == ["chat"]


async def test_a_first_list_and_watch_go_on_in_silence(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:

    seen: asyncio.Queue[ObjectChange] = asyncio.Queue()
    place.begins()
    reflector = Reflector(place.cluster, CONFIGS, seen.put_nowait)
    following = asyncio.create_task(reflector.run())
    await reflector.synced.wait()
    place.begins()
    config = {
        "apiVersion": CONFIGS.api_version,
        "kind": "InferenceProviderConfig",
        "metadata": {"name": "acme"},
        "spec": {},
    }

    await place.cluster.create(CONFIGS, config)
    change = await seen.get()
    following.cancel()

    assert change.object["metadata"]["name"] == "acme"
    assert "watch interrupted" not in caplog.text


async def test_other_overload_is_the_callers_matter(place: Place) -> None:
    place.begins(message="too many requests, please try again later")

    with pytest.raises(TooManyRequests):
        await place.cluster.listing(CONFIGS)


def test_a_server_that_never_begins_is_an_error_in_the_end() -> None:
    asked = 0

    async def attempt() -> None:
        nonlocal asked
        asked += 1
        raise ServerError(NO_PATHS, status=503)

    async def run() -> float:

        loop = asyncio.get_running_loop()
        began = loop.time()
        with pytest.raises(ApiError, match="HTTP paths"):
            await once_served(attempt, clock=loop.time)
        return loop.time() - began

    assert MAX_SECONDS < run_virtually(run()) < MAX_SECONDS * 2
    assert asked > 10


def _widgets(group: str) -> dict[str, Any]:
    schema = {"openAPIV3Schema": {"type": "object"}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}],
        },
    }


@pytest.mark.real
async def test_the_real_server_lists_a_kind_right_after_its_definition(real_kubeconfig: Path) -> None:
    group = f"g{uuid.uuid4().hex[:8]}.example.com"
    async with await Cluster.connect(real_kubeconfig) as cluster:
        await apply_crd(cluster, _widgets(group), field_manager="test")

        listing = await cluster.listing(Resource(f"{group}/v1", "widgets"))

        await cluster.delete(CRDS, f"widgets.{group}")
    assert listing.items == []
