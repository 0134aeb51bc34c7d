"""Installing a provider's operator on real servers: Temporal on PostgreSQL, a real API server, real Helm.

The worker is killed at each phase in turn; whatever happens, there is exactly one release at the end.
"""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from aiohttp import web
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.contrib.pydantic import pydantic_data_converter

from airunway.api.crd import model_deployment_crd, provider_config_crd
from airunway.api.names import CORE_TASK_QUEUE, SYSTEM_NAMESPACE, installation_workflow_id
from airunway.clients.access_review import can_i
from airunway.clients.crds import apply_crd
from airunway.clients.errors import AlreadyExists, NotFound
from airunway.clients.helm.records import latest_record
from airunway.clients.kubernetes import (
    APPS_DEPLOYMENTS,
    CONFIGS,
    CRDS,
    NAMESPACES,
    PODS,
    SECRETS,
    Cluster,
    Resource,
)
from airunway.messages.installation import (
    APPLY_CRDS,
    AWAIT_OPERATOR,
    FINISH_UNINSTALL,
    INSTALL_CHART,
    PREFLIGHT,
    InstallationRequest,
    Operation,
    PreflightAnswer,
    PreflightRequest,
)
from airunway.messages.installation_workflow import InstallationInput, InstallationOutcome, InstallationView
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import NODES, PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from airunway.workflows.provider_plan.workflow import ProviderPlanWorkflow
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.servers import ChartServer, chart_server
from tests.deploy.manifests import INSTALLER, objects
from tests.real.processes import Processes
from tests.servers.cluster import Cluster as RealCluster
from tests.servers.temporal_server import TemporalServer

pytestmark = [pytest.mark.real, pytest.mark.timeout(300)]

CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings")
SEES_ALL = {
    "metadata": {"name": f"sees-all-{uuid.uuid4().hex[:6]}"},
    "roleRef": {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "system:controller:generic-garbage-collector",
    },
    "subjects": [{"kind": "ServiceAccount", "name": "airunway-installer", "namespace": SYSTEM_NAMESPACE}],
}
"""It can_i read everything, and create nothing."""
NODE = PretendNode(name="pretend-install-0", gpus=0)
LABELS = "app.kubernetes.io/name=operator,app.kubernetes.io/instance={release}"


