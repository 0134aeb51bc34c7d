"""`airunway up`: the whole system on one machine, as a person starts it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from airunway.api.names import ANNOTATION_CANCEL_BUILD
from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from airunway.sandbox.temporal import claimed_port, free_port
from tests.sandbox.conftest import Stage, condition_of

pytestmark = pytest.mark.timeout(180)

SAMPLES = {"llama-cpu", "phi-gguf", "qwen-kaito", "chat-vllm", "tiny-built"}
START_SECONDS = 120  # a machine that also builds things may be slow; usually it is a tenth


class Up:
    """A running `airunway up`."""

    def __init__(self, process: asyncio.subprocess.Process, folder: Path) -> None:
        self.process = process
        self.folder = folder
        self.lines: list[str] = []

    async def until_line(self, text: str) -> str:
        """Read its output until a line holds a text."""
        assert self.process.stdout is not None
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_SECONDS):
                while line := (await self.process.stdout.readline()).decode():
                    self.lines.append(line)
                    if text in line:
                        return line
        raise AssertionError(f"never said {text!r}: {''.join(self.lines)}")

    async def airunway(self, *arguments: str) -> str:
        """Run another command in the same folder; answers its output."""
        status, out, err = await self.run(*arguments)
        assert status == 0, err
        return out

    async def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run another command in the same folder; answers status, output and errors."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "airunway.cli", *arguments),
            cwd=self.folder,
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def stop(self) -> int:
        """Ctrl-C; answers the exit status."""
        self.process.send_signal(signal.SIGINT)
        out, _ = await self.process.communicate()
        self.lines += out.decode().splitlines(keepends=True)
        assert self.process.returncode is not None
        return self.process.returncode

    @property
    def kubeconfig(self) -> Path:
        return self.folder / ".airunway" / "kubeconfig"

    @property
    def children(self) -> list[int]:
        """Process ids of what it started."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(number) for number in listed.split()]


Start = Callable[..., Awaitable[Up]]


def clean_environment() -> dict[str, str]:
    """Ours, without what names a cluster or a setting."""
    ours = ("AIRUNWAY_", "KUBECONFIG")
    return {key: value for key, value in os.environ.items() if not key.startswith(ours)}


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start `airunway up` with arguments, in the test's folder."""
    started: list[asyncio.subprocess.Process] = []

    async def run(*arguments: str) -> Up:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "airunway.cli", "up", *arguments),
            cwd=tmp_path,
            env=clean_environment(),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        started.append(process)
        return Up(process, tmp_path)

    yield run
    for process in started:
        if process.returncode is None:
            process.terminate()
            await process.communicate()


async def test_the_samples_run_and_ctrl_c_leaves_nothing_behind(start: Start) -> None:
    up = await start()

    await up.until_line("every sample runs")
    pages = (await up.until_line("Pages")).split()[-1]
    await up.until_line("Kubeconfig")
    asked = (await up.until_line("/proxy/v1/models")).split()[-1]
    async with aiohttp.ClientSession() as session, session.get(asked) as answered:
        models = await answered.json()
    async with aiohttp.ClientSession() as session, session.get(pages) as answered:
        page = await answered.text()
    async with await Cluster.connect(up.kubeconfig) as cluster:
        listing = await cluster.listing(DEPLOYMENTS, namespace="default")
    answer = await up.airunway("status", "chat-vllm", "-o", "json")
    refused, _, why = await up.run("retry", "chat-vllm")
    told = await up.airunway("history", "chat-vllm", "-o", "jsonl")
    fleet = await up.airunway("status", "--all-clusters", "-o", "json")
    children = up.children
    status = await up.stop()

    assert {obj["metadata"]["name"] for obj in listing.items} == SAMPLES
    assert {obj["status"]["phase"] for obj in listing.items} == {"Running"}
    assert all(f"/deployments/default/{name}" in page for name in SAMPLES)
    assert [model["owned_by"] for model in models["data"]] == ["sandbox"]
    assert json.loads(answer)["workflow"]["state"]["state"]["status"]["provider"]["name"] == "vllm"
    assert refused == 1
    assert "refused: nothing failed; phase is Running" in why
    steps = [json.loads(line)["what"] for line in told.splitlines()]
    assert {"select_engine", "apply_upstream", "write_status"} <= set(steps)
    assert {item["name"] for item in json.loads(fleet)["items"]} == SAMPLES
    assert status == 0
    assert not any("Traceback" in line for line in up.lines)
    assert children
    assert not any(map(_is_running, children))
    assert not (up.folder / ".airunway" / "running.json").exists()


async def test_a_build_is_cancelled_by_its_annotation_and_begun_again_by_the_command(
    start: Start, tmp_path: Path
) -> None:
    up = await start("--sample", _built(tmp_path))
    await up.until_line("building the model image: downloading Tiny-Q4_K_M.gguf: ")
    async with await Cluster.connect(up.kubeconfig) as cluster:
        patch = {"metadata": {"annotations": {ANNOTATION_CANCEL_BUILD: "1"}}}
        await cluster.patch(DEPLOYMENTS, "built", patch, namespace="default")
    await up.until_line("built: Failed")

    refused, _, why = await up.run("cancel-build", "built")
    retried = await up.airunway("retry", "built", "--reason", "it is wanted after all")

    assert refused == 1
    assert "refused: no image is being built" in why
    assert retried == "default/built: trying generation 1 again\n"
    await up.until_line("built: Running")
    status = json.loads(await up.airunway("status", "built", "-o", "json"))["deployment"]["status"]
    assert status["image"]["resolved"].startswith("localhost:30500/aikit-example-tiny-gguf@sha256:")
    assert await up.stop() == 0


