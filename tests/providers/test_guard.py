"""What a tenant may make of a deployment: overrides, fields of what is rendered, ceilings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider.ceilings import Ceilings
from airunway.provider.contract import Provider, RenderContext, RenderError, Stage, StageVerdict
from airunway.provider.guard import NotAllowed, refuse_unannounced
from airunway.provider.guard_at_admission import admission_findings
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers
from airunway.provider.testing import deployment

PROVIDERS = installed_providers()
OFF = OverridesMode.OFF
OPEN = OverridesPolicy(mode=OverridesMode.ANYTHING)
Overrides = dict[str, Any]


def overriding(provider: str, overrides: Any, **spec: Any) -> ModelDeployment:
    return deployment(provider={"name": provider, "overrides": overrides}, **spec)


def refusal(
    provider: str, given: ModelDeployment, *, policy: OverridesPolicy | None = None, image: str | None = None
) -> str:
    """Why it is not allowed; empty when it is."""
    context = RenderContext(model_image=image, policy=policy or OverridesPolicy())
    try:
        PROVIDERS[provider].render(given, context)
    except NotAllowed as err:
        return str(err)
    return ""


def in_pod(provider: str, pod: Overrides) -> Overrides:
    """Overrides that lay something over a pod of a provider."""
    if provider == "kaito":
        containers = [{"name": "model", "image": "registry.example.com/engine:7"}]
        return {"inference": {"template": {"spec": {"containers": containers, **pod}}}}
    if provider == "dynamo":
        own = {key: value for key, value in pod.items() if key != "containers"}
        main = {"mainContainer": pod["containers"][0]} if "containers" in pod else {}
        return {"spec": {"services": {"VllmWorker": {"extraPodSpec": {**own, **main}}}}}
    if provider == "kuberay":
        return {"spec": {"rayClusterConfig": {"headGroupSpec": {"template": {"spec": pod}}}}}
    return {"spec": {"template": {"spec": pod}}}


def pod_of(provider: str, pod: Overrides) -> ModelDeployment:
    engine = {"type": "llamacpp"} if provider == "kaito" else {"type": "vllm"}
    return overriding(provider, in_pod(provider, pod), engine=engine)


def volume(**source: Any) -> Overrides:
    return {"volumes": [{"name": "v", **source}]}


def container(**fields: Any) -> Overrides:
    return {"containers": [{"name": "c", "image": "registry.example.com/engine:7", **fields}]}


FORBIDDEN = {
    "the node's network": ({"hostNetwork": True}, "hostNetwork"),
    "the node's processes": ({"hostPID": True}, "hostPID"),
    "the node's memory": ({"hostIPC": True}, "hostIPC"),
    "a node by name": ({"nodeName": "n1"}, "nodeName"),
    "an account": ({"serviceAccountName": "admin"}, "serviceAccountName"),
    "an account by its old name": ({"serviceAccount": "admin"}, "serviceAccount"),
    "the account's token": ({"automountServiceAccountToken": True}, "automountServiceAccountToken"),
    "a priority class": ({"priorityClassName": "system-node-critical"}, "priorityClassName"),
    "a priority": ({"priority": 2_000_000_000}, "priority"),
    "a runtime class": ({"runtimeClassName": "runc"}, "runtimeClassName"),
    "devices": ({"resourceClaims": [{"name": "gpu"}]}, "resourceClaims"),
    "an init container": ({"initContainers": [{"name": "i", "image": "x"}]}, "initContainers"),
    "an ephemeral container": ({"ephemeralContainers": [{"name": "i"}]}, "ephemeralContainers"),
    "kernel parameters": ({"securityContext": {"sysctls": [{"name": "kernel.msgmax"}]}}, "sysctls"),
    "no seccomp": ({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}, "seccompProfile"),
    "the node's files": (volume(hostPath={"path": "/"}), "hostPath"),
    "a projected token": (volume(projected={"sources": [{"serviceAccountToken": {}}]}), "projected"),
    "a CSI volume": (volume(csi={"driver": "secrets-store.csi.k8s.io"}), "csi"),
    "a claim of its own": (
        volume(ephemeral={"volumeClaimTemplate": {"spec": {"resources": {"requests": {"storage": "9Ti"}}}}}),
        "ephemeral",
    ),
    "a network file system": (volume(nfs={"server": "10.0.0.1", "path": "/"}), "nfs"),
    "an image as a volume": (volume(image={"reference": "x"}), "image"),
    "a field of a later Kubernetes": ({"hostKernel": True}, "hostKernel"),
    "privileges": (container(securityContext={"privileged": True}), "privileged"),
    "capabilities": (container(securityContext={"capabilities": {"add": ["SYS_ADMIN"]}}), "capabilities"),
    "escalation": (
        container(securityContext={"allowPrivilegeEscalation": True}),
        "allowPrivilegeEscalation",
    ),
    "a port of the node": (container(ports=[{"containerPort": 80, "hostPort": 80}]), "hostPort"),
    "an address of the node": (container(ports=[{"containerPort": 80, "hostIP": "::1"}]), "hostIP"),
    "a block device": (container(volumeDevices=[{"name": "v", "devicePath": "/dev/x"}]), "volumeDevices"),
    "shared mounts": (
        container(
            volumeMounts=[{"name": "v", "mountPath": "/v", "mountPropagation": "Bidirectional"}],
        ),
        "mountPropagation",
    ),
    "a probe of another address": (
        container(readinessProbe={"httpGet": {"host": "169.254.169.254", "port": 80}}),
        "host",
    ),
    "a hook to another address": (
        container(lifecycle={"preStop": {"httpGet": {"host": "10.0.0.1", "port": 80}}}),
        "host",
    ),
    "a claim of a device": (container(resources={"claims": [{"name": "gpu"}]}), "claims"),
}
WITH_PODS = ("dynamo", "kaito", "kuberay", "vllm")


CORRECTED = {
    "the account's token": ("automountServiceAccountToken", True),
    "no seccomp": ("type", "Unconfined"),
    "capabilities": ("add", ["SYS_ADMIN"]),
    "escalation": ("allowPrivilegeEscalation", True),
}
"""What isolation, which is laid over the overrides, may have put right already."""


def holds(value: Any, key: str, item: Any) -> bool:
    """Whether an object has such a field at any depth."""
    if isinstance(value, dict):
        return value.get(key) == item or any(holds(entry, key, item) for entry in value.values())
    return isinstance(value, list) and any(holds(entry, key, item) for entry in value)


@pytest.mark.parametrize("provider", WITH_PODS)
@pytest.mark.parametrize("case", FORBIDDEN)
def test_no_override_brings_a_forbidden_field_into_a_pod(case: str, provider: str) -> None:
    pod, field = FORBIDDEN[case]
    given = pod_of(provider, pod)

    listed, anything = refusal(provider, given), refusal(provider, given, policy=OPEN)

    assert "AIRUNWAY_OVERRIDES_ALLOWED" in listed
    assert field in listed or ".securityContext:" in listed or ".resources:" in listed
    if case in CORRECTED and not anything:
        objects = PROVIDERS[provider].render(given, RenderContext(policy=OPEN))
        assert not any(holds(obj, *CORRECTED[case]) for obj in objects)
    else:
        assert field in anything
        assert "AIRUNWAY_OVERRIDES_ALLOWED" in anything


@pytest.mark.parametrize("provider", WITH_PODS)
def test_an_administrator_lets_a_field_in_by_its_path(provider: str) -> None:
    at = {
        "dynamo": "spec.services.*.extraPodSpec",
        "kaito": "inference.template.spec",
        "kuberay": "spec.rayClusterConfig.headGroupSpec.template.spec",
        "vllm": "spec.template.spec",
    }[provider]
    given = pod_of(provider, {"priorityClassName": "models"})
    allowed = {provider: [f"{at}.priorityClassName"]}

    assert refusal(provider, given, policy=OverridesPolicy(allowed=allowed)) == ""
    for other in ({}, {provider: [f"{at}.*"]}, {provider: ["spec"]}, {"other": [f"{at}.priorityClassName"]}):
        assert "priorityClassName" in refusal(provider, given, policy=OverridesPolicy(allowed=other))


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
        pytest.param("llmd", in_pod("llmd", {"a": 1}), "spec.template.spec", id="a pod of llm-d"),
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

    assert said == (
        f"spec.provider.overrides.{path}: not allowed: provider {provider} does not let this path be "
        "overridden; an administrator can allow it in AIRUNWAY_OVERRIDES_ALLOWED"
    )


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

    assert key in refusal("vllm", given)


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


# -- admission ----------------------------------------------------------------------------------------------


def at_admission(given: ModelDeployment, policy: OverridesPolicy | None = None) -> list[str]:
    return [error.field for error in admission_findings(given, PROVIDERS, policy or OverridesPolicy())]


@pytest.mark.parametrize(
    ("provider", "overrides", "fields"),
    [
        pytest.param({"name": "vllm"}, {"spec": {"replicas": 1}}, ["spec.replicas"], id="a named provider"),
        pytest.param({}, {"hostIPC": True}, ["hostIPC"], id="no provider yet"),
        pytest.param({}, {"routerMode": "kv"}, [], id="no provider yet, and one that takes it"),
        pytest.param({"name": "ghost"}, {"a": 1, "b": 2}, ["a", "b"], id="a provider from elsewhere"),
    ],
)
def test_admission_names_what_no_list_allows(
    provider: dict[str, Any], overrides: Overrides, fields: list[str]
) -> None:
    given = deployment(provider={**provider, "overrides": overrides})

    assert at_admission(given) == [f"spec.provider.overrides.{field}" for field in fields]


def test_admission_refuses_what_no_provider_could_render_within_the_ceilings() -> None:
    wanted = deployment(gpus=8, scaling={"replicas": 33}, provider={"name": "vllm"})
    of_any = deployment(gpus=8, scaling={"replicas": 33}, engine={"type": None})

    assert at_admission(wanted) != []
    assert at_admission(of_any) != []
    assert at_admission(deployment(gpus=8, scaling={"replicas": 2}, engine={"type": None})) == []


def test_admission_leaves_an_uninstalled_provider_to_its_own_worker_where_anything_goes() -> None:
    given = deployment(provider={"name": "ghost", "overrides": {"a": 1}})

    assert at_admission(given, OPEN) == []
    assert at_admission(given, OverridesPolicy(allowed={"ghost": ["a"]})) == []
    assert at_admission(given, OverridesPolicy(mode=OFF)) == ["spec.provider.overrides"]
