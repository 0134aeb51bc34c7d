"""What an installation as a workflow costs over the bare Helm call, and what one that finds it all done.

    python -m benchmarks.installation [--rounds 5] [--emulated]

On a real kube-apiserver with its controller manager (tools/real/build.py builds them), or on the emulated
one. The chart has one Deployment, a Secret and a CRD, and comes from a chart repository; its pod becomes
ready at once, so that the figures are Helm's and the control plane's. Worker and installer run in this
process, Temporal's dev server beside it. A round: the bare call, uninstalled again; the workflow; the
workflow again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from temporalio.client import Client

from airunway.api.chart_release import ChartRelease
from airunway.api.names import (
    INSTALLER_NAMESPACE,
    SYSTEM_NAMESPACE,
    core_task_queue,
    installation_workflow_id,
)
from airunway.clients.crds import apply_own_crds
from airunway.clients.errors import AlreadyExists
from airunway.clients.helm import Helm
from airunway.clients.helm.fetching import ChartFetcher
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIGS, CRDS, NAMESPACES, PODS, SECRETS, Cluster
from airunway.messages.installation import InstallationRequest
from airunway.messages.installation_workflow import REQUEST_INSTALLATION, InstallationInput
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import PretendNode
from airunway.sandbox.operators.timing import Timing
from airunway.sandbox.temporal import TemporalServer
from airunway.workers.settings import Settings
from airunway.workers.temporal.connection import connect
from airunway.workers.worker import run_worker
from airunway.workflows.provider_installation.workflow import ProviderInstallationWorkflow
from kube_emulator import EmulatedCluster
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.servers import ChartServer, chart_server
from tests.servers.cluster import Cluster as RealCluster

PROVIDER, SPACE, RELEASE = "bench", "bench-system", "bench-op"
INSTALLATIONS = "installations.yaml"
GROUP = "bench.example.test"
OVERHEAD_LIMIT, NO_OP_LIMIT = 1.0, 0.5


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--emulated", action="store_true")
    options = parser.parse_args()
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        kubeconfig = await _kubeconfig(stack, folder, emulated=options.emulated)
        temporal = await stack.enter_async_context(TemporalServer(headless=True))
        charts = await stack.enter_async_context(chart_server())
        charts.add(copy_chart("operator", folder, group=GROUP))
        cluster = await stack.enter_async_context(await Cluster.connect(kubeconfig))
        await _prepare(cluster, charts, folder / INSTALLATIONS)
        operators = PretendOperators(
            cluster,
            timing=Timing.instant(),
            nodes=[PretendNode(name="pretend-bench", gpus=0)],
            workloads=options.emulated,
            upstream=False,
        )
        await stack.enter_async_context(operators)
        settings = Settings(
            kubeconfig=kubeconfig,
            temporal_address=temporal.address,
            provider_installations=folder / INSTALLATIONS,
            inside_hosts=[charts.url],
        )
        worker = asyncio.create_task(run_worker(settings, providers={}))
        stack.callback(worker.cancel)
        client = await connect(settings)
        helm = Helm(kubeconfig=kubeconfig, charts=ChartFetcher(settings.outbound))
        return await _rounds(options.rounds, cluster, client, helm, charts)


async def _rounds(rounds: int, cluster: Cluster, client: Client, helm: Helm, charts: ChartServer) -> int:
    bare: list[float] = []
    workflows: list[float] = []
    no_ops: list[float] = []
    unchanged = True
    for _ in range(rounds + 1):
        bare.append(await _timed(helm.upgrade_or_install(_chart(charts), atomic=False)))
        await _clear(cluster, helm)
        workflows.append(await _timed(_install(client)))
        before = await _versions(cluster)
        no_ops.append(await _timed(_install(client)))
        unchanged = unchanged and before == await _versions(cluster)
        await _clear(cluster, helm)
    # The first of each warms caches that a worker has warm all day.
    figures = {name: entries[1:] for name, entries in (("b", bare), ("w", workflows), ("n", no_ops))}
    overhead = statistics.median(figures["w"]) - statistics.median(figures["b"])
    no_op = statistics.median(figures["n"])
    print(f"bare Helm call              {_shown(figures['b'])}")
    print(f"installation as a workflow  {_shown(figures['w'])}")
    print(f"  over the bare call        {overhead:.2f} s   (limit {OVERHEAD_LIMIT} s)")
    print(f"nothing to do               {_shown(figures['n'])}   (limit {NO_OP_LIMIT} s)")
    print(f"  resourceVersions          {'unchanged' if unchanged else 'CHANGED'}")
    return int(not (overhead <= OVERHEAD_LIMIT and no_op < NO_OP_LIMIT and unchanged))


def _shown(entries: list[float]) -> str:
    return f"median {statistics.median(entries):.2f} s, worst {max(entries):.2f} s"


async def _timed(work: Any) -> float:
    began = perf_counter()
    await work
    return perf_counter() - began


async def _install(client: Client) -> None:
    request = InstallationRequest(provider=PROVIDER, id=f"{perf_counter()}")
    handle = await client.start_workflow(
        ProviderInstallationWorkflow.run,
        InstallationInput(provider=PROVIDER),
        id=installation_workflow_id("bench", PROVIDER),
        task_queue=core_task_queue("bench"),
        start_signal=REQUEST_INSTALLATION,
        start_signal_args=[request],
    )
    view = await handle.result()
    assert view.outcomes[request.id].succeeded


def _chart(charts: ChartServer) -> ChartRelease:
    where = {"chart": "test/operator", "repository_url": charts.repository, "version": "2.1.0"}
    return ChartRelease(release=RELEASE, namespace=SPACE, **where)


async def _clear(cluster: Cluster, helm: Helm) -> None:
    await helm.uninstall(RELEASE, SPACE)
    while (await cluster.listing(PODS, namespace=SPACE)).items:
        await asyncio.sleep(0.05)


async def _versions(cluster: Cluster) -> dict[str, str]:
    found = {}
    for kind in (SECRETS, APPS_DEPLOYMENTS, PODS):
        for obj in (await cluster.listing(kind, namespace=SPACE)).items:
            found[f"{kind.plural}/{obj['metadata']['name']}"] = obj["metadata"]["resourceVersion"]
    crd = await cluster.get(CRDS, f"gadgets.{GROUP}")
    return {**found, "crd": crd["metadata"]["resourceVersion"]}


async def _kubeconfig(stack: AsyncExitStack, folder: Path, *, emulated: bool) -> Path:
    if not emulated:
        running = await asyncio.to_thread(stack.enter_context, RealCluster())
        return running.kubeconfig
    cluster = await stack.enter_async_context(EmulatedCluster())
    return await asyncio.to_thread(cluster.kubeconfig, folder / "kubeconfig")


async def _prepare(cluster: Cluster, charts: ChartServer, installations: Path) -> None:
    await apply_own_crds(cluster, field_manager="bench")
    for name in (SYSTEM_NAMESPACE, INSTALLER_NAMESPACE, SPACE):
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": name}})
    chart = {"name": RELEASE, "chart": "test/operator", "version": "2.1.0", "namespace": SPACE}
    installation = {"helmRepos": [{"name": "test", "url": charts.repository}], "helmCharts": [chart]}
    selector = f"app.kubernetes.io/instance={RELEASE}"
    health = {
        "crds": [f"gadgets.{GROUP}"],
        "operatorPods": [{"namespace": SPACE, "selectors": [selector]}],
    }
    said = json.dumps({PROVIDER: installation | {"health": health}})
    await asyncio.to_thread(installations.write_text, said)
    body = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "InferenceProviderConfig",
        "metadata": {"name": PROVIDER},
        "spec": {"capabilities": {"engines": [{"name": "vllm", "cpuSupport": True}]}},
    }
    await cluster.apply(CONFIGS, body, field_manager="bench")


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
