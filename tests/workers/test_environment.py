"""A variable that is named like a setting and is none is refused, with the name that was meant."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from airunway.cli.app import app
from airunway.cli.explain import explain
from airunway.provider.registry import installed_providers
from airunway.workers.environment import OF_OTHERS, UnknownVariables, refuse_unknown
from airunway.workers.settings import Settings

ROOT = Path(__file__).parent.parent.parent
LINKS = {
    "AIRUNWAY_WEBHOOK_SERVICE_SERVICE_HOST": "10.0.0.1",
    "AIRUNWAY_WEBHOOK_SERVICE_SERVICE_PORT": "443",
    "AIRUNWAY_WEBHOOK_SERVICE_SERVICE_PORT_HTTPS": "443",
    "AIRUNWAY_WEBHOOK_SERVICE_PORT": "tcp://10.0.0.1:443",
    "AIRUNWAY_WEBHOOK_SERVICE_PORT_443_TCP": "tcp://10.0.0.1:443",
    "AIRUNWAY_WEBHOOK_SERVICE_PORT_443_TCP_ADDR": "10.0.0.1",
}
PROCESSES = (
    ["worker"],
    ["worker", "--no-core", "--no-providers", "--installer"],
    ["worker", "--no-core", "--provider", "vllm"],
    ["watcher"],
    ["webhook"],
    ["web"],
    ["private-pulls"],
    ["codec-server"],
    ["status"],
)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("AIRUNWAY_HEARTBEET", "AIRUNWAY_HEARTBEAT"),
        ("AIRUNWAY_TEMPORAL_ADRESS", "AIRUNWAY_TEMPORAL_ADDRESS"),
        ("airunway_metric_port", "AIRUNWAY_METRICS_PORT"),
        ("AIRUNWAY_ALLOWED_IMAGE", "AIRUNWAY_ALLOWED_IMAGES"),
        ("AIRUNWAY_KAITO_STARTUP_SECOND", "AIRUNWAY_KAITO_STARTUP_SECONDS"),
        ("AIRUNWAY_VLLM_POD_SECURTY", "AIRUNWAY_VLLM_POD_SECURITY"),
    ],
)
def test_the_name_that_was_meant_is_said(name: str, meant: str) -> None:
    with pytest.raises(UnknownVariables) as caught:
        refuse_unknown({name: "hunter2"})

    assert str(caught.value).startswith(f"{name} is no setting; is {meant} meant?")
    assert "hunter2" not in str(caught.value)


def test_what_is_like_nothing_is_refused_without_a_guess_and_several_at_once() -> None:
    with pytest.raises(UnknownVariables) as caught:
        refuse_unknown({"AIRUNWAY_ZZZZQQQQ": "", "AIRUNWAY_AUDITT": "1", "PATH": "/bin", "AIRUNWAYS": "1"})

    assert str(caught.value) == (
        "AIRUNWAY_AUDITT is no setting; is AIRUNWAY_AUDIT meant? AIRUNWAY_ZZZZQQQQ is no setting. "
        "docs/settings.md lists the settings"
    )


def test_a_name_steers_no_terminal() -> None:
    with pytest.raises(UnknownVariables) as caught:
        refuse_unknown({"AIRUNWAY_\x1b[31mRED\nline": "x"})

    assert "\x1b" not in str(caught.value) and "\n" not in str(caught.value)


def test_every_setting_and_every_variable_that_is_documented_is_known() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    documented = set(re.findall(r"`(AIRUNWAY_[A-Z_]*[A-Z])(?:=1)?`", text))
    settings = {f"AIRUNWAY_{name.upper()}" for name in Settings.model_fields}

    refuse_unknown(dict.fromkeys(settings | documented, "1"))


def test_what_tests_tools_and_compose_read_is_known() -> None:
    read = set()
    for folder in ("tests", "tools", "benchmarks", "emulator"):
        for file in (ROOT / folder).rglob("*.py"):
            read |= set(re.findall(r'environ(?:\.get\(|\[)"(AIRUNWAY_[A-Z_]+)"', file.read_text()))
    compose = (ROOT / "docker-compose.yaml").read_text()
    read |= set(re.findall(r"\$\{(AIRUNWAY_[A-Z_]+)", compose))

    refuse_unknown(dict.fromkeys(read, "1"))
    assert "AIRUNWAY_REAL" in OF_OTHERS


def test_services_of_the_namespace_are_no_settings() -> None:
    refuse_unknown(LINKS)

    with pytest.raises(UnknownVariables):
        refuse_unknown({"AIRUNWAY_WEBHOOK_SERVICE_PORT": "tcp://10.0.0.1:443"})


def test_a_provider_from_outside_that_names_none_has_all_that_begin_like_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kaito = installed_providers()["kaito"]
    outside = type(kaito)(**{**vars(kaito), "name": "my-own", "variables": None})
    monkeypatch.setattr(
        "airunway.provider.registry.installed_providers", lambda: {"kaito": kaito, "my-own": outside}
    )

    refuse_unknown({"AIRUNWAY_MY_OWN_ANYTHING": "1"})

    with pytest.raises(UnknownVariables):
        refuse_unknown({"AIRUNWAY_KAITO_ANYTHING": "1"})


@pytest.mark.parametrize("command", PROCESSES, ids=" ".join)
def test_no_process_starts_with_one(command: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRUNWAY_HEARTBEET", "30")

    result = CliRunner().invoke(app, command)

    assert isinstance(result.exception, UnknownVariables)
    assert explain(result.exception).startswith(
        "settings: AIRUNWAY_HEARTBEET is no setting; is AIRUNWAY_HEARTBEAT meant?"
    )
