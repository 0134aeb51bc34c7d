"""`airunway plan` says what would become of manifests, and why."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from airunway.sandbox import samples
from tests.cli.conftest import Airunway


def manifest(name: str = "chat", **spec: Any) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "ModelDeployment",
            "metadata": {"name": name},
            "spec": {"model": {"id": "acme/chat"}, **spec},
        }
    )


GPU: dict[str, Any] = {"engine": {"type": "vllm"}, "resources": {"gpu": {"count": 1}}}


def test_a_named_provider_is_taken_and_its_objects_are_listed(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **GPU))

    assert result.status == 0
    assert "default/chat  would be deployed  standard input:1" in result.out
    assert "vllm (explicit provider selection)" in result.out
    assert "kaito: spec.provider.name asks for vllm" in result.out
    assert "Deployment default/chat (apps/v1)" in result.out
    assert "Service default/chat (v1)" in result.out


def test_a_plan_says_what_may_not_be_demanded(airunway: Airunway) -> None:
    many = {"engine": {"type": "vllm"}, "resources": {"gpu": {"count": 8}}, "scaling": {"replicas": 32}}

    result = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **many))

    assert result.status != 0
    assert "256 GPUs are demanded in all, at most 128 are allowed (AIRUNWAY_MAX_GPUS)" in result.out


def test_a_plan_warns_of_arguments_that_the_engine_does_not_know(airunway: Airunway) -> None:
    engine = {"type": "vllm", "args": {"max-model-length": "8192"}, "extraArgs": ["--context-length=1"]}

    result = airunway(
        "plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, **{**GPU, "engine": engine})
    )

    assert result.status == 0
    assert "spec.engine.args.max-model-length" in result.out and "did you mean max-model-len?" in result.out
    assert "spec.engine.extraArgs: --context-length: is a flag of SGLang" in result.out


def test_a_plan_says_what_may_not_be_overridden(airunway: Airunway) -> None:
    provider = {"name": "vllm", "overrides": {"spec": {"template": {"spec": {"hostNetwork": True}}}}}

    result = airunway("plan", "-f", "-", stdin=manifest(provider=provider, **GPU))

    assert result.status != 0
    assert "spec.provider.overrides.spec.template.spec.hostNetwork: not allowed" in result.out


def test_a_selected_provider_comes_with_the_reasons_against_the_others(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "-", "-o", "json", stdin=manifest(**GPU))

    (planned,) = json.loads(result.out)
    assert result.status == 0
    assert planned["provider"]["name"] == "dynamo"
    reasons = {other["name"]: other["whyNot"] for other in planned["otherProviders"]}
    assert reasons["kaito"] == "no selection rule matches"
    assert reasons["vllm"] == "has no selection rules"


def test_no_provider_that_would_take_it_is_an_error(airunway: Airunway, tmp_path: Path) -> None:
    configs = tmp_path / "configs.yaml"
    configs.write_text(_config("acme", ready=True) + "---\n" + _config("idle", ready=False))

    result = airunway("plan", "-f", "-", "--configs", configs, stdin=manifest(**GPU))

    assert result.status == 1
    assert "would not be deployed" in result.out
    assert "acme: has no selection rules" in result.out
    assert "set spec.provider.name to use one of: acme" in result.out
    assert "idle: not ready" in result.out


def test_a_provider_from_outside_renders_in_its_own_worker(airunway: Airunway, tmp_path: Path) -> None:
    configs = tmp_path / "configs.yaml"
    configs.write_text(_config("acme", ready=True))

    result = airunway(
        "plan", "-f", "-", "--configs", configs, stdin=manifest(provider={"name": "acme"}, **GPU)
    )

    assert result.status == 0
    assert "provider acme is not installed here" in result.out


@pytest.mark.parametrize(
    ("policy", "status", "words"),
    [
        ("ask", 1, "run: airunway providers install acme"),
        ("ask", 1, "acme: its operator is not installed"),
        ("auto", 0, "it would be installed first"),
        ("never", 1, "not ready"),
    ],
)
def test_an_operator_that_is_missing_is_reported(
    airunway: Airunway,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    status: int,
    words: str,
) -> None:
    config = yaml.safe_load(_config("acme", ready=False))
    config["metadata"]["annotations"] = {"airunway.ai/installation": json.dumps(INSTALLATION)}
    config["spec"]["selectionRules"] = [{"condition": "true", "priority": 1}]
    config["status"]["lastHeartbeat"] = datetime.now(UTC).isoformat()
    file = tmp_path / "configs.yaml"
    file.write_text(yaml.safe_dump(config))
    monkeypatch.setenv("AIRUNWAY_PROVIDER_INSTALL", policy)

    result = airunway("plan", "-f", "-", "--configs", file, stdin=manifest(**GPU))

    assert (result.status, words in result.out) == (status, True), result.out


@pytest.mark.parametrize(("limit", "status"), [("30m", 0), ("10m", 1), ("", 1)])
def test_how_long_a_provider_may_be_silent_is_a_setting(
    airunway: Airunway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, status: int
) -> None:
    config = yaml.safe_load(_config("acme", ready=True))
    config["spec"]["selectionRules"] = [{"condition": "true", "priority": 1}]
    config["status"]["lastHeartbeat"] = (datetime.now(UTC) - timedelta(minutes=20)).isoformat()
    file = tmp_path / "configs.yaml"
    file.write_text(yaml.safe_dump(config))
    if limit:
        monkeypatch.setenv("AIRUNWAY_HEARTBEAT_LIMIT", limit)

    result = airunway("plan", "-f", "-", "--configs", file, stdin=manifest(**GPU))

    assert (result.status, "acme: not ready: last heartbeat" in result.out) == (status, status == 1)


@pytest.mark.parametrize(
    ("spec", "want"),
    [
        pytest.param({"engine": {"type": "foo"}}, 'spec.engine.type: Unsupported value: "foo"', id="enum"),
        pytest.param(
            {"scaling": {"replicas": -1}}, "spec.scaling.replicas: Invalid value: -1", id="negative"
        ),
        pytest.param({"resources": {"gpu": {"count": "2"}}}, "spec.resources.gpu.count: Invalid", id="type"),
        pytest.param(
            {"image": "a", "engine": {"image": "b"}}, "spec.engine.image: Invalid value", id="conflict"
        ),
        pytest.param({"provider": {"name": "nobody"}, **GPU}, '"nobody" not found', id="unknown provider"),
        pytest.param({"model": {}}, "spec.model.id: Required value", id="missing"),
    ],
)
def test_what_is_invalid_names_the_field_and_what_is_allowed(
    airunway: Airunway, spec: dict[str, Any], want: str
) -> None:
    result = airunway("plan", "-f", "-", stdin=manifest(**spec))

    assert result.status == 1
    assert want in result.out
    assert "Traceback" not in result.out + result.err


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("metadata: 7", id="metadata that is a number"),
        pytest.param("metadata: {name: [a]}", id="a name that is a list"),
        pytest.param("spec: 7", id="a spec that is a number"),
        pytest.param("spec: {model: {id: a}, env: 7}", id="env that is a number"),
        pytest.param("{}", id="nothing"),
    ],
)
def test_no_shape_is_too_odd_to_be_refused_politely(airunway: Airunway, body: str) -> None:
    head = "apiVersion: airunway.ai/v1alpha1\nkind: ModelDeployment\n"

    result = airunway("plan", "-f", "-", stdin=head + (body if body != "{}" else ""))

    assert result.status == 1
    assert "would not be deployed" in result.out


def test_an_unknown_field_is_a_warning(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "-", stdin=manifest(replicas=3, provider={"name": "vllm"}, **GPU))

    assert result.status == 0
    assert "spec.replicas: unknown field" in result.out


def test_other_kinds_are_skipped_and_said_to_be(airunway: Airunway) -> None:
    text = "apiVersion: v1\nkind: Service\nmetadata: {name: x}\n---\nmetadata: {name: y}\n"

    result = airunway("plan", "-f", "-", stdin=text)

    assert result.status == 0
    assert result.out == ""
    assert "standard input:1: skipped: Service of v1" in result.err
    assert "standard input:5: skipped: an object without kind" in result.err


def test_a_megabyte_of_environment_is_no_problem(airunway: Airunway) -> None:
    env = [{"name": f"V{number}", "value": "x" * 1000} for number in range(1000)]

    result = airunway("plan", "-f", "-", stdin=manifest(provider={"name": "vllm"}, env=env, **GPU))

    assert result.status == 0


def test_every_shipped_sample_would_be_deployed(airunway: Airunway, tmp_path: Path) -> None:
    files = []
    for name, text in samples.texts().items():
        (tmp_path / name).write_text(text)
        files += ["-f", tmp_path / name]

    result = airunway("plan", "-o", "yaml", *files)

    planned = list(yaml.safe_load_all(result.out))
    assert result.status == 0
    assert [entry["provider"]["name"] for entry in planned] == ["kaito", "kaito", "kaito", "vllm", "kaito"]
    engines = [entry["engine"]["name"] for entry in planned]
    assert engines == ["llamacpp", "llamacpp", "vllm", "vllm", "llamacpp"]
    assert not any(entry["warnings"] or entry["ignoredFields"] for entry in planned)


def test_an_image_that_would_be_built_is_named(airunway: Airunway) -> None:
    model = {"id": "example/Tiny-GGUF"}
    engine = {"type": "llamacpp", "args": {"ggufFile": "tiny-Q8_0.gguf"}}

    result = airunway("plan", "-f", "-", stdin=manifest(model=model, engine=engine, resources={"cpu": "1"}))

    assert result.status == 0
    assert "builds     an image of example/Tiny-GGUF@main, tiny-Q8_0.gguf" in result.out


def test_a_file_that_cannot_be_in_a_repository_is_found_before_anything_is_applied(
    airunway: Airunway,
) -> None:
    engine = {"type": "llamacpp", "args": {"ggufFile": "../tiny.gguf"}}

    result = airunway("plan", "-f", "-", stdin=manifest(engine=engine, resources={"cpu": "1"}))

    assert result.status == 1
    assert "must be a path inside the repository" in result.out


def test_a_missing_file_is_an_error_of_usage(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "nowhere.yaml")

    assert (result.status, result.err) == (2, "airunway: nowhere.yaml: no such file\n")


def test_what_is_not_yaml_is_an_error_of_usage(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "-", stdin="a: 1\n b: 2\n")

    assert result.status == 2
    assert result.err.startswith("airunway: standard input:2:3: not YAML")


def test_it_runs_as_a_program() -> None:
    command = [sys.executable, "-m", "airunway.cli", "plan", "-f", "-"]

    done = subprocess.run(
        command,
        input=manifest(provider={"name": "kaito"}, **GPU),
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert "Workspace default/chat (kaito.sh/v1beta1)" in done.stdout


INSTALLATION = {"helmCharts": [{"name": "op", "chart": "oci://charts.example.com/op", "namespace": "acme"}]}


def _config(name: str, *, ready: bool) -> str:
    engine = {"name": "vllm", "servingModes": ["aggregated"], "gpuSupport": True}
    return yaml.safe_dump(
        {
            "apiVersion": "airunway.ai/v1alpha1",
            "kind": "InferenceProviderConfig",
            "metadata": {"name": name},
            "spec": {"capabilities": {"engines": [engine]}},
            "status": {"ready": ready},
        }
    )


@pytest.mark.parametrize(
    ("metadata", "want"),
    [
        ({"name": "Chat_1"}, 'metadata.name: Invalid value: "Chat_1"'),
        ({"name": "a" * 254}, "metadata.name: Invalid value"),
        ({"name": "a..b"}, "metadata.name: Invalid value"),
        ({"name": 5}, "metadata.name: Invalid type: must be a string"),
        ({"name": "chat", "namespace": "my.team"}, 'metadata.namespace: Invalid value: "my.team"'),
        ({"name": "chat", "namespace": {"a": "b"}}, "metadata.namespace: Invalid type: must be a string"),
        ({"generateName": "Chat-"}, "metadata.generateName: Invalid value"),
        ({}, "metadata.name: Required value"),
    ],
)
def test_a_name_that_the_api_server_refuses_is_said(
    airunway: Airunway, metadata: dict[str, Any], want: str
) -> None:
    body = {**yaml.safe_load(manifest(provider={"name": "vllm"}, **GPU)), "metadata": metadata}

    result = airunway("plan", "-f", "-", stdin=yaml.safe_dump(body))

    assert result.status == 1
    assert want in result.out


@pytest.mark.parametrize("metadata", [{"name": "a-b-c1"}, {"generateName": "chat-"}, {"name": "9"}])
def test_a_name_that_the_api_server_takes_is_taken(airunway: Airunway, metadata: dict[str, Any]) -> None:
    body = {**yaml.safe_load(manifest(provider={"name": "kaito"}, **GPU)), "metadata": metadata}

    result = airunway("plan", "-f", "-", stdin=yaml.safe_dump(body))

    assert "Invalid value" not in result.out.replace("spec.", "")


def test_a_file_without_deployments_is_said_to_be_one(airunway: Airunway) -> None:
    result = airunway("plan", "-f", "-", stdin="kind: ConfigMap\napiVersion: v1\n")

    assert result.err.endswith("nothing to plan: there is no ModelDeployment\n")
