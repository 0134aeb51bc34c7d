"""What a message says about a value that is wrong is never the value: it may be a key in the wrong place."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from airunway.api.findings import FieldErrorType, field_error
from airunway.api.model_deployment import ModelDeployment
from airunway.cli.explain import explain
from airunway.cli.problems import CliError
from airunway.clients.registry.client import RegistryClient
from airunway.installation.values import BadPath, parse_assignments
from airunway.provider import RenderContext, RenderError
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment, everything
from airunway.selection.admission import admit
from airunway.selection.provider_lookup import Lookup, LookupProblem
from airunway.workers.settings import Settings
from airunway.workers.temporal.target import InvalidConnection, target_of

SECRET = "hf_S3CR3T"


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_a_setting_that_is_wrong_is_named_and_not_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"AIRUNWAY_{name.upper()}", SECRET)

    try:
        Settings()
    except ValidationError as err:
        assert name.upper() in explain(err)
        assert SECRET not in explain(err)
        assert SECRET not in str(err)
    except Exception as err:  # of the library, for what is no JSON
        assert SECRET not in str(err)


@pytest.mark.parametrize(
    "field",
    [
        "spec.env[3].value",
        "spec.engine.args.api-key",
        "spec.engine.extraArgs",
        "spec.engine.extraArgs[0]",
        "spec.provider.overrides.env",
    ],
)
def test_a_field_that_may_hold_a_secret_is_not_quoted(field: str) -> None:
    assert SECRET not in field_error(FieldErrorType.INVALID, field, "wrong", SECRET).line


SPECS: list[dict[str, Any]] = [
    {"engine": {"type": "vllm", "extraArgs": [f"--api-key={SECRET}"], "args": {"api-key": "x"}}},
    {"engine": {"type": "vllm", "extraArgs": [SECRET]}},
    {"engine": {"type": "vllm", "args": {f"api-key={SECRET}": "x"}}},
    {"engine": {"type": "vllm", "args": {"model": SECRET}}},
    {"provider": {"name": "dynamo", "overrides": {"routerMode": {"token": SECRET}}}},
    {"provider": {"name": "dynamo", "overrides": {"frontend": {"replicas": SECRET}}}},
    {"provider": {"name": "dynamo", "overrides": {"frontend": {"replicas": [SECRET]}}}},
]


@pytest.mark.parametrize("spec", SPECS, ids=str)
@pytest.mark.parametrize("name", sorted(installed_providers()))
def test_no_refusal_of_a_spec_quotes_a_flag_or_a_variable(name: str, spec: dict[str, Any]) -> None:
    provider = installed_providers()[name]
    given: ModelDeployment = deployment(**spec)
    obj = {**given.dump(), "apiVersion": "airunway.ai/v1alpha1", "kind": "ModelDeployment"}

    said = [admit(obj, lookup=lambda _: Lookup(problem=LookupProblem.KIND_NOT_INSTALLED)).verdict.message]
    said.append(provider.check(given) or "")
    try:
        everything(provider, given, RenderContext(env={}))
    except RenderError as err:
        said.append(str(err))

    assert [text for text in said if SECRET in text] == []


@pytest.mark.parametrize("assignments", [[SECRET], ["a=1", SECRET]])
def test_a_value_for_a_chart_without_its_path_is_not_quoted(assignments: list[str]) -> None:
    with pytest.raises(BadPath) as raised:
        parse_assignments(assignments)

    assert SECRET not in str(raised.value)


def test_addresses_that_may_hold_a_login_are_not_quoted() -> None:
    with pytest.raises(InvalidConnection) as connection:
        target_of(Settings(temporal_address=f"https://me:{SECRET}@host:7233"))
    with pytest.raises(ValueError, match="mirror") as mirror:
        RegistryClient(mirrors={"docker.io": f"ftp://me:{SECRET}@host"})

    assert SECRET not in explain(CliError(str(connection.value)))
    assert SECRET not in str(mirror.value)


@pytest.mark.parametrize(
    ("given", "in_a_pod", "listens_on"),
    [("", False, "127.0.0.1"), ("", True, "0.0.0.0"), ("10.0.0.1", True, "10.0.0.1"), ("::", False, "::")],
)
def test_health_and_metrics_listen_where_they_are_asked(
    given: str, in_a_pod: bool, listens_on: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    if in_a_pod:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")

    assert Settings(listen_address=given).listens_on == listens_on
