"""The pretend nodes and KAITO are ordinary clients: they do the same on a real API server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from airunway.clients.kubernetes import APPS_DEPLOYMENTS, Cluster
from airunway.sandbox.operators.kaito import WORKSPACES
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import NODES, PretendNode
from airunway.sandbox.operators.timing import Timing
from tests.sandbox.conftest import NAMESPACE, Stage, waiting_reason
from tests.sandbox.test_kaito import workspace

pytestmark = pytest.mark.real

NODE = PretendNode(name="pretend-0", gpus=4, labels={"nvidia.com/gpu.present": "true"})


@pytest.fixture
async def stage(real_kubeconfig: Path) -> AsyncIterator[Stage]:
    """Deployments and StatefulSets are the real controller manager's."""
    async with await Cluster.connect(real_kubeconfig) as cluster:
        operators = PretendOperators(cluster, timing=Timing.instant(), nodes=[NODE], workloads=False)
        async with operators:
            # The garbage collector looks for new kinds every half minute only.
            yield Stage(cluster, patience=90)
        await cluster.delete(NODES, NODE.name)


async def test_a_deployment_of_the_real_controller_comes_up_and_goes(stage: Stage) -> None:
    await stage.deploy("pretend-web", replicas=2)

    await stage.rolled_out("pretend-web")

    await stage.cluster.delete(APPS_DEPLOYMENTS, "pretend-web", namespace=NAMESPACE)
    await stage.pods(lambda pods: not _named(pods, "pretend-web"))


async def test_a_failing_image_shows_on_the_pod(stage: Stage) -> None:
    await stage.deploy("pretend-bad", image="fail-image/web:1")

    await stage.pods(
        lambda pods: [pod for pod in _named(pods, "pretend-bad") if waiting_reason(pod) == "ImagePullBackOff"]
    )

    await stage.cluster.delete(APPS_DEPLOYMENTS, "pretend-bad", namespace=NAMESPACE)


async def test_a_workspace_comes_up_and_goes(stage: Stage) -> None:
    await stage.create(WORKSPACES, workspace(preset={"name": "a/b"}))

    await stage.until_one(WORKSPACES, "phi", lambda obj: (obj.get("status") or {}).get("state") == "Ready")

    await stage.cluster.delete(WORKSPACES, "phi", namespace=NAMESPACE)
    await stage.pods(lambda pods: not _named(pods, "phi"))


def _named(pods: list[dict[str, object]], start: str) -> list[dict[str, object]]:
    return [pod for pod in pods if pod["metadata"]["name"].startswith(start)]  # type: ignore[index]
