"""What most benchmarks stand on: a real kube-apiserver with an audit log, Temporal, our processes.

Every server and process is started here, ended by its id and leaves nothing behind. Ours run as in a cluster:
worker and watcher as processes that are killed and started one by one, or both in one.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from temporalio.client import Client

from airunway.clients.crds import apply_crd, apply_own_crds
from airunway.clients.errors import AlreadyExists
from airunway.clients.kubernetes import APPS_DEPLOYMENTS, CONFIGS, NAMESPACES, PODS, Cluster
from airunway.workers.temporal.converter import data_converter
from benchmarks.audit import Audit
from benchmarks.instant_operator import CRD
from benchmarks.workload import NAMESPACE
from kube_emulator.envtest.ports import kept_port
from kube_emulator.envtest.process import Server
from tests.servers.cluster import Cluster as KubernetesServers
from tests.servers.postgres import Postgres
from tests.servers.temporal_dev import TemporalDevServer
from tests.servers.temporal_server import TemporalServer

REPOSITORY = Path(__file__).parents[1]
BENCHMARK, OPERATOR = "benchmark", "benchmark-operator"
"""User agents, so that the audit log tells who made a call; those of our processes begin with `airunway`."""

CLUSTER = "bench"
"""Name of the cluster, in workflow ids and task queues."""

KAITO_OPERATOR = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": "kaito-workspace",
        "namespace": NAMESPACE,
        "labels": {"app.kubernetes.io/name": "workspace", "app.kubernetes.io/instance": "kaito-workspace"},
    },
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "kaito"}},
        "template": {
            "metadata": {"labels": {"app": "kaito"}},
            "spec": {"containers": [{"name": "manager", "image": "example.com/kaito:0"}]},
        },
    },
}


class Process(Server):
    """One of our processes, as `python -m MODULE ...`, with probes. Killed and started again at will."""

    hidden_variables = ("AIRUNWAY_", "TEMPORAL_", "KUBECONFIG")

    def __init__(self, words: Sequence[str], environment: dict[str, str], folder: Path) -> None:
        super().__init__(folder)
        self._words = list(words)
        self._port = kept_port(self.folder, "health")
        self._environment = environment | {
            "AIRUNWAY_HEALTH_PORT": str(self._port),
            # Started again it is a container that its kubelet starts again, and takes up its Lease.
            "POD_NAME": self.name,
            "POD_UID": uuid.uuid4().hex,
            "PYTHONPATH": str(REPOSITORY),
        }

    @property
    def name(self) -> str:  # type: ignore[override]  # one class, several programs
        """Of its folder and log."""
        return self.folder.name

    def command(self) -> list[str]:
        """Through `env`, which becomes the program: the process id stays."""
        return [*self.with_environment(), sys.executable, "-m", *self._words]

    def with_environment(self) -> list[str]:
        """The beginning of every command line of ours."""
        return ["env", *(f"{key}={value}" for key, value in self._environment.items())]

    @property
    def kubeconfig(self) -> str:
        """Of the stage's API server."""
        return self._environment["AIRUNWAY_KUBECONFIG"]

    def is_ready(self) -> bool:
        """Whether its probe says so."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)


@dataclass
class Stage:
    """The servers, and what is needed to reach them."""

    kubernetes: KubernetesServers
    temporal: TemporalDevServer | TemporalServer
    audit: Audit
    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    """Variables (`AIRUNWAY_...`) for our processes, besides where the servers are."""
    _running: ExitStack = field(default_factory=ExitStack)

    def start(self, name: str, *words: str, process: type[Process] = Process) -> Process:
        """Start one of our processes and wait until it is ready; it ends with the stage."""
        where = {
            "AIRUNWAY_TEMPORAL_ADDRESS": self.temporal.address,
            "AIRUNWAY_KUBECONFIG": str(self.kubernetes.kubeconfig),
            "AIRUNWAY_CLUSTER": CLUSTER,
            "AIRUNWAY_LOG_FORMAT": "json",
        }
        return self._running.enter_context(process(words, where | self.settings, self.folder / name))

    async def connect(self, user_agent: str = BENCHMARK) -> Cluster:
        """A client of the API server, known by its user agent."""
        return await Cluster.connect(self.kubernetes.kubeconfig, user_agent=user_agent)

    async def temporal_client(self) -> Client:
        """A client of Temporal that reads our payloads."""
        return await Client.connect(self.temporal.address, data_converter=data_converter())

    async def prepare(self) -> None:
        """Install what a benchmark needs in the cluster; see `prepare`."""
        async with await self.connect() as cluster:
            await prepare(cluster)


async def prepare(cluster: Cluster) -> None:
    """Install CRDs and KAITO's operator, whose pod is said to be ready because there is no kubelet."""
    for name in (NAMESPACE, "airunway-system"):
        with suppress(AlreadyExists):
            await cluster.create(NAMESPACES, {"metadata": {"name": name}})
    await apply_own_crds(cluster, field_manager=BENCHMARK)
    await apply_crd(cluster, CRD, field_manager=BENCHMARK)
    await cluster.apply(APPS_DEPLOYMENTS, KAITO_OPERATOR, field_manager=BENCHMARK)
    while not (pods := (await cluster.listing(PODS, namespace=NAMESPACE)).items):
        await asyncio.sleep(0.2)
    ready = {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}
    name = pods[0]["metadata"]["name"]
    await cluster.patch(PODS, name, {"status": ready}, namespace=NAMESPACE, subresource="status")


async def until_provider_ready(
    cluster: Cluster, provider: str = "kaito", *, check: Callable[[], None] = lambda: None
) -> None:
    """Wait until a provider's worker has found its operator. `check`: raises when that cannot happen."""
    async with asyncio.timeout(120):
        while True:
            check()
            config = await cluster.find(CONFIGS, provider)
            if config and (config.get("status") or {}).get("ready"):
                return
            await asyncio.sleep(0.2)


def add_options(parser: argparse.ArgumentParser) -> None:
    """The options that every benchmark on a stage has."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--postgres",
        action="store_true",
        help="Temporal's own server on PostgreSQL; without it the development server on a file",
    )


@contextmanager
def stage(*, postgres: bool) -> Iterator[Stage]:
    """Start all servers; everything is stopped and removed at the end."""
    with ExitStack() as running:
        kubernetes = KubernetesServers()
        audit = Audit(kubernetes.api_server.folder)
        kubernetes.api_server.extra_args += audit.flags()
        running.enter_context(kubernetes)
        temporal: TemporalDevServer | TemporalServer
        if postgres:
            temporal = running.enter_context(TemporalServer(running.enter_context(Postgres())))
        else:
            temporal = running.enter_context(TemporalDevServer())
        made = Stage(kubernetes, temporal, audit, temporal.folder / "ours")
        running.enter_context(made._running)
        asyncio.run(made.prepare())
        yield made


def lines_of(log: Path) -> list[dict[str, object]]:
    """A log of one of our processes; lines that are not JSON are given as their text."""
    found: list[dict[str, object]] = []
    for line in log.read_text(errors="replace").splitlines() if log.exists() else []:
        try:
            found.append(json.loads(line))
        except ValueError:
            found.append({"event": line})
    return found


def cores() -> int:
    """Processors of this machine: figures mean little without."""
    return os.cpu_count() or 1
