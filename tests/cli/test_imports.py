"""A command loads only what it needs: for `--help` no library of its work, for a look no others' work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

HEAVY = frozenset(
    {"aiohttp", "asyncio", "grpc", "helm", "jinja2", "kubernetes", "prometheus_client", "rich", "structlog"}
    | {"temporalio", "yaml"}
)
"""Each takes longer to load than all that `--help` shows."""
OF_PARAMETERS = frozenset({"pydantic"})
"""Typer itself reads the parameters of one command with it, but not the list of commands."""
NOT_FOR_A_LOOK = frozenset(
    {"celpy", "fastapi", "helm", "jinja2", "kubernetes", "oauthlib", "prometheus_client", "requests"}
    | {"temporalio.worker", "urllib3", "websocket", "airunway.activities", "airunway.providers"}
)
"""What asking the cluster and Temporal needs none of: half of all that `status` used to load.

`kubernetes`: the package whole, with its synchronous half.
"""
NOT_FOR_A_LIST = frozenset(
    {"grpc", "pygments", "temporalio.client", "airunway.messages.deployment_workflow"}
    | {"airunway.workers.settings", "airunway.workflows"}
)
"""Half of what the other commands load."""
LATER = frozenset({"airunway.clients", "airunway.activities", "airunway.workflows", "airunway.sandbox"})
NOBODYS = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "nobodys", "cluster": {"server": "http://127.0.0.1:1"}}],
    "contexts": [{"name": "nobodys", "context": {"cluster": "nobodys"}}],
    "current-context": "nobodys",
}
"""A kubeconfig: at this port nobody answers."""
LOOK = """
import json, sys
from airunway.cli.app import main
sys.argv = ["airunway", *sys.argv[1:]]
try:
    main()
except SystemExit as end:
    print(json.dumps({"status": end.code, "modules": sorted(sys.modules)}), file=sys.stderr)
"""


def loaded(*arguments: str) -> tuple[int, set[str]]:
    """The exit status, and what is loaded at the end."""
    command = [sys.executable, "-c", LOOK, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    found = json.loads(done.stderr.splitlines()[-1])
    return int(found["status"] or 0), set(found["modules"])


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["-h"], ["status", "-h"], ["providers", "install", "--help"]],
    ids=" ".join,
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    status, modules = loaded(*arguments)

    assert status == 0
    assert sorted(HEAVY & modules) == []
    assert sorted(LATER & modules) == []
    if arguments[0].startswith("-"):
        assert sorted(OF_PARAMETERS & modules) == []


@pytest.mark.parametrize("command", ["status", "pause chat", "logs chat"])
def test_a_look_at_the_cluster_loads_only_what_it_asks_with(command: str, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(NOBODYS))

    status, modules = loaded(*command.split(), "--kubeconfig", str(kubeconfig))

    assert status == 1, "nobody answers there"
    assert {"aiohttp", "kubernetes.aio.client"} <= modules, "it did try"
    assert sorted(NOT_FOR_A_LOOK & modules) == []


def test_a_list_loads_no_client_of_temporal_and_nothing_that_decides(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps(NOBODYS))

    _, modules = loaded("status", "--kubeconfig", str(kubeconfig))

    assert "temporalio.service" in modules
    assert sorted(NOT_FOR_A_LIST & modules) == []


def test_the_look_is_not_blind() -> None:
    _, modules = loaded("crds")

    assert {"pydantic", "yaml"} <= modules


def test_the_web_process_does_without_the_library_of_grpc_and_others_may_have_it() -> None:
    script = """
import json, sys
from airunway.cli.lean import import_temporal_alone
import_temporal_alone()
import airunway.cli.serve, airunway.web.process, temporalio.client, temporalio.worker
before = "grpc" in sys.modules
import grpc
print(json.dumps([before, grpc.__name__]))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert json.loads(done.stdout) == [False, "grpc"]
