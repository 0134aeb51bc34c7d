"""Deployments for benchmarks: made, edited, followed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.clients.reflector import ObjectChange, Reflector

NAMESPACE = "bench"
AT_ONCE = 64
PATIENCE_SECONDS = 300.0


MODELS: dict[str, dict[str, Any]] = {
    "vllm": {
        "model": {"id": "Qwen/Qwen3-0.6B"},
        "engine": {"type": "vllm"},
        "resources": {"gpu": {"count": 1}},
    },
    "llamacpp-image": {
        "model": {"source": "custom"},
        "engine": {"type": "llamacpp", "image": "ghcr.io/kaito-project/aikit/llama3.2:1b"},
        "resources": {"cpu": "4", "memory": "8Gi"},
    },
    "gguf": {
        "model": {"id": "example/Tiny-GGUF"},
        "engine": {"type": "llamacpp"},
        "resources": {"cpu": "1", "memory": "1Gi"},
    },
}
"""Specs that KAITO takes: a preset of vLLM; a server in an image that is named; in one that is made."""


def deployment(name: str, model: str = "vllm") -> dict[str, Any]:
    """A ModelDeployment; `model`: of `MODELS`."""
    return {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {"provider": {"name": "kaito"}, **MODELS[model]},
    }


class Fleet:
    """Follows all deployments: which are Running, and as which generation. Run one task of `follow`."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._changed = asyncio.Event()
        self.first_running: dict[str, float] = {}
        """Name to the loop's time at which it was first seen Running."""
        self.reacted: dict[str, tuple[int, float]] = {}
        """Name to the generation that its status was last seen to be of, and when that was first so."""
        self.running: dict[str, tuple[int, float]] = {}
        """The same, Running."""
        self.generations: dict[str, int] = {}

    async def follow(self) -> None:
        """Until cancelled."""
        await Reflector(self._cluster, DEPLOYMENTS, self._on_change).run()

    def _on_change(self, change: ObjectChange) -> None:
        name, status = change.object["metadata"]["name"], change.object.get("status") or {}
        if change.type == "deleted":
            self.generations.pop(name, None)
            self._changed.set()
            return
        self.generations[name] = generation = change.object["metadata"].get("generation", 0)
        now = asyncio.get_running_loop().time()
        seen = [self.reacted] if "observedGeneration" in status else []
        if status.get("phase") == "Running":
            self.first_running.setdefault(name, now)
            seen.append(self.running)
        for record in seen:
            if record.get(name, (0, 0.0))[0] < (decided_on := status.get("observedGeneration", generation)):
                record[name] = (decided_on, now)
        self._changed.set()

    async def until(self, holds: Callable[[], bool], *, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until something holds. Raises TimeoutError."""
        async with asyncio.timeout(patience):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def until_running(self, names: Iterable[str], *, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until all of them have been Running."""
        wanted = set(names)
        await self.until(lambda: wanted <= self.first_running.keys(), patience=patience)

    async def until_runs(self, wanted: dict[str, int], *, patience: float = PATIENCE_SECONDS) -> None:
        """Wait until each is Running as the generation named."""
        waiting = dict(wanted)

        def holds() -> bool:
            for name in [name for name, at in waiting.items() if self.running.get(name, (0,))[0] >= at]:
                del waiting[name]
            return not waiting

        await self.until(holds, patience=patience)


async def edit(cluster: Cluster, name: str, number: int) -> int:
    """Change how many replicas it has, for which KAITO makes a Workspace anew; answers the new generation."""
    return await _changed(cluster, name, {"scaling": {"replicas": 1 + number % 2}})


async def edit_in_place(cluster: Cluster, name: str, number: int) -> int:
    """Change an annotation, which is written onto its Workspace; answers the new generation.

    `number`: another one each time.
    """
    annotations = {"example.com/edited": str(number)}
    return await _changed(cluster, name, {"podTemplate": {"metadata": {"annotations": annotations}}})


async def _changed(cluster: Cluster, name: str, spec: dict[str, Any]) -> int:
    changed = await cluster.patch(DEPLOYMENTS, name, {"spec": spec}, namespace=NAMESPACE)
    return int(changed["metadata"]["generation"])


async def each(
    names: Sequence[str], do: Callable[[str], Awaitable[object]], *, at_once: int = AT_ONCE
) -> None:
    """Do something for each, a number at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(name: str) -> None:
        async with slots:
            await do(name)

    await asyncio.gather(*(one(name) for name in names))


async def create_all(cluster: Cluster, fleet: Fleet, names: Sequence[str], *, model: str = "vllm") -> None:
    """Create them and wait until all are Running."""
    await each(names, lambda name: cluster.create(DEPLOYMENTS, deployment(name, model), namespace=NAMESPACE))
    await fleet.until_running(names, patience=PATIENCE_SECONDS + len(names))
