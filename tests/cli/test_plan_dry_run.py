"""`airunway plan` with a cluster says what its API server would say, and changes nothing there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.cli import plan_report
from airunway.cli.formats import OutputFormat
from airunway.cli.options import Manifests
from airunway.cli.placing import Where
from airunway.clients.crds import apply_crd
from airunway.clients.kubernetes import CONFIGS, DEPLOYMENTS, Cluster, Resource
from airunway.providers.kaito import PROVIDER
from airunway.sandbox import charts
from airunway.workers.settings import Settings
from kube_emulator import EmulatedCluster
from tests.cli.test_plan import GPU, manifest

CRD = Path(next(iter(charts.__path__))) / "kaito/workspace/files/workspaces.kaito.sh.yaml"
WORKSPACES = Resource("kaito.sh/v1beta1", "workspaces")
KAITO = {"name": "kaito"}


class Site:
    """A cluster with a KAITO."""

    def __init__(self, emulated: EmulatedCluster, cluster: Cluster, kubeconfig: Path) -> None:
        self.emulated, self.cluster, self.kubeconfig = emulated, cluster, kubeconfig

    async def plan(self, capsys: pytest.CaptureFixture[str], **spec: Any) -> tuple[bool, dict[str, Any]]:
        """Plan one deployment; whether it would be deployed, and the plan."""
        file = self.kubeconfig.with_name("chat.yaml")
        file.write_text(manifest(**{"provider": KAITO, **GPU, **spec}))
        fine = await asyncio.to_thread(
            plan_report.report,
            Manifests((str(file),)),
            configs=None,
            where=Where(self.kubeconfig),
            namespace="default",
            form=OutputFormat.JSON,
        )
        (planned,) = json.loads(capsys.readouterr().out)
        return fine, planned

    async def workspaces(self) -> list[str]:
        """Names of those that are there."""
        return [obj["metadata"]["name"] for obj in (await self.cluster.listing(WORKSPACES)).items]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with EmulatedCluster() as emulated:
        kubeconfig = emulated.kubeconfig(tmp_path / "kubeconfig")
        async with await Cluster.connect(kubeconfig) as cluster:
            for definition in (
                model_deployment_crd(),
                provider_config_crd(),
                yaml.safe_load(CRD.read_text()),
            ):
                await apply_crd(cluster, definition, field_manager="test")
            registered = PROVIDER.registration()
            meta = {"name": "kaito", "annotations": dict(registered.annotations)}
            config = {
                "apiVersion": "airunway.ai/v1alpha1",
                "kind": "InferenceProviderConfig",
                "metadata": meta,
                "spec": dict(registered.spec),
            }
            await cluster.create(CONFIGS, config)
            await cluster.patch(CONFIGS, "kaito", {"status": {"ready": True}}, subresource="status")
            yield Site(emulated, cluster, kubeconfig)


def misspelt() -> dict[str, Any]:
    selector = {"matchLabelz": {"pool": "a"}}
    return {**KAITO, "overrides": {"resource": {"labelSelector": selector}}}


async def test_a_field_that_the_server_would_drop_is_named(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    fine, planned = await site.plan(capsys, provider=misspelt())

    assert fine
    (said,) = [text for text in planned["warnings"] if "matchLabelz" in text]
    assert said.endswith(
        "resource.labelSelector.matchLabelz is unknown to the API server, which would drop it"
    )
    assert await site.workspaces() == []


async def test_what_a_migration_would_write_is_rehearsed_for_deployments_that_are_there(site: Site) -> None:
    body = yaml.safe_load(manifest(provider=misspelt(), **GPU))
    await site.cluster.create(DEPLOYMENTS, body, namespace="default")
    settings = Settings(kubeconfig=site.kubeconfig, cluster="here")

    async def told(*, rehearsed: bool) -> list[str]:
        plans = await asyncio.to_thread(
            plan_report.plans_for,
            Manifests(),
            settings=settings,
            against_cluster=True,
            rehearsed=rehearsed,
        )
        return [text for plan in plans for text in plan.warnings if "matchLabelz" in text]

    (said,) = await told(rehearsed=True)

    assert said.endswith("matchLabelz is unknown to the API server, which would drop it")
    assert await told(rehearsed=False) == []
    assert await site.workspaces() == []


async def test_for_an_object_that_is_there_it_is_an_error(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    fine, first = await site.plan(capsys)
    assert fine
    (workspace,) = first["objects"]
    del workspace["metadata"]["ownerReferences"]
    await site.cluster.create(WORKSPACES, workspace, namespace="default")

    fine, planned = await site.plan(capsys, provider=misspelt())

    assert not fine
    assert "take it out of spec.provider.overrides" in planned["errors"][0]


@pytest.mark.parametrize(
    ("said", "fine", "words"),
    [
        ("denied the request: no GPUs for you", False, "no GPUs for you"),
        ("No nodes found matching the label selector", True, "would wait for a node"),
        ("This preset does not require a modelAccessSecret", True, "would be tried once more"),
        ("admission webhook x does not support dry run", True, "is not known"),
    ],
)
async def test_what_a_webhook_says_is_said(
    site: Site, capsys: pytest.CaptureFixture[str], said: str, fine: bool, words: str
) -> None:
    site.emulated.faults.fail_next(
        code=400,
        reason="BadRequest",
        message=said,
        when=lambda method, path: method == "POST" and "/workspaces" in path,
    )

    found, planned = await site.plan(capsys)

    assert found is fine
    assert any(words in text for text in planned["warnings" if fine else "errors"])


async def test_a_webhook_without_a_server_is_an_error_of_what_it_holds(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    site.emulated.faults.fail_next(
        message='failed calling webhook "validation.workspace.kaito.sh": service "webhook" not found',
        when=lambda method, path: method == "POST" and "/workspaces" in path,
    )

    fine, planned = await site.plan(capsys)

    assert not fine
    (said,) = planned["errors"]
    assert said.startswith('Workspace chat: webhook "validation.workspace.kaito.sh" lets nothing be changed')
    assert "delete the webhook configuration that names it" in said


async def test_the_plan_is_made_for_the_version_that_the_cluster_runs(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    _, planned = await site.plan(capsys)

    (workspace,) = planned["objects"]
    assert workspace["metadata"]["annotations"]["kaito.sh/disable-benchmark"] == "true"
