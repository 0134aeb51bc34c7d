"""`airunway providers`: what is shown, installed and taken away in the sandbox, and what is refused."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest
import yaml

from airunway.clients.kubernetes import DEPLOYMENTS, Cluster
from tests.cli.conftest import Airunway
from tests.cli.test_processes import free_port
from tests.cli.test_up import Start, Up, clean_environment
from tests.cli.test_up import start as start

pytestmark = pytest.mark.timeout(180)

DEPLOYMENT = """
apiVersion: airunway.ai/v1alpha1
kind: ModelDeployment
metadata: {name: chat, namespace: default}
spec:
  model: {id: Qwen/Qwen3-0.6B}
  provider: {name: kaito}
  engine: {type: vllm}
  resources: {gpu: {count: 1}}
"""


async def run(up: Up, *arguments: str) -> tuple[int, str, str]:
    """A command in the folder of `up`: status, output, errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "airunway.cli", *arguments),
        cwd=up.folder,
        env=clean_environment(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode is not None
    assert b"Traceback" not in err
    return process.returncode, out.decode(), err.decode()


def row(table: str, name: str) -> list[str]:
    return next(line.split() for line in table.splitlines() if line.startswith(name))


async def listed(up: Up, name: str) -> list[str]:
    _, out, _ = await run(up, "providers", "list")
    return row(out, name)


async def test_an_operator_is_shown_installed_upgraded_and_taken_away(start: Start) -> None:
    up = await start("--no-samples")
    await up.until_line("Kubeconfig")
    while (await listed(up, "kaito"))[1] != "yes":
        await asyncio.sleep(0.2)

    assert (await listed(up, "kaito"))[:6] == ["kaito", "yes", "no", "not", "installed", "-"]
    assert (await listed(up, "vllm"))[3:5] == ["not", "needed"]

    status, out, _ = await run(up, "providers", "show", "kaito")
    assert status == 0
    assert "helm upgrade kaito-workspace kaito/workspace --install" in out
    assert "spec.engine.type == 'llamacpp'" in out

    status, out, _ = await run(up, "providers", "install", "kaito", "--dry-run")
    assert status == 0
    assert "+ Deployment kaito-workspace" in out
    assert (await listed(up, "kaito"))[4] == "installed"
    assert (await listed(up, "kaito"))[3] == "not"

    status, out, err = await run(up, "providers", "install", "kaito")
    assert status == 0, err
    assert "install-kaito-workspace: release kaito-workspace/kaito-workspace is deployed" in out
    assert (await listed(up, "kaito"))[3:5] == ["installed", "0.12.0"]
    while (await listed(up, "kaito"))[5] != "Installed":  # until its worker has seen it as well
        await asyncio.sleep(0.2)

    status, out, _ = await run(up, "providers", "install", "kaito")
    assert (status, "nothing to do" in out) == (0, True)

    hush = "--set=someToken=hush-hush-hush"
    status, out, err = await run(up, "providers", "upgrade", "kaito", hush)
    assert (status, "give --yes" in err) == (1, True)
    assert "[redacted]" in out
    status, out, err = await run(up, "providers", "upgrade", "kaito", hush, "--yes", "-o", "json")
    answer = json.loads(out)
    assert answer["success"]
    assert [entry["step"] for entry in answer["results"]][-1] == "install-kaito-workspace"
    assert "hush" not in out

    await uninstall_when_nothing_uses_it(up)
    assert (await listed(up, "kaito"))[3] == "not"
    await up.stop()


async def uninstall_when_nothing_uses_it(up: Up) -> None:
    async with await Cluster.connect(up.kubeconfig) as cluster:
        await cluster.create(DEPLOYMENTS, yaml.safe_load(DEPLOYMENT), namespace="default")
        status, _, err = await run(up, "providers", "uninstall", "kaito", "--yes")
        assert (status, "default/chat" in err) == (1, True)
        status, out, _ = await run(up, "providers", "uninstall", "kaito", "--dry-run")
        assert "workspaces.kaito.sh" in out
        await cluster.delete(DEPLOYMENTS, "chat", namespace="default")
        while (await cluster.listing(DEPLOYMENTS)).items:
            await asyncio.sleep(0.2)

    status, out, err = await run(up, "providers", "uninstall", "kaito", "--yes")
    assert status == 0, err
    assert "CRD workspaces.kaito.sh stays" in out


async def test_a_shared_prerequisite_is_installed_by_the_same_commands(start: Start) -> None:
    up = await start("--no-samples")
    await up.until_line("Kubeconfig")

    before = await listed(up, "gpu-operator")
    status, planned, err = await run(up, "providers", "install", "gpu-operator", "--dry-run")
    assert status == 0, err
    status, out, err = await run(up, "providers", "install", "gpu-operator")
    assert status == 0, err
    after = await listed(up, "gpu-operator")
    _, shown, _ = await run(up, "providers", "show", "gpu-operator", "-o", "json")
    _, gateway, _ = await run(up, "providers", "install", "gateway-crds")
    refused, _, why = await run(up, "providers", "uninstall", "gpu-operator", "--yes")
    await up.stop()

    assert before == ["gpu-operator", "not", "installed", "-", *before[4:]]
    assert "+ CustomResourceDefinition clusterpolicies.nvidia.com" in planned
    assert "install-gpu-operator: release gpu-operator/gpu-operator is deployed" in out
    assert after[:4] == ["gpu-operator", "installed", "v25.10.1", "Installed"]
    assert json.loads(shown)["installed"]
    assert "gateway-crds: nothing to do: CRDs found" in gateway
    assert (refused, "is not uninstalled from here" in why) == (1, True)


async def test_what_is_not_there_is_said_in_one_line(start: Start) -> None:
    up = await start("--no-samples")
    await up.until_line("Kubeconfig")

    for command, words in [
        (("install", "nobody"), "not registered"),
        (("show", "nobody"), "not registered"),
        (("install", "vllm"), "needs no upstream operator"),
        (("upgrade", "kaito"), "not installed"),
        (("retry", "kaito"), "nothing is being done"),
    ]:
        status, _, err = await run(up, "providers", *command)

        assert status == 1, command
        assert words in err, command
        lines = [line for line in err.splitlines() if line.startswith("airunway: ")]
        assert len(lines) == 1, err
    await up.stop()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--set", "x"), "path=value"),
        (("--set", "a..b=1"), "a..b"),
        (("--values", "missing.yaml"), "No such file"),
        (("--values", "broken.yaml"), "not YAML"),
        (("--values", "list.yaml"), "not a YAML object"),
        (("--reset-values", "--set", "a=1"), "--reset-values"),
    ],
)
def test_values_that_cannot_be_used_are_refused_before_anything_else(
    airunway: Airunway, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "broken.yaml").write_text("a: [")
    (tmp_path / "list.yaml").write_text("- 1")

    result = airunway("providers", "install", "kaito", *arguments)

    assert result.status == 2
    assert words in result.err


def test_without_temporal_nothing_is_begun(
    airunway: Airunway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", f"127.0.0.1:{free_port()}")
    monkeypatch.setenv("AIRUNWAY_CLUSTER", "here")
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("{}")

    result = airunway("providers", "install", "kaito", "--kubeconfig", kubeconfig)

    assert result.status == 1
    assert "Temporal does not answer" in result.err
