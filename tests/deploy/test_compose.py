"""docker-compose.yaml is a Compose file, and everything it names exists."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml

from airunway.cli.app import app
from airunway.sandbox.temporal import FAIRNESS
from airunway.workers.settings import Settings

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docker-compose.yaml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name, service in SERVICES.items() if "build" in service]


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "tests" / "schemas" / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


def test_it_follows_the_compose_specification() -> None:
    errors = list(jsonschema.Draft202012Validator(schema()).iter_errors(COMPOSE))

    assert [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors] == []


def test_the_schema_finds_a_misspelt_key() -> None:
    wrong = {"services": {"a": {"image": "b", "enviroment": {}}}}

    assert not jsonschema.Draft202012Validator(schema()).is_valid(wrong)


def test_every_condition_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, wanted in service.get("depends_on", {}).items():
            assert other in SERVICES, f"{name} waits for {other}, which does not exist"
            ends = SERVICES[other].get("restart") == "on-failure"
            if wanted["condition"] == "service_completed_successfully":
                assert ends, f"{name} waits for the end of {other}, which is restarted"
            if wanted["condition"] == "service_healthy":
                assert SERVICES[other]["healthcheck"]["test"], f"{other} has no health check"


def test_nothing_waits_for_itself() -> None:
    def behind(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, f"{' -> '.join((*seen, name))}"
        for other in SERVICES[name].get("depends_on", {}):
            behind(other, (*seen, name))

    for name in SERVICES:
        behind(name)


def test_its_server_looks_at_fairness_keys() -> None:
    config = yaml.safe_load(COMPOSE["configs"]["temporal-dynamic-config"]["content"])

    assert config[FAIRNESS] == [{"value": True}]


def test_networks_volumes_and_configs_exist() -> None:
    for service in SERVICES.values():
        assert set(service["networks"]) <= set(COMPOSE["networks"])
        assert {entry["source"] for entry in service.get("configs", [])} <= set(COMPOSE["configs"])
        named = {entry["source"] for entry in service.get("volumes", []) if entry["type"] == "volume"}
        assert named <= set(COMPOSE["volumes"])


def test_images_of_others_are_pinned() -> None:
    for name, service in SERVICES.items():
        if name not in OURS:
            assert re.search(r"^\$\{[A-Z_]+_IMAGE:-[^:]+:[0-9]+\.[0-9]+[^}]*\}$", service["image"]), name


@pytest.mark.parametrize("name", OURS)
def test_our_commands_and_their_options_exist(name: str) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    command, *options = SERVICES[name]["command"]

    assert command in commands
    known = {option for parameter in commands[command].params for option in parameter.opts}
    assert set(options) <= known


@pytest.mark.parametrize("name", OURS)
def test_our_settings_exist_and_are_accepted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    environment = SERVICES[name]["environment"]

    for key, value in environment.items():
        assert key.removeprefix("AIRUNWAY_").lower() in Settings.model_fields, key
        monkeypatch.setenv(key, value)

    assert Settings().temporal_address == "temporal:7233"


def test_worker_and_watcher_are_asked_whether_they_are_ready() -> None:
    for name in ("worker", "watcher"):
        service = SERVICES[name]
        port = service["environment"]["AIRUNWAY_HEALTH_PORT"]
        assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]


def test_the_kubeconfig_is_mounted_where_it_is_looked_for() -> None:
    for name in OURS:
        service = SERVICES[name]
        (mount,) = service["volumes"]
        assert mount["target"] == service["environment"]["AIRUNWAY_KUBECONFIG"]
        assert mount["source"].startswith("${KUBECONFIG:?")
        assert mount["read_only"] is True


def test_temporal_keeps_its_state_in_postgresql() -> None:
    assert SERVICES["temporal"]["environment"]["DB"] == "postgres12"
    assert SERVICES["temporal"]["environment"]["POSTGRES_SEEDS"] == "postgresql"
    assert "temporal-ui" in SERVICES
