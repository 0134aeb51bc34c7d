"""What people know of `kubectl` is so here too: how options are written, and ages."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from airunway.cli.formats import OutputFormat
from airunway.cli.options import deployment_name, provider_name
from airunway.cli.short_options import without_signs
from airunway.cli.status_list import print_list
from airunway.console.fleet_troubles import Troubles
from airunway.console.rows import age, deployment_resource, provider_resource
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import target_of
from tests.cli.conftest import Airunway
from tests.cli.test_terminal import Terminal

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "want"),
    [
        pytest.param(["list", "-o=json", "-n=ml"], ["list", "-ojson", "-nml"], id="a sign between"),
        pytest.param(["plan", "-f", "-", "-k="], ["plan", "-f", "-", "-k="], id="nothing to write otherwise"),
        pytest.param(["pause", "--reason", "-n=3"], ["pause", "--reason", "-n=3"], id="a text"),
        pytest.param(["status", "--", "-n=3"], ["status", "--", "-n=3"], id="no option"),
        pytest.param(["list", "--output=json", "-w"], ["list", "--output=json", "-w"], id="other options"),
    ],
)
def test_a_short_option_may_have_a_sign_before_its_value(words: list[str], want: list[str]) -> None:
    assert without_signs(words) == want


def test_the_command_line_takes_it(airunway: Airunway) -> None:
    result = airunway("list", "-o=nonsense")

    assert "'=nonsense'" not in result.err
    assert "nonsense" in result.err


@pytest.mark.parametrize(
    ("text", "want"),
    [
        *[(deployment_resource("chat"), "chat"), ("md/chat", "chat"), ("ModelDeployments/chat", "chat")],
        *[("chat", "chat"), ("pod/chat", "pod/chat"), ("md/", "md/"), (None, None)],
    ],
)
def test_a_deployment_may_be_called_with_its_kind(text: str | None, want: str | None) -> None:
    assert deployment_name(text) == want


def test_a_provider_may_be_called_as_it_is_listed(airunway: Airunway) -> None:
    assert provider_name(provider_resource("kaito")) == "kaito"
    refused = airunway("logs", deployment_resource("chat"), "--kubeconfig", "/nowhere")
    assert refused.status != 0 and "modeldeployment" not in refused.err


@pytest.mark.parametrize(
    ("since", "want"),
    [
        *[(timedelta(seconds=-3), "0s"), (timedelta(seconds=119), "119s"), (timedelta(minutes=2), "2m")],
        *[(timedelta(minutes=5, seconds=10), "5m10s"), (timedelta(minutes=179), "179m")],
        *[(timedelta(hours=3), "3h"), (timedelta(hours=5, minutes=3), "5h3m"), (timedelta(hours=47), "47h")],
        *[(timedelta(days=2), "2d"), (timedelta(days=3, hours=4), "3d4h"), (timedelta(days=729), "729d")],
        *[(timedelta(days=730), "2y"), (timedelta(days=1000), "2y270d"), (timedelta(days=3650), "10y")],
    ],
    ids=str,
)
def test_an_age(since: timedelta, want: str) -> None:
    assert age(NOON - since, now=NOON) == want


@pytest.mark.parametrize("message", ["waits for a node " * 10, "wartet auf für einen Knoten " * 10])
def test_wide_lines_stay_whole_on_a_narrow_terminal(message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    deployment = {
        "metadata": {"namespace": "ml", "name": "chat"},
        "spec": {"model": {"id": "org/model"}},
        "status": {"phase": "Pending", "message": message},
    }
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys, "stdout", terminal := Terminal())

    print_list(
        [deployment],
        Troubles(),
        cluster="here",
        namespace=None,
        form=OutputFormat.WIDE,
        target=target_of(Settings()),
    )

    heading, line = terminal.getvalue().splitlines()
    assert "MESSAGE" in heading
    assert "org/model" in line and message.strip() in line