@dataclass
class Site:
    """A provider of the test's own on the real cluster, and the ways to it."""

    cluster: Cluster
    client: Client
    charts: ChartServer
    processes: Processes
    folder: Path
    provider: str = field(default_factory=lambda: f"p{uuid.uuid4().hex[:8]}")
    held: asyncio.Event = field(default_factory=asyncio.Event)
    operators: PretendOperators | None = None

    @property
    def space(self) -> str:
        return f"{self.provider}-system"

    @property
    def group(self) -> str:
        return f"{self.provider}.example.test"

    def chart(self, name: str = "operator", *, version: str = "") -> Path:
        target = self.folder / uuid.uuid4().hex[:6]
        target.mkdir()
        return copy_chart(name, target, group=self.group, version=version)

    async def register(
        self, provider: str = "", *, labels: str = "", crds: tuple[str, ...] = ("gadgets",), **chart: Any
    ) -> None:
        """The provider's config, as its worker would write it."""
        entry = {
            "name": f"{self.provider}-op",
            "chart": "test/operator",
            "version": "2.1.0",
            "namespace": self.space,
            "createNamespace": True,
            **chart,
        }
        installation = {
            "helmRepos": [{"name": "test", "url": self.charts.repository}],
            "helmCharts": [entry],
        }
        selector = labels or LABELS.format(release=entry["name"])
        health = {
            "crds": [f"{plural}.{self.group}" for plural in crds],
            "operatorPods": [{"namespace": self.space, "selectors": [selector]}],
        }
        body = {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {
                "name": provider or self.provider,
                "annotations": {
                    "airunway.ai/installation": json.dumps(installation),
                    "airunway.ai/health": json.dumps(health),
                },
            },
            "spec": {"capabilities": {"engines": [{"name": "vllm", "cpuSupport": True}]}},
        }
        await self.cluster.apply(CONFIGS, body, field_manager="test")

    # -- driving -----------------------------------------------------------------------------------------

    async def ask(
        self, operation: Operation = Operation.INSTALL, *, provider: str = "", **more: Any
    ) -> tuple[WorkflowHandle[Any, Any], str]:
        name = provider or self.provider
        request = InstallationRequest(provider=name, operation=operation, id=uuid.uuid4().hex[:8], **more)
        handle = await self.client.start_workflow(
            ProviderInstallationWorkflow.run,
            InstallationInput(provider=name),
            id=installation_workflow_id(name),
            task_queue=CORE_TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="request",
            start_signal_args=[request],
        )
        return handle, request.id

    async def do(self, operation: Operation = Operation.INSTALL, **more: Any) -> InstallationOutcome:
        return await self.outcome(*(await self.ask(operation, **more)))

    async def outcome(self, handle: WorkflowHandle[Any, Any], request: str) -> InstallationOutcome:
        while True:
            outcome = (await view_of(handle)).outcomes.get(request)
            if outcome is not None:
                return outcome
            await asyncio.sleep(0.1)

    async def plan(self, operation: Operation = Operation.INSTALL) -> PreflightAnswer:
        request = InstallationRequest(provider=self.provider, operation=operation)
        return await self.client.execute_workflow(
            ProviderPlanWorkflow.run,
            PreflightRequest(request=request, with_diff=True),
            id=f"plan-{uuid.uuid4().hex[:8]}",
            task_queue=CORE_TASK_QUEUE,
        )

    async def until_at(self, handle: WorkflowHandle[Any, Any], activity: str) -> None:
        """Until a worker has begun an activity, and said something of it."""
        started = PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
        while True:
            description = await handle.describe()
            for pending in description.raw_description.pending_activities:
                at_it = pending.activity_type.name == activity and pending.state == started
                if at_it and pending.heartbeat_details.payloads:
                    return
            await asyncio.sleep(0.1)

    async def pods_run(self) -> None:
        self.operators = PretendOperators(
            self.cluster, timing=Timing.instant(), nodes=[NODE], workloads=False, upstream=False
        )
        await self.operators.__aenter__()

    # -- what there is -----------------------------------------------------------------------------------

    async def releases(self) -> list[tuple[str, int, str]]:
        """Every record of a release in the provider's namespace: name, revision, status."""
        listing = await self.cluster.listing(SECRETS, namespace=self.space, label_selector="owner=helm")
        labels = [obj["metadata"]["labels"] for obj in listing.items]
        return sorted((entry["name"], int(entry["version"]), entry["status"]) for entry in labels)

    async def versions(self) -> dict[str, str]:
        """resourceVersion of everything the installation could touch."""
        found: dict[str, str] = {}
        for kind in (SECRETS, APPS_DEPLOYMENTS, PODS):
            for obj in (await self.cluster.listing(kind, namespace=self.space)).items:
                found[f"{kind.plural}/{obj['metadata']['name']}"] = obj["metadata"]["resourceVersion"]
        for obj in (await self.cluster.listing(CRDS)).items:
            if self.group in obj["metadata"]["name"]:
                found[obj["metadata"]["name"]] = obj["metadata"]["resourceVersion"]
        return found


async def view_of(handle: WorkflowHandle[Any, Any]) -> InstallationView:
    """The state, as soon as a worker answers."""
    while True:
        try:
            async with asyncio.timeout(20):
                return await handle.query(ProviderInstallationWorkflow.state)
        except Exception:
            await asyncio.sleep(0.3)


