"""Servers in plain pods: what Direct vLLM and llm-d render alike."""

from __future__ import annotations

from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, Provider, RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.llmd import PROVIDER as LLMD
from airunway.providers.vllm import PROVIDER as VLLM
from tests.schemas import problems

GPU = "nvidia.com/gpu"
DEADLINES = {
    "llmd": "AIRUNWAY_LLMD_PROGRESS_DEADLINE_SECONDS",
    "vllm": "AIRUNWAY_VLLM_PROGRESS_DEADLINE_SECONDS",
}


@pytest.fixture(params=[LLMD, VLLM], ids=lambda provider: provider.name)
def provider(request: pytest.FixtureRequest) -> Provider:
    found: Provider = request.param
    return found


def objects(provider: Provider, given: ModelDeployment, **env: str) -> list[Manifest]:
    rendered = provider.render(given, RenderContext(env=env))
    assert [problem for obj in rendered for problem in problems(obj)] == []
    return rendered


def pod(provider: Provider, given: ModelDeployment) -> dict[str, Any]:
    found: dict[str, Any] = objects(provider, given)[0]["spec"]["template"]["spec"]
    return found


def container(provider: Provider, given: ModelDeployment) -> dict[str, Any]:
    (found,) = pod(provider, given)["containers"]
    assert isinstance(found, dict)
    return found


def test_gpu_type(provider: Provider) -> None:
    amd = {"gpu": {"count": 2, "type": "amd.com/gpu"}}
    sliced = {"gpu": {"count": 1, "type": "nvidia.com/mig-1g.5gb"}}
    own = deployment(resources=amd, image="rocm:1")

    assert "spec.resources.gpu.type" in (provider.check(deployment(resources=amd)) or "")
    assert provider.check(own) is None
    assert container(provider, own)["resources"]["limits"] == {"amd.com/gpu": "2"}
    limits = container(provider, deployment(resources=sliced))["resources"]["limits"]
    assert limits == {"nvidia.com/mig-1g.5gb": "1"}


def test_resources(provider: Provider) -> None:
    given = deployment(resources={"memory": "96Gi", "cpu": "12"})

    assert container(provider, given)["resources"] == {
        "limits": {GPU: "1", "memory": "96Gi"},
        "requests": {GPU: "1", "memory": "96Gi", "cpu": "12"},
    }


@pytest.mark.parametrize(
    ("scaling", "wanted"),
    [
        pytest.param(None, 1, id="absent: one replica"),
        pytest.param({"replicas": 3}, 3, id="as given"),
        pytest.param({"replicas": 0}, 0, id="zero is asked for, not absent"),
    ],
)
def test_replicas(provider: Provider, scaling: Any, wanted: int) -> None:
    assert objects(provider, deployment(scaling=scaling))[0]["spec"]["replicas"] == wanted


@pytest.mark.parametrize(("text", "attempts"), [("60", 4), ("600", 58), ("7200", 718)])
def test_deadlines(provider: Provider, text: str, attempts: int) -> None:
    rendered = objects(provider, deployment(), **{DEADLINES[provider.name]: text})[0]

    (server,) = rendered["spec"]["template"]["spec"]["containers"]
    assert rendered["spec"]["progressDeadlineSeconds"] == int(text)
    assert server["startupProbe"]["failureThreshold"] == attempts
    assert 15 + 10 * attempts <= int(text)


def test_an_unreadable_deadline_names_the_variable(provider: Provider) -> None:
    variable = DEADLINES[provider.name]

    with pytest.raises(RenderError, match=variable):
        objects(provider, deployment(), **{variable: "1h"})


ONE_KEY = {"name": "creds", "key": "k"}
TOKEN = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "HF_TOKEN"}}}
ADDRESS = {"fieldRef": {"fieldPath": "status.podIP"}}
CACHES = [
    {"name": "w", "purpose": "modelCache", "claimName": "w"},
    {"name": "c", "purpose": "compilationCache", "claimName": "c"},
]


@pytest.mark.parametrize(
    ("fields", "want"),
    [
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"configMapKeyRef": ONE_KEY}}]},
            [{"name": "A", "valueFrom": {"configMapKeyRef": ONE_KEY}}],
            id="every kind of source",
        ),
        pytest.param(
            {"env": [{"name": "A", "valueFrom": {"secretKeyRef": {**ONE_KEY, "optional": False}}}]},
            [{"name": "A", "valueFrom": {"secretKeyRef": {**ONE_KEY, "optional": False}}}],
            id="optional, also when false",
        ),
        pytest.param(
            {"env": [{"name": "A", "value": "1", "valueFrom": {"secretKeyRef": ONE_KEY}}]},
            [{"name": "A", "valueFrom": {"secretKeyRef": ONE_KEY}}],
            id="a source wins over a value",
        ),
        pytest.param(
            {
                "env": [{"name": "HF_TOKEN", "value": "mine"}, {"name": "B"}],
                "secrets": {"huggingFaceToken": "hub"},
            },
            [{"name": "B"}, TOKEN],
            id="the token's Secret replaces a variable of its name",
        ),
        pytest.param(
            {"env": [{"name": "HF_TOKEN", "value": "mine"}]},
            [{"name": "HF_TOKEN", "value": "mine"}],
            id="without a Secret the user's token stays",
        ),
        pytest.param(
            {
                "env": [
                    {"name": "HF_TOKEN", "value": "plain"},
                    {"name": "POD_IP", "value": "x", "valueFrom": ADDRESS},
                    {"name": "EMPTY", "value": ""},
                    {"name": "VLLM_CACHE_ROOT", "value": "$(HF_HOME)/vllm"},
                ],
                "secrets": {"huggingFaceToken": "hub"},
                "model": {"storage": {"volumes": CACHES}},
            },
            [
                {"name": "HF_HOME", "value": "/model-cache"},
                {"name": "POD_IP", "valueFrom": ADDRESS},
                {"name": "EMPTY"},
                {"name": "VLLM_CACHE_ROOT", "value": "$(HF_HOME)/vllm"},
                TOKEN,
            ],
            id="caches, the user's, the token",
        ),
    ],
)
def test_environment(provider: Provider, fields: dict[str, Any], want: list[dict[str, Any]]) -> None:
    assert container(provider, deployment(**fields))["env"] == want


