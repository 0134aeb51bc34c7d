"""Completion: options and names, bounded and silent; as a plugin of `kubectl` as well."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from airunway.api.names import API_VERSION, DEPLOYMENT_KIND, LABEL_DEPLOYMENT
from airunway.cli import completion
from airunway.cli.app import program_name
from airunway.clients.kubernetes import DEPLOYMENTS, PODS, Cluster
from tests.cli.conftest import Airunway
from tests.clusters import emulated_cluster


@pytest_asyncio.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    async with emulated_cluster(tmp_path, own_crds=True) as found:
        for name in ("chat", "chat-large", "embed"):
            body = {
                "apiVersion": API_VERSION,
                "kind": DEPLOYMENT_KIND,
                "metadata": {"name": name},
                "spec": {"model": {"id": "org/model"}},
            }
            await found.create(DEPLOYMENTS, body, namespace="default")
        yield found


async def words(*arguments: str) -> list[str]:
    """What a shell is told; asked in another thread, because it has an event loop of its own."""
    import asyncio

    return await asyncio.to_thread(completion.kubectl_words, arguments)


async def test_names_of_deployments(tmp_path: Path, cluster: Cluster) -> None:
    where = ("--kubeconfig", str(tmp_path / "kubeconfig"))

    assert await words("status", *where, "cha") == ["chat", "chat-large", ":4"]
    assert await words("retry", *where, "-n", "other", "") == [":4"]


async def test_containers_of_the_deployment_that_is_named(tmp_path: Path, cluster: Cluster) -> None:
    containers = [{"name": name, "image": "example.com/i:1"} for name in ("vllm", "proxy")]
    for owner in ("chat", "embed"):
        own = [{**entry, "name": f"{owner}-{entry['name']}"} for entry in containers]
        meta = {"name": f"{owner}-0", "labels": {LABEL_DEPLOYMENT: owner}}
        await cluster.create(PODS, {"metadata": meta, "spec": {"containers": own}}, namespace="default")
    where = ("--kubeconfig", str(tmp_path / "kubeconfig"))

    assert await words("logs", *where, "chat", "-c", "") == ["chat-proxy", "chat-vllm", ":4"]
    assert await words("logs", *where, "chat", "--container", "chat-v") == ["chat-vllm", ":4"]
    assert await words("logs", *where, "-c", "") == [":4"]


async def test_commands_options_and_providers(tmp_path: Path) -> None:
    assert "providers" in await words("pro")
    assert "--all-namespaces" in await words("list", "--all")
    assert await words("providers", "show", "--kubeconfig", str(tmp_path / "none"), "ka") == ["kaito", ":4"]


async def test_a_cluster_that_does_not_answer_is_silence(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def never(*_: object, **__: object) -> None:
        import asyncio

        await asyncio.Event().wait()

    monkeypatch.setattr(completion, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(Cluster, "connect", never)

    assert await words("status", "--kubeconfig", str(tmp_path / "kubeconfig"), "") == [":4"]
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("name", ["$(reboot)", "a b", "a;b", "a\nb", "-x", "`id`", "\x1b[2J"])
def test_a_name_that_is_more_than_a_word_is_left_out(name: str) -> None:
    assert completion._words([name, "chat"], "") == ["chat"]


@pytest.mark.parametrize(
    ("shell", "telling"),
    [
        ("bash", "complete -o default -F"),
        ("zsh", "#compdef airunway"),
        ("fish", "complete --command airunway"),
        ("powershell", "Register-ArgumentCompleter"),
    ],
)
def test_the_script_of_each_shell(airunway: Airunway, shell: str, telling: str) -> None:
    result = airunway("completion", shell)

    assert result.status == 0
    assert telling in result.out
    assert "_AIRUNWAY_COMPLETE" in result.out


def test_bash_asks_by_the_script() -> None:
    program = "import airunway.cli; airunway.cli.main()"
    environment = {
        "_AIRUNWAY_COMPLETE": "complete_bash",
        "COMP_WORDS": "airunway provi",
        "COMP_CWORD": "1",
        "PATH": "/nowhere",
    }

    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=100
    )

    assert done.stdout.split() == ["providers"]


@pytest.mark.parametrize(
    ("called", "want"),
    [
        ("/usr/bin/airunway", "airunway"),
        ("/home/ada/.krew/bin/kubectl-airunway", "kubectl airunway"),
        ("kubectl_airunway", "kubectl airunway"),
        ("__main__.py", "airunway"),
    ],
)
def test_the_plugin_is_the_same_program_under_its_own_name(called: str, want: str) -> None:
    assert program_name(called) == want
