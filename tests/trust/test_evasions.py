"""Where models are limited, nothing is deployed by which one could come from elsewhere than its name says."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import Engine, ModelDeployment
from airunway.trust.evasions import evasions


def deployment(**overrides: Any) -> ModelDeployment:
    spec = {"model": {"id": "good/model"}, "engine": {"type": "vllm"}}
    spec |= {"provider": {"name": "vllm", "overrides": overrides}} if overrides else {}
    return ModelDeployment.model_validate({"metadata": {"name": "chat"}, "spec": spec})


def with_variable(name: str, *, variables: str = "env", **entry: Any) -> list[dict[str, Any]]:
    return [{"spec": {"containers": [{variables: [{"name": name, **(entry or {"value": "x"})}]}]}}]


@pytest.mark.parametrize(
    "name",
    [
        *("HF_ENDPOINT", "VLLM_USE_MODELSCOPE", "SGLANG_USE_MODELSCOPE", "MODELSCOPE_DOMAIN"),
        *("MODEL_EXPRESS_URL", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "CURL_CA_BUNDLE"),
    ],
)
@pytest.mark.parametrize("variables", ["env", "envs"])
def test_another_hub_for_the_same_name_is_seen(variables: str, name: str) -> None:
    (words,) = evasions(deployment(), with_variable(name, variables=variables))

    assert words == f"the environment variable {name} would fetch it from another hub; remove it"


@pytest.mark.parametrize(
    "name",
    [
        *("LLAMA_ARG_HF_REPO", "LLAMA_ARG_HF_REPO_V", "LLAMA_ARG_MODEL", "LLAMA_ARG_MODEL_URL"),
        *("LLAMA_ARG_DOCKER_REPO", "LLAMA_ARG_MMPROJ_URL", "LLAMA_ARG_MODELS_PRESET"),
        *("VLLM_LORA_RESOLVER_HF_REPO_LIST", "VLLM_ALLOW_RUNTIME_LORA_UPDATING"),
    ],
)
def test_a_variable_that_could_name_another_model_is_seen(name: str) -> None:
    (words,) = evasions(deployment(), with_variable(name))

    assert words == f"the environment variable {name} could name another one; remove it"


@pytest.mark.parametrize(
    "name",
    [
        *("LD_PRELOAD", "LD_AUDIT", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME"),
        *("PYTHONUSERBASE", "PATH", "BASH_ENV", "VLLM_PLUGINS", "GCONV_PATH"),
    ],
)
def test_a_variable_that_makes_another_program_of_the_server_is_seen(name: str) -> None:
    (words,) = evasions(deployment(), with_variable(name))

    assert words == f"the environment variable {name} could start something else than its server; remove it"


@pytest.mark.parametrize("name", ["MODEL_ID", "VLLM_ENGINE_ARGS"])
def test_a_model_that_stands_elsewhere_is_seen(name: str) -> None:
    reference = {"configMapKeyRef": {"name": "c", "key": "k"}}

    (words,) = evasions(deployment(), with_variable(name, valueFrom=reference))

    assert words == f"the environment variable {name} names a model that nobody can read here; remove it"


@pytest.mark.parametrize(
    "name",
    [
        *("HF_TOKEN", "HF_HOME", "HTTPS_PROXY", "NO_PROXY", "PYTHONUNBUFFERED", "LLAMA_ARG_CTX_SIZE", "ENV"),
        *("VLLM_LOGGING_LEVEL", "NCCL_DEBUG", "MODEL_ID", "XPYTHONPATH", "PATHS"),
    ],
)
def test_other_variables_are_nobodys_care(name: str) -> None:
    assert not list(evasions(deployment(), with_variable(name)))


@pytest.mark.parametrize("text", ["applications:\n- name: a", '{"model": "evil/m"}', "applications: [x]"])
def test_a_document_in_overrides_could_name_any_model(text: str) -> None:
    (words,) = evasions(deployment(spec={"serveConfigV2": text, "replicas": "2"}), [])

    assert "spec.provider.overrides.spec.serveConfigV2" in words


STARTING = {
    "command": ["sh", "-c", "exec vllm serve evil/m"],
    "args": ["-c", "import os"],
    "workingDir": "/data",
    "lifecycle": {"postStart": {"exec": {"command": ["pkill", "vllm"]}}},
    "livenessProbe": {"exec": {"command": ["sh"]}},
}


@pytest.mark.parametrize("field", STARTING)
def test_overrides_start_nothing_that_serves_another_model(field: str) -> None:
    container = {"name": "server", field: STARTING[field]}

    (words,) = evasions(deployment(spec={"template": {"spec": {"containers": [container]}}}), [])

    assert words.startswith(f"spec.provider.overrides.spec.template.spec.containers[0].{field}")
    assert "could start something that serves any other" in words


@pytest.mark.parametrize(
    "fields",
    [
        {"containers": [{"envFrom": [{"configMapRef": {"name": "c"}}]}]},
        {"services": {"worker": {"envFromSecret": "c"}}},
    ],
)
def test_overrides_bring_no_variables_of_elsewhere(fields: dict[str, Any]) -> None:
    (words,) = evasions(deployment(spec=fields), [])

    assert "brings variables that could name any other; use spec.env" in words


@pytest.mark.parametrize(
    "engine",
    [
        {"args": {"revision": "refs/pr/7"}},
        {"extraArgs": ["--tokenizer-revision=refs/pr/7"]},
        {"extraArgs": ["-sc", '{"model": "good/draft", "revision": "refs/pr/7"}']},
        {"args": {"code-revision": "refs%2Fpr%2F7"}},
    ],
)
def test_a_change_that_anybody_proposed_is_not_the_model(engine: dict[str, Any]) -> None:
    given = deployment()
    spec = given.spec.model_copy(update={"engine": Engine.model_validate({"type": "vllm", **engine})})

    (words,) = evasions(given.model_copy(update={"spec": spec}), [])

    assert words.startswith("a revision refs/pr/… is a proposed change, which anybody may have made")


def test_a_change_that_somebody_proposed_is_seen_in_what_was_rendered() -> None:
    objects = [{"spec": {"containers": [{"args": ["--revision", "refs/pr/7"]}]}}]

    (words,) = evasions(deployment(), [*objects, *with_variable("VLLM_ENGINE_ARGS", value="--seed 1")])

    assert "is a proposed change" in words


def test_overrides_bring_no_flags_of_elsewhere() -> None:
    (words,) = evasions(deployment(inference={"config": "flags-of-mine"}), [])

    assert words.startswith("spec.provider.overrides.inference.config brings flags that could name any other")


@pytest.mark.parametrize(
    "parameters",
    [{"num-cpus": "0; vllm serve evil/m"}, {"x$(id)": "1"}, {"labels": "`id`"}, {"a": "b|c"}, "--num-cpus=0"],
)
def test_no_parameter_is_a_line_of_a_shell(parameters: Any) -> None:
    (words,) = evasions(deployment(spec={"headGroupSpec": {"rayStartParams": parameters}}), [])

    assert "spec.headGroupSpec.rayStartParams holds signs that a shell reads" in words


def test_overrides_that_place_a_server_and_probe_it_are_nobodys_care() -> None:
    probe = {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 3}
    group = {"rayStartParams": {"num-cpus": "0", "dashboard-host": "0.0.0.0"}}
    picker = {"eppConfig": {"config": {"plugins": [{"type": "queue-scorer"}]}}}
    pod = {"nodeSelector": {"zone": "a"}, "containers": [{"name": "server", "livenessProbe": probe}]}

    assert not list(
        evasions(
            deployment(spec={"template": {"spec": pod}, "headGroupSpec": group, "services": {"Epp": picker}}),
            [],
        )
    )