def test_a_variable_that_is_given_twice_counts_once(provider: Provider) -> None:
    given = deployment(
        env=[{"name": "A", "value": "1"}, {"name": "B"}, {"name": "A", "value": "2"}, {"name": "HF_TOKEN"}],
        secrets={"huggingFaceToken": "hub"},
    )

    assert container(provider, given)["env"] == [{"name": "B"}, {"name": "A", "value": "2"}, TOKEN]
    assert provider.ignored_fields(given) == ["spec.env[0]", "spec.env[3]"]


def test_scheduling(provider: Provider) -> None:
    brief = {"key": "k", "operator": "Equal", "value": "v", "effect": "NoExecute", "tolerationSeconds": 0}
    given = deployment(nodeSelector={"pool": "h100"}, tolerations=[brief, {"operator": "Exists"}])

    assert pod(provider, given)["nodeSelector"] == {"pool": "h100"}
    assert pod(provider, given)["tolerations"] == [brief, {"key": "", "operator": "Exists"}]


def storage(*volumes: dict[str, Any], gpus: int = 2) -> ModelDeployment:
    return deployment(gpus=gpus, model={"storage": {"volumes": list(volumes)}})


def test_volumes(provider: Provider) -> None:
    given = storage(
        {"name": "weights", "purpose": "modelCache", "claimName": "shared", "readOnly": True},
        {"name": "loose", "purpose": "custom", "claimName": "loose"},
    )

    assert pod(provider, given)["volumes"] == [
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "20Gi"}},
        {"name": "weights", "persistentVolumeClaim": {"claimName": "shared"}},
        {"name": "loose", "persistentVolumeClaim": {"claimName": "loose"}},
    ]
    assert container(provider, given)["volumeMounts"] == [
        {"name": "shm", "mountPath": "/dev/shm"},
        {"name": "weights", "mountPath": "/model-cache", "readOnly": True},
    ]


def test_shared_memory_keeps_out_of_the_users_way(provider: Provider) -> None:
    given = storage({"name": "shm", "claimName": "c", "mountPath": "/scratch"})

    assert [volume["name"] for volume in pod(provider, given)["volumes"]] == ["dev-shm", "shm"]
    assert container(provider, given)["volumeMounts"][0] == {"name": "dev-shm", "mountPath": "/dev/shm"}


def test_managed_claims(provider: Provider) -> None:
    given = storage(
        {
            "name": "a",
            "mountPath": "/a",
            "size": "10Gi",
            "accessMode": "ReadWriteOnce",
            "storageClassName": "f",
        },
        {"name": "b", "mountPath": "/b", "size": 5},
        {"name": "c", "mountPath": "/c", "claimName": "mine"},
    )

    claims = objects(provider, given)[2:]

    assert [(claim["kind"], claim["metadata"]["name"]) for claim in claims] == [
        ("PersistentVolumeClaim", "chat-a"),
        ("PersistentVolumeClaim", "chat-b"),
    ]
    assert claims[0]["metadata"]["labels"] == {
        "airunway.ai/managed-by": "airunway",
        "airunway.ai/model-deployment": "chat",
    }
    assert claims[0]["spec"] == {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
        "storageClassName": "f",
    }
    assert claims[1]["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "5"}},
    }


def test_a_claim_that_two_volumes_name_is_made_once(provider: Provider) -> None:
    shared = {"claimName": "weights", "size": "1Gi"}
    given = storage(
        {"name": "a", "mountPath": "/a", **shared}, {"name": "b", "mountPath": "/b", **shared, "size": "2Gi"}
    )

    claims = objects(provider, given)[2:]

    assert [claim["spec"]["resources"]["requests"]["storage"] for claim in claims] == ["1Gi"]


@pytest.mark.parametrize(
    ("change", "is_replaced"),
    [
        pytest.param({}, False, id="nothing changed"),
        pytest.param({"replicas": 5}, False, id="scaled in place"),
        pytest.param({"selector": {"matchLabels": {"app": "old"}}}, True, id="a selector is immutable"),
    ],
)
def test_replacement(provider: Provider, change: dict[str, Any], is_replaced: bool) -> None:
    desired, service = objects(provider, deployment())
    live = {**desired, "spec": {**desired["spec"], **change}}

    assert ("selector" in (provider.replacement_reason(live, desired) or "")) is is_replaced
    assert provider.replacement_reason({**service, "spec": {}}, service) is None
