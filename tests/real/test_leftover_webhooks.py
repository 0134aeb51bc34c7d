"""Webhook configurations of AI Runway on the real API server: ours over theirs, and some without a server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.activities.deployment.finalizers import FinalizerActivity
from airunway.api.names import API_VERSION, DEPLOYMENT_KIND
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists, NotFound, ServerError
from airunway.clients.kubernetes import DEPLOYMENTS, NAMESPACES, Cluster, Object
from airunway.messages.deployment import FinalizerRequest
from airunway.messages.refs import DeploymentRef
from airunway.webhook.keeper import MUTATING, VALIDATING
from tests.deploy.manifests import CORE, objects

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

KINDS = {"MutatingWebhookConfiguration": MUTATING, "ValidatingWebhookConfiguration": VALIDATING}
SHIPPED = {obj["kind"]: obj for obj in objects(CORE, "webhook*.yaml") if obj["kind"] in KINDS}
SPACE = "left-over"
FINALIZER = "airunway.ai/acme-provider"


@pytest_asyncio.fixture
async def cluster(real_kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with await Cluster.connect(real_kubeconfig) as connected:
        await apply_own_crds(connected, field_manager="test")
        with suppress(AlreadyExists):
            await connected.create(NAMESPACES, {"metadata": {"name": SPACE}})
        yield connected
        for kind, obj in SHIPPED.items():
            with suppress(NotFound):
                await connected.delete(KINDS[kind], obj["metadata"]["name"])


def in_one_namespace(shipped: Object) -> Object:
    """The configuration as AI Runway ships it, without `scope`, and for no other test."""
    (webhook,) = shipped["webhooks"]
    rules = [{key: value for key, value in rule.items() if key != "scope"} for rule in webhook["rules"]]
    selector = {"matchLabels": {"kubernetes.io/metadata.name": SPACE}}
    return {**shipped, "webhooks": [{**webhook, "rules": rules, "namespaceSelector": selector}]}


@pytest.mark.parametrize("kind", sorted(KINDS))
async def test_ours_is_applied_over_theirs_without_force(cluster: Cluster, kind: str) -> None:
    theirs = in_one_namespace(SHIPPED[kind])
    await cluster.create(KINDS[kind], theirs, field_manager="kubectl-client-side-apply")

    await cluster.apply(KINDS[kind], SHIPPED[kind], field_manager="kubectl", force=False)


async def test_a_webhook_without_a_server_is_named(cluster: Cluster) -> None:
    body = {
        "apiVersion": API_VERSION,
        "kind": DEPLOYMENT_KIND,
        "metadata": {"name": "chat", "namespace": SPACE, "finalizers": [FINALIZER]},
        "spec": {"model": {"id": "o/m"}, "engine": {"type": "vllm"}, "provider": {"name": "acme"}},
    }
    made = await cluster.create(DEPLOYMENTS, body, namespace=SPACE)
    await cluster.delete(DEPLOYMENTS, "chat", namespace=SPACE)
    validating = SHIPPED["ValidatingWebhookConfiguration"]
    await cluster.create(VALIDATING, in_one_namespace(validating))
    ref = DeploymentRef(cluster="here", namespace=SPACE, name="chat")
    request = FinalizerRequest(ref=ref, uid=made["metadata"]["uid"])

    with suppress(ServerError):
        while True:  # the configuration reaches the server a moment later
            note = {"metadata": {"annotations": {"note": "x"}}}
            await cluster.patch(DEPLOYMENTS, "chat", note, namespace=SPACE)
            await asyncio.sleep(0.2)
    answer = await FinalizerActivity(cluster).remove_finalizers(request)

    assert 'webhook "vmodeldeployment-v1alpha1.kb.io" lets nothing be changed on it' in answer.refusal
    await cluster.delete(VALIDATING, validating["metadata"]["name"])
    async with asyncio.timeout(60):
        while not (await FinalizerActivity(cluster).remove_finalizers(request)).gone:
            await asyncio.sleep(0.2)
