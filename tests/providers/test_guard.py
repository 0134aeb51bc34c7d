"""What a tenant may make of a deployment: overrides that are listed, objects of its own, ceilings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.provider.ceilings import Ceilings
from airunway.provider.contract import Provider, RenderContext, RenderError, Stage, StageVerdict
from airunway.provider.guard import NotAllowed, refuse_unannounced
from airunway.provider.policy import OverridesPolicy
from airunway.provider.testing import deployment
from tests.providers.guarding import (
    OFF,
    OPEN,
    PROVIDERS,
    Overrides,
    container,
    in_pod,
    overriding,
    refusal,
)


def test_overrides_can_be_switched_off() -> None:
    policy = OverridesPolicy(mode=OFF)

    said = refusal("vllm", overriding("vllm", {"spec": {"minReadySeconds": 5}}), policy=policy)

    assert said == "spec.provider.overrides: overrides are switched off (AIRUNWAY_OVERRIDES=off)"
    assert refusal("vllm", overriding("vllm", {}), policy=policy) == ""


@pytest.mark.parametrize(
    ("provider", "overrides", "path"),
    [
        pytest.param("vllm", {"spec": {"replicas": 2}}, "spec.replicas", id="the size of a Deployment"),
        pytest.param("llmd", {"spec": {"replicas": 2}}, "spec.replicas", id="the size of both Deployments"),
        pytest.param("llmd", in_pod("llmd", {"a": 1}), "spec.template.spec.a", id="a pod of llm-d"),
        pytest.param(
            "vllm",
            in_pod("vllm", container(resources={"limits": {"nvidia.com/gpu": "8"}})),
            "spec.template.spec.containers[0].resources",
            id="resources",
        ),
        pytest.param(
            "vllm",
            in_pod("vllm", {"securityContext": {"runAsUser": 0}}),
            "spec.template.spec.securityContext",
            id="the user",
        ),
        pytest.param("kaito", {"resource": {"instanceType": "x"}}, "resource.instanceType", id="a machine"),
        pytest.param("kaito", {"resource": {"ratio": 0.5}}, "resource.ratio", id="an unknown field"),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": {"replicas": 7}}}},
            "spec.services.VllmWorker.replicas",
            id="the size of a service",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"Planner": {"componentType": "planner"}}}},
            "spec.services.Planner.componentType",
            id="a service with an account of its own",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": None}}},
            "spec.services.VllmWorker",
            id="a service taken away",
        ),
        pytest.param(
            "kuberay",
            {"spec": {"rayClusterConfig": {"workerGroupSpecs": [{"groupName": "g", "maxReplicas": 9}]}}},
            "spec.rayClusterConfig.workerGroupSpecs[0].maxReplicas",
            id="the size of a group",
        ),
        pytest.param("kuberay", {"HostNetwork": True}, "HostNetwork", id="another root key"),
        pytest.param("kuberay", {"spec": None}, "spec", id="everything taken away"),
    ],
)
def test_what_no_list_names_is_refused(provider: str, overrides: Overrides, path: str) -> None:
    said = refusal(provider, overriding(provider, overrides))

    why = f"not allowed: provider {provider} does not let this path be overridden"
    words = f"spec.provider.overrides.{path}: {why}"
    assert said is not None
    assert said.startswith(f"{words}; ")
    assert said.endswith("allow it in AIRUNWAY_OVERRIDES_ALLOWED")


@pytest.mark.parametrize(
    ("provider", "overrides"),
    [
        pytest.param("dynamo", {"routerMode": "kv", "frontend": {"replicas": 2}}, id="the router"),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": {"multinode": {"nodeCount": 2}}}}},
            id="two nodes",
        ),
        pytest.param("kaito", {"resource": {"count": 5, "preferredNodes": ["n1"]}}, id="nodes"),
        pytest.param("kuberay", {"spec": {"serveConfigV2": "applications: []"}}, id="the application"),
        pytest.param("vllm", {"spec": {"strategy": {"type": "Recreate"}}}, id="the roll-out"),
        pytest.param(
            "vllm", in_pod("vllm", {"terminationGracePeriodSeconds": 120, **container()}), id="the pod"
        ),
        pytest.param("llmd", {"spec": {"template": {"metadata": {"labels": {"a": "b"}}}}}, id="labels"),
    ],
)
def test_what_a_list_names_is_rendered(provider: str, overrides: Overrides) -> None:
    assert refusal(provider, overriding(provider, overrides)) == ""


@pytest.mark.parametrize(
    ("provider", "overrides", "words"),
    [
        pytest.param("kaito", {"resource": {"count": 500}}, "500 nodes .*AIRUNWAY_MAX_NODES", id="nodes"),
        pytest.param("kaito", {"resource": {"count": "5"}}, "resource.count .* whole number", id="a text"),
        pytest.param("vllm", {"spec": {"replicas": 33}}, "33 replicas .*MAX_REPLICAS", id="replicas"),
        pytest.param(
            "vllm",
            {"spec": {"strategy": {"rollingUpdate": {"maxSurge": 90}}}},
            "91 pods .*MAX_PODS",
            id="a roll-out's pods",
        ),
        pytest.param(
            "vllm",
            in_pod(
                "vllm", {"containers": [{"name": "s", "resources": {"requests": {"amd.com/gpu": "200"}}}]}
            ),
            "201 GPUs .*MAX_GPUS",
            id="GPUs of a sidecar, by whatever name",
        ),
        pytest.param(
            "vllm",
            in_pod("vllm", {"resources": {"limits": {"memory": "64Ti"}}}),
            "bytes of memory .*MAX_MEMORY",
            id="memory of the whole pod",
        ),
        pytest.param(
            "vllm",
            in_pod("vllm", {"containers": [{"name": "s", "resources": {"limits": {"cpu": "many"}}}]}),
            "quantity",
            id="what cannot be counted",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": {"multinode": {"nodeCount": 500}}}}},
            "500 nodes .*MAX_NODES",
            id="nodes of a worker",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": {"resources": {"limits": {"custom": {"a/b": 999}}}}}}},
            "1000 GPUs .*MAX_GPUS",
            id="custom devices",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {f"W{index}": {"componentType": "worker"} for index in range(17)}}},
            "19 Services .*MAX_SERVICES",
            id="Services",
        ),
        pytest.param(
            "kuberay",
            {
                "spec": {
                    "rayClusterConfig": {
                        "workerGroupSpecs": [{"groupName": "gpu-workers", "maxReplicas": 33}]
                    }
                }
            },
            "33 replicas .*MAX_REPLICAS",
            id="what a group may grow to",
        ),
        pytest.param(
            "kuberay",
            {
                "spec": {
                    "rayClusterConfig": {"workerGroupSpecs": [{"groupName": "gpu-workers", "numOfHosts": 90}]}
                }
            },
            "91 pods .*MAX_PODS",
            id="hosts of a group",
        ),
        pytest.param(
            "kuberay",
            {"spec": {"rayClusterConfig": {"headGroupSpec": {"serviceType": "LoadBalancer"}}}},
            "Service of type LoadBalancer .*AIRUNWAY_SERVICE_TYPES",
            id="a Service to outside",
        ),
        pytest.param(
            "kuberay",
            {"spec": {"serveService": {"spec": {"externalIPs": ["192.0.2.1"]}}}},
            "externalIPs",
            id="somebody's address",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"services": {"VllmWorker": {"dynamoNamespace": "team-b-chat"}}}},
            "dynamoNamespace",
            id="another deployment's graph",
        ),
        pytest.param(
            "dynamo",
            {
                "spec": {
                    "services": {
                        "VllmWorker": {
                            "extraPodMetadata": {"labels": {"nvidia.com/dynamo-namespace": "team-b-chat"}}
                        }
                    }
                }
            },
            "nvidia.com/dynamo-namespace",
            id="another deployment's graph by a label",
        ),
        pytest.param(
            "dynamo",
            {"spec": {"pvcs": [{"name": "x", "create": True, "size": "900Gi"}]}},
            "create",
            id="a claim by the operator",
        ),
    ],
)
def test_ceilings_and_fields_hold_whatever_may_be_overridden(
    provider: str, overrides: Overrides, words: str
) -> None:
    given = overriding(provider, overrides, model={"id": "microsoft/phi-4"})

    with pytest.raises(RenderError, match=words):
        PROVIDERS[provider].render(given, RenderContext(policy=OPEN))


def test_storage_is_summed_over_what_stages_create_too() -> None:
    volumes = [
        {"name": "mine", "claimName": "somebodys", "purpose": "custom", "mountPath": "/mine"},
        *(
            {"name": f"v{index}", "size": "3Ti", "purpose": "custom", "mountPath": f"/v{index}"}
            for index in range(2)
        ),
    ]
    for name in ("dynamo", "kuberay", "llmd", "vllm"):
        given = deployment(model={"storage": {"volumes": volumes}}, provider={"name": name})

        assert "AIRUNWAY_MAX_STORAGE" in refusal(name, given), name


@pytest.mark.parametrize("name", ["dynamo", "kuberay", "llmd", "vllm"])
def test_devices_of_a_device_class_are_counted_as_gpus(name: str) -> None:
    gpu = {"count": 8, "type": "deviceclass.resource.kubernetes.io/gpu.nvidia.com"}
    engine = {"image": "registry.example.com/engine:7"}
    given = deployment(resources={"gpu": gpu}, scaling={"replicas": 20}, engine=engine)

    assert "160 GPUs" in refusal(name, given)


def test_a_quantity_of_ten_thousand_digits_makes_no_such_message() -> None:
    given = deployment(resources={"gpu": {"count": 1}, "memory": "1e9999"})

    told = refusal("vllm", given)

    assert "1.00E+9999 bytes of memory" in told
    assert len(told) < 400


def test_replicas_of_prefill_and_decode_count_together() -> None:
    group = {"replicas": 20, "gpu": {"count": 4}}
    given = deployment(gpus=0, serving={"mode": "disaggregated"}, scaling={"prefill": group, "decode": group})

    for name in ("dynamo", "kuberay", "llmd"):
        assert "160 GPUs" in refusal(name, given), name
        wider = OverridesPolicy(ceilings=Ceilings(gpus=160))
        assert refusal(name, given, policy=wider) == "", name


@pytest.mark.parametrize(
    ("provider", "key"), [("kaito", "kaito.sh/enablelb"), ("kuberay", "ray.io/ft-enabled")]
)
def test_an_annotation_does_not_tell_an_operator_what_to_do(provider: str, key: str) -> None:
    given = deployment(podTemplate={"metadata": {"annotations": {key: "true"}}})

    assert key in refusal(provider, given)


def test_an_annotation_does_not_unconfine_a_pod() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/vllm"
    given = deployment(podTemplate={"metadata": {"annotations": {key: "unconfined"}}})

    for provider in PROVIDERS:
        assert key in refusal(provider, given)


@pytest.mark.parametrize("key", ["sidecar.istio.io/userVolume", "sidecar.istio.io/userVolumeMount"])
def test_an_annotation_does_not_have_a_webhook_mount_what_is_forbidden(key: str) -> None:
    volumes = '[{"name": "node", "hostPath": {"path": "/"}}]'
    given = deployment(podTemplate={"metadata": {"annotations": {key: volumes}}})

    for provider in PROVIDERS:  # of a KAITO preset the endpoint picker has it
        assert key in refusal(provider, given)


def other(**changes: Any) -> Provider:
    """A provider that renders what it must not."""
    vllm = PROVIDERS["vllm"]

    def objects(given: ModelDeployment, context: RenderContext) -> list[dict[str, Any]]:
        first, *rest = vllm.objects(given, context)
        identity = {key: value for key, value in changes.items() if key in ("kind", "apiVersion")}
        metadata = {**first["metadata"], **changes.get("metadata", {})}
        return [{**first, **identity, "metadata": metadata}, *rest]

    return replace(vllm, objects=objects)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"metadata": {"namespace": "kube-system"}}, "namespace", id="another namespace"),
        pytest.param({"metadata": {"namespace": None}}, "namespace", id="no namespace"),
        pytest.param({"metadata": {"ownerReferences": []}}, "owned", id="nobody's"),
        pytest.param({"metadata": {"finalizers": ["a/b"]}}, "finalizers", id="a finalizer"),
        pytest.param({"kind": "ClusterRole"}, "kind", id="another kind"),
    ],
)
def test_nothing_is_rendered_that_is_not_the_deployments_own(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(NotAllowed, match=words):
        other(**changes).render(deployment(), RenderContext())


def test_a_stage_creates_what_it_announced_only() -> None:
    claim = {"kind": "PersistentVolumeClaim", "metadata": {"name": "a"}}
    stage = Stage(condition="Ready", reads=[], judge=lambda live: StageVerdict(**{}), creates=[claim])

    refuse_unannounced(stage, [claim])
    with pytest.raises(RenderError, match="unannounced"):
        refuse_unannounced(stage, [{**claim, "metadata": {"name": "b"}}])
