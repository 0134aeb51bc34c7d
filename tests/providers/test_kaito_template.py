"""The pod template of a llama.cpp Workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.contract import ModelImageSpec, RenderContext, RenderError
from airunway.provider.testing import deployment
from airunway.providers.kaito import PROVIDER
from tests.providers.build import NO_RIGHTS, runner


def container(given: ModelDeployment, **context: Any) -> dict[str, Any]:
    workspace = PROVIDER.render(given, RenderContext(**context))[0]
    found: dict[str, Any] = workspace["inference"]["template"]["spec"]["containers"][0]
    return found


@dataclass(frozen=True)
class ModelCase:
    reason: str
    given: ModelDeployment
    args: list[str]
    context: dict[str, Any] = field(default_factory=dict)


URL = "https://huggingface.co/acme/x/resolve/main/x.gguf"
ADDRESS = "--address=:5000"
MODELS = [
    ModelCase("a server image gets the repository", runner(), ["huggingface://acme/chat-9b", ADDRESS]),
    ModelCase(
        "a file of a repository is named by its URL",
        runner(engine={"args": {"ggufUrl": URL, "threads": "8"}}),
        [URL, ADDRESS],
    ),
    ModelCase("a custom source supplies the model itself", runner(model={"source": "custom"}), [ADDRESS]),
    ModelCase("without a model id there is nothing to name", runner(model={"id": None}), [ADDRESS]),
    ModelCase(
        "AIKit's catalogue images hold their model",
        runner(image="ghcr.io/kaito-project/aikit/llama3.2:1b", model={"id": "llama3.2:1b"}),
        [ADDRESS],
    ),
    ModelCase(
        "AIKit's runners hold none",
        runner(image="ghcr.io/kaito-project/aikit/runners/llama-cpp-cuda:latest"),
        ["huggingface://acme/chat-9b", ADDRESS],
    ),
    ModelCase("built images hold their model", runner(image="localhost:30500/aikit-acme:Q4_K_M"), [ADDRESS]),
    ModelCase(
        "a URL is meant, also beside a baked image",
        runner(image="localhost:30500/a:1", engine={"args": {"ggufUrl": URL}}),
        [URL, ADDRESS],
    ),
    ModelCase(
        "an image that a build step resolved holds its model",
        runner(),
        [ADDRESS],
        {"model_image": "r.example/x@sha256:1"},
    ),
]


@pytest.mark.parametrize("case", MODELS, ids=lambda case: case.reason)
def test_model_argument(case: ModelCase) -> None:
    assert container(case.given, **case.context)["args"] == case.args


def test_image_of_a_build_step_is_taken() -> None:
    assert container(runner(), model_image="r.example/x@sha256:1")["image"] == "r.example/x@sha256:1"


def test_a_private_image_is_pulled_with_the_secret_of_its_namespace() -> None:
    context = RenderContext(model_image="r.example/private/a/x@sha256:1", model_image_pull_secret="pull")

    (workspace,) = PROVIDER.render(runner(), context)

    spec = workspace["inference"]["template"]["spec"]
    assert spec["imagePullSecrets"] == [{"name": "pull"}]


def test_llamacpp_container() -> None:
    given = runner(
        resources={"gpu": {"count": 2, "type": "nvidia.com/gpu"}, "memory": "8Gi", "cpu": "4"},
        env=[
            {"name": "A", "value": "x<y"},
            {"name": "B"},
            {"name": "C", "value": "lost", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
            {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        ],
        secrets={"huggingFaceToken": "hub"},
    )

    rendered = container(given)

    assert rendered["resources"] == {
        "requests": {"memory": "8Gi", "cpu": "4"},
        "limits": {"nvidia.com/gpu": "2"},
    }
    assert rendered["ports"] == [{"containerPort": 5000}]
    assert rendered["env"] == [
        {"name": "A", "value": "x<y"},
        {"name": "B"},
        {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "m", "key": "k"}}},
        {"name": "D", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k", "optional": True}}},
        {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "HF_TOKEN"}}},
    ]


def test_probes() -> None:
    plain = container(runner())
    guarded = container(runner(env=[{"name": "API_KEY", "value": "k"}]))
    slow = container(runner(), env={"AIRUNWAY_KAITO_STARTUP_SECONDS": "7205"})

    assert plain["readinessProbe"]["httpGet"] == {"path": "/v1/models", "port": 5000}
    assert plain["startupProbe"]["failureThreshold"] * plain["startupProbe"]["periodSeconds"] == 3600
    assert guarded["startupProbe"]["tcpSocket"] == guarded["readinessProbe"]["tcpSocket"] == {"port": 5000}
    assert slow["startupProbe"]["failureThreshold"] == 721


@pytest.mark.parametrize("text", ["soon", "-5", "59", "1.5"])
def test_a_startup_time_that_is_no_number_of_seconds_is_refused(text: str) -> None:
    with pytest.raises(RenderError, match="AIRUNWAY_KAITO_STARTUP_SECONDS"):
        container(runner(), env={"AIRUNWAY_KAITO_STARTUP_SECONDS": text})


def test_template_takes_tolerations_and_storage() -> None:
    given = runner(
        tolerations=[{"key": "gpu", "operator": "Exists"}, {"operator": "Exists"}],
        model={
            "storage": {
                "volumes": [
                    {"name": "cache", "purpose": "modelCache", "size": "40Gi", "storageClassName": ""},
                    {"name": "data", "mountPath": "/data", "claimName": "shared", "readOnly": True},
                ]
            }
        },
    )

    template, claim = PROVIDER.render(given, RenderContext())
    pod = template["inference"]["template"]["spec"]

    assert pod["tolerations"] == [{"key": "gpu", "operator": "Exists"}, {"key": "", "operator": "Exists"}]
    assert pod["volumes"] == [
        {"name": "cache", "persistentVolumeClaim": {"claimName": "chat-cache"}},
        {"name": "data", "persistentVolumeClaim": {"claimName": "shared"}},
    ]
    assert pod["containers"][0]["volumeMounts"] == [
        {"name": "cache", "mountPath": "/model-cache"},
        {"name": "data", "mountPath": "/data", "readOnly": True},
    ]
    assert claim["metadata"]["name"] == "chat-cache"
    assert claim["spec"] == {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "40Gi"}},
        "storageClassName": "",
    }


def test_an_image_that_was_built_holds_its_model_and_needs_no_token() -> None:
    given = runner(image=None, secrets={"huggingFaceToken": "hf"}, env=[{"name": "A", "value": "1"}])
    built = "localhost:30500/aikit-acme-chat-9b@sha256:" + "d" * 64

    (workspace,) = PROVIDER.render(given, RenderContext(model_image=built))

    (container,) = workspace["inference"]["template"]["spec"]["containers"]
    assert container["image"] == built
    assert container["args"] == ["--address=:5000"]
    assert container["env"] == [{"name": "A", "value": "1"}]


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        (runner(image=None), ModelImageSpec(repository="acme/chat-9b")),
        (
            runner(
                image=None,
                engine={"args": {"ggufFile": "a-Q8_0.gguf"}},
                annotations={"airunway.ai/model-revision": "v2"},
                secrets={"huggingFaceToken": "hf"},
            ),
            ModelImageSpec(repository="acme/chat-9b", file="a-Q8_0.gguf", revision="v2", token_secret="hf"),
        ),
        (runner(), None),
        (runner(image=None, engine={"image": "i"}), None),
        (runner(image=None, model={"source": "custom"}), None),
        (runner(image=None, engine={"args": {"ggufUrl": "https://hub/m.gguf"}}), None),
        (runner(image=None, annotations={"airunway.ai/gguf-mode": "direct"}), None),
        (deployment(), None),
    ],
)
def test_when_an_image_is_wanted(given: ModelDeployment, wanted: ModelImageSpec | None) -> None:
    assert PROVIDER.model_image(given) == wanted


def test_arguments_that_a_build_has_no_use_for_are_reported() -> None:
    given = runner(image=None, engine={"args": {"ggufFile": "a.gguf", "threads": "8"}})

    assert PROVIDER.ignored_fields(given) == ["spec.engine.args.threads"]


def test_who_overrides_the_containers_needs_no_image_built() -> None:
    own = [{"name": "mine", "image": "registry.example.com/server:1"}]
    overrides = {"inference": {"template": {"spec": {"containers": own}}}}
    given = deployment(engine={"type": "llamacpp"}, provider={"name": "kaito", "overrides": overrides})

    assert PROVIDER.model_image(given) is None
    assert PROVIDER.check(given) is None
    (workspace,) = PROVIDER.render(given, RenderContext())
    assert workspace["inference"]["template"]["spec"]["containers"] == [
        {**own[0], "securityContext": NO_RIGHTS}
    ]


@pytest.mark.parametrize("containers", [None, [], {}, ["x"], [{"name": "mine"}], [{"image": 5}]])
def test_an_override_without_an_image_does_not_replace_one(containers: Any) -> None:
    overrides = {"inference": {"template": {"spec": {"containers": containers}}}}
    given = deployment(engine={"type": "llamacpp"}, provider={"name": "kaito", "overrides": overrides})

    assert PROVIDER.model_image(given) is not None
