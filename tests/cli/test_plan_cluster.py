"""`airunway plan --against-cluster` says what would change in a cluster, and when; it writes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from airunway.api.names import API_VERSION, CONFIG_KIND, DEPLOYMENT_KIND
from airunway.cli.formats import OutputFormat
from airunway.cli.options import Manifests
from airunway.cli.placing import Where
from airunway.cli.plan_report import report
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster, Object
from airunway.messages.refs import DeploymentRef
from airunway.messages.upstream import RenderRequest
from airunway.provider import server_pod
from airunway.provider.registry import installed_providers
from tests.activities.deployment_site import Worker
from tests.activities.reference_objects import served
from tests.cli.conftest import Airunway
from tests.cli.test_plan import GPU, manifest
from tests.clusters import emulated_cluster

SPEC: dict[str, Any] = {"model": {"id": "acme/chat"}, "provider": {"name": "vllm"}, **GPU}


def of_the_reference(made: Object) -> Object:
    """The Deployment that AI Runway's own controller made, by its recorded form."""
    recorded = next(obj for obj in served("vllm")[0].expect["objects"] if obj["kind"] == "Deployment")
    selector = {"airunway.ai/deployment": "chat", "app": "chat"}
    pod = recorded["spec"]["template"]["spec"]
    args = ["--host", "0.0.0.0", "--port", "8000", "--model", "acme/chat", "--enable-prefix-caching"]
    container = {**pod["containers"][0], "image": "vllm/vllm-openai:cu130-nightly", "args": args}
    owner = {"apiVersion": API_VERSION, "kind": DEPLOYMENT_KIND, "name": "chat"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "chat",
            "namespace": "default",
            "labels": {"airunway.ai/managed-by": "airunway"},
            "ownerReferences": [{**owner, "uid": made["metadata"]["uid"], "controller": True}],
        },
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": selector},
            "template": {"metadata": {"labels": selector}, "spec": {"containers": [container]}},
        },
    }


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster in which the reference serves a deployment with Direct vLLM."""
    async with emulated_cluster(tmp_path, own_crds=True) as found:
        spec = installed_providers()["vllm"].registration().spec
        config = {"apiVersion": API_VERSION, "kind": CONFIG_KIND, "metadata": {"name": "vllm"}, "spec": spec}
        await found.create(CONFIGS, config)
        await found.patch(CONFIGS, "vllm", {"status": {"ready": True}}, subresource="status")
        body = {
            "apiVersion": API_VERSION,
            "kind": DEPLOYMENT_KIND,
            "metadata": {"name": "chat"},
            "spec": SPEC,
        }
        made = await found.create(DEPLOYMENTS, body, namespace="default")
        status = {"phase": "Running", "provider": {"name": "vllm"}, "engine": {"type": "vllm"}}
        await found.patch(
            DEPLOYMENTS,
            "chat",
            {"status": status},
            namespace="default",
            subresource="status",
            field_manager="provider",
        )
        await found.apply(server_pod.DEPLOYMENT, of_the_reference(made), field_manager="vllm-provider")
        yield found


async def planned(tmp_path: Path, capsys: pytest.CaptureFixture[str], *files: str) -> list[dict[str, Any]]:
    capsys.readouterr()
    fine = await asyncio.to_thread(
        report,
        Manifests(files),
        configs=None,
        where=Where(tmp_path / "kubeconfig"),
        namespace="default",
        form=OutputFormat.JSON,
        against_cluster=True,
    )
    (found,) = json.loads(capsys.readouterr().out)
    assert fine, found["errors"]
    return list(found["changes"])


async def test_what_is_left_and_what_is_made_is_said_of_every_deployment(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    before = await cluster.get(server_pod.DEPLOYMENT, "chat", namespace="default")

    changes = await planned(tmp_path, capsys)

    assert [(entry["when"], entry["action"], entry["what"]) for entry in changes] == [
        ("now", "create", "Service chat"),
        ("with the next change of the spec", "apply", "Deployment chat"),
    ]
    assert "spec.template.metadata.labels[airunway.ai/model-deployment]" in changes[1]["why"]
    assert before == await cluster.get(server_pod.DEPLOYMENT, "chat", namespace="default")
    assert await cluster.find(server_pod.SERVICE, "chat", namespace="default") is None


async def test_what_this_system_made_stays_as_it_is(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the API server filled in is owned by who created the object, and is no change."""
    place = {"namespace": "default"}
    await cluster.delete(server_pod.DEPLOYMENT, "chat", **place)
    deployment = await cluster.get(DEPLOYMENTS, "chat", **place)
    provider = installed_providers()["vllm"]
    request = RenderRequest(
        ref=DeploymentRef(cluster="here", namespace="default", name="chat"),
        uid=deployment["metadata"]["uid"],
        generation=1,
        provider="vllm",
        engine="vllm",
    )
    worker = Worker(cluster, providers=(provider,))
    await worker.apply(request)
    await cluster.patch(
        server_pod.SERVICE, "chat", {"spec": {"ports": [{"port": 8000, "name": "other"}]}}, **place
    )
    entries = [
        {
            "manager": "airunway",
            "operation": "Apply",
            "subresource": "status",
            "fieldsType": "FieldsV1",
            "apiVersion": API_VERSION,
            "fieldsV1": {"f:status": {"f:phase": {}}},
        }
    ]
    await cluster.patch(DEPLOYMENTS, "chat", {"metadata": {"managedFields": entries}}, **place)

    changes = await planned(tmp_path, capsys)

    told = {entry["what"]: (entry["action"], entry["changed"]) for entry in changes}
    assert told["Deployment chat"] == ("keep", [])
    assert told["Service chat"][0] == "apply"
    assert any(path.startswith("spec.ports") for path in told["Service chat"][1])


async def test_another_spec_brings_everything_at_once(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text(manifest(provider={"name": "vllm"}, scaling={"replicas": 3}, **GPU))

    changes = await planned(tmp_path, capsys, str(file))

    (entry,) = (entry for entry in changes if entry["what"] == "Deployment chat")
    assert (entry["when"], entry["action"]) == ("now", "apply")
    assert {"spec.replicas", "spec.template.metadata.labels[airunway.ai/model-deployment]"} <= set(
        entry["changed"]
    )


async def test_the_spec_that_is_there_already_changes_nothing_more(
    tmp_path: Path, cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "chat.yaml"
    file.write_text(manifest(provider={"name": "vllm"}, **GPU))

    changes = await planned(tmp_path, capsys, str(file))

    assert [entry["when"] for entry in changes if entry["what"] == "Deployment chat"] == [
        "with the next change of the spec"
    ]


def test_without_a_manifest_and_without_a_cluster_there_is_nothing_to_plan(airunway: Airunway) -> None:
    result = airunway("plan")

    assert result.status == 2
    assert "--against-cluster" in result.out + result.err
