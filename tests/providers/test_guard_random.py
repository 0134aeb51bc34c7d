"""No input renders more than the ceilings, an object outside its namespace, or a field that is forbidden.

The inputs are written to get past: overrides into every corner of the objects, annotations, sizes.
What was rendered is judged by its own, plain means, which know nothing of the tables and counters of `guard`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airunway.api.model_deployment import ModelDeployment
from airunway.api.overrides import OverridesMode
from airunway.api.quantities import parse
from airunway.provider import testing as kit
from airunway.provider.ceilings import Ceilings
from airunway.provider.contract import Manifest, RenderContext, RenderError
from airunway.provider.policy import OverridesPolicy
from airunway.provider.registry import installed_providers

PROVIDERS = installed_providers()
NAMESPACE = "team-a"
IMAGE = "registry.example.com/engine:7"

ALWAYS_FORBIDDEN = {
    *("hostPort", "hostIP", "hostPath", "projected", "csi", "ephemeral", "nfs", "iscsi", "initContainers"),
    *("nodeName", "serviceAccountName", "serviceAccount", "priorityClassName", "priority", "overhead"),
    *("runtimeClassName", "resourceClaims", "claims", "volumeDevices", "externalIPs", "externalName"),
    *("loadBalancerIP", "nodePort", "sysctls", "ephemeralContainers", "dynamoNamespace", "ingress"),
    *("globalDynamoNamespace", "autoscaling", "enableInTreeAutoscaling", "finalizers", "volumeName"),
}
FORBIDDEN_IF_TRUE = {
    *("hostNetwork", "hostPID", "hostIPC", "privileged", "automountServiceAccountToken"),
    *("allowPrivilegeEscalation", "create"),
}
PREFIXES = {"Workspace": "kaito.sh/", "RayService": "ray.io/"}
"""Of annotations by which an operator is told what to do."""
TEXTS = ("configMap", "labels", "annotations", "matchLabels", "nodeSelector", "env", "envs", "args")
"""Below these nothing is a field."""


# -- inputs -------------------------------------------------------------------------------------------------

SIZES = st.sampled_from([0, 1, 2, 7, 33, 90, 500, 10**9, -5, "9", 2.0, True, None])
QUANTITIES = st.sampled_from(["1", "500", "64Ti", "-3", "1e9", 8, 900, None, "many"])
RESOURCES = st.dictionaries(
    st.sampled_from(["limits", "requests"]),
    st.dictionaries(
        st.sampled_from(["nvidia.com/gpu", "amd.com/gpu", "cpu", "memory", "gpu", "custom"]), QUANTITIES
    ),
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
VOLUMES = st.lists(
    st.sampled_from(
        [
            {"name": "a", "emptyDir": {}},
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
    strategy=st.fixed_dictionaries({"rollingUpdate": st.fixed_dictionaries({"maxSurge": SIZES})}),
)
DYNAMO_SERVICE = maps(
    replicas=SIZES,
    componentType=st.sampled_from(["worker", "planner"]),
    multinode=st.fixed_dictionaries({"nodeCount": SIZES}),
    resources=RESOURCES,
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
HARMLESS: dict[str, Any] = {
    "vllm": {"spec": {"minReadySeconds": 3}},
    "llmd": {"spec": {"minReadySeconds": 3}},
    "kaito": {"inference": {"config": "c"}},
    "dynamo": {"routerMode": "kv", "frontend": {"replicas": 2}, "epp": {"replicas": 2}},
    "kuberay": {"spec": {"serveConfigV2": "x"}},
}
GROUP = maps(
    replicas=st.integers(0, 40), gpu=maps(count=st.integers(1, 64)), memory=st.sampled_from(["9Gi", "4Ti"])
)
VOLUME = st.fixed_dictionaries(
    {
        "name": st.sampled_from(["a", "b", "c"]),
        "mountPath": st.sampled_from(["/a", "/b", "/c"]),
        "purpose": st.just("custom"),
        "size": st.sampled_from(["1Gi", "3Ti"]),
    }
)


@st.composite
def deployments(draw: st.DrawFn, provider: str) -> ModelDeployment:
    annotations = st.dictionaries(
        st.sampled_from(["kaito.sh/enablelb", "ray.io/ft-enabled", "a"]), st.just("true"), max_size=1
    )
    engine = draw(st.sampled_from(["vllm", "llamacpp"])) if provider == "kaito" else "vllm"
    split = provider in ("dynamo", "kuberay", "llmd") and draw(st.booleans())
    scaling = (
        {"prefill": draw(GROUP), "decode": draw(GROUP)} if split else {"replicas": draw(st.integers(0, 40))}
    )
    given = kit.deployment(
        gpus=0 if split else draw(st.integers(1, 64)),
        engine={"type": engine, "image": IMAGE},
        serving={"mode": "disaggregated" if split else "aggregated"},
        scaling=scaling,
        model={"storage": {"volumes": draw(st.lists(VOLUME, max_size=3, unique_by=lambda v: v["name"]))}},
        provider={
            "name": provider,
            "overrides": draw(st.sampled_from([{}, HARMLESS[provider]]) | OVERRIDES[provider]),
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
)
POLICIES = st.builds(
    OverridesPolicy,
    mode=st.sampled_from([OverridesMode.ALLOWLIST, OverridesMode.ANYTHING]),
    ceilings=CEILINGS,
)


# -- what was rendered, judged plainly ----------------------------------------------------------------------


def forbidden_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key in TEXTS:
                continue
            if (key in ALWAYS_FORBIDDEN and item is not None) or (key in FORBIDDEN_IF_TRUE and item is True):
                yield key
            yield from forbidden_in(item)
    elif isinstance(value, list):
        for item in value:
            yield from forbidden_in(item)


def number(value: Any, default: int) -> int:
    return default if value is None else max(0, int(value))


def device_sum(pod: Mapping[str, Any]) -> Decimal:
    found = Decimal(0)
    for container in pod.get("containers") or []:
        asked: Counter[str] = Counter()
        for part in ("limits", "requests"):
            for name, amount in ((container.get("resources") or {}).get(part) or {}).items():
                if "/" in name and amount is not None:
                    asked[name] = max(asked[name], int(parse(str(amount))))
        found += sum(asked.values())
    return found


def groups_of(obj: Manifest) -> Iterator[tuple[int, Decimal]]:
    """Pods of each group, and GPUs of one."""
    spec = obj.get("spec") or {}
    if obj["kind"] == "Deployment":
        surge = number(((spec.get("strategy") or {}).get("rollingUpdate") or {}).get("maxSurge"), 0)
        yield number(spec.get("replicas"), 1) + surge, device_sum(spec["template"]["spec"])
    if obj["kind"] == "Workspace":
        template = (obj.get("inference") or {}).get("template") or {}
        yield number(obj["resource"].get("count"), 1), device_sum(template.get("spec") or {})
    if obj["kind"] == "RayService":
        cluster = spec["rayClusterConfig"]
        yield 1, device_sum(cluster["headGroupSpec"]["template"]["spec"])
        for group in cluster["workerGroupSpecs"]:
            largest = max(number(group.get(key), 0) for key in ("replicas", "minReplicas", "maxReplicas"))
            hosts = max(1, number(group.get("numOfHosts"), 1))
            yield largest * hosts, device_sum(group["template"]["spec"])
    if obj["kind"] == "DynamoGraphDeployment":
        for service in spec["services"].values():
            nodes = max(1, number((service.get("multinode") or {}).get("nodeCount"), 1))
            resources = service.get("resources") or {}
            parts = [(resources.get(part) or {}).get("gpu") for part in ("limits", "requests")]
            gpus = max(
                (max(parse(str(value)), Decimal(0)) for value in parts if value is not None), default=0
            )
            yield number(service.get("replicas"), 1) * nodes, Decimal(gpus)


def claimed_bytes(objects: list[Manifest]) -> Decimal:
    claims = [obj for obj in objects if obj["kind"] == "PersistentVolumeClaim"]
    return sum((parse(obj["spec"]["resources"]["requests"]["storage"]) for obj in claims), Decimal(0))


@pytest.mark.parametrize("name", sorted(PROVIDERS))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_input_gets_past(name: str, data: st.DataObject) -> None:
    provider = PROVIDERS[name]
    policy = data.draw(POLICIES)
    wanted = data.draw(deployments(name))
    context = RenderContext(policy=policy)

    try:
        rendered = provider.render(wanted, context)
        staged = [obj for stage in provider.stages(wanted, context) for obj in stage.creates]
        objects = [*rendered, *staged]
    except RenderError as err:
        assert str(err).startswith(("spec", "metadata"))
        return

    ceilings = policy.ceilings
    groups = [group for obj in objects for group in groups_of(obj)]
    assert {obj["metadata"]["namespace"] for obj in objects} == {NAMESPACE}
    assert {(obj["apiVersion"], obj["kind"]) for obj in objects} <= {
        (kind.api_version, kind.kind) for kind in provider.kinds
    }
    assert [found for obj in objects for found in forbidden_in(obj)] == []
    assert sum(count for count, _ in groups) <= ceilings.pods
    assert max(count for count, _ in groups) <= ceilings.replicas
    assert sum(count * gpus for count, gpus in groups) <= ceilings.gpus
    assert claimed_bytes(objects) <= parse(ceilings.storage)
    for obj in objects:
        if obj["kind"] == "Service":
            assert obj["spec"]["type"] == "ClusterIP"
        read_by_operator = PREFIXES.get(obj["kind"], ".")
        assert not any(key.startswith(read_by_operator) for key in obj["metadata"].get("annotations") or {})


def test_the_inputs_are_not_all_refused() -> None:
    """The property above says something: each provider renders some, with and without overrides."""
    for name, provider in PROVIDERS.items():
        rendered: Counter[bool] = Counter()

        @settings(max_examples=200, deadline=None, database=None, derandomize=True)
        @given(deployments(name), POLICIES)
        def run(wanted: ModelDeployment, policy: OverridesPolicy) -> None:
            try:
                provider.render(wanted, RenderContext(policy=policy))  # noqa: B023  (run at once)
            except RenderError:
                return
            overrides = wanted.spec.provider.overrides if wanted.spec.provider else None
            rendered[bool(overrides)] += 1  # noqa: B023  (run at once)

        run()
        assert rendered[True] > 0 and rendered[False] > 0, (name, rendered)
