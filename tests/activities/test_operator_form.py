"""An operator that writes an object back in its own form is left alone. Its form is not ours to repair.

KAITO reads a Workspace into Kubernetes' types and writes all of it back: empty values go or come, and
quantities become canonical.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.activities.upstream.activities import ProviderActivities
from airunway.api.crd import model_deployment_crd
from airunway.clients.kubernetes import CRDS, DEPLOYMENTS, Cluster, Object, Resource
from airunway.messages.deployment import AppliedObject
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import ApplyAnswer, ApplyRequest, RenderAnswer, RenderRequest
from airunway.providers.kaito import PROVIDER
from airunway.sandbox import charts
from kube_emulator import EmulatedCluster

REF = DeploymentRef(cluster="here", namespace="default", name="chat")
WORKSPACES = Resource("kaito.sh/v1beta1", "workspaces")
SPEC: dict[str, Any] = {
    "model": {"id": "o/m"},
    "provider": {"name": "kaito"},
    "engine": {"type": "llamacpp"},
    "image": "registry.example.com/server:1",
    "tolerations": [{"operator": "Exists"}],
}


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    emulated = EmulatedCluster()
    await emulated.start(0)
    async with await Cluster.connect(emulated.kubeconfig(tmp_path / "kubeconfig")) as connected:
        (workspaces,) = [obj for obj in charts.objects("kaito/workspace") if "versions" in obj["spec"]]
        for crd in (model_deployment_crd(), workspaces):
            await connected.apply(CRDS, crd, field_manager="test")
        yield connected
    await emulated.stop()


async def created(cluster: Cluster, **spec: Any) -> Object:
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": REF.name, "namespace": REF.namespace},
        "spec": SPEC | spec,
    }
    return await cluster.create(DEPLOYMENTS, body, namespace=REF.namespace)


async def reconcile(
    cluster: Cluster, deployment: Object, applied: list[AppliedObject]
) -> RenderAnswer | ApplyAnswer:
    """Render, and apply what has to be written."""
    meta = deployment["metadata"]
    request = RenderRequest(
        ref=REF,
        uid=meta["uid"],
        generation=meta["generation"],
        provider="kaito",
        engine="llamacpp",
        applied=applied,
    )
    activities = ProviderActivities(cluster, {"kaito": PROVIDER}, env={})
    rendered = await activities.render(request)
    assert not rendered.replacing
    if not rendered.writes:
        return rendered
    return await activities.apply_upstream(
        ApplyRequest(rendered_from=request, finalizer=rendered.finalizer, planned=rendered.planned)
    )


async def write_back(cluster: Cluster, **container: Any) -> None:
    """What KAITO's own update makes of the Workspace; keyword arguments are fields of its container."""
    live = await cluster.get(WORKSPACES, REF.name, namespace=REF.namespace)
    pod = live["inference"]["template"]["spec"]
    patch = {"containers": [{**pod["containers"][0], **container}], "tolerations": [{"operator": "Exists"}]}
    body = {
        "metadata": {"annotations": {"workspace.kaito.io/revision": "1"}},
        "inference": {"template": {"spec": patch}},
    }
    await cluster.patch(WORKSPACES, REF.name, body, namespace=REF.namespace)


@pytest.mark.parametrize(
    ("resources", "written"),
    [
        pytest.param({}, {}, id="none"),
        pytest.param({"memory": "1024Mi"}, {"requests": {"memory": "1Gi"}}, id="canonical"),
    ],
)
async def test_a_workspace_in_the_operators_form_is_neither_replaced_nor_repaired(
    cluster: Cluster, resources: dict[str, Any], written: dict[str, Any]
) -> None:
    deployment = await created(cluster, resources=resources)
    first = await reconcile(cluster, deployment, [])
    await write_back(cluster, resources=written)
    before = await cluster.get(WORKSPACES, REF.name, namespace=REF.namespace)

    again = await reconcile(cluster, deployment, first.objects)

    after = await cluster.get(WORKSPACES, REF.name, namespace=REF.namespace)
    assert [entry.action for entry in again.objects] == ["unchanged"]
    assert after == before


async def test_a_workspace_that_somebody_changed_is_repaired(cluster: Cluster) -> None:
    deployment = await created(cluster)
    first = await reconcile(cluster, deployment, [])
    await write_back(cluster, image="registry.example.com/other:1")

    again = await reconcile(cluster, deployment, first.objects)

    live = await cluster.get(WORKSPACES, REF.name, namespace=REF.namespace)
    assert [entry.action for entry in again.objects] == ["repaired"]
    assert live["inference"]["template"]["spec"]["containers"][0]["image"] == SPEC["image"]
