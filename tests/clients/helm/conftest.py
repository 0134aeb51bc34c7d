"""The adapter by either way to Helm, on the emulated cluster and on real servers.

`helm` is the adapter of the pair under test, `api` a plain client of its cluster, `space` a namespace of the
test's own. The command is built for the real tier only; charts and clusters are the same for both.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from yarl import URL

from airunway.api.chart_release import ChartRelease
from airunway.clients.guarded_http import OutboundPolicy, is_loopback
from airunway.clients.helm import Helm
from airunway.clients.helm.fetching import ChartFetcher
from airunway.clients.kubernetes import Cluster
from airunway.sandbox.operators.manager import PretendOperators
from airunway.sandbox.operators.nodes import NODES, PretendNode
from airunway.sandbox.operators.timing import Timing
from kube_emulator import EmulatedCluster
from kube_emulator.testing import Api
from tests.clients.helm.charts import copy_chart
from tests.clients.helm.servers import ChartServer, chart_server
from tests.servers import binaries
from tests.servers.fixtures import require

REAL = pytest.mark.real
PAIRS = [
    pytest.param(("library", "emulated"), id="library-emulated"),
    pytest.param(("command", "emulated"), id="command-emulated", marks=REAL),
    pytest.param(("library", "real"), id="library-real", marks=REAL),
    pytest.param(("command", "real"), id="command-real", marks=REAL),
]
SHORT = timedelta(seconds=60)
"""What is waited for in tests is there at once, or never."""
NODE = PretendNode(name="pretend-helm-0", gpus=0)


def helm_command() -> str:
    """The pinned `helm` binary."""
    require(binaries.why_missing(["helm"]))
    return binaries.binary("helm")


@pytest.fixture
def temporary_files(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where children keep their files, so that a test can see that none stay."""
    if "pair" in request.fixturenames and request.getfixturevalue("pair")[1] == "real":
        request.getfixturevalue("real_kubeconfig")  # the servers' files have their own place, and stay longer
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(params=["library", pytest.param("command", marks=REAL)])
def way(request: pytest.FixtureRequest) -> str:
    """For tests that need no cluster."""
    return str(request.param)


@pytest.fixture(params=PAIRS)
def pair(request: pytest.FixtureRequest) -> tuple[str, str]:
    way, flavour = request.param
    return way, flavour


@pytest.fixture
async def kubeconfig(
    pair: tuple[str, str], tmp_path: Path, request: pytest.FixtureRequest
) -> AsyncIterator[Path]:
    if pair[1] == "real":
        yield Path(request.getfixturevalue("real_kubeconfig"))
        return
    async with EmulatedCluster() as cluster:
        yield cluster.kubeconfig(tmp_path / "kubeconfig")


@pytest.fixture
def helm(pair: tuple[str, str], kubeconfig: Path) -> Helm:
    return adapter(pair[0], kubeconfig)


@pytest.fixture
def hasty(pair: tuple[str, str], kubeconfig: Path) -> Helm:
    """The same with hardly any patience, for what never becomes ready."""
    return adapter(pair[0], kubeconfig, timeout=timedelta(seconds=2))


class HereToo(OutboundPolicy):
    """Charts come from servers on this machine, without TLS."""

    def lets_in(self, url: URL) -> bool:
        return is_loopback(url.host or "") or super().lets_in(url)

    def allows_scheme(self, url: URL) -> bool:
        return url.scheme in ("http", "https")


def adapter(way: str, kubeconfig: Path | None = None, *, timeout: timedelta = SHORT) -> Helm:
    """Helm by one way, with a short grace: a test that needs it longer would hide a child that hangs."""
    binary = helm_command() if way == "command" else None
    grace = timedelta(seconds=15)
    charts = ChartFetcher(HereToo())
    return Helm(kubeconfig=kubeconfig, binary=binary, grace=grace, timeout=timeout, charts=charts)


@pytest.fixture
async def api(kubeconfig: Path) -> AsyncIterator[Api]:
    async with Api(kubeconfig) as client:
        yield client


@pytest.fixture
async def space(api: Api) -> AsyncIterator[str]:
    name = f"helm-{uuid.uuid4().hex[:10]}"
    (await api.create("/api/v1/namespaces", {"metadata": {"name": name}})).ok()
    yield name
    await api.delete(f"/api/v1/namespaces/{name}")


@pytest.fixture
async def pods_run(pair: tuple[str, str], kubeconfig: Path) -> AsyncIterator[None]:
    """Pods are scheduled on a pretend node and become ready; on a real cluster too, which has none."""
    async with await Cluster.connect(kubeconfig) as cluster:
        operators = PretendOperators(
            cluster,
            timing=Timing.instant(),
            nodes=[NODE],
            workloads=pair[1] == "emulated",
            upstream=False,
        )
        async with operators:
            yield
        await cluster.delete(NODES, NODE.name)


@pytest.fixture
async def charts() -> AsyncIterator[ChartServer]:
    async with chart_server() as server:
        yield server


@pytest.fixture
def group() -> str:
    """An API group of the test's own."""
    return f"g{uuid.uuid4().hex[:8]}.example.test"


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """The smallest chart, in a folder."""
    return copy_chart("settings", tmp_path)


def release(chart: Path | str, space: str, *, name: str = "web", **more: object) -> ChartRelease:
    """A chart under a release's name."""
    return ChartRelease(release=name, namespace=space, chart=str(chart), **more)  # type: ignore[arg-type]


def alive(pid: int) -> bool:
    """Whether a process is there and is no zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
