"""Whatever is wrong outside reaches a person as one line, and never as a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from airunway.cli import app
from tests.cli.conftest import Airunway


@pytest.fixture
def dead_cluster(tmp_path: Path, closed_port: int) -> Path:
    path = tmp_path / "dead"
    path.write_text(
        "{apiVersion: v1, kind: Config, current-context: c,"
        " contexts: [{name: c, context: {cluster: c, user: u}}], users: [{name: u, user: {}}],"
        f" clusters: [{{name: c, cluster: {{server: 'http://127.0.0.1:{closed_port}'}}}}]}}"
    )
    return path


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["status"], id="status"),
        pytest.param(["crds", "--apply"], id="crds"),
        pytest.param(["plan", "-f", "-"], id="plan"),
        pytest.param(["up", "--once"], id="up"),
    ],
)
def test_a_cluster_that_does_not_answer(airunway: Airunway, dead_cluster: Path, command: list[str]) -> None:
    result = airunway(*command, "--kubeconfig", dead_cluster)

    assert result.status == 1
    assert result.err.startswith("airunway: the Kubernetes API server does not answer")
    assert str(_port_in(dead_cluster)) in result.err
    assert result.err.count("\n") == 1


@pytest.mark.parametrize(
    ("content", "want"),
    [
        pytest.param(None, "no usable kubeconfig", id="missing"),
        pytest.param("{}", "no usable kubeconfig", id="empty"),
        pytest.param("a: [", "no usable kubeconfig", id="not YAML"),
    ],
)
def test_a_kubeconfig_that_is_none(
    airunway: Airunway, tmp_path: Path, content: str | None, want: str
) -> None:
    file = tmp_path / "kubeconfig"
    if content is not None:
        file.write_text(content)

    result = airunway("status", "--kubeconfig", file)

    assert result.status == 1
    assert want in result.err
    assert result.err.count("\n") == 1


def test_no_cluster_at_all_says_how_to_get_one(airunway: Airunway) -> None:
    result = airunway("status")

    assert result.status == 1
    assert result.err.startswith("airunway: no cluster is named")
    assert "`airunway up`" in result.err
    assert result.err.count("\n") == 1


def test_temporal_that_does_not_answer(
    airunway: Airunway, dead_cluster: Path, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRUNWAY_TEMPORAL_ADDRESS", f"127.0.0.1:{closed_port}")
    monkeypatch.setenv("AIRUNWAY_CLUSTER", "here")

    result = airunway("retry", "chat", "--kubeconfig", dead_cluster)

    assert (result.status, result.err.count("\n")) == (1, 1)
    assert f"Temporal does not answer at 127.0.0.1:{closed_port}" in result.err


def test_a_setting_that_is_no_value(airunway: Airunway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_ROLLOUT_DEADLINE", "soon")

    result = airunway("status")

    assert result.status == 1
    assert result.err.startswith("airunway: settings: AIRUNWAY_ROLLOUT_DEADLINE: ")


def test_a_log_level_that_is_none(airunway: Airunway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_LOG_LEVEL", "loud")

    result = airunway("worker")

    assert result.status == 1
    assert result.err.startswith("airunway: settings: AIRUNWAY_LOG_LEVEL: ")
    assert "'warning'" in result.err


def test_a_kubeconfig_to_plan_against_that_is_not_there(airunway: Airunway, tmp_path: Path) -> None:
    result = airunway("plan", "-f", "-", "--kubeconfig", tmp_path / "nowhere")

    assert result.status == 1
    assert result.err.endswith("nowhere: no such file\n")


@pytest.mark.parametrize(
    ("file", "want"),
    [("cluster/cluster.jsonl", "move it away"), ("temporal.db", "see .airunway/temporal.log")],
)
def test_a_state_that_is_damaged(airunway: Airunway, tmp_path: Path, file: str, want: str) -> None:
    folder = tmp_path / ".airunway"
    folder.mkdir(mode=0o700)
    damaged = folder / file
    damaged.parent.mkdir(exist_ok=True)
    damaged.write_text("garbage")

    result = airunway("up", "--once")

    assert (result.status, result.err.count("\n")) == (1, 1)
    assert "unexpected" not in result.err
    assert want in result.err


@pytest.mark.parametrize(
    ("arguments", "want"),
    [
        pytest.param(
            ["worker", "--provider", "nobody"], "no such provider: nobody; installed: ", id="provider"
        ),
        pytest.param(["up", "--sample", "nowhere.yaml"], "nowhere.yaml: no such file", id="sample"),
        pytest.param(["plan"], "name manifests by -f", id="missing option"),
        pytest.param(["status", "chat", "-A"], "give --namespace", id="one of all"),
        pytest.param(["nonsense"], "No such command", id="command"),
        pytest.param(["plan", "-f", "-", "-o", "xml"], "'xml' is not one of", id="choice"),
        pytest.param(["up", "--sample", "f", "--no-samples"], "contradict each other", id="contradiction"),
    ],
)
def test_wrong_usage_has_status_2(airunway: Airunway, arguments: list[str], want: str) -> None:
    result = airunway(*arguments)

    assert result.status == 2
    assert want in result.err
    assert "Traceback" not in result.err


def test_an_error_that_nobody_foresaw_is_one_line_too(
    airunway: Airunway, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(**_: object) -> None:
        raise ZeroDivisionError("oh\nno")

    monkeypatch.setattr(app, "app", broken)

    result = airunway("plan")

    assert result.status == 1
    assert result.err == "airunway: unexpected ZeroDivisionError: oh; AIRUNWAY_TRACEBACK=1 shows where\n"


def test_the_version_is_printed(airunway: Airunway) -> None:
    assert airunway("--version").out.startswith("airunway 0.")


def test_help_names_every_command(airunway: Airunway) -> None:
    result = airunway("--help")

    for command in ("up", "status", "retry", "cancel-build", "pause", "resume", "worker", "watcher"):
        assert f"\n  {command} " in result.out


def _port_in(kubeconfig: Path) -> str:
    return kubeconfig.read_text().rpartition(":")[2].split("'")[0]
