"""Each Compose file follows its specification, and everything that it names exists."""

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
from airunway.sandbox.temporal import EAGER_STEPS, FAIRNESS
from airunway.workers.settings import Settings

ROOT = Path(__file__).parent.parent.parent
FILES: dict[str, dict[str, Any]] = {
    name: yaml.safe_load((ROOT / name).read_text())
    for name in ("docker-compose.yaml", "docker-compose.cloud.yaml")
}
COMPOSE = FILES["docker-compose.yaml"]
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [
    pytest.param(service, id=f"{file}-{name}")
    for file, compose in FILES.items()
    for name, service in compose["services"].items()
    if "build" in service
]
each_file = pytest.mark.parametrize("compose", FILES.values(), ids=FILES.keys())


def schema() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "tests" / "schemas" / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator.check_schema(loaded)
    return loaded


@each_file
def test_it_follows_the_compose_specification(compose: dict[str, Any]) -> None:
    errors = list(jsonschema.Draft202012Validator(schema()).iter_errors(compose))

    assert [f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors] == []


def test_the_schema_finds_a_misspelt_key() -> None:
    wrong = {"services": {"a": {"image": "b", "enviroment": {}}}}

    assert not jsonschema.Draft202012Validator(schema()).is_valid(wrong)


@each_file
def test_every_condition_can_come_true(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            assert other in services, f"{name} waits for {other}, which does not exist"
            ends = services[other].get("restart") == "on-failure"
            if wanted["condition"] == "service_completed_successfully":
                assert ends, f"{name} waits for the end of {other}, which is restarted"
            if wanted["condition"] == "service_healthy":
                assert services[other]["healthcheck"]["test"], f"{other} has no health check"


@each_file
def test_nothing_waits_for_itself(compose: dict[str, Any]) -> None:
    services = compose["services"]

    def behind(name: str, seen: tuple[str, ...] = ()) -> None:
        assert name not in seen, f"{' -> '.join((*seen, name))}"
        for other in services[name].get("depends_on", {}):
            behind(other, (*seen, name))

    for name in services:
        behind(name)


def test_its_server_looks_at_fairness_keys_and_hands_steps_out_at_once() -> None:
    config = yaml.safe_load(COMPOSE["configs"]["temporal-dynamic-config"]["content"])

    assert config[FAIRNESS] == config[EAGER_STEPS] == [{"value": True}]


@each_file
def test_networks_volumes_configs_and_secrets_exist(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        assert set(service["networks"]) <= set(compose["networks"])
        assert {entry["source"] for entry in service.get("configs", [])} <= set(compose.get("configs", {}))
        assert set(service.get("secrets", [])) <= set(compose.get("secrets", {}))
        named = {entry["source"] for entry in service.get("volumes", []) if entry["type"] == "volume"}
        assert named <= set(compose.get("volumes", {}))


@each_file
def test_images_of_others_are_pinned(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        if "build" not in service:
            assert re.search(r"^\$\{[A-Z_]+_IMAGE:-[^:]+:[0-9]+\.[0-9]+[^}]*\}$", service["image"]), name


def test_temporal_is_that_of_the_real_tier() -> None:
    built = re.search(r"go\.temporal\.io/server v(\S+)", (ROOT / "tools/real/temporal/go.mod").read_text())
    assert built is not None

    for name in ("temporal", "temporal-schema", "temporal-namespace"):
        assert SERVICES[name]["image"].removesuffix("}").endswith(f":{built[1]}"), name


@pytest.mark.parametrize("service", OURS)
def test_ours_write_nowhere_but_in_tmp(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert all(entry["read_only"] for entry in service["volumes"])


@pytest.mark.parametrize("service", OURS)
def test_our_commands_and_their_options_exist(service: dict[str, Any]) -> None:
    commands = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    command, *options = service["command"]

    assert command in commands
    known = {option for parameter in commands[command].params for option in parameter.opts}
    assert set(options) <= known


@pytest.mark.parametrize("service", OURS)
def test_our_settings_exist_and_are_accepted(
    service: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = re.compile(r"^\$\{[A-Z_]+:\?.*\}$")
    environment = {key: asked.sub("given:7233", value) for key, value in service["environment"].items()}

    for key, value in environment.items():
        assert key.removeprefix("AIRUNWAY_").lower() in Settings.model_fields, key
        monkeypatch.setenv(key, value)

    assert Settings().temporal_address == environment["AIRUNWAY_TEMPORAL_ADDRESS"]


def test_temporal_cloud_is_called_with_the_key_that_is_mounted() -> None:
    compose = FILES["docker-compose.cloud.yaml"]

    assert not {"temporal", "postgresql", "temporal-ui"} & compose["services"].keys()
    for service in compose["services"].values():
        (secret,) = service["secrets"]
        assert service["environment"]["AIRUNWAY_TEMPORAL_API_KEY_FILE"] == f"/run/secrets/{secret}"
        assert "API_KEY" not in "".join(service["environment"]).replace("API_KEY_FILE", "")


@each_file
def test_our_servers_are_asked_whether_they_are_ready(compose: dict[str, Any]) -> None:
    for name in ("worker", "watcher", "web"):
        service = compose["services"][name]
        port = service["environment"]["AIRUNWAY_HEALTH_PORT"]
        assert f"http://127.0.0.1:{port}/readyz" in service["healthcheck"]["test"][-1]


@each_file
def test_the_pages_are_reached_from_this_machine_alone_and_want_a_login(compose: dict[str, Any]) -> None:
    web = compose["services"]["web"]

    assert web["ports"] == [f"127.0.0.1:{Settings().web_port}:{Settings().web_port}"]
    assert web["environment"]["AIRUNWAY_WEB_ADDRESS"] == "0.0.0.0"
    assert "AIRUNWAY_WEB_AUTH" not in web["environment"]


@pytest.mark.parametrize("service", OURS)
def test_the_kubeconfig_is_mounted_where_it_is_looked_for(service: dict[str, Any]) -> None:
    (mount,) = service["volumes"]

    assert mount["target"] == service["environment"]["AIRUNWAY_KUBECONFIG"]
    assert mount["source"].startswith("${KUBECONFIG:?")
    assert mount["read_only"] is True


def test_temporal_keeps_its_state_in_postgresql() -> None:
    assert SERVICES["temporal"]["environment"]["DB"] == "postgres12"
    assert SERVICES["temporal"]["environment"]["POSTGRES_SEEDS"] == "postgresql"
    assert "temporal-ui" in SERVICES
