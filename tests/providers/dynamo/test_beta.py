"""A graph says the same in v1beta1 as in v1alpha1, or it is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider import RenderContext, RenderError
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment
from airunway.providers.dynamo import PROVIDER
from airunway.providers.dynamo.config import ALPHA, BETA
from airunway.providers.dynamo.graph_parts import graph_parts
from airunway.providers.dynamo.limits import graph_demand
from airunway.providers.dynamo.runtime_version import SERVED_FIELDS, runtime_version, takes_picker_config
from tests.providers.dynamo.rendered import FRONTEND, container, disaggregated, graph, overridden, service
from tests.providers.dynamo.specs import deployments

ANYTHING = OverridesPolicy(mode=OverridesMode.ANYTHING)
VOLUMES = [
    {"name": "weights", "purpose": "modelCache", "size": "100Gi"},
    {"name": "comp", "claimName": "comp-pvc", "purpose": "compilationCache", "mountPath": "/cc"},
    {"name": "ro", "claimName": "data", "purpose": "custom", "mountPath": "/data", "readOnly": True},
]


def component(given: ModelDeployment, name: str = "VllmWorker", **context: Any) -> dict[str, Any]:
    """A component of the graph in v1beta1."""
    rendered = graph(given, api_version=BETA, **context)
    assert rendered["apiVersion"] == BETA
    return next(entry for entry in rendered["spec"]["components"] if entry["name"] == name)


def containers(given: ModelDeployment, name: str = "VllmWorker", **context: Any) -> dict[str, dict[str, Any]]:
    """Its containers by name."""
    pod = component(given, name, **context)["podTemplate"]["spec"]
    return {entry["name"]: entry for entry in pod["containers"]}


def test_a_worker_is_one_pod_template() -> None:
    asked = deployment(
        gpus=2,
        secrets={"huggingFaceToken": "hf"},
        env=[{"name": "A", "value": "b"}],
        nodeSelector={"pool": "gpu"},
        podTemplate={"metadata": {"labels": {"team": "x"}}},
        **FRONTEND,
    )
    alpha = service(asked)

    found = component(asked)

    main = alpha["extraPodSpec"]["mainContainer"]
    template = found["podTemplate"]
    assert found["type"] == "worker"
    assert found["replicas"] == alpha["replicas"]
    assert template["metadata"] == {"labels": {"team": "x"}, "annotations": alpha["annotations"]}
    assert template["spec"]["nodeSelector"] == {"pool": "gpu"}
    assert template["spec"]["securityContext"] == alpha["extraPodSpec"]["securityContext"]
    assert template["spec"]["containers"] == [
        {
            **main,
            "name": "main",
            "envFrom": [{"secretRef": {"name": "hf"}}],
            "resources": {"requests": {"nvidia.com/gpu": "2"}, "limits": {"nvidia.com/gpu": "2"}},
        }
    ]


def test_prefill_and_decode_are_types() -> None:
    rendered = graph(disaggregated(), api_version=BETA)["spec"]["components"]

    assert [(entry["name"], entry["type"]) for entry in rendered] == [
        ("Epp", "epp"),
        ("VllmPrefillWorker", "prefill"),
        ("VllmDecodeWorker", "decode"),
    ]


def test_the_frontend_beside_a_worker_gives_up_its_rights_too() -> None:
    found = containers(deployment(secrets={"huggingFaceToken": "hf"}))

    assert list(found) == ["main", "sidecar-frontend"]
    assert component(deployment())["frontendSidecar"] == "sidecar-frontend"
    assert found["sidecar-frontend"]["args"] == ["-m", "dynamo.frontend", "--router-mode", "direct"]
    assert found["sidecar-frontend"]["envFrom"] == [{"secretRef": {"name": "hf"}}]
    assert found["sidecar-frontend"]["securityContext"] == found["main"]["securityContext"]


def test_a_variable_that_is_given_twice_is_there_once() -> None:
    twice = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]

    for found in containers(deployment(env=twice)).values():
        assert found["env"] == [{"name": "A", "value": "2"}]


def test_claims_are_volumes_of_the_pod() -> None:
    given = deployment(model={"id": "acme/chat-9b", "storage": {"volumes": VOLUMES}}, **FRONTEND)

    found = component(given)

    assert "pvcs" not in graph(given, api_version=BETA)["spec"]
    assert found["compilationCache"] == {"pvcName": "comp-pvc", "mountPath": "/cc"}
    assert found["podTemplate"]["spec"]["volumes"] == [
        {"name": name, "persistentVolumeClaim": {"claimName": name}} for name in ("chat-weights", "data")
    ]
    assert containers(given)["main"]["volumeMounts"] == [
        {"name": "chat-weights", "mountPath": "/model-cache"},
        {"name": "data", "mountPath": "/data", "readOnly": True},
    ]


def test_overrides_are_written_in_v1alpha1_and_reach_v1beta1() -> None:
    probe = {"httpGet": {"path": "/live", "port": 9090}}
    worker = {
        "multinode": {"nodeCount": 2},
        "sharedMemory": {"size": "16Gi"},
        "envs": [{"name": "A", "value": "beside"}, {"name": "B", "value": "beside"}],
        "livenessProbe": probe,
        "runtimeVersionOverride": "1.3.0",
        "extraPodMetadata": {"labels": {"team": "x"}},
        "extraPodSpec": {"mainContainer": {"env": [{"name": "A", "value": "own"}]}},
    }
    given = overridden({"spec": {"envs": [{"name": "G", "value": "1"}], "services": {"VllmWorker": worker}}})

    found, main = component(given), containers(given)["main"]

    assert found["multinode"] == {"nodeCount": 2}
    assert found["sharedMemorySize"] == "16Gi"
    assert found["runtimeVersionOverride"] == "1.3.0"
    assert found["podTemplate"]["metadata"]["labels"] == {"team": "x"}
    assert main["livenessProbe"] == probe
    assert main["env"] == [{"name": "B", "value": "beside"}, {"name": "A", "value": "own"}]
    assert graph(given, api_version=BETA)["spec"]["env"] == [{"name": "G", "value": "1"}]


def test_no_shared_memory_is_a_size_of_none() -> None:
    given = overridden({"spec": {"services": {"VllmWorker": {"sharedMemory": {"disabled": True}}}}})

    assert component(given)["sharedMemorySize"] == "0"


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"ingress": {"enabled": True}}, "VllmWorker.ingress"),
        ({"autoscaling": {"enabled": True}}, "VllmWorker.autoscaling"),
        ({"dynamoNamespace": "other"}, "VllmWorker.dynamoNamespace"),
        ({"resources": 7}, "resources must stay an object"),
        ({"envs": "x"}, "envs must stay a list"),
        ({"extraPodSpec": {"containers": [{"name": "main"}]}}, "'main' is the name of a container of ours"),
    ],
)
def test_what_v1beta1_cannot_say_is_refused(part: dict[str, Any], words: str) -> None:
    given = overridden({"spec": {"services": {"VllmWorker": part}}})

    with pytest.raises(RenderError, match=words):
        PROVIDER.objects(given, RenderContext(api_version=BETA, policy=ANYTHING))


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"sharedMemory": {"sze": "1Gi"}}, "VllmWorker.sharedMemory.sze"),
        ({"scalingAdapter": {"enabld": True}}, "VllmWorker.scalingAdapter.enabld"),
        ({"extraPodMetadata": {"label": {"a": "b"}}}, "VllmWorker.extraPodMetadata.label"),
        ({"resources": {"limit": {"gpu": "4"}}}, "VllmWorker.resources.limit"),
        (
            {"extraPodSpec": {"mainContainer": {"resources": {"limit": {"cpu": "4"}}}}},
            "VllmWorker.extraPodSpec.mainContainer.resources.limit",
        ),
        (
            {"volumeMounts": [{"name": "data", "mountPoint": "/data", "readonly": True}]},
            "VllmWorker.volumeMounts[0].readonly",
        ),
        ([{"name": "data", "sze": "1Gi"}], "spec.pvcs[0].sze"),
        ([{"name": "data", "create": True}], "spec.pvcs[0].create"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_typing_error_in_a_part_that_is_said_otherwise_is_refused_by_its_path(
    spec: dict[str, Any] | list[dict[str, Any]], path: str
) -> None:
    part = {"pvcs": spec} if isinstance(spec, list) else {"services": {"VllmWorker": spec}}
    given = overridden({"spec": part})

    with pytest.raises(RenderError) as refusal:
        PROVIDER.objects(given, RenderContext(api_version=BETA, policy=ANYTHING))

    assert f"{path}: {BETA}, in which this graph is written, has nothing like it" in str(refusal.value)


@pytest.mark.parametrize(
    "part",
    [
        {"extraPodSpec": {"hostNetwork": True}},
        {"extraPodSpec": {"initContainers": [{"name": "x", "image": "r/x"}]}},
        {"extraPodSpec": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]}},
        {"extraPodSpec": {"serviceAccountName": "admin"}},
        {"extraPodSpec": {"mainContainer": {"securityContext": {"privileged": True}}}},
        {
            "extraPodSpec": {
                "containers": [{"name": "x", "image": "r/x", "securityContext": {"privileged": True}}]
            }
        },
        {"extraPodMetadata": {"labels": {"nvidia.com/dynamo-namespace": "other"}}},
        {"annotations": {"nvidia.com/enable-grove": "false"}},
        {"frontendSidecar": {"image": "r/x", "securityContext": {"privileged": True}}},
        {"globalDynamoNamespace": True},
        {"scalingAdapter": {"enabled": True}},
        {"providerOverride": {"apiVersion": "v1", "value": {}}},
        {"componentType": "planner"},
        {"unheardOf": 1},
    ],
    ids=lambda part: next(iter(part)),
)
@pytest.mark.parametrize("api_version", [ALPHA, BETA])
def test_what_a_pod_must_not_hold_is_refused_in_both_versions(api_version: str, part: dict[str, Any]) -> None:
    given = overridden({"spec": {"services": {"VllmWorker": part}}})

    with pytest.raises(RenderError):
        PROVIDER.render(
            given, RenderContext(api_version=api_version, routed_by_gateway=True, policy=ANYTHING)
        )


def test_pods_in_v1beta1_are_counted() -> None:
    many = deployment(scaling={"replicas": 100000})

    with pytest.raises(RenderError, match=r"replicas|pods|GPU"):
        PROVIDER.render(many, RenderContext(api_version=BETA))


@settings(max_examples=60, deadline=None)
@given(body=deployments())
def test_both_versions_have_the_same_parts_and_demand_the_same(body: dict[str, Any]) -> None:
    asked = ModelDeployment.model_validate(body)
    context = {"routed_by_gateway": True}
    try:
        (alpha,) = PROVIDER.render(asked, RenderContext(api_version=ALPHA, **context))
    except RenderError:
        return
    (beta,) = PROVIDER.render(asked, RenderContext(api_version=BETA, **context))

    assert graph_parts(alpha) == graph_parts(beta)
    assert alpha["metadata"] == beta["metadata"]
    assert graph_demand(alpha) == graph_demand(beta)


# -- the runtime in an image --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("nvcr.io/nvidia/ai-dynamo/vllm-runtime:1.3.0", "1.3.0"),
        ("nvcr.io:5000/vllm-runtime:v1.4.0-cuda13", "1.4.0"),
        ("r/x:1.2.3+b@sha256:00", "1.2.3"),
        ("r/x@sha256:00", "1.4.2"),
        ("r:5000/x", "1.4.2"),
        ("r/x:nightly", "1.4.2"),
        ("r/x:1.4", "1.4.2"),
        ("r/x:20260101.1.2", "1.4.2"),
    ],
)
def test_the_runtime_of_an_image(image: str, version: str) -> None:
    assert runtime_version(image) == version


@pytest.mark.parametrize("api_version", [ALPHA, BETA])
def test_the_runtime_is_named_where_the_operator_knows_the_field(api_version: str) -> None:
    given = deployment(image="registry.example.com/mine:nightly", **FRONTEND)
    here = {"api_version": api_version, "served_fields": [SERVED_FIELDS[api_version]]}
    other = ALPHA if api_version == BETA else BETA

    known = graph_parts(graph(given, **here))
    unknown = graph_parts(graph(given, api_version=api_version, served_fields=[SERVED_FIELDS[other]]))

    assert {part.names_runtime for part in known.values()} == {True}
    assert {part.names_runtime for part in unknown.values()} == {False}


@pytest.mark.parametrize(
    ("image", "told"), [("r/epp:1.4.9", True), ("r/epp:dev", True), ("r/epp:1.5.0", False)]
)
def test_a_picker_of_its_own_mind_is_not_told_what_to_do(image: str, told: bool) -> None:
    given = overridden({"epp": {"image": image}})

    assert takes_picker_config(image) is told
    assert ("eppConfig" in service(given, "Epp")) is told
    assert container(given, "Epp")["image"] == image
