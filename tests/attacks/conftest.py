"""A whole control plane, a deployment that goes well, and an attacker beside it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client

from airunway.api.names import core_task_queue
from airunway.clients.kubernetes import DEPLOYMENTS, SECRETS, Object
from airunway.messages.refs import DeploymentRef
from airunway.workers.temporal.converter import data_converter
from tests.attacks.attacker import Attacker, attacking
from tests.e2e.acme import SERVER
from tests.e2e.places import places
from tests.e2e.system import System


@dataclass
class Scene:
    """The system, the attacker, and `chat`: a deployment that is rolled out."""

    system: System
    attacker: Attacker

    @property
    def ref(self) -> DeploymentRef:
        """`chat`."""
        return DeploymentRef(cluster="test", namespace=self.system.namespace, name="chat")

    @property
    def chat(self) -> Object:
        """It as it is."""
        return self.system.deployment("chat")

    @property
    def queue(self) -> str:
        """The core's."""
        return core_task_queue("test")

    async def what_there_is(self) -> dict[str, Any]:
        """Everything in the namespace that somebody could have changed, without what each write changes."""
        found: dict[str, Any] = {}
        for kind in (DEPLOYMENTS, SERVER, SECRETS):
            for obj in (await self.system.cluster.listing(kind, namespace=self.system.namespace)).items:
                found[f"{kind.plural}/{obj['metadata']['name']}"] = _content(obj)
        return found


def _content(obj: Object) -> Object:
    keeping = {"resourceVersion", "managedFields"}
    meta = {key: value for key, value in obj["metadata"].items() if key not in keeping}
    return {**obj, "metadata": meta}


@pytest_asyncio.fixture(params=["sandbox"])
async def scene(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Scene]:
    """All of it running, and `chat` rolled out."""
    async with (
        places(request, tmp_path_factory.mktemp("attacks")) as place,
        System(place.kubeconfig, place.temporal_address) as system,
    ):
        client = await Client.connect(place.temporal_address, data_converter=data_converter())
        async with attacking(client) as attacker:
            await system.deploy("chat")
            await system.until(lambda: system.status("chat").get("phase") == "Deploying", "rolled out")
            yield Scene(system, attacker)
        if not system.is_running("watcher"):
            system.start_watcher()  # so that the deployment can go
