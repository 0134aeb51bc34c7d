"""Each sample manifest of AI Runway's documentation runs in the sandbox, or is refused by name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import yaml

from airunway.cli.up_servers import without_network
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import Invalid
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox import prerequisites
from airunway.sandbox.operators.nodes import GPU_LABELS, PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker

FOLDER = Path(os.environ.get("AIRUNWAY_SAMPLES", Path(__file__).parents[3] / "shared" / "airunway-samples"))
FILES = sorted(FOLDER.glob("*.yaml"))
REFUSED = {
    "20-": "spec.mode",  # the field is spec.serving.mode
    "21-": "spec.mode",
}
"""Samples that the CRD's schema refuses where unknown fields are errors, and what their refusal names."""
PATIENCE_SECONDS = 400

pytestmark = [
    pytest.mark.timeout(500),
    pytest.mark.skipif(not FILES, reason=f"no samples of AI Runway in {FOLDER}"),
]


class Outcomes:
    """What became of each sample: the deployment's last state, or why the API server refused it."""

    def __init__(self) -> None:
        self.seen: dict[str, Object] = {}
        self.refused: dict[str, str] = {}
        self._changed = asyncio.Event()

    def note(self, change: ObjectChange) -> None:
        self.seen[change.object["metadata"]["namespace"]] = change.object
        self._changed.set()

    async def until_all_run(self, wanted: set[str]) -> None:
        while not all(phase(self.seen.get(namespace)) == "Running" for namespace in wanted):
            self._changed.clear()
            await self._changed.wait()


def phase(deployment: Object | None) -> str:
    return str(((deployment or {}).get("status") or {}).get("phase", ""))


def place_of(file: Path) -> str:
    """A namespace for each file: several samples have one name."""
    return f"sample-{file.name[:2]}"


async def _deploy_everything(documents: dict[Path, Object]) -> Outcomes:
    outcomes = Outcomes()
    nodes = [PretendNode(name=f"gpu-{number}", gpus=4, labels=GPU_LABELS) for number in range(40)]
    attributes = {key.name: "Keyword" for key in SEARCH_ATTRIBUTES}
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            Sandbox(
                timing=Timing.instant(),
                nodes=nodes,
                headless=True,
                installed=False,
                search_attributes=attributes,
            )
        )
        await apply_own_crds(sandbox.cluster)
        reach = {"temporal_address": sandbox.temporal.address, "kubeconfig": sandbox.kubeconfig}
        given = Settings(**reach, health_port=0)
        settings = given.model_copy(update=without_network(sandbox, given))
        reflector = Reflector(sandbox.cluster, DEPLOYMENTS, outcomes.note)
        parts = (run_worker(settings), run_watcher(settings), reflector.run())
        tasks = [asyncio.create_task(part) for part in parts]
        stack.push_async_callback(asyncio.gather, *tasks, return_exceptions=True)
        for file in FILES:
            await _apply(sandbox, place_of(file), documents[file], outcomes)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await outcomes.until_all_run({place_of(file) for file in FILES} - set(outcomes.refused))
        except TimeoutError:
            pass  # each sample's own test says how it stands
        for task in tasks:
            task.cancel()
    return outcomes


async def _apply(sandbox: Sandbox, namespace: str, body: Object, outcomes: Outcomes) -> None:
    await sandbox.cluster.create(NAMESPACES, {"metadata": {"name": namespace}})
    await prerequisites.install(sandbox.cluster, namespace)
    body["metadata"]["namespace"] = namespace
    try:
        await sandbox.cluster.apply(DEPLOYMENTS, body, field_manager="test", strict=True)
    except Invalid as refusal:
        outcomes.refused[namespace] = str(refusal)


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """All samples at once, in one sandbox; only looked at afterwards."""
    yield asyncio.run(_deploy_everything({file: yaml.safe_load(file.read_text()) for file in FILES}))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_runs_or_is_refused_by_name(outcomes: Outcomes, file: Path) -> None:
    namespace, reason = place_of(file), REFUSED.get(file.name[:3])

    if reason is not None:
        assert reason in outcomes.refused[namespace]
        return
    assert namespace not in outcomes.refused
    found = outcomes.seen[namespace]
    assert phase(found) == "Running", found.get("status")
