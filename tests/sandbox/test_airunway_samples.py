"""Each sample manifest of AI Runway's documentation runs in the sandbox and answers, or is refused."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import aiohttp
import pytest
import yaml

from airunway.cli.up_servers import without_network
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import Invalid
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, Object
from airunway.clients.reflector import ObjectChange, Reflector
from airunway.messages.search_attributes import SEARCH_ATTRIBUTES
from airunway.sandbox import prerequisites
from airunway.sandbox.gateway.state import ROUTES
from airunway.sandbox.operators.nodes import GPU_LABELS, PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.runtime import Sandbox
from airunway.workers.settings import Settings
from airunway.workers.watcher_process import run_watcher
from airunway.workers.worker import run_worker
from tests.sandbox.conftest import condition_of
from tests.sandbox.gateway.conftest import GATEWAY

FOLDER = Path(os.environ.get("AIRUNWAY_SAMPLES", Path(__file__).parents[3] / "shared" / "airunway-samples"))
FILES = sorted(FOLDER.glob("*.yaml"))
REFUSED = {
    "20-": "spec.mode",  # the field is spec.serving.mode
    "21-": "spec.mode",
}
"""Samples that the CRD's schema refuses where unknown fields are errors, and what their refusal names."""
SHARED_NAME = "ModelNameConflict"
"""Several samples serve one model: whoever was first answers for all of them."""
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
        self.answers: dict[str, tuple[int, str]] = {}
        """To a chat request for its model through the Gateway: status, and text."""
        self._changed = asyncio.Event()

    def note(self, change: ObjectChange) -> None:
        self.seen[change.object["metadata"]["namespace"]] = change.object
        self._changed.set()

    async def until_all(self, wanted: set[str], is_so: Callable[[Object | None], bool]) -> None:
        while not all(is_so(self.seen.get(namespace)) for namespace in wanted):
            self._changed.clear()
            await self._changed.wait()


def runs(deployment: Object | None) -> bool:
    return phase(deployment) == "Running"


def is_published(deployment: Object | None) -> bool:
    """Requests for its model arrive: at it, or at another of the same model."""
    ready = condition_of(deployment or {}, "GatewayReady")
    return ready.get("status") == "True" or ready.get("reason") == SHARED_NAME


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
                gateway=True,
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
        running = {place_of(file) for file in FILES} - set(outcomes.refused)
        with suppress(TimeoutError):  # each sample's own test says how it stands
            async with asyncio.timeout(PATIENCE_SECONDS):
                await outcomes.until_all(running, runs)
                await outcomes.until_all(running, is_published)
                await _call_everybody(outcomes, running)
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
        return
    gateway = body["spec"].get("gateway") or {}
    if name := gateway.get("httpRouteRef"):
        made = _route_of_a_user(name, model=gateway["modelName"], pool=body["metadata"]["name"])
        await sandbox.cluster.create(ROUTES, made, namespace=namespace)


def _route_of_a_user(name: str, *, model: str, pool: str) -> Object:
    """The route that the demo of body-based routing brings with its samples."""
    header = {"name": "X-Gateway-Model-Name", "value": model}
    backend = {"group": "inference.networking.k8s.io", "kind": "InferencePool", "name": pool}
    rule = {"matches": [{"headers": [header]}], "backendRefs": [backend]}
    return {
        "apiVersion": ROUTES.api_version,
        "kind": "HTTPRoute",
        "metadata": {"name": name},
        "spec": {"parentRefs": [GATEWAY], "rules": [rule]},
    }


async def _call_everybody(outcomes: Outcomes, namespaces: set[str]) -> None:
    urls = {(outcomes.seen[one]["status"].get("gateway") or {}).get("url") for one in namespaces}
    (url,) = urls - {None}
    async with aiohttp.ClientSession() as session:
        for namespace in namespaces:
            gateway = outcomes.seen[namespace]["status"]["gateway"]
            body = {"model": gateway["modelName"], "messages": [{"role": "user", "content": "Hello"}]}
            async with session.post(f"{url}/v1/chat/completions", json=body) as answer:
                outcomes.answers[namespace] = answer.status, await answer.text()


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Outcomes]:
    """All samples at once, in one sandbox; only looked at afterwards."""
    yield asyncio.run(_deploy_everything({file: yaml.safe_load(file.read_text()) for file in FILES}))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_runs_and_answers_or_is_refused_by_name(outcomes: Outcomes, file: Path) -> None:
    namespace, reason = place_of(file), REFUSED.get(file.name[:3])

    if reason is not None:
        assert reason in outcomes.refused[namespace]
        return
    assert namespace not in outcomes.refused
    found = outcomes.seen[namespace]
    assert phase(found) == "Running", found.get("status")
    assert is_published(found), condition_of(found, "GatewayReady")
    status, text = outcomes.answers[namespace]
    assert status == 200, text
    assert json.loads(text)["choices"][0]["message"]["content"]
