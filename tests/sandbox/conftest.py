"""A cluster with the pretend controllers, at once or slowly; `stage.until` waits for what they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, EVENTS, PODS, Cluster, Kind, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.timing import Timing
from kube_emulator import EmulatedCluster

NAMESPACE = "default"


class Stage:
    """What a test does to the cluster, and how it waits for what becomes of it."""

    def __init__(self, cluster: Cluster, *, patience: float = 20) -> None:
        self.cluster = cluster
        self._patience = patience  # seconds

    async def create(self, kind: Kind, body: Object) -> Object:
        body["metadata"].setdefault("namespace", NAMESPACE)
        return await self.cluster.create(kind, body, namespace=body["metadata"]["namespace"])

    async def until(self, kind: Kind, wanted: Callable[[list[Object]], Any]) -> Any:
        """Follow a kind until `wanted` is true of all its objects; answers what it answered."""
        known: dict[str, Object] = {}
        changed = asyncio.Event()

        def note(change: ObjectChange) -> None:
            uid = change.object["metadata"]["uid"]
            if change.type == "deleted":
                known.pop(uid, None)
            else:
                known[uid] = change.object
            changed.set()

        follower = Reflector(self.cluster, kind, note)
        task = asyncio.create_task(follower.run())
        try:
            async with asyncio.timeout(self._patience):
                await follower.synced.wait()
                while not (answer := wanted(list(known.values()))):
                    changed.clear()
                    await changed.wait()
                return answer
        except TimeoutError:
            seen = {obj["metadata"]["name"]: obj.get("status") for obj in known.values()}
            raise AssertionError(f"never came true of {seen}") from None
        finally:
            task.cancel()

    async def until_one(self, kind: Kind, name: str, wanted: Callable[[Object], Any]) -> Object:
        """Wait until one object is as wanted; answers it."""
        found: Object = await self.until(
            kind,
            lambda objects: next(
                (obj for obj in objects if obj["metadata"]["name"] == name and wanted(obj)), None
            ),
        )
        return found

    async def pods(self, wanted: Callable[[list[Object]], Any]) -> Any:
        """Wait until the pods of the test's namespace are as wanted."""
        return await self.until(
            PODS, lambda pods: wanted([pod for pod in pods if pod["metadata"]["namespace"] == NAMESPACE])
        )

    async def events(self, reason: str) -> list[Object]:
        """Wait for events of a reason."""
        found: list[Object] = await self.until(
            EVENTS, lambda events: [event for event in events if event["reason"] == reason]
        )
        return found

    async def events_of(self, name: str, reason: str) -> list[Object]:
        """Wait for events of a reason about an object of that name."""
        wanted = (name, reason)
        found: list[Object] = await self.until(
            EVENTS,
            lambda events: [
                event for event in events if (event["involvedObject"]["name"], event["reason"]) == wanted
            ],
        )
        return found

    async def deploy(self, name: str = "web", **changes: Any) -> Object:
        """Create a Deployment; see `deployment`."""
        return await self.create(APPS_DEPLOYMENTS, deployment(name, **changes))

    async def set_image(self, image: str, name: str = "web") -> int:
        """Change a Deployment's template; answers the generation that has it."""
        body = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
        changed = await self.cluster.patch(APPS_DEPLOYMENTS, name, body, namespace=NAMESPACE)
        return int(changed["metadata"]["generation"])

    async def rolled_out(self, name: str = "web", *, generation: int = 1) -> Object:
        """Wait until a Deployment is rolled out, as `kubectl rollout status` does."""
        return await self.until_one(
            APPS_DEPLOYMENTS,
            name,
            lambda obj: obj["metadata"]["generation"] >= generation and is_rolled_out(obj),
        )


def deployment(
    name: str,
    *,
    image: str = "example/web:1",
    replicas: int = 1,
    annotations: dict[str, str] | None = None,
    container: dict[str, Any] | None = None,
    pod: dict[str, Any] | None = None,
    spec: dict[str, Any] | None = None,
) -> Object:
    labels = {"app": name}
    template = {
        "metadata": {"labels": labels, "annotations": annotations or {}},
        "spec": {"containers": [{"name": "main", "image": image, **(container or {})}], **(pod or {})},
    }
    return {
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": template,
            **(spec or {}),
        },
    }


def is_rolled_out(obj: Object) -> bool:
    status, wanted = obj.get("status") or {}, obj["spec"]["replicas"]
    return (
        status.get("observedGeneration") == obj["metadata"]["generation"]
        and status.get("updatedReplicas", 0)
        == status.get("replicas", 0)
        == status.get("readyReplicas", 0)
        == wanted
    )


def waiting_reason(pod: Object) -> str:
    for entry in (pod.get("status") or {}).get("containerStatuses") or []:
        return str((entry["state"].get("waiting") or {}).get("reason", ""))
    return ""


def condition_of(obj: Object, name: str) -> dict[str, Any]:
    conditions = (obj.get("status") or {}).get("conditions") or []
    return next((dict(entry) for entry in conditions if entry["type"] == name), {})


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """An emulated cluster without controllers."""
    async with (
        EmulatedCluster() as served,
        await Cluster.connect(served.kubeconfig(tmp_path / "config")) as client,
    ):
        yield client


@pytest.fixture
async def stage(cluster: Cluster) -> AsyncIterator[Stage]:
    """The same with every pretend controller, all of them instant."""
    async with PretendOperators(cluster, timing=Timing.instant()):
        yield Stage(cluster)