def _built(folder: Path) -> str:
    """A deployment of a GGUF model without an image."""
    spec = {
        "model": {"id": "example/Tiny-GGUF"},
        "provider": {"name": "kaito"},
        "engine": {"type": "llamacpp"},
        "resources": {"cpu": "1"},
    }
    return _sample(folder, "built", spec)


def _sample(folder: Path, name: str, spec: dict[str, Any]) -> str:
    """A manifest of a deployment; its path."""
    sample = {
        "apiVersion": "airunway.ai/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name},
        "spec": spec,
    }
    file = folder / f"{name}.json"
    file.write_text(json.dumps(sample))
    return str(file)


async def test_a_second_up_resumes_what_the_first_one_left(start: Start) -> None:
    first = await start("--once")
    await first.until_line("every sample runs")
    assert await first.process.wait() == 0

    second = await start("--no-samples")
    await second.until_line("qwen-kaito: Running")
    async with await Cluster.connect(second.kubeconfig) as cluster:
        await cluster.delete(DEPLOYMENTS, "qwen-kaito", namespace="default")
        # Its workflow, which the first one started, takes the finalizer off.
        await Stage(cluster, patience=60).until(
            DEPLOYMENTS, lambda left: "qwen-kaito" not in {obj["metadata"]["name"] for obj in left}
        )

    assert await second.stop() == 0


async def test_a_sample_that_does_not_run_is_shown_with_its_reason(start: Start, tmp_path: Path) -> None:
    up = await start("--sample", _greedy(tmp_path))

    assert "default/greedy" in await up.until_line("Insufficient nvidia.com/gpu")
    assert await up.stop() == 0


async def test_once_gives_up_after_the_deadline(start: Start, tmp_path: Path) -> None:
    up = await start("--once", "--deadline", "1", "--sample", _greedy(tmp_path))

    await up.until_line("default/greedy: ")
    out, _ = await up.process.communicate()
    assert up.process.returncode == 1
    assert b"every sample runs" not in out


def _greedy(folder: Path) -> str:
    """A deployment that wants more GPUs than any pretend node has."""
    spec = {
        "model": {"id": "acme/big"},
        "provider": {"name": "vllm"},
        "engine": {"type": "vllm"},
        "resources": {"gpu": {"count": 8}},
    }
    return _sample(folder, "greedy", spec)


async def test_one_folder_has_one_up(start: Start) -> None:
    first = await start("--no-samples")
    await first.until_line("Kubeconfig")

    second = await start("--no-samples")
    out, _ = await second.process.communicate()

    assert second.process.returncode == 1
    assert b"another `airunway up` uses .airunway" in out
    assert await first.stop() == 0


def test_a_port_that_somebody_is_about_to_listen_on_is_nobody_elses() -> None:
    usual = free_port()

    with claimed_port(usual) as first, claimed_port(usual) as second:
        taken = (first, second)
    with claimed_port(usual) as again:
        pass

    assert taken[0] == again == usual
    assert taken[1] != usual


@pytest.mark.timeout(360)
async def test_two_that_begin_in_the_same_moment_run_beside_each_other(start: Start, tmp_path: Path) -> None:
    folders = ("one", "two")

    both = await asyncio.gather(*(start("--no-samples", "--state-dir", folder) for folder in folders))
    for up in both:
        await up.until_line("Kubeconfig")
    running = [json.loads((tmp_path / folder / "running.json").read_text()) for folder in folders]
    statuses = [await up.stop() for up in both]

    assert len({one["temporal_address"] for one in running}) == 2
    assert len({one["temporal_ui"] for one in running}) == 2
    assert statuses == [0, 0]


@pytest.mark.timeout(360)
async def test_every_sample_answers_at_one_address(start: Start) -> None:
    up = await start()
    shown = (await up.until_line("Gateway  ")).split()[-1]
    call = await up.until_line("/v1/chat/completions")
    async with await Cluster.connect(up.kubeconfig) as cluster:
        published = await Stage(cluster, patience=START_SECONDS).until(
            DEPLOYMENTS,
            lambda found: found if len(found) == len(SAMPLES) and all(map(_arrives, found)) else None,
        )

    async with aiohttp.ClientSession() as session:
        for gateway in (obj["status"]["gateway"] for obj in published):
            body = {"model": gateway["modelName"], "messages": [{"role": "user", "content": "Hello"}]}
            async with session.post(f"{gateway['url']}/v1/chat/completions", json=body) as answer:
                assert (answer.status, (await answer.json())["model"]) == (200, gateway["modelName"])
    told = await up.airunway("status", "chat-vllm")
    assert {obj["status"]["gateway"]["url"] for obj in published} == {shown}
    assert f"curl {shown}" in call
    assert f"curl {published[0]['status']['gateway']['url']}/v1/chat/completions" in told


async def test_without_the_gateway_the_cluster_serves_none_of_its_kinds(start: Start) -> None:
    up = await start("--no-gateway", "--no-samples")
    await up.until_line("Kubeconfig")

    async with await Cluster.connect(up.kubeconfig) as cluster:
        groups = await cluster.discovery.served_group_versions()

    assert not [one for one in groups if one.startswith("gateway.networking.k8s.io/")]
    assert any(one.startswith("airunway.ai/") for one in groups)


def _arrives(obj: Any) -> bool:
    return condition_of(obj, "GatewayReady").get("status") == "True"