@pytest.fixture
def processes(
    real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> Iterator[Processes]:
    logs = tmp_path / "logs"
    logs.mkdir()
    running = Processes(real_cluster.kubeconfig, real_temporal.address, logs, AIRUNWAY_HELM_TIMEOUT="20s")
    yield running
    running.stop()


@pytest_asyncio.fixture
async def site(
    real_cluster: RealCluster, real_temporal: TemporalServer, processes: Processes, tmp_path: Path
) -> AsyncIterator[Site]:
    client = await Client.connect(real_temporal.address, data_converter=pydantic_data_converter)
    async with chart_server() as charts, await Cluster.connect(real_cluster.kubeconfig) as cluster:
        for definition in (model_deployment_crd(), provider_config_crd()):
            await apply_crd(cluster, definition, field_manager="test")
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": SYSTEM_NAMESPACE}})
        built = Site(cluster, client, charts, processes, tmp_path)
        charts.add(built.chart())
        await built.register()
        yield built
        if built.operators is not None:
            await built.operators.__aexit__(None, None, None)
            await cluster.delete(NODES, NODE.name)
        for name in (built.provider, f"{built.provider}-2"):
            with suppress(NotFound):
                await cluster.delete(CONFIGS, name)
            with suppress(Exception):
                await client.get_workflow_handle(installation_workflow_id(name)).terminate()
        with suppress(NotFound):
            await cluster.delete(NAMESPACES, built.space)


def worker(site: Site) -> Any:
    return site.processes.start("worker", "--no-providers")


@pytest.mark.parametrize("source", ["repository", "archive", "registry"])
async def test_an_operator_is_installed_once_from_wherever_its_chart_is(site: Site, source: str) -> None:
    worker(site)
    await site.pods_run()
    if source == "archive":
        await site.register(chart=f"{site.charts.repository}/operator-2.1.0.tgz", version="")
    elif source == "registry":
        await site.register(chart=f"{site.charts.registry}/operator")

    first = await site.do()
    before = await site.versions()
    second = await site.do()

    assert first.succeeded, first.message
    assert (second.succeeded, second.changed) == (True, False)
    assert await site.releases() == [(f"{site.provider}-op", 1, "deployed")]
    assert await site.versions() == before


async def test_an_upgrade_shows_what_changes_and_one_that_fails_goes_back(site: Site) -> None:
    worker(site)
    await site.pods_run()
    await site.do()
    site.charts.add(site.chart(version="2.2.0"))
    await site.register(version="2.2.0", values={"replicas": 2, "apiToken": "hush-hush-hush"})

    plan = await site.plan(Operation.UPGRADE)
    upgraded = await site.do(Operation.UPGRADE)
    await site.register(version="2.2.0", values={"image": "fail-image/operator:1"})
    failed = await site.do(Operation.UPGRADE)

    diff = "\n".join(plan.diff)
    assert "+  replicas: 2" in diff
    assert "hush" not in diff
    assert upgraded.succeeded, upgraded.message
    assert not failed.succeeded
    record = await latest_record(site.cluster, f"{site.provider}-op", namespace=site.space)
    assert record is not None
    assert (record.status, record.chart_version) == ("deployed", "2.2.0")
    assert record.values["replicas"] == 2
    deployment = await site.cluster.get(APPS_DEPLOYMENTS, f"{site.provider}-op", namespace=site.space)
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "example/operator:1"


async def test_an_uninstall_keeps_definitions_from_templates(site: Site) -> None:
    worker(site)
    site.charts.add(site.chart("templated-crds"))
    await site.register(chart="test/templated-crds", version="", crds=("machines",))
    handle, _ = await site.ask()
    machines = f"machines.{site.group}"
    while await site.cluster.find(CRDS, machines) is None:
        await asyncio.sleep(0.2)
    # Without a pod the operator never counts as installed; the release is there all the same.
    await handle.signal("cancel")
    with suppress(WorkflowFailureError):
        await handle.result()

    plan = await site.plan(Operation.UNINSTALL)
    outcome = await site.do(Operation.UNINSTALL)

    assert machines in plan.deleted_with_it
    assert outcome.succeeded, outcome.message
    assert await site.releases() == []
    assert await site.cluster.find(CRDS, machines) is not None


@pytest.mark.parametrize(
    ("chart", "kind"),
    [("broken", "ChartInvalid"), ("missing", "ChartNotFound")],
)
async def test_a_chart_that_cannot_be_used_is_final(site: Site, chart: str, kind: str) -> None:
    worker(site)
    if chart == "broken":
        site.charts.add(site.chart("broken"))
    await site.register(chart=f"test/{chart}", version="")

    outcome = await site.do()

    assert (outcome.succeeded, outcome.kind) == (False, kind), outcome.message
    assert await site.releases() == []


async def test_a_failing_hook_is_final_and_its_release_is_there_for_the_next_attempt(site: Site) -> None:
    worker(site)
    await site.pods_run()
    site.charts.add(site.chart("failing-hook"))
    await site.register(chart="test/failing-hook", version="")

    failed = await site.do()
    await site.register()  # the config is mended: the operator's own chart under the same release
    mended = await site.do()

    assert not failed.succeeded
    assert mended.succeeded, mended.message
    statuses = [status for _, _, status in await site.releases()]
    assert statuses.count("deployed") == 1
    assert not [status for status in statuses if status.startswith("pending")]


# -- killed at each phase ------------------------------------------------------------------------------------


async def hold_charts(site: Site) -> None:
    """The chart server does not answer until it is told to."""
    answer = site.charts.handle

    async def wait_first(request: web.Request) -> web.StreamResponse:
        await site.held.wait()
        return await answer(request)

    site.charts.handle = wait_first  # type: ignore[method-assign]


@pytest.mark.parametrize("phase", [PREFLIGHT.name, APPLY_CRDS.name, INSTALL_CHART.name, AWAIT_OPERATOR.name])
async def test_a_worker_killed_at_any_phase_is_made_up_for(site: Site, phase: str) -> None:
    victim = worker(site)
    if phase == PREFLIGHT.name:
        await hold_charts(site)
    elif phase == APPLY_CRDS.name:
        await site.register(preInstallMissingCrds=True)
        await hold_after(site, requests_of_a_look=2)
    elif phase == AWAIT_OPERATOR.name:
        await site.register(labels="app=late")
        await site.pods_run()
    handle, request = await site.ask()
    await site.until_at(handle, phase)
    if phase == INSTALL_CHART.name:
        await until_pending(site)

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    site.held.set()
    if site.operators is None:
        await site.pods_run()
    if phase == AWAIT_OPERATOR.name:
        await late_pod(site)
    worker(site)

    outcome = await site.outcome(handle, request)
    assert outcome.succeeded, f"{outcome.message}\n{site.processes.logs()}"
    releases = await site.releases()
    assert {name for name, _, _ in releases} == {f"{site.provider}-op"}
    statuses = [status for _, _, status in releases]
    assert statuses.count("deployed") == 1
    assert set(statuses) <= {"deployed", "superseded"}  # a revision that was cut off can_i be remembered
    assert (await site.do()).changed is False


SLOW = "airunway.example.test/slow"


@pytest.mark.parametrize("phase", ["uninstalling", FINISH_UNINSTALL.name])
async def test_a_worker_killed_during_an_uninstall_is_made_up_for(site: Site, phase: str) -> None:
    victim = worker(site)
    await site.pods_run()
    assert (await site.do()).succeeded
    place = {"namespace": site.space}
    deployment = (await site.cluster.listing(APPS_DEPLOYMENTS, **place)).items[0]["metadata"]["name"]
    held = APPS_DEPLOYMENTS if phase == "uninstalling" else CRDS
    name = deployment if held is APPS_DEPLOYMENTS else f"gadgets.{site.group}"
    where = place if held is APPS_DEPLOYMENTS else {}
    # A finalizer holds the phase open: Helm waits for the Deployment, and a CRD that goes is there still.
    await site.cluster.patch(held, name, {"metadata": {"finalizers": [SLOW]}}, **where)
    handle, request = await site.ask(Operation.UNINSTALL, delete_crds=True)
    await until_going(site, held, name, where)

    victim.send_signal(signal.SIGKILL)
    victim.wait()
    await site.cluster.patch(held, name, {"metadata": {"finalizers": None}}, **where)
    worker(site)

    outcome = await site.outcome(handle, request)
    assert outcome.succeeded, f"{outcome.message}\n{site.processes.logs()}"
    assert await site.releases() == []
    assert await site.cluster.find(APPS_DEPLOYMENTS, deployment, **place) is None
    assert (await site.do()).succeeded


async def until_going(site: Site, kind: Resource, name: str, where: dict[str, str]) -> None:
    """Until an object is being deleted."""
    while "deletionTimestamp" not in (await site.cluster.get(kind, name, **where))["metadata"]:
        await asyncio.sleep(0.1)


async def hold_after(site: Site, *, requests_of_a_look: int) -> None:
    """The chart server answers the first look, and then not until it is told to."""
    answer, left = site.charts.handle, requests_of_a_look

    async def wait_then(request: web.Request) -> web.StreamResponse:
        nonlocal left
        left -= 1
        if left < 0:
            await site.held.wait()
        return await answer(request)

    site.charts.handle = wait_then  # type: ignore[method-assign]


async def until_pending(site: Site) -> None:
    while [status for _, _, status in await site.releases()] != ["pending-install"]:
        await asyncio.sleep(0.1)


async def late_pod(site: Site) -> None:
    body = {
        "metadata": {"name": "late", "labels": {"app": "late"}},
        "spec": {"containers": [{"name": "c", "image": "x"}]},
    }
    await site.cluster.create(PODS, body, namespace=site.space)


async def test_cancel_leaves_no_release_half_way(site: Site) -> None:
    worker(site)
    handle, request = await site.ask()
    await site.until_at(handle, INSTALL_CHART.name)
    await until_pending(site)

    await handle.signal("cancel")

    outcome = await site.outcome(handle, request)
    assert outcome.cancelled
    assert not [status for _, _, status in await site.releases() if status.startswith("pending")]
    await site.pods_run()
    assert (await site.do()).succeeded


async def test_two_providers_of_one_release_wait_for_each_other(site: Site) -> None:
    worker(site)
    await site.pods_run()
    other = f"{site.provider}-2"
    await site.register(other)

    asked = [await site.ask(), await site.ask(provider=other)]
    outcomes = [await site.outcome(*entry) for entry in asked]

    assert [outcome.succeeded for outcome in outcomes] == [True, True], outcomes
    assert await site.releases() == [(f"{site.provider}-op", 1, "deployed")]


# -- with the rights of deploy/installer -----------------------------------------------------------------


async def kubeconfig_of_the_installer(real: RealCluster, cluster: Cluster, folder: Path) -> Path:
    """A kubeconfig for the account that `deploy/installer` makes, with no rights but its own."""
    for obj in objects(INSTALLER):
        if obj["kind"] != "Deployment":
            served = await cluster.discovery.served_kinds(obj["apiVersion"])
            kind = Resource(obj["apiVersion"], served[obj["kind"]])
            await cluster.apply(kind, obj, field_manager="test")
    path = f"/api/v1/namespaces/{SYSTEM_NAMESPACE}/serviceaccounts/airunway-installer/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    status, answer = real.request("POST", path, body)
    assert status == 201, answer
    config = json.loads(real.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": answer["status"]["token"]}
    target = folder / "installer-kubeconfig"
    target.write_text(json.dumps(config))
    return target


async def until_may(kubeconfig: Path, *, resource: str, verb: str, allowed: bool = True) -> None:
    """Until the API server has heard of a change of rights."""
    async with await Cluster.connect(kubeconfig) as cluster:
        while await can_i(cluster, group="", resource=resource, verb=verb) is not allowed:
            await asyncio.sleep(0.1)


async def test_the_installers_own_rights_are_enough_and_what_they_lack_is_told(
    site: Site, real_cluster: RealCluster, real_temporal: TemporalServer, tmp_path: Path
) -> None:
    kubeconfig = await kubeconfig_of_the_installer(real_cluster, site.cluster, tmp_path)
    logs = tmp_path / "installer-logs"
    logs.mkdir()
    installer = Processes(kubeconfig, real_temporal.address, logs, AIRUNWAY_HELM_TIMEOUT="20s")
    site.processes.start("worker", "--no-providers", "--no-installer")
    installer.start("worker", "--no-core", "--no-providers", "--installer")
    try:
        await site.pods_run()
        installed = await site.do()
        removed = await site.do(Operation.UNINSTALL, delete_crds=True)
        await site.cluster.delete(CLUSTER_ROLE_BINDINGS, "airunway-installer")
        await site.cluster.create(CLUSTER_ROLE_BINDINGS, SEES_ALL)
        await until_may(kubeconfig, resource="nodes", verb="list")
        await until_may(kubeconfig, resource="secrets", verb="create", allowed=False)
        refused = await site.do()
    finally:
        installer.stop()
        with suppress(NotFound):
            await site.cluster.delete(CLUSTER_ROLE_BINDINGS, SEES_ALL["metadata"]["name"])

    assert installed.succeeded, f"{installed.message}\n{installer.logs()}"
    assert removed.succeeded, f"{removed.message}\n{installer.logs()}"
    assert refused.kind == "MissingRights", refused.message
    assert "create deployments.apps" in refused.message
    assert await site.releases() == []
