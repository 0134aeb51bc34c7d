"""What is said of a deployment's pods holds for every pod that is made for it, whatever that one does.

Serving, routing, heading a cluster, downloading; in every mode, and in the form that each operator reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from airunway.api import names
from airunway.api.model_deployment import ModelDeployment
from airunway.provider import Manifest, RenderContext
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment, everything

ENV = [
    {"name": "HF_ENDPOINT", "value": "https://hf-mirror.internal.example"},
    {"name": "HTTPS_PROXY", "value": "http://proxy.internal.example:3128"},
    {"name": "HF_HUB_OFFLINE", "value": "1"},
    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
]
LABELS = {"kueue.x-k8s.io/queue-name": "team-a"}
ANNOTATIONS = {"sidecar.istio.io/inject": "false"}
SELECTOR = {"cloud.example/pool": "h100"}
TOLERATIONS = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
SECRETS = [{"name": "regcred"}, {"name": "second"}]
SAID: dict[str, Any] = {
    "env": ENV,
    "podTemplate": {"metadata": {"labels": LABELS, "annotations": ANNOTATIONS}},
    "nodeSelector": SELECTOR,
    "tolerations": TOLERATIONS,
}
CACHE = {"storage": {"volumes": [{"name": "weights", "purpose": "modelCache", "size": "40Gi"}]}}
SPLIT: dict[str, Any] = {
    "serving": {"mode": "disaggregated"},
    "scaling": {
        "prefill": {"replicas": 1, "gpu": {"count": 1}},
        "decode": {"replicas": 1, "gpu": {"count": 1}},
    },
    "resources": {"gpu": None},
}
MODES: dict[str, dict[str, Any]] = {
    "aggregated": {},
    "with a cache": {"model": CACHE},
    "disaggregated": SPLIT,
    "disaggregated with a cache": {**SPLIT, "model": CACHE},
    "without gateway": {"gateway": {"enabled": False}},
}
LLAMACPP: dict[str, Any] = {
    "engine": {"type": "llamacpp"},
    "gpus": 0,
    "image": "registry.example.com/server:1",
}
SERVERS = ("dynamo", "kuberay", "llmd", "vllm")


class Pod:
    """A pod as the provider asks for it: its place in an object, metadata, spec, and the containers in it."""

    def __init__(
        self, where: str, metadata: Mapping[str, Any], spec: Mapping[str, Any], *containers: Any
    ) -> None:
        self.where, self.metadata, self.spec = where, metadata, spec
        self.containers = containers or tuple(spec["containers"])

    def variables(self) -> list[list[dict[str, Any]]]:
        """Of each container those that the user set."""
        wanted = {entry["name"] for entry in ENV}
        return [
            [entry for entry in container.get("env", container.get("envs", ())) if entry["name"] in wanted]
            for container in self.containers
        ]


def pods_of(obj: Manifest) -> Iterator[Pod]:
    """Every pod that comes of an object."""
    kind, spec = obj["kind"], obj.get("spec", {})
    if kind in ("Deployment", "Job"):
        yield Pod(kind, spec["template"].get("metadata", {}), spec["template"]["spec"])
    elif kind == "RayService":
        cluster = spec["rayClusterConfig"]
        for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
            yield Pod(
                group.get("groupName", "head"), group["template"]["metadata"], group["template"]["spec"]
            )
    elif kind == "DynamoGraphDeployment":
        for key, service in spec["services"].items():
            pod = service["extraPodSpec"]
            sidecars = [service["frontendSidecar"]] if "frontendSidecar" in service else []
            yield Pod(key, service.get("extraPodMetadata", {}), pod, pod["mainContainer"], *sidecars)
    elif kind == "Workspace" and "template" in obj["inference"]:
        template = obj["inference"]["template"]
        # KAITO adds the selector of the Workspace to its pods.
        selector = {"nodeSelector": obj["resource"]["labelSelector"]["matchLabels"]}
        yield Pod("template", template["metadata"], {**template["spec"], **selector})


def pods(provider: str, given: ModelDeployment) -> list[Pod]:
    rendered = everything(installed_providers()[provider], given, RenderContext(routed_by_gateway=True))
    return [pod for obj in rendered for pod in pods_of(obj)]


def contains(found: Any, wanted: Mapping[str, Any]) -> bool:
    return isinstance(found, Mapping) and wanted.items() <= found.items()


def cases() -> Iterator[Any]:
    for provider in SERVERS:
        for mode, spec in MODES.items():
            if provider != "vllm" or "serving" not in spec:
                yield pytest.param(provider, spec, id=f"{provider} {mode}")
    yield pytest.param("kaito", LLAMACPP, id="kaito llamacpp")
    yield pytest.param("kaito", {**LLAMACPP, "model": CACHE}, id="kaito llamacpp with a cache")


@pytest.mark.parametrize(("provider", "spec"), list(cases()))
def test_every_pod_of_a_deployment_has_it(provider: str, spec: dict[str, Any]) -> None:
    secrets = {names.ANNOTATION_PULL_SECRETS: "regcred, second"}
    given = deployment(annotations=secrets, **SAID, **spec)

    found = pods(provider, given)

    assert found
    for pod in found:
        assert contains(pod.metadata.get("labels"), LABELS), pod.where
        assert contains(pod.metadata.get("annotations"), ANNOTATIONS), pod.where
        assert contains(pod.spec.get("nodeSelector"), SELECTOR), pod.where
        assert pod.spec.get("tolerations") == TOLERATIONS, pod.where
        assert pod.spec.get("imagePullSecrets") == SECRETS, pod.where
        assert pod.spec.get("enableServiceLinks") is False, pod.where
        assert pod.variables() == [ENV] * len(pod.containers), pod.where


def test_there_is_a_pod_for_each_part() -> None:
    """What the test above goes through."""
    roles = {
        (provider, pod.where)
        for provider in SERVERS
        for spec in MODES.values()
        if provider != "vllm" or "serving" not in spec
        for pod in pods(provider, deployment(**SAID, **spec))
    }

    assert roles == {
        *(("dynamo", part) for part in ("Epp", "Frontend", "Job", "VllmWorker")),
        *(("dynamo", part) for part in ("VllmPrefillWorker", "VllmDecodeWorker")),
        *(("kuberay", part) for part in ("head", "gpu-workers", "prefill-workers", "decode-workers")),
        *((provider, "Deployment") for provider in ("llmd", "vllm")),
    }


def test_the_job_is_none_of_the_pods_that_serve() -> None:
    labels = {**LABELS, names.LABEL_MODEL_DEPLOYMENT: "chat", names.LABEL_DEPLOYMENT: "chat"}
    given = deployment(model=CACHE, podTemplate={"metadata": {"labels": labels}})

    (job,) = [
        obj
        for obj in everything(installed_providers()["dynamo"], given, RenderContext(routed_by_gateway=True))
        if obj["kind"] == "Job"
    ]

    assert job["spec"]["template"]["metadata"] == {"labels": LABELS}


def test_a_cache_is_not_looked_for_where_it_is_not_mounted() -> None:
    env = [{"name": "HF_HOME", "value": "/model-cache/hf"}, {"name": "A", "value": "1"}]
    given = deployment(**{**SAID, "env": env}, model=CACHE)

    named = {
        pod.where: [
            {entry["name"] for entry in container.get("env", container.get("envs", ()))} & {"HF_HOME", "A"}
            for container in pod.containers
        ]
        for pod in pods("dynamo", given)
    }

    assert named == {"Job": [{"HF_HOME", "A"}], "Epp": [{"A"}], "VllmWorker": [{"HF_HOME", "A"}, {"A"}]}


# --- pull secrets ------------------------------------------------------------------------------------------


def test_a_preset_hands_its_pull_secrets_to_kaito() -> None:
    given = deployment(annotations={names.ANNOTATION_PULL_SECRETS: "regcred"})

    workspace = installed_providers()["kaito"].render(given, RenderContext())[0]

    assert workspace["inference"]["preset"]["presetOptions"] == {"imagePullSecrets": ["regcred"]}


def test_a_built_image_is_pulled_with_its_own_secret_beside() -> None:
    given = deployment(annotations={names.ANNOTATION_PULL_SECRETS: "regcred"}, **LLAMACPP)
    context = RenderContext(model_image="localhost:30500/m@sha256:00", model_image_pull_secret="pull")

    workspace = installed_providers()["kaito"].render(given, context)[0]

    secrets = workspace["inference"]["template"]["spec"]["imagePullSecrets"]
    assert secrets == [{"name": "regcred"}, {"name": "pull"}]


@pytest.mark.parametrize("provider", [*SERVERS, "kaito"])
@pytest.mark.parametrize("text", ["Reg_Cred", "a;b", "a/b", "-a", ",".join(f"s{n}" for n in range(17))])
def test_what_names_no_secrets_is_refused(provider: str, text: str) -> None:
    given = deployment(annotations={names.ANNOTATION_PULL_SECRETS: text})

    problem = installed_providers()[provider].check(given) or ""

    assert problem.startswith(f"metadata.annotations[{names.ANNOTATION_PULL_SECRETS}]: ")


@pytest.mark.parametrize("provider", [*SERVERS, "kaito"])
@pytest.mark.parametrize("text", ["", " ", ","])
def test_no_names_are_no_secrets(provider: str, text: str) -> None:
    given = deployment(annotations={names.ANNOTATION_PULL_SECRETS: text})

    assert installed_providers()[provider].check(given) is None
    assert "imagePullSecrets" not in str(installed_providers()[provider].render(given, RenderContext()))


@pytest.mark.parametrize("provider", ["llmd", "vllm"])
def test_overrides_of_pull_secrets_are_taken_too(provider: str) -> None:
    overrides = {"spec": {"template": {"spec": {"imagePullSecrets": [{"name": "mine"}]}}}}

    (found, *_) = pods(provider, deployment(provider={"overrides": overrides}))

    assert found.spec["imagePullSecrets"] == [{"name": "mine"}]
