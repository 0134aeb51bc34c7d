"""Random deployments written to get past the guard: overrides into every corner, sizes, annotations."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.provider import testing as kit
from airunway.provider.ceilings import Ceilings
from airunway.provider.policy import OverridesPolicy
from tests.providers.guarding import in_pod

NAMESPACE = "team-a"
IMAGE = "registry.example.com/engine:7"

SIZES = st.sampled_from([0, 1, 2, 7, 33, 90, 500, 10**9, -5, "9", 2.0, True, None])
SURGE_TEXTS = st.sampled_from(["0", "7", "900", "100%", "900%", "many", None])
SURGES = SIZES | st.sampled_from(["100%", "0%", "900%"])
QUANTITIES = st.sampled_from(["1", "500", "64Ti", "-3", "1e9", 8, 900, None, "many"])
DEVICES = "deviceclass.resource.kubernetes.io/gpu.example.com"
DISK = "ephemeral-storage"
RESOURCE_NAMES = st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", DEVICES, DISK, "cpu", "memory", "gpu"])
RESOURCES = st.dictionaries(
    st.sampled_from(["limits", "requests"]),
    st.dictionaries(RESOURCE_NAMES, QUANTITIES, max_size=2)
    | st.fixed_dictionaries({"custom": st.dictionaries(RESOURCE_NAMES, QUANTITIES, max_size=2)}),
)
HOSTILE_CONTAINER: dict[str, st.SearchStrategy[Any]] = {
    "args": st.just(["--x"]),
    "ports": st.just([{"containerPort": 1, "hostPort": 1}]) | st.just([{"containerPort": 1}]),
    "resources": RESOURCES | st.just({"claims": [{"name": "c"}]}),
    "securityContext": st.sampled_from([{"privileged": True}, {"allowPrivilegeEscalation": True}, {}]),
    "volumeDevices": st.just([{"name": "v", "devicePath": "/dev/x"}]),
    "readinessProbe": st.just({"exec": {"command": ["true"]}}),
}
NAMES = st.sampled_from(["vllm", "model", "ray-head", "ray-worker", "other"])
CONTAINERS = st.lists(
    st.fixed_dictionaries({"name": NAMES, "image": st.just(IMAGE)}, optional=HOSTILE_CONTAINER),
    min_size=1,
    max_size=2,
    unique_by=lambda entry: entry["name"],
)
EMPTY_VOLUMES = st.sampled_from(
    [
        {"name": "a", "emptyDir": {}},
        {"name": "g", "emptyDir": {"sizeLimit": "1Gi"}},
        {"name": "h", "emptyDir": {"sizeLimit": "64Ti"}},
        {"name": "i", "emptyDir": {"medium": "Memory", "sizeLimit": "64Ti"}},
    ]
)
VOLUMES = st.lists(
    EMPTY_VOLUMES
    | st.sampled_from(
        [
            {"name": "b", "hostPath": {"path": "/"}},
            {"name": "c", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
            {"name": "d", "csi": {"driver": "x"}},
            {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"name": "f", "nfs": {"server": "x", "path": "/"}},
        ]
    ),
    max_size=2,
)
POD = st.fixed_dictionaries(
    {},
    optional={
        "hostNetwork": st.booleans(),
        "hostPID": st.booleans(),
        "hostIPC": st.booleans(),
        "nodeName": st.just("n1"),
        "serviceAccountName": st.just("admin"),
        "automountServiceAccountToken": st.booleans(),
        "priorityClassName": st.just("high"),
        "runtimeClassName": st.just("runc"),
        "resourceClaims": st.just([{"name": "c"}]),
        "initContainers": CONTAINERS,
        "containers": CONTAINERS,
        "volumes": VOLUMES,
        "tolerations": st.just([{"operator": "Exists"}]),
        "terminationGracePeriodSeconds": st.just(9),
    },
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "labels": st.dictionaries(st.sampled_from(["a", "app", "nvidia.com/x"]), st.just("b")),
        "annotations": st.dictionaries(st.sampled_from(["a", "nvidia.com/x"]), st.just("b")),
    },
)
TEMPLATE = st.fixed_dictionaries({}, optional={"metadata": METADATA, "spec": POD})
SERVICE = st.sampled_from(
    [{"spec": {"type": "NodePort"}}, {"spec": {"externalIPs": ["192.0.2.1"]}}, {"spec": {"ports": []}}]
)


def maps(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def rooted(spec: st.SearchStrategy[Any], **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    identity = {"metadata": st.just({"namespace": "kube-system"}), "kind": st.just("Pod")}
    return st.one_of(
        maps(spec=spec, **fields), maps(spec=spec, **fields), maps(spec=spec, **fields, **identity)
    )


DEPLOYMENT = maps(
    replicas=SIZES,
    template=TEMPLATE,
    minReadySeconds=st.just(3),
    strategy=st.fixed_dictionaries({"rollingUpdate": st.fixed_dictionaries({"maxSurge": SURGES})}),
)
DYNAMO_SERVICE = maps(
    replicas=SIZES,
    componentType=st.sampled_from(["worker", "planner"]),
    multinode=st.fixed_dictionaries({"nodeCount": SIZES}),
    resources=RESOURCES,
    annotations=st.dictionaries(st.just("nvidia.com/deployment-rolling-update-max-surge"), SURGE_TEXTS),
    dynamoNamespace=st.just("team-b"),
    extraPodSpec=POD,
    extraPodMetadata=METADATA,
    ingress=st.just({"enabled": True}),
    autoscaling=st.just({"enabled": True, "maxReplicas": 900}),
)
RAY_GROUP = st.fixed_dictionaries(
    {"groupName": st.just("gpu-workers")},
    optional={
        "replicas": SIZES,
        "minReplicas": SIZES,
        "maxReplicas": SIZES,
        "numOfHosts": SIZES,
        "template": TEMPLATE,
    },
)
OVERRIDES: dict[str, st.SearchStrategy[Any]] = {
    "vllm": rooted(DEPLOYMENT),
    "llmd": rooted(maps(replicas=SIZES, minReadySeconds=st.just(3), template=maps(metadata=METADATA))),
    "kaito": rooted(
        st.just({}),
        resource=maps(count=SIZES, instanceType=st.just("x"), labelSelector=st.just({"matchLabels": {}})),
        inference=maps(
            template=TEMPLATE, config=st.just("c"), adapters=st.just([{"source": {"image": "x"}}])
        ),
        tuning=st.just({"preset": {"name": "x"}}),
    ),
    "dynamo": rooted(
        maps(
            services=st.dictionaries(
                st.sampled_from(["VllmWorker", "Frontend", "Epp", "W1", "W2"]), DYNAMO_SERVICE, max_size=3
            ),
            pvcs=st.just([{"name": "x", "create": True, "size": "900Gi"}]),
        ),
        frontend=maps(replicas=SIZES, resources=maps(cpu=st.just("9"), memory=st.just("64Ti"))),
        epp=maps(replicas=SIZES),
    ),
    "kuberay": rooted(
        maps(
            serveService=SERVICE,
            rayClusterConfig=maps(
                headGroupSpec=maps(
                    template=TEMPLATE, serviceType=st.just("LoadBalancer"), headService=SERVICE
                ),
                workerGroupSpecs=st.lists(RAY_GROUP, max_size=1),
                enableInTreeAutoscaling=st.just(True),
            ),
        )
    ),
}
SIZED_POD = maps(
    containers=st.lists(
        st.fixed_dictionaries(
            {
                "name": st.just("model"),
                "image": st.just(IMAGE),
                "resources": maps(limits=st.dictionaries(RESOURCE_NAMES, QUANTITIES, max_size=2)),
            }
        ),
        min_size=1,
        max_size=1,
    ),
    volumes=st.lists(EMPTY_VOLUMES, max_size=2, unique_by=lambda entry: entry["name"]),
)
"""Nothing in it is forbidden, so it is rendered unless it is too large."""
HARMLESS: dict[str, Any] = {
    "vllm": {"spec": {"minReadySeconds": 3}},
    "llmd": {"spec": {"minReadySeconds": 3}},
    "kaito": {"inference": {"config": "c"}},
    "dynamo": {"routerMode": "kv", "frontend": {"replicas": 2}, "epp": {"replicas": 2}},
    "kuberay": {"spec": {"serveConfigV2": "x"}},
}
FEW = st.sampled_from([0, 1, 1, 1, 2, 5, 33, 40])
GPUS = st.sampled_from([1, 1, 1, 2, 8, 64])
"""Mostly what is within ceilings: what is above one by itself says nothing of the rest."""
GPU_TYPES = st.sampled_from([None, None, None, DEVICES])
"""By what name GPUs are asked for; providers that have one name of their own refuse others."""
GROUP = maps(
    replicas=FEW,
    gpu=maps(count=GPUS, type=GPU_TYPES),
    memory=st.sampled_from(["9Gi", "4Ti"]),
)
VOLUME = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b", "c"]),
        "mountPath": st.sampled_from(["/a", "/b", "/c"]),
        "purpose": st.just("custom"),
        "size": st.sampled_from(["1Gi", "1Gi", "3Ti"]),
    }
)


@st.composite
def deployments(draw: st.DrawFn, provider: str) -> ModelDeployment:
    annotations = st.dictionaries(
        st.sampled_from(["kaito.sh/enablelb", "ray.io/ft-enabled", "a"]), st.just("true"), max_size=1
    )
    engine = draw(st.sampled_from(["vllm", "llamacpp"])) if provider == "kaito" else "vllm"
    split = provider in ("dynamo", "kuberay", "llmd") and draw(st.booleans())
    scaling = {"prefill": draw(GROUP), "decode": draw(GROUP)} if split else {"replicas": draw(FEW)}
    given = kit.deployment(
        resources={"gpu": {"count": 0 if split else draw(GPUS), "type": draw(GPU_TYPES)}},
        engine={"type": engine, "image": IMAGE},
        serving={"mode": "disaggregated" if split else "aggregated"},
        scaling=scaling,
        model={"storage": {"volumes": draw(st.lists(VOLUME, max_size=3, unique_by=lambda v: v["name"]))}},
        provider={
            "name": provider,
            "overrides": draw(
                st.sampled_from([{}, HARMLESS[provider]])
                | OVERRIDES[provider]
                | SIZED_POD.map(lambda pod: in_pod(provider, pod))
            ),
        },
        podTemplate={"metadata": {"annotations": draw(annotations)}},
    )
    given.metadata.namespace = NAMESPACE
    return given


CEILINGS = st.builds(
    Ceilings,
    replicas=st.sampled_from([4, 32]),
    pods=st.sampled_from([6, 80]),
    nodes=st.sampled_from([2, 32]),
    gpus=st.sampled_from([8, 128]),
    storage=st.sampled_from(["2Gi", "4Ti"]),
    ephemeral_storage=st.sampled_from(["2Gi", "16Ti"]),
)
POLICIES = st.builds(
    OverridesPolicy,
    mode=st.sampled_from([OverridesMode.ALLOWLIST, OverridesMode.ANYTHING]),
    ceilings=CEILINGS,
)
