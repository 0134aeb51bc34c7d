"""`airunway logs` and `open`: which containers, in which order, and what of them reaches a terminal."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import aiohttp
import pytest
import pytest_asyncio

from airunway.api import names
from airunway.cli.link_report import links_of
from airunway.cli.placing import Where
from airunway.cli.pod_logs import LogSource, PodLogOptions, _sources, engine_container, print_logs
from airunway.cli.problems import CliError
from airunway.clients.errors import Invalid, NotFound
from airunway.clients.kubernetes import DEPLOYMENTS, PODS, Cluster, Object
from airunway.clients.kubernetes.log_lines import MAX_LINE_BYTES, lines_of
from airunway.messages.refs import DeploymentRef
from airunway.workers.settings import Settings
from tests.cli.conftest import Airunway
from tests.clusters import emulated_cluster


def pod(name: str, *containers: Object, annotations: dict[str, str] | None = None) -> Object:
    meta = {"name": name, "labels": {names.LABEL_DEPLOYMENT: "chat"}, "annotations": annotations or {}}
    return {"metadata": meta, "spec": {"containers": list(containers)}}


def container(name: str, **limits: str) -> Object:
    return {"name": name, "image": "example.com/i:1", "resources": {"limits": limits}}


GPU = {"nvidia.com/gpu": "1"}


@pytest.mark.parametrize(
    ("given", "want"),
    [
        pytest.param(pod("p", container("proxy"), container("vllm")), "vllm", id="called like the engine"),
        pytest.param(pod("p", container("a"), container("b", **GPU)), "b", id="asks for a device"),
        pytest.param(pod("p", container("a", cpu="1"), container("b")), "a", id="else the first"),
        pytest.param(
            pod(
                "p",
                container("vllm"),
                container("x"),
                annotations={"kubectl.kubernetes.io/default-container": "x"},
            ),
            "x",
            id="the pod's own default",
        ),
    ],
)
def test_the_engines_container(given: Object, want: str) -> None:
    assert engine_container(given, "vllm") == want


def test_with_all_containers_the_engines_is_first() -> None:
    pods = [pod("one", container("proxy"), container("vllm"))]

    all_of_them = list(_sources(pods, engine="vllm", wanted=PodLogOptions(all_containers=True)))
    one = list(_sources(pods, engine="vllm", wanted=PodLogOptions(container="proxy")))

    assert all_of_them == [LogSource("one", "vllm"), LogSource("one", "proxy")]
    assert one == [LogSource("one", "proxy")]


class _Content:
    def __init__(self, *chunks: bytes) -> None:
        self._chunks = chunks
        self.content = self

    async def iter_any(self) -> AsyncIterator[bytes]:
        for chunk in self._chunks:
            yield chunk


async def test_lines_are_whole_and_bounded() -> None:
    response = _Content(b"one\ntw", b"o\r\n", b"\xff\n", b"x" * (MAX_LINE_BYTES + 1), b"last")

    found = [line async for line in lines_of(cast(aiohttp.ClientResponse, response), "log")]

    assert found == ["one", "two", "�", "x" * MAX_LINE_BYTES, "xlast"]


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A deployment with two pods."""
    async with emulated_cluster(tmp_path, own_crds=True) as found:
        body = {
            "apiVersion": names.API_VERSION,
            "kind": names.DEPLOYMENT_KIND,
            "metadata": {"name": "chat"},
            "spec": {"model": {"id": "org/model"}},
        }
        await found.create(DEPLOYMENTS, body, namespace="default")
        for name in ("chat-a", "chat-b"):
            await found.create(PODS, pod(name, container("vllm")), namespace="default")
        yield found


def logs_say(monkeypatch: pytest.MonkeyPatch, **said: Any) -> None:
    """What the pods' logs hold: lines, or an error."""

    async def log(_: Cluster, name: str, **__: object) -> AsyncIterator[str]:
        answer = said[name.replace("-", "_")]
        if isinstance(answer, Exception):
            raise answer
        for line in answer:
            yield line

    monkeypatch.setattr(Cluster, "log", log)


@pytest.mark.parametrize("follow", [False, True])
async def test_each_line_says_whose_it_is_and_steers_nothing(
    tmp_path: Path,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    follow: bool,
) -> None:
    logs_say(monkeypatch, chat_a=["ready \x1b[2J"], chat_b=Invalid("is waiting to start", status=400))

    await print_logs(None, "chat", PodLogOptions(follow=follow), where=Where(tmp_path / "kubeconfig"))

    out, err = capsys.readouterr()
    assert out == "[chat-a/vllm] ready �[2J\n"
    assert "chat-b/vllm: is waiting to start" in err


async def test_where_no_log_can_be_read_it_says_so(
    tmp_path: Path,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    missing = NotFound("the server could not find the requested resource", status=404)
    logs_say(monkeypatch, chat_a=missing, chat_b=missing)

    with pytest.raises(CliError, match="none of the logs can be read"):
        await print_logs(None, "chat", PodLogOptions(), where=Where(tmp_path / "kubeconfig"))

    assert "this API server serves no logs of pods" in capsys.readouterr().err


async def test_no_such_deployment_no_such_container_no_pods(tmp_path: Path, cluster: Cluster) -> None:
    where = Where(tmp_path / "kubeconfig")

    with pytest.raises(CliError, match="no ModelDeployment default/other"):
        await print_logs(None, "other", PodLogOptions(), where=where)
    with pytest.raises(CliError, match="no pod has a container 'nginx'; there are: vllm"):
        await print_logs(None, "chat", PodLogOptions(container="nginx"), where=where)
    for name in ("chat-a", "chat-b"):
        await cluster.delete(PODS, name, namespace="default", grace_seconds=0)
    with pytest.raises(CliError, match="default/chat has no pods"):
        await print_logs(None, "chat", PodLogOptions(), where=where)


async def test_open_prints_the_addresses(tmp_path: Path, cluster: Cluster, airunway: Airunway) -> None:
    (tmp_path / "kubeconfig").exists()

    result = await asyncio.to_thread(airunway, "open", "chat", "--kubeconfig", tmp_path / "kubeconfig")

    assert result.status == 0, result.err
    assert "/workflows/modeldeployment%2F" in result.out


@pytest.mark.parametrize(
    ("url", "want"),
    [("http://10.0.0.1", "http://10.0.0.1"), ("javascript:alert(1)", None), ("file:///etc/passwd", None)],
)
def test_only_a_web_address_is_one(url: str, want: str | None) -> None:
    ref = DeploymentRef(cluster="c", namespace="n", name="x")
    deployment = {"metadata": {"name": "x"}, "status": {"gateway": {"url": url}}}

    assert links_of(Settings(), ref, deployment).get("model") == want
