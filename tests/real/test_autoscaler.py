"""The real HorizontalPodAutoscaler controller scales a ModelDeployment, as it scales a Deployment.

Without a metrics API it can still move a count into its limits, which goes the same way through the Scale.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api import names
from airunway.clients.crds import apply_own_crds
from airunway.clients.kubernetes import Cluster
from kube_emulator.testing import Api

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]


@pytest_asyncio.fixture
async def api(real_kubeconfig: Path) -> AsyncIterator[Api]:
    async with await Cluster.connect(real_kubeconfig) as cluster:
        await apply_own_crds(cluster, field_manager="test")
    async with Api(real_kubeconfig) as client:
        await client.until(
            f"/apis/{names.API_VERSION}/{names.DEPLOYMENT_PLURAL}", lambda answer: answer.code == 200
        )
        yield client


async def test_the_autoscaler_moves_the_replicas_of_the_deployment_into_its_limits(api: Api) -> None:
    space = f"hpa-{uuid.uuid4().hex[:8]}"
    (await api.create("/api/v1/namespaces", {"metadata": {"name": space}})).ok()
    deployments = f"/apis/{names.API_VERSION}/namespaces/{space}/{names.DEPLOYMENT_PLURAL}"
    deployment = {
        "apiVersion": names.API_VERSION,
        "kind": names.DEPLOYMENT_KIND,
        "metadata": {"name": "chat"},
        "spec": {"model": {"id": "o/m"}, "scaling": {"replicas": 1}},
    }
    (await api.create(deployments, deployment)).ok()
    counted = {"status": {"replicas": {"ready": 1}, "selector": "airunway.ai/deployment=chat"}}
    (await api.patch(f"{deployments}/chat/status", counted)).ok()
    target = {"apiVersion": names.API_VERSION, "kind": names.DEPLOYMENT_KIND, "name": "chat"}
    autoscaler = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "chat"},
        "spec": {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5},
    }

    (await api.create(f"/apis/autoscaling/v2/namespaces/{space}/horizontalpodautoscalers", autoscaler)).ok()

    while True:  # the test's own limit of time ends it
        read = (await api.get(f"{deployments}/chat")).ok()
        if read["spec"]["scaling"]["replicas"] == 3:
            break
        await asyncio.sleep(0.5)
    writers = {
        (entry["manager"], entry.get("subresource", "")) for entry in read["metadata"]["managedFields"]
    }
    assert ("kube-controller-manager", "scale") in writers
    assert read["metadata"]["generation"] == 2
    await api.delete(f"/api/v1/namespaces/{space}")
